// SPDX-License-Identifier: Apache-2.0
/*
 * Cases for wire/sigv4: botocore's own signatures, the published examples of the S3 API reference
 * ("Signature Calculations", "Query Parameters"), each fault, and the public suite where it is
 * present. A case is the text of a request's head, one header per line.
 */
#include "test.h"

#include "base/text.h"
#include "base/time.h"
#include "wire/sigv4.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

struct signed_case {
    const char *name;
    bool s3;
    const char *head, *body, *canonical, *signature;
};

#include "sigv4_cases.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define S3_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define NOW 1795352405000 /* 2026-11-22T13:00:05Z */

static struct arena arena;

static void begin(void)
{
    arena_done(&arena);
    arena_init(&arena, 16384, 1 << 24);
}

/* A header line that begins with a blank continues the one before, as the public suite has it. */
static struct sigv4_request request_of(struct span head, bool s3)
{
    struct sigv4_request request = {.s3 = s3};
    request.headers.at = ARENA_ARRAY(&arena, struct header, 300);
    struct span line = span_cut(&head, '\n');
    if (span_ends(line, S(" HTTP/1.1")))
        line.len -= 9;
    request.method = span_cut(&line, ' ');
    request.path = span_cut(&line, '?');
    request.query = line;
    while (!span_is_empty(head)) {
        struct span value = span_cut(&head, '\n');
        if (span_is_empty(value))
            break;
        struct header *last = &request.headers.at[request.headers.count];
        if (value.at[0] == ' ') {
            last[-1].value =
                arena_printf(&arena, "%.*s %.*s", SPAN_ARG(last[-1].value), SPAN_ARG(value));
            continue;
        }
        char *name = arena_cstr(&arena, span_cut(&value, ':'));
        for (char *at = name; *at; at++)
            *at = (char)(*at >= 'A' && *at <= 'Z' ? *at | 0x20 : *at);
        *last = (struct header){span_of_cstr(name), value};
        request.headers.count++;
    }
    return request;
}

static struct span digest_of(struct span body)
{
    uint8_t digest[SHA256_SIZE];
    sha256_of(body, digest);
    return hex_of(&arena, span_of(digest, sizeof digest));
}

static struct hmac_key key_of(const char *secret, const struct sigv4_claim *claim)
{
    struct hmac_key key;
    sigv4_key(span_of_cstr(secret), claim->date, claim->region, claim->service, &key);
    return key;
}

/* The signature is right for exactly this request: another one, and one digit less, are refused. */
static void check_signed(const struct signed_case *it, const char *secret)
{
    struct sigv4_request request = request_of(span_of_cstr(it->head), it->s3);
    struct span body = digest_of(span_of_cstr(it->body));
    struct sigv4_claim claim;
    struct span canonical = SPAN_NONE, to_sign = SPAN_NONE;

    printf("# %s\n", it->name);
    CHECK_INT(sigv4_read(&arena, &request, &claim), SIGV4_OK);
    CHECK_SPAN(claim.signature, span_of_cstr(it->signature));
    CHECK_INT(sigv4_check_time(&claim, claim.time_ms), SIGV4_OK);
    struct hmac_key key = key_of(secret, &claim);
    struct arena_mark before = arena_mark(&arena);
    CHECK_INT(sigv4_verify(&arena, &request, &claim, &key, body, &canonical, &to_sign), SIGV4_OK);
    CHECK(arena_mark(&arena).at == before.at);

    char *altered = arena_cstr(&arena, claim.signature);
    altered[63] = altered[63] == '0' ? '1' : '0';
    claim.signature = span_of(altered, 64);
    CHECK_INT(sigv4_verify(&arena, &request, &claim, &key, body, &canonical, &to_sign),
              SIGV4_MISMATCH);
    if (it->canonical)
        CHECK_SPAN(canonical, span_of_cstr(it->canonical));
    char again[64];
    sigv4_sign(&key, to_sign, again);
    CHECK_SPAN(span_of(again, 64), span_of_cstr(it->signature));

    claim.signature = span_of_cstr(it->signature);
    request.method = S("PATCH");
    CHECK_INT(sigv4_verify(&arena, &request, &claim, &key, body, NULL, NULL), SIGV4_MISMATCH);
    request = request_of(span_of_cstr(it->head), it->s3);
    claim.signature.len--;
    CHECK_INT(sigv4_verify(&arena, &request, &claim, &key, body, NULL, NULL), SIGV4_MISMATCH);
}

