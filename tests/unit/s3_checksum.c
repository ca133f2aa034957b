// SPDX-License-Identifier: Apache-2.0
/* Checksums of S3: claims, their complaints, and sums of parts, against values recorded from the
 * service. */
#include "test.h"

#include "base/text.h"
#include "services/s3/checksum.h"
#include "services/s3/s3.api.h"

static struct arena arena;
static struct call call = {.arena = &arena};
static struct header headers[4];

__attribute__((constructor)) static void make_arena(void)
{
    arena_init(&arena, 64 * 1024, 64 << 20);
}

static struct span code(const struct refusal *refusal)
{
    return refusal ? span_of_cstr(refusal->kind->code) : S("OK");
}

static struct digests digests_of(struct span bytes, unsigned wanted)
{
    struct digester digester;
    struct digests digests = {.have = 0};
    digester_init(&digester, wanted);
    digester_feed(&digester, bytes);
    digester_finish(&digester, &digests);
    return digests;
}

static const struct refusal *claim(struct s3_put_object_in *in, struct checksum *out)
{
    return checksum_claimed(&call, CHECKSUM_MEMBERS(in), in->checksum_algorithm, out);
}

TEST(names_and_sizes)
{
    CHECK_INT(checksum_named(S("CRC64NVME")), CHECKSUM_CRC64NVME);
    CHECK_INT(checksum_named(S("sha1")), CHECKSUM_SHA1);
    CHECK_INT(checksum_named(S("crc16")), CHECKSUM_NONE);
    CHECK_INT(checksum_named(SPAN_NONE), CHECKSUM_NONE);
    CHECK_SPAN(checksum_header(CHECKSUM_CRC32C), S("x-amz-checksum-crc32c"));
    CHECK_INT(checksum_size(CHECKSUM_SHA256), 32);
    CHECK_INT(checksum_size(CHECKSUM_SHA512), 64);
    CHECK_INT(checksum_size(CHECKSUM_NONE), 0);
}

/* "test-checksum" and so on: every algorithm's value verifies, and nothing else does. */
TEST(a_claim_is_kept_or_not)
{
    static const struct span text = S_INIT("abc");
    static const struct span values[] = {
        [CHECKSUM_CRC32] = S_INIT("NSRBwg=="),
        [CHECKSUM_CRC32C] = S_INIT("Nks/tw=="),
        [CHECKSUM_SHA1] = S_INIT("qZk+NkcGgWq6PiVxeFDCbJzQ2J0="),
        [CHECKSUM_SHA256] = S_INIT("ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="),
    };
    struct digests digests =
        digests_of(text, DIGEST_CRC32 | DIGEST_CRC32C | DIGEST_SHA1 | DIGEST_SHA256);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct s3_put_object_in in = {.bucket = S("b")};
        struct checksum checksum;
        if (span_is_absent(values[i]))
            continue;
        CHECKSUM_MEMBERS(&in)[i] = values[i];
        CHECK_SPAN(code(claim(&in, &checksum)), S("OK"));
        CHECK_INT(checksum.algorithm, i);
        CHECK_SPAN(code(checksum_verify(&call, &checksum, &digests)), S("OK"));
        struct digests other =
            digests_of(S("abd"), DIGEST_CRC32 | DIGEST_CRC32C | DIGEST_SHA1 | DIGEST_SHA256);
        CHECK_SPAN(code(checksum_verify(&call, &checksum, &other)), S("BadDigest"));
    }
}

