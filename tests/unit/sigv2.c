// SPDX-License-Identifier: Apache-2.0
/* Presigned URLs of version 2, made by botocore's signer for a fixed time. */
#include "test.h"

#include "wire/sigv2.h"

static const struct {
    struct span method, resource, query;
} cases[] = {
    {S_INIT("GET"), S_INIT("/bkt/a%20b/c%2Bd"),
     S_INIT(
         "AWSAccessKeyId=AKIDEXAMPLE&Signature=nFbM3DCU5N4RdcEHRAYdw9iBHRk%3D&Expires=1795000100")},
    {S_INIT("PUT"), S_INIT("/bkt/k"),
     S_INIT("AWSAccessKeyId=AKIDEXAMPLE&Signature=7STBH8ESgyKqoki44pq1NnoQozM%3D&content-type=text%"
            "2Fplain"
            "&x-amz-meta-a=1&x-amz-meta-b=2&Expires=1795000100")},
    {S_INIT("PUT"), S_INIT("/bkt/k"),
     S_INIT("partNumber=3&uploadId=u%2F1&AWSAccessKeyId=AKIDEXAMPLE&Signature=PUXo%"
            "2Fc25ixi5BWLHgZB9VxyJD9Y%3D"
            "&Expires=1795000100")},
    {S_INIT("GET"), S_INIT("/bkt/k"),
     S_INIT("response-content-type=text%2Fx%20y&versionId=v&AWSAccessKeyId=AKIDEXAMPLE"
            "&Signature=Aq9APsBHlfnZd6tlARfaovo4k8g%3D&Expires=1795000100")},
};

static const struct span secret = S_INIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");

TEST(urls_of_a_stock_signer_are_good_and_changed_ones_are_not)
{
    struct arena arena;
    arena_init(&arena, 65536, 1 << 24);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sigv2_claim claim;
        struct sigv2_request request = {cases[i].method, cases[i].resource, cases[i].query, {0}};
        CHECK_INT(sigv2_read(&arena, cases[i].query, &claim), SIGV2_OK);
        CHECK_SPAN(claim.access_key, S("AKIDEXAMPLE"));
        CHECK_INT(claim.expires_s, 1795000100);
        CHECK(sigv2_verify(&arena, sigv2_to_sign(&arena, &request), &claim, secret));
        CHECK(!sigv2_verify(&arena, sigv2_to_sign(&arena, &request), &claim, S("other")));
        request.method = S("DELETE");
        CHECK(!sigv2_verify(&arena, sigv2_to_sign(&arena, &request), &claim, secret));
        request.method = cases[i].method;
        request.resource = S("/bkt/other");
        CHECK(!sigv2_verify(&arena, sigv2_to_sign(&arena, &request), &claim, secret));
    }
    arena_done(&arena);
}

TEST(fields_count_wherever_they_stand)
{
    struct arena arena;
    struct sigv2_claim claim;
    struct header sent[] = {{S("x-amz-meta-b"), S(" 2 ")},
                            {S("content-type"), S("text/plain")},
                            {S("host"), S("x")},
                            {S("x-amz-meta-a"), S("1")}};
    struct sigv2_request request = {
        S("PUT"),
        S("/bkt/k"),
        S("AWSAccessKeyId=AKIDEXAMPLE&Signature=7STBH8ESgyKqoki44pq1NnoQozM%3D&Expires=1795000100"),
        {sent, ARRAY_LEN(sent)}};
    arena_init(&arena, 65536, 1 << 24);
    CHECK_INT(sigv2_read(&arena, request.query, &claim), SIGV2_OK);
    CHECK(sigv2_verify(&arena, sigv2_to_sign(&arena, &request), &claim, secret));
    arena_done(&arena);
}

TEST(what_is_missing_is_said)
{
    struct arena arena;
    struct sigv2_claim claim;
    arena_init(&arena, 65536, 1 << 24);
    CHECK_INT(sigv2_read(&arena, SPAN_NONE, &claim), SIGV2_ABSENT);
    CHECK_INT(sigv2_read(&arena, S("prefix=x"), &claim), SIGV2_ABSENT);
    CHECK_INT(sigv2_read(&arena, S("AWSAccessKeyId=a&Expires=1"), &claim), SIGV2_INCOMPLETE);
    CHECK_INT(sigv2_read(&arena, S("AWSAccessKeyId=a&Signature=x"), &claim), SIGV2_INCOMPLETE);
    CHECK_INT(sigv2_read(&arena, S("AWSAccessKeyId=a&Signature=x&Expires=soon"), &claim),
              SIGV2_BAD_EXPIRES);
    arena_done(&arena);
}