TEST(botocore_signatures_hold)
{
    for (size_t i = 0; i < ARRAY_LEN(botocore_cases); i++) {
        begin();
        check_signed(&botocore_cases[i], SECRET);
    }
}

#define S3_HEAD(signed_headers, signature)                                                         \
    "host:examplebucket.s3.amazonaws.com\n"                                                        \
    "x-amz-date:20130524T000000Z\n"                                                                \
    "authorization:AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"        \
    "aws4_request,SignedHeaders=" signed_headers ",Signature=" signature "\n"

static const struct signed_case published_cases[] = {
    {"GET object", true,
     "GET /test.txt\nrange:bytes=0-9\nx-amz-content-sha256:" EMPTY_SHA256
     "\n" S3_HEAD("host;range;x-amz-content-sha256;x-amz-date",
                  "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
     "", NULL, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT object", true,
     "PUT /test$file.text\ndate:Fri, 24 May 2013 00:00:00 GMT\n"
     "x-amz-content-sha256:44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072\n"
     "x-amz-storage-class:REDUCED_REDUNDANCY\n" S3_HEAD(
         "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
     "Welcome to Amazon S3.", NULL,
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET bucket lifecycle", true,
     "GET /?lifecycle\nx-amz-content-sha256:" EMPTY_SHA256
     "\n" S3_HEAD("host;x-amz-content-sha256;x-amz-date",
                  "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
     "", NULL, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"list objects", true,
     "GET /?max-keys=2&prefix=J\nx-amz-content-sha256:" EMPTY_SHA256
     "\n" S3_HEAD("host;x-amz-content-sha256;x-amz-date",
                  "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
     "", NULL, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    {"presigned GET object", true,
     "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"
     "20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"
     "X-Amz-SignedHeaders=host&X-Amz-Signature="
     "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404\n"
     "host:examplebucket.s3.amazonaws.com\n",
     "", NULL, "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"},
    {"chunked upload", true,
     "PUT /examplebucket/chunkObject.txt\nhost:s3.amazonaws.com\nx-amz-date:20130524T000000Z\n"
     "x-amz-storage-class:REDUCED_REDUNDANCY\ncontent-encoding:aws-chunked\n"
     "x-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD\n"
     "x-amz-decoded-content-length:66560\ncontent-length:66824\n"
     "authorization:AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
     "aws4_request,SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;"
     "x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature="
     "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9\n",
     "", NULL, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"},
    {"chunked upload with a trailer", true,
     "PUT /examplebucket/chunkObject.txt\nhost:s3.amazonaws.com\nx-amz-date:20130524T000000Z\n"
     "x-amz-storage-class:REDUCED_REDUNDANCY\ncontent-encoding:aws-chunked\n"
     "x-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER\n"
     "x-amz-decoded-content-length:66560\nx-amz-trailer:x-amz-checksum-crc32c\n"
     "authorization:AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
     "aws4_request,SignedHeaders=content-encoding;host;x-amz-content-sha256;x-amz-date;"
     "x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer,Signature="
     "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e\n",
     "", NULL, "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"},
};

TEST(published_examples_hold)
{
    for (size_t i = 0; i < ARRAY_LEN(published_cases); i++) {
        begin();
        check_signed(&published_cases[i], S3_SECRET);
    }
}

/* What sits in the canonical request, for spellings that signers do not send themselves. */
static const struct {
    bool s3;
    const char *target, *path, *query;
} spellings[] = {
    {true, "/a%2fb%7e%41(", "/a%2Fb~A%28", ""},
    {true, "/%zz%4", "/%25zz%254", ""},
    {true, "", "/", ""},
    {true, "//a/../b/", "//a/../b/", ""},
    {false, "", "/", ""},
    {false, "/../..//", "/", ""},
    {false, "/a/..", "/", ""},
    {false, "/a/../b/..//c%20d", "/c%2520d", ""},
    {false, "/...", "/...", ""},
    {true, "/?b&a=&&a=1&=x", "/", "=x&a=&a=1&b="},
    {true, "/?a=%2f%zz+&a=/", "/", "a=%2F&a=%2F%25zz%20"},
    {true, "/?a-b=1&a=2&a%2Db=0", "/", "a=2&a-b=0&a-b=1"},
    {true, "/?a=b=c", "/", "a=b%3Dc"},
    {true, "/?&&", "/", ""},
    {true, "/?X-Amz-Signature=1", "/", "X-Amz-Signature=1"},
};

TEST(paths_and_queries_are_spelled_one_way)
{
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        begin();
        struct span head = arena_printf(&arena, "GET %s\nhost:h\n", spellings[i].target);
        struct sigv4_request request = request_of(head, spellings[i].s3);
        struct sigv4_claim claim = {.signed_headers = S("host")};
        CHECK_SPAN(sigv4_canonical(&arena, &request, &claim, S("-")),
                   arena_printf(&arena, "GET\n%s\n%s\nhost:h\n\nhost\n-", spellings[i].path,
                                spellings[i].query));
    }
}

TEST(repeated_and_absent_headers)
{
    begin();
    struct sigv4_request request = request_of(S("GET /\na: 2\t \thost: h\na:1\nb:\na:  \n"), true);
    struct sigv4_claim claim = {.signed_headers = S("a;b;c")};
    CHECK_SPAN(sigv4_canonical(&arena, &request, &claim, SPAN_NONE),
               S("GET\n/\n\na:2 host: h,1,\nb:\nc:\n\na;b;c\n" EMPTY_SHA256));
}

/* Many parameters, each of which grows threefold, stay inside what was measured out. */
TEST(largest_growth_fits)
{
    begin();
    static char target[60001];
    target[0] = '/';
    target[1] = '?';
    for (size_t i = 2; i < sizeof target - 1; i++)
        target[i] = i % 2 ? '&' : '\x01';
    struct span head = arena_printf(&arena, "GET %s\nhost:h\n", target);
    struct sigv4_request request = request_of(head, true);
    struct sigv4_claim claim = {.signed_headers = S("host")};
    struct span canonical = sigv4_canonical(&arena, &request, &claim, S("-"));
    CHECK_INT(canonical.len, 6 + 29999 * 5 - 1 + 8 + 1 + 4 + 1 + 1);
}

#define DAY "/20261122/us-east-1/s3/aws4_request"
#define AUTH(rest) "authorization:AWS4-HMAC-SHA256 " rest "\n"
#define CREDENTIAL "Credential=AK" DAY
#define LISTED "SignedHeaders=host;x-amz-date"
#define SIGNED "Signature=0000000000000000000000000000000000000000000000000000000000000000"
#define DATED "host:h\nx-amz-date:20261122T130005Z\n"
#define PLAIN DATED "x-amz-content-sha256:UNSIGNED-PAYLOAD\n"
#define ALL CREDENTIAL "," LISTED "," SIGNED
#define QUERY_REST                                                                                 \
    "&X-Amz-Date=20261122T130005Z&X-Amz-SignedHeaders=host&X-Amz-Signature=0&X-Amz-Expires="
#define QUERY_ALL "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK" DAY QUERY_REST

static const struct {
    const char *head;
    enum SIGV4_FAULT fault;
    unsigned missing;
    const char *detail;
} faults[] = {
    {"GET /\n" PLAIN AUTH(ALL), SIGV4_OK, 0, NULL},
    {"GET /\n" PLAIN AUTH(CREDENTIAL " , " LISTED " ,  " SIGNED), SIGV4_OK, 0, NULL},
    {"GET /\n" PLAIN, SIGV4_ANONYMOUS, 0, NULL},
    {"GET /?prefix=x\nhost:h\n", SIGV4_ANONYMOUS, 0, NULL},
    {"GET /\n" PLAIN "authorization:AWS AK:sig\n", SIGV4_UNSUPPORTED, 0, "AWS"},
    {"GET /\n" PLAIN "authorization:Basic eA==\n", SIGV4_UNSUPPORTED, 0, "Basic"},
    {"GET /\n" PLAIN "authorization:AWS4-HMAC-SHA256x " ALL "\n", SIGV4_UNSUPPORTED, 0,
     "AWS4-HMAC-SHA256x"},
    {"GET /?AWSAccessKeyId=a&Signature=b&Expires=1\nhost:h\n", SIGV4_UNSUPPORTED, 0, "AWS"},
    {"GET /?X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Signature=0\nhost:h\n", SIGV4_UNSUPPORTED,
     0, "AWS4-ECDSA-P256-SHA256"},
    {"GET /?" QUERY_ALL "60\n" PLAIN AUTH(ALL), SIGV4_BAD_HEADER, 0, "Authorization"},
    {"GET /\n" PLAIN AUTH("Credential"), SIGV4_BAD_HEADER, 0, "Authorization"},
    {"GET /\n" PLAIN "authorization:AWS4-HMAC-SHA256\n", SIGV4_BAD_HEADER,
     SIGV4_CREDENTIAL | SIGV4_SIGNED_HEADERS | SIGV4_SIGNATURE, NULL},
    {"GET /\n" PLAIN AUTH(CREDENTIAL ", " SIGNED), SIGV4_BAD_HEADER, SIGV4_SIGNED_HEADERS, NULL},
    {"GET /\nhost:h\n" AUTH(LISTED ", " SIGNED), SIGV4_BAD_HEADER, SIGV4_CREDENTIAL | SIGV4_DATE,
     NULL},
    {"GET /\n" PLAIN AUTH(CREDENTIAL ", " LISTED ",Signature="), SIGV4_BAD_HEADER, SIGV4_SIGNATURE,
     NULL},
    {"GET /\n" PLAIN AUTH("Credential=AK/20261122/us-east-1/s3/aws4," LISTED "," SIGNED),
     SIGV4_BAD_HEADER, 0, "Credential"},
    {"GET /\n" PLAIN AUTH("Credential=AK/2026112/us-east-1/s3/aws4_request," LISTED "," SIGNED),
     SIGV4_BAD_HEADER, 0, "Credential"},
    {"GET /\n" PLAIN AUTH("Credential=AK/2026112x/us-east-1/s3/aws4_request," LISTED "," SIGNED),
     SIGV4_BAD_HEADER, 0, "Credential"},
    {"GET /\n" PLAIN AUTH("Credential=AK/20261122//s3/aws4_request," LISTED "," SIGNED),
     SIGV4_BAD_HEADER, 0, "Credential"},
    {"GET /\n" PLAIN AUTH("Credential=" DAY "," LISTED "," SIGNED), SIGV4_BAD_HEADER, 0,
     "Credential"},
    {"GET /\n" PLAIN AUTH("Credential=AK," LISTED "," SIGNED), SIGV4_BAD_HEADER, 0, "Credential"},
    {"GET /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%252F20261122" QUERY_REST
     "60\nhost:h\n",
     SIGV4_BAD_HEADER, 0, "Credential"},
    {"GET /\n" PLAIN AUTH(CREDENTIAL ",SignedHeaders=x-amz-date;host," SIGNED), SIGV4_BAD_HEADER, 0,
     "SignedHeaders"},
    {"GET /\n" PLAIN AUTH(CREDENTIAL ",SignedHeaders=Host;x-amz-date," SIGNED), SIGV4_BAD_HEADER, 0,
     "SignedHeaders"},
    {"GET /\n" PLAIN AUTH(CREDENTIAL ",SignedHeaders=host;host;x-amz-date," SIGNED),
     SIGV4_BAD_HEADER, 0, "SignedHeaders"},
    {"GET /\n" PLAIN AUTH(CREDENTIAL ",SignedHeaders=host;," SIGNED), SIGV4_BAD_HEADER, 0,
     "SignedHeaders"},
    {"GET /?X-Amz-Signature=0\nhost:h\n", SIGV4_BAD_HEADER,
     SIGV4_ALGORITHM | SIGV4_CREDENTIAL | SIGV4_SIGNED_HEADERS | SIGV4_DATE | SIGV4_EXPIRES, NULL},
    {"GET /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK" DAY
     "&X-Amz-Date=20261122T130005Z&X-Amz-SignedHeaders=host&X-Amz-Expires=5\nhost:h\n",
     SIGV4_BAD_HEADER, SIGV4_SIGNATURE, NULL},
    {"GET /\nhost:h\nx-amz-content-sha256:UNSIGNED-PAYLOAD\n" AUTH(ALL), SIGV4_BAD_DATE, SIGV4_DATE,
     NULL},
    {"GET /\nhost:h\nx-amz-date:2026-11-22\nx-amz-content-sha256:UNSIGNED-PAYLOAD\n" AUTH(ALL),
     SIGV4_BAD_DATE, 0, "2026-11-22"},
    {"GET /?" QUERY_ALL "\nhost:h\n", SIGV4_BAD_EXPIRES, 0, ""},
    {"GET /?" QUERY_ALL "0\nhost:h\n", SIGV4_BAD_EXPIRES, 0, "0"},
    {"GET /?" QUERY_ALL "604801\nhost:h\n", SIGV4_BAD_EXPIRES, 0, "604801"},
    {"GET /?" QUERY_ALL "-1\nhost:h\n", SIGV4_BAD_EXPIRES, 0, "-1"},
    {"GET /?" QUERY_ALL "1x\nhost:h\n", SIGV4_BAD_EXPIRES, 0, "1x"},
    {"GET /?" QUERY_ALL "604800\nhost:h\n", SIGV4_OK, 0, NULL},
    {"GET /\n" DATED AUTH(ALL), SIGV4_BAD_CONTENT_SHA256, 0, NULL},
    {"GET /\n" DATED "x-amz-content-sha256:\n" AUTH(ALL), SIGV4_BAD_CONTENT_SHA256, 0, ""},
    {"GET /\n" DATED "x-amz-content-sha256:unsigned-payload\n" AUTH(ALL), SIGV4_BAD_CONTENT_SHA256,
     0, "unsigned-payload"},
    {"GET /\n" DATED "x-amz-content-sha256:" EMPTY_SHA256 "0\n" AUTH(ALL), SIGV4_BAD_CONTENT_SHA256,
     0, EMPTY_SHA256 "0"},
    {"GET /\n" DATED "x-amz-content-sha256:" EMPTY_SHA256 "\n" AUTH(ALL), SIGV4_OK, 0, NULL},
    {"GET /\n" PLAIN AUTH(CREDENTIAL ",SignedHeaders=x-amz-date," SIGNED), SIGV4_UNSIGNED_HEADERS,
     0, "host"},
    {"GET /\n" PLAIN AUTH(CREDENTIAL ",SignedHeaders=:authority;x-amz-date," SIGNED),
     SIGV4_UNSIGNED_HEADERS, 0, "host"},
    {"GET /\nx-amz-meta-b:1\nx-amz-acl:x\nx-amz-acl:y\nx-amzn-trace-id:1\n" PLAIN AUTH(ALL),
     SIGV4_UNSIGNED_HEADERS, 0, "x-amz-acl, x-amz-meta-b"},
    {"GET /\ncontent-md5:x\n" PLAIN AUTH(ALL), SIGV4_UNSIGNED_HEADERS, 0, "content-md5"},
    {"GET /\ncontent-type:x\n" PLAIN AUTH(ALL), SIGV4_OK, 0, NULL},
    /* Recorded from S3: a presigned PUT with these headers. */
    {"PUT /?" QUERY_ALL "60\nhost:h\nx-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD\n"
     "x-amz-date:20211122T191045Z\nx-amz-decoded-content-length:8\n",
     SIGV4_UNSIGNED_HEADERS, 0, "x-amz-date, x-amz-decoded-content-length"},
};

TEST(each_fault_is_told)
{
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        begin();
        printf("# fault %zu of the table\n", i);
        struct sigv4_request request = request_of(span_of_cstr(faults[i].head), true);
        struct sigv4_claim claim;
        CHECK_INT(sigv4_read(&arena, &request, &claim), faults[i].fault);
        CHECK_INT(claim.missing, faults[i].missing);
        CHECK_SPAN(claim.detail, span_of_cstr(faults[i].detail));
    }
}

TEST(other_services_ask_for_less)
{
    begin();
    struct sigv4_request request =
        request_of(S("POST /\nx-amz-target:x\ncontent-md5:x\n" DATED AUTH(ALL)), false);
    struct sigv4_claim claim;
    CHECK_INT(sigv4_read(&arena, &request, &claim), SIGV4_OK);
    CHECK_INT(claim.payload, PAYLOAD_SIGNED);
    CHECK(span_is_absent(claim.content_sha256));
    CHECK_SPAN(claim.access_key, S("AK"));
    CHECK_SPAN(claim.date, S("20261122"));
    CHECK_SPAN(claim.region, S("us-east-1"));
    CHECK_SPAN(claim.service, S("s3"));
    CHECK(claim.time_ms == NOW);

    request = request_of(S("GET /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK" DAY
                           "&X-Amz-Date=20261122T130005Z&X-Amz-SignedHeaders=host&"
                           "X-Amz-Security-Token=a%2Bb&X-Amz-Signature=0\nhost:h\n"),
                         false);
    CHECK_INT(sigv4_read(&arena, &request, &claim), SIGV4_OK);
    CHECK(claim.presigned);
    CHECK_INT(claim.expires_s, 900);
    CHECK_INT(claim.payload, PAYLOAD_SIGNED);
    CHECK_SPAN(claim.token, S("a+b"));
}

TEST(a_date_header_serves_too)
{
    begin();
    struct sigv4_request request =
        request_of(S("GET /\nhost:h\ndate:Sun, 22 Nov 2026 13:00:05 GMT\n" AUTH(ALL)), false);
    struct sigv4_claim claim;
    CHECK_INT(sigv4_read(&arena, &request, &claim), SIGV4_OK);
    CHECK_SPAN(claim.timestamp, S("20261122T130005Z"));
    CHECK(claim.time_ms == NOW);
}

static const struct {
    const char *word;
    enum SIGV4_PAYLOAD payload;
} payloads[] = {
    {EMPTY_SHA256, PAYLOAD_SIGNED},
    {"UNSIGNED-PAYLOAD", PAYLOAD_UNSIGNED},
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", PAYLOAD_CHUNKS},
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", PAYLOAD_CHUNKS_TRAILER},
    {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", PAYLOAD_UNSIGNED_TRAILER},
};

TEST(payload_words)
{
    for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
        begin();
        struct sigv4_request request =
            request_of(arena_printf(&arena, "PUT /\n" DATED AUTH(ALL) "x-amz-content-sha256:%s\n",
                                    payloads[i].word),
                       true);
        struct sigv4_claim claim;
        CHECK_INT(sigv4_read(&arena, &request, &claim), SIGV4_OK);
        CHECK_INT(claim.payload, payloads[i].payload);
        CHECK_SPAN(claim.content_sha256, span_of_cstr(payloads[i].word));
    }
}

TEST(time_is_checked)
{
    struct sigv4_claim claim = {
        .date = S("20261122"), .timestamp = S("20261122T130005Z"), .time_ms = NOW};
    CHECK_INT(sigv4_check_time(&claim, NOW), SIGV4_OK);
    CHECK_INT(sigv4_check_time(&claim, NOW + 900000), SIGV4_OK);
    CHECK_INT(sigv4_check_time(&claim, NOW + 900001), SIGV4_SKEWED);
    CHECK_INT(sigv4_check_time(&claim, NOW - 900000), SIGV4_OK);
    CHECK_INT(sigv4_check_time(&claim, NOW - 900001), SIGV4_SKEWED);
    claim.presigned = true;
    claim.expires_s = 3600;
    CHECK_INT(sigv4_check_time(&claim, NOW + 3600000), SIGV4_OK);
    CHECK_INT(sigv4_check_time(&claim, NOW + 3600001), SIGV4_EXPIRED);
    CHECK_INT(sigv4_check_time(&claim, NOW - 900000), SIGV4_OK);
    CHECK_INT(sigv4_check_time(&claim, NOW - 900001), SIGV4_NOT_YET);
    claim.date = S("20261121");
    CHECK_INT(sigv4_check_time(&claim, NOW), SIGV4_SCOPE_DATE);
}

/* The public suite: NAME.req, .creq, .sts, .authz in folders that may be nested. */

static struct span file_in(const char *folder, const char *suffix)
{
    const char *name = strrchr(folder, '/') + 1;
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.%s", folder, name, suffix);
    FILE *file = fopen(path, "rb");
    if (!file)
        return SPAN_NONE;
    char *text = arena_alloc(&arena, 65536);
    size_t len = fread(text, 1, 65536, file);
    fclose(file);
    size_t kept = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] != '\r')
            text[kept++] = text[i];
    return span_of(text, kept);
}

static int check_vector(const char *folder)
{
    struct span signed_request = file_in(folder, "sreq");
    if (span_is_absent(signed_request))
        return 0;
    printf("# %s\n", folder);
    struct sigv4_request request = request_of(signed_request, false);
    size_t end = span_find(signed_request, S("\n\n"));
    struct span body =
        digest_of(end == SPAN_NOT_FOUND ? S("") : span_from(signed_request, end + 2));
    struct sigv4_claim claim;
    CHECK_INT(sigv4_read(&arena, &request, &claim), SIGV4_OK);
    /* One vector's signed request carries another signature than its Authorization file. */
    struct span header = file_in(folder, "authz");
    claim.signature = span_from(header, span_find(header, S("Signature=")) + 10);
    struct hmac_key key = key_of(SECRET, &claim);
    struct span canonical = sigv4_canonical(&arena, &request, &claim, body);
    CHECK_SPAN(canonical, file_in(folder, "creq"));
    CHECK_SPAN(sigv4_to_sign(&arena, &claim, canonical), file_in(folder, "sts"));
    CHECK_INT(sigv4_verify(&arena, &request, &claim, &key, body, NULL, NULL), SIGV4_OK);
    return 1;
}

static int check_vectors(const char *folder)
{
    DIR *open = opendir(folder);
    int count = 0;
    if (!open)
        return 0;
    begin();
    count += check_vector(folder);
    for (struct dirent *entry; (entry = readdir(open));) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            count += check_vectors(path);
    }
    closedir(open);
    return count;
}

TEST(public_suite)
{
    const char *named = getenv("KINTOUN_VECTORS");
    char folder[1024];
    snprintf(folder, sizeof folder, "%s/sigv4", named ? named : SOURCE_ROOT "/../shared/vectors");
    int count = check_vectors(folder);
    if (count == 0)
        test_skip("the public vectors are not there (KINTOUN_VECTORS)");
    printf("# %d vectors\n", count);
    CHECK_INT(count, 34);
}