TEST(malformed_claims_are_refused)
{
    struct s3_put_object_in in = {.checksum_crc32 = S("not base64")};
    struct checksum checksum;
    const struct refusal *refusal = claim(&in, &checksum);
    CHECK_SPAN(refusal->message, S("Value for x-amz-checksum-crc32 header is invalid."));
    in.checksum_crc32 = S("qZk+NkcGgWq6PiVxeFDCbJzQ2J0="); /* 20 bytes */
    CHECK_SPAN(code(claim(&in, &checksum)), S("InvalidRequest"));
    in.checksum_crc32 = S("NSRBwg==");
    in.checksum_sha1 = S("qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
    CHECK_SPAN(claim(&in, &checksum)->message,
               S("Expecting a single x-amz-checksum- header. Multiple checksum Types are not "
                 "allowed."));
    in = (struct s3_put_object_in){.checksum_xxhash3 = S("AAAAAAAA")}; /* 6 bytes */
    CHECK_SPAN(code(claim(&in, &checksum)), S("InvalidRequest"));
    in = (struct s3_put_object_in){.checksum_algorithm = S("CRC32")};
    CHECK_SPAN(code(claim(&in, &checksum)), S("InvalidRequest"));
    in =
        (struct s3_put_object_in){.checksum_algorithm = S("SHA1"), .checksum_crc32 = S("NSRBwg==")};
    CHECK_SPAN(code(claim(&in, &checksum)), S("InvalidRequest"));
}

TEST(a_trailer_is_read_when_it_has_come)
{
    struct s3_put_object_in in = {.checksum_algorithm = S("CRC32")};
    struct checksum checksum;
    headers[0] = (struct header){S("x-amz-trailer"), S("x-amz-checksum-crc32")};
    call.request_headers = (struct headers){headers, 1};
    CHECK_SPAN(code(claim(&in, &checksum)), S("OK"));
    CHECK_INT(checksum.algorithm, CHECKSUM_CRC32);
    CHECK(span_is_absent(checksum.value));
    CHECK_SPAN(code(checksum_complete(&call, &checksum)), S("MalformedTrailerError"));
    headers[1] = (struct header){S("x-amz-checksum-crc32"), S("NSRBwg==")};
    call.request_headers.count = 2;
    CHECK_SPAN(code(checksum_complete(&call, &checksum)), S("OK"));
    struct digests digests = digests_of(S("abc"), DIGEST_CRC32);
    CHECK_SPAN(code(checksum_verify(&call, &checksum, &digests)), S("OK"));
    headers[0].value = S("x-amz-checksum-crc32,x-amz-checksum-sha1");
    CHECK_SPAN(code(claim(&in, &checksum)), S("InvalidRequest"));
    call.request_headers = (struct headers){NULL, 0};
}

TEST(content_md5_in_base64_or_hex)
{
    struct digests digests = digests_of(S("something"), DIGEST_MD5);
    static const struct span bad[] = {S_INIT("__invalid__"), S_INIT("000"), S_INIT("MTIz"),
                                      S_INIT("not base64 encoded checksum"),
                                      S_INIT("dGVzdC1zdHJpbmc=")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_SPAN(code(checksum_md5_claimed(&call, bad[i])), S("InvalidDigest"));
    CHECK(checksum_md5_claimed(&call, SPAN_NONE) == OK);
    CHECK(checksum_md5_claimed(&call, S("Q3uTDbhLgHnC3YBKcZNrXw==")) == OK);
    CHECK(checksum_md5_verify(&call, S("437b930db84b8079c2dd804a71936b5f"), &digests) == OK);
    CHECK(checksum_md5_verify(&call, S("Q3uTDbhLgHnC3YBKcZNrXw=="), &digests) == OK);
    CHECK_SPAN(code(checksum_md5_verify(&call, S("CYketZBSTjX8czcs3cXVlg=="), &digests)),
               S("BadDigest"));
}

static struct span decoded(struct span text)
{
    return base64_decode(&arena, text);
}

/* Three parts of 5 MiB + 1, 5 MiB + 1 and 10 bytes of 'a', as recorded. */
TEST(sums_of_parts)
{
    struct checksum_sum sum;
    char to[CHECKSUM_MAX];
    struct span value;
    static const struct span parts[] = {S_INIT("NRU+Sw=="), S_INIT("NRU+Sw=="), S_INIT("TBHN8A==")};
    static const uint64_t sizes[] = {5242881, 5242881, 10};
    checksum_sum_init(&sum, CHECKSUM_CRC32, TYPE_COMPOSITE);
    for (size_t i = 0; i < 3; i++)
        checksum_sum_add(&sum, decoded(parts[i]), sizes[i]);
    checksum_sum_finish(&sum, to, &value);
    CHECK_SPAN(value, decoded(S("5FRUiw==")));
    checksum_sum_init(&sum, CHECKSUM_CRC32, TYPE_FULL_OBJECT);
    for (size_t i = 0; i < 3; i++)
        checksum_sum_add(&sum, decoded(parts[i]), sizes[i]);
    checksum_sum_finish(&sum, to, &value);
    CHECK_SPAN(value, decoded(S("qSEQSA==")));
}

TEST(full_object_sums_equal_the_digest_of_all)
{
    static char bytes[100000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 31 >> 3);
    static const enum CHECKSUM algorithms[] = {CHECKSUM_CRC32, CHECKSUM_CRC32C, CHECKSUM_CRC64NVME};
    static const size_t cuts[] = {0, 1, 4096, 50001, sizeof bytes};
    for (size_t a = 0; a < ARRAY_LEN(algorithms); a++) {
        unsigned digest = checksum_digest(algorithms[a]);
        struct checksum_sum sum;
        char to[CHECKSUM_MAX];
        struct span value;
        checksum_sum_init(&sum, algorithms[a], TYPE_FULL_OBJECT);
        for (size_t i = 0; i + 1 < ARRAY_LEN(cuts); i++) {
            struct span part = span_of(bytes + cuts[i], cuts[i + 1] - cuts[i]);
            struct digests digests = digests_of(part, digest);
            checksum_sum_add(&sum, checksum_of(&digests, algorithms[a]), part.len);
        }
        checksum_sum_finish(&sum, to, &value);
        struct digests whole = digests_of(span_of(bytes, sizeof bytes), digest);
        CHECK_SPAN(value, checksum_of(&whole, algorithms[a]));
    }
}

TEST(values_are_printed_where_they_belong)
{
    struct s3_put_object_out out = {.etag = SPAN_NONE};
    struct checksum checksum = {CHECKSUM_CRC32, TYPE_COMPOSITE, decoded(S("5FRUiw=="))};
    checksum_describe(&call, &checksum, 3, CHECKSUM_MEMBERS(&out));
    CHECK_SPAN(out.checksum_crc32, S("5FRUiw==-3"));
    checksum.type = TYPE_FULL_OBJECT;
    checksum_describe(&call, &checksum, 3, CHECKSUM_MEMBERS(&out));
    CHECK_SPAN(out.checksum_crc32, S("5FRUiw=="));
    CHECK(span_is_absent(out.checksum_sha256));
}
