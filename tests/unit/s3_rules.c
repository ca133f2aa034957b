// SPDX-License-Identifier: Apache-2.0
/* Rules of S3 that need no store: ranges, conditions, names, tags. The cases are the
 * documentation's and those recorded from the service. */
#include "test.h"

#include "base/time.h"
#include "services/s3/attributes.h"
#include "services/s3/condition.h"
#include "services/s3/lifecycle.h"
#include "services/s3/place.h"
#include "services/s3/range.h"
#include "services/s3/s3.api.h"
#include "services/s3/tags.h"
#include "services/s3/version.h"

static struct arena arena;
static struct call call = {.arena = &arena, .now_ms = 2000000};

__attribute__((constructor)) static void make_arena(void)
{
    arena_init(&arena, 64 * 1024, 64 << 20);
}

static struct span code(const struct refusal *refusal)
{
    return refusal ? span_of_cstr(refusal->kind->code) : S("OK");
}

static struct span member(const struct refusal *refusal, struct span name)
{
    for (const struct refusal_member *at = refusal ? refusal->members : NULL; at; at = at->next)
        if (span_eq(at->name, name))
            return at->value;
    return SPAN_NONE;
}

/* ---- ranges --------------------------------------------------------------------------------- */

struct range_case {
    struct span header;
    enum RANGE kind;
    uint64_t first, len;
};

TEST(ranges_of_ten_bytes)
{
    static const struct range_case cases[] = {
        {S_INIT("bytes=0-8"), RANGE_PART, 0, 9},
        {S_INIT("bytes=1-1"), RANGE_PART, 1, 1},
        {S_INIT("bytes=1-0"), RANGE_WHOLE, 0, 10},
        {S_INIT("bytes=1-"), RANGE_PART, 1, 9},
        {S_INIT("bytes=-1-"), RANGE_WHOLE, 0, 10},
        {S_INIT("bytes=-2"), RANGE_PART, 8, 2},
        {S_INIT("bytes=-15"), RANGE_PART, 0, 10},
        {S_INIT("bytes=0-100"), RANGE_PART, 0, 10},
        {S_INIT("bytes=0--1"), RANGE_WHOLE, 0, 10},
        {S_INIT("bytes=0-1,3-4"), RANGE_WHOLE, 0, 10},
        {S_INIT("0-1"), RANGE_WHOLE, 0, 10},
        {S_INIT("bytes=-"), RANGE_WHOLE, 0, 10},
        {S_INIT("bytes=-0"), RANGE_UNSATISFIABLE, 0, 0},
        {S_INIT("bytes=10-"), RANGE_UNSATISFIABLE, 0, 0},
        {S_INIT("bytes=100-200"), RANGE_UNSATISFIABLE, 0, 0},
        {S_INIT("bytes=9-18446744073709551615"), RANGE_PART, 9, 1},
        {S_INIT("bytes=0-18446744073709551616"), RANGE_WHOLE, 0, 10},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct range range;
        enum RANGE kind = range_read(cases[i].header, 10, &range);
        if (kind != cases[i].kind)
            test_fail(__FILE__, __LINE__, "%.*s", SPAN_ARG(cases[i].header));
        if (kind == RANGE_UNSATISFIABLE)
            continue;
        CHECK_INT(range.first, cases[i].first);
        CHECK_INT(range.len, cases[i].len);
    }
    struct range range;
    CHECK_INT(range_read(SPAN_NONE, 10, &range), RANGE_WHOLE);
    CHECK_INT(range_read(S("bytes=0-"), 0, &range), RANGE_UNSATISFIABLE);
}

TEST(copy_ranges_are_strict)
{
    static const struct span bad[] = {
        S_INIT("0-8"),     S_INIT("bytes=1-0"), S_INIT("bytes=-1-"), S_INIT("bytes=0--1"),
        S_INIT("bytes=-"), S_INIT("bytes=1-"),  S_INIT("bytes=-2"),  S_INIT("bytes=0-1,3-4")};
    struct range range;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!range_read_strict(bad[i], &range));
    CHECK(range_read_strict(S("bytes=3-8"), &range));
    CHECK_INT(range.first, 3);
    CHECK_INT(range.len, 6);
}

/* ---- conditions ----------------------------------------------------------------------------- */

#define ETAG S("\"88bac95f31528d13a072c05f2a1cf371\"")
#define NONE .if_modified_since = TIME_NONE, .if_unmodified_since = TIME_NONE

TEST(tags_match_with_and_without_quotes)
{
    CHECK(condition_lists(ETAG, ETAG));
    CHECK(condition_lists(S("88bac95f31528d13a072c05f2a1cf371"), ETAG));
    CHECK(condition_lists(S("*"), ETAG));
    CHECK(condition_lists(S("\"x\", \"88bac95f31528d13a072c05f2a1cf371\""), ETAG));
    CHECK(!condition_lists(S("\"88bac95f31528d13a072c05f2a1cf37\""), ETAG));
    CHECK(!condition_lists(S(""), ETAG));
}

static enum CONDITION check(struct condition condition, struct span *which)
{
    return condition_check(&condition, ETAG, 1000500, which);
}

TEST(conditions_in_the_order_of_the_rfc)
{
    struct span which;
    CHECK_INT(check((struct condition){NONE}, &which), CONDITION_MET);
    CHECK_INT(check((struct condition){NONE, .if_match = S("x")}, &which), CONDITION_FAILED);
    CHECK_SPAN(which, S("If-Match"));
    /* If-Match holds: If-Unmodified-Since is not looked at. */
    CHECK_INT(check((struct condition){.if_match = ETAG,
                                       .if_modified_since = TIME_NONE,
                                       .if_unmodified_since = 1000},
                    &which),
              CONDITION_MET);
    CHECK_INT(
        check((struct condition){.if_modified_since = TIME_NONE, .if_unmodified_since = 999000},
              &which),
        CONDITION_FAILED);
    CHECK_SPAN(which, S("If-Unmodified-Since"));
    /* Whole seconds: the same second is not after it. */
    CHECK_INT(
        check((struct condition){.if_modified_since = TIME_NONE, .if_unmodified_since = 1000000},
              &which),
        CONDITION_MET);
    CHECK_INT(check((struct condition){NONE, .if_none_match = ETAG}, &which),
              CONDITION_NOT_MODIFIED);
    /* If-None-Match holds: If-Modified-Since is not looked at. */
    CHECK_INT(check((struct condition){.if_none_match = S("x"),
                                       .if_modified_since = 5000000,
                                       .if_unmodified_since = TIME_NONE},
                    &which),
              CONDITION_MET);
    CHECK_INT(
        check((struct condition){.if_modified_since = 1000000, .if_unmodified_since = TIME_NONE},
              &which),
        CONDITION_NOT_MODIFIED);
    CHECK_INT(
        check((struct condition){.if_modified_since = 999000, .if_unmodified_since = TIME_NONE},
              &which),
        CONDITION_MET);
}

TEST(reads_answer_304_or_412_and_copies_412)
{
    struct condition none_match = {NONE, .if_none_match = ETAG};
    struct condition future = {.if_modified_since = 9000000, .if_unmodified_since = TIME_NONE};
    CHECK_INT(condition_read(&call, &none_match, ETAG, 1000)->kind->status, 304);
    CHECK(condition_read(&call, &future, ETAG, 1000) == OK);
    const struct refusal *refusal = condition_copy(&call, &none_match, ETAG, 1000);
    CHECK_INT(refusal->kind->status, 412);
    CHECK_SPAN(member(refusal, S("Condition")), S("x-amz-copy-source-If-None-Match"));
}

TEST(conditional_writes)
{
    CHECK_SPAN(code(condition_write_check(&call, S("x"), S("*"))), S("NotImplemented"));
    CHECK_SPAN(code(condition_write_check(&call, SPAN_NONE, S("etag"))), S("NotImplemented"));
    CHECK_SPAN(code(condition_write_check(&call, S("*"), SPAN_NONE)), S("NotImplemented"));
    CHECK_SPAN(code(condition_write_check(&call, SPAN_NONE, S("*"))), S("OK"));
    CHECK_SPAN(code(condition_write(&call, SPAN_NONE, S("*"), S("k"), ETAG)),
               S("PreconditionFailed"));
    CHECK_SPAN(code(condition_write(&call, SPAN_NONE, S("*"), S("k"), SPAN_NONE)), S("OK"));
    CHECK_SPAN(code(condition_write(&call, S("x"), SPAN_NONE, S("k"), ETAG)),
               S("PreconditionFailed"));
    CHECK_SPAN(code(condition_write(&call, S("x"), SPAN_NONE, S("k"), SPAN_NONE)), S("NoSuchKey"));
    CHECK_SPAN(code(condition_write(&call, ETAG, SPAN_NONE, S("k"), ETAG)), S("OK"));
}

/* ---- names ---------------------------------------------------------------------------------- */

TEST(bucket_names)
{
    static const struct span good[] = {S_INIT("abc"), S_INIT("my-bucket.example-1"), S_INIT("1a2"),
                                       S_INIT("a23456789-123456789-123456789-123456789-123456789-"
                                              "123456789-123")};
    static const struct span bad[] = {
        S_INIT("ab"),
        S_INIT("Abc"),
        S_INIT("a_b"),
        S_INIT("-abc"),
        S_INIT("abc-"),
        S_INIT("a..b"),
        S_INIT("192.168.5.4"),
        S_INIT("xn--abc"),
        S_INIT("sthree-abc"),
        S_INIT("abc-s3alias"),
        S_INIT("abc--x-s3"),
        S_INIT(".abc"),
        S_INIT("a b"),
        S_INIT("abc--ol-s3"),
        S_INIT(""),
        S_INIT("a23456789-123456789-123456789-123456789-123456789-123456789-1234")};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (!place_name_is_valid(good[i]))
            test_fail(__FILE__, __LINE__, "%.*s is a name", SPAN_ARG(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (place_name_is_valid(bad[i]))
            test_fail(__FILE__, __LINE__, "%.*s is no name", SPAN_ARG(bad[i]));
}

TEST(headers_of_what_is_not_built_are_refused)
{
    struct header headers[] = {{S("x-amz-acl"), S("private")},
                               {S("x-amz-mfa"), S("serial 123456")}};
    call.request_headers = (struct headers){headers, 1};
    CHECK_SPAN(code(place_check_headers(&call)), S("OK"));
    call.request_headers.count = 2;
    const struct refusal *refusal = place_check_headers(&call);
    CHECK_INT(refusal->kind->status, 501);
    CHECK_SPAN(member(refusal, S("Header")), S("x-amz-mfa"));
    headers[1] = (struct header){S("x-amz-object-lock-event-hold"), S("ON")};
    CHECK_SPAN(code(place_check_headers(&call)), S("NotImplemented"));
    call.request_headers = (struct headers){NULL, 0};
}

/* ---- tags and attributes -------------------------------------------------------------------- */

TEST(tags_of_a_header)
{
    struct tags tags;
    CHECK(tags_read_header(&call, S("a=1&b%20c=d+e&f="), &tags) == OK);
    CHECK_INT(tags.count, 3);
    CHECK_SPAN(tags.at[1].key, S("b c"));
    CHECK_SPAN(tags.at[1].value, S("d e"));
    CHECK_SPAN(tags.at[2].value, S(""));
    CHECK_SPAN(code(tags_read_header(&call, S("key1=val1&key1=val2"), &tags)),
               S("InvalidArgument"));
    CHECK_SPAN(code(tags_read_header(&call, S("key1=val1,key2=val2"), &tags)),
               S("InvalidArgument"));
    CHECK_SPAN(code(tags_read_header(&call, S("=v"), &tags)), S("InvalidArgument"));
    CHECK_SPAN(code(tags_read_header(&call, S("a=%zz"), &tags)), S("InvalidArgument"));
    CHECK_SPAN(code(tags_read_header(&call, S("a&b&c&d&e&f&g&h&i&j&k"), &tags)), S("BadRequest"));
    CHECK_SPAN(code(tags_read_header(&call, S("aws:x=1"), &tags)), S("InvalidTag"));
}

TEST(tags_have_rules)
{
    struct tags tags;
    struct s3_tag at[2] = {{S("Key1"), S("a")}, {S("Key1"), S("b")}};
    struct s3_tag_set set = {at, 2};
    CHECK_SPAN(code(tags_read(&call, &set, TAGGED_BUCKET, &tags)), S("InvalidTag"));
    at[1].key = S("Key1,Key2");
    CHECK_SPAN(member(tags_read(&call, &set, TAGGED_BUCKET, &tags), S("TagKey")), S("Key1,Key2"));
    at[1] = (struct s3_tag){S("\xc3\xa9"), S("v")};
    CHECK(tags_read(&call, &set, TAGGED_BUCKET, &tags) == OK);
    at[1].key = S("\xff");
    CHECK_SPAN(code(tags_read(&call, &set, TAGGED_BUCKET, &tags)), S("InvalidTag"));
}

TEST(attributes_survive_the_record)
{
    struct s3_metadata_pair pairs[] = {{S("name"), S("value")}, {S("other"), S("")}};
    struct s3_metadata metadata = {pairs, 2};
    struct s3_attributes attributes = {.content_encoding = S("aws-chunked, gzip"),
                                       .storage_class = S("STANDARD_IA"),
                                       .etag = S("0123456789abcdef"),
                                       .parts = 3};
    struct s3_attributes back;
    struct checksum checksum = {CHECKSUM_CRC32C, TYPE_COMPOSITE, S("\1\2\3\4")};
    CHECK(attributes_complete(&call, &metadata, S("t=1"), &attributes) == OK);
    attributes_set_checksum(&attributes, &checksum);
    struct span bytes = attributes_encode(&call, &attributes);
    CHECK(attributes_decode(&call, bytes, &back) == OK);
    CHECK_SPAN(back.content_type, S("binary/octet-stream"));
    CHECK_SPAN(back.content_encoding, S("gzip"));
    CHECK(span_is_absent(back.cache_control));
    CHECK_INT(back.metadata.count, 2);
    CHECK_SPAN(back.metadata.at[1].key, S("other"));
    CHECK_SPAN(back.tags.at[0].value, S("1"));
    checksum = attributes_checksum(&back);
    CHECK_INT(checksum.algorithm, CHECKSUM_CRC32C);
    CHECK_INT(checksum.type, TYPE_COMPOSITE);
    CHECK_SPAN(attributes_etag(&call, back.etag, back.parts),
               S("\"30313233343536373839616263646566-3\""));
}

TEST(limits_of_attributes)
{
    static char long_value[2045];
    struct s3_metadata_pair pair = {S("name"), span_of(long_value, sizeof long_value - 1)};
    struct s3_metadata metadata = {&pair, 1};
    struct s3_attributes attributes = {.parts = 0};
    memset(long_value, 'x', sizeof long_value);
    CHECK(attributes_complete(&call, &metadata, SPAN_NONE, &attributes) == OK);
    pair.value.len++;
    const struct refusal *refusal = attributes_complete(&call, &metadata, SPAN_NONE, &attributes);
    CHECK_SPAN(code(refusal), S("MetadataTooLarge"));
    CHECK_SPAN(member(refusal, S("Size")), S("2049"));
    attributes.storage_class = S("OUTPOSTS");
    metadata.count = 0;
    refusal = attributes_complete(&call, &metadata, SPAN_NONE, &attributes);
    CHECK_SPAN(code(refusal), S("InvalidStorageClass"));
    attributes.storage_class = S("STANDARD");
    attributes.content_encoding = S("aws-chunked");
    CHECK(attributes_complete(&call, &metadata, SPAN_NONE, &attributes) == OK);
    CHECK(span_is_absent(attributes.storage_class) && span_is_absent(attributes.content_encoding));
}

/* ---- versions ------------------------------------------------------------------------------- */

TEST(version_ids_are_read_as_written)
{
    static const uint64_t stamps[] = {0, 1, 1700000000000000, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(stamps); i++) {
        struct object_version version;
        struct span id = version_id_of_stamp(&call, stamps[i]);
        CHECK_INT(id.len, 32);
        CHECK(version_id_read(id, &version));
        CHECK_INT(version.kind, OBJECT_NUMBERED);
        CHECK_INT(version.stamp, stamps[i]);
        char other[32];
        memcpy(other, id.at, sizeof other);
        other[i] = other[i] == 'A' ? 'B' : 'A';
        CHECK(!version_id_read(span_of(other, sizeof other), &version));
        CHECK(!version_id_read(span_first(id, 31), &version));
    }
    struct object_version version;
    CHECK(version_id_read(S("null"), &version));
    CHECK_INT(version.kind, OBJECT_PLAIN);
    CHECK(!version_id_read(S(""), &version));
}

/* ---- lifecycle ------------------------------------------------------------------------------ */

#define DAY INT64_C(86400000)

TEST(lifecycle_times_are_midnights)
{
    struct s3_lifecycle_expiration two_days = {.days = 2, .has = {.days = true}};
    struct s3_lifecycle_expiration date = {.date = 9 * DAY, .has = {.date = true}};
    struct s3_noncurrent_version_expiration older = {
        .noncurrent_days = 1,
        .newer_noncurrent_versions = 2,
        .has = {.noncurrent_days = true, .newer_noncurrent_versions = true}};
    struct s3_lifecycle_rule_filter filter = {.prefix = S("a/")};
    struct s3_lifecycle_rule rules_at[] = {
        {.status = S("Enabled"), .filter = &filter, .expiration = &two_days},
        {.status = S("Enabled"), .prefix = S("b"), .expiration = &date},
        {.status = S("Disabled"), .prefix = S(""), .expiration = &two_days},
        {.status = S("Enabled"), .prefix = S("c"), .noncurrent_version_expiration = &older},
    };
    const struct s3_lifecycle_rules rules = {rules_at, ARRAY_LEN(rules_at)};
    const struct s3_lifecycle_rule *rule;
    struct lifecycle_subject a = {.key = S("a/x"), .modified_ms = 5 * DAY + 1};
    CHECK_INT(lifecycle_expiry(&rules, &a, &rule), 8 * DAY);
    CHECK(rule == &rules_at[0]);
    a.modified_ms = 5 * DAY;
    CHECK_INT(lifecycle_expiry(&rules, &a, &rule), 7 * DAY);
    struct lifecycle_subject b = {.key = S("b"), .modified_ms = 20 * DAY};
    CHECK_INT(lifecycle_expiry(&rules, &b, &rule), 9 * DAY);
    struct lifecycle_subject c = {.key = S("c")};
    CHECK_INT(lifecycle_expiry(&rules, &c, &rule), TIME_NONE);
    CHECK_INT(lifecycle_older_expiry(&rules, &c, 3 * DAY + 5, 1), TIME_NONE);
    CHECK_INT(lifecycle_older_expiry(&rules, &c, 3 * DAY + 5, 2), 5 * DAY);
    CHECK_INT(lifecycle_marker_expiry(&rules, S("a/x"), 1), 3 * DAY);
    CHECK_INT(lifecycle_marker_expiry(&rules, S("c"), 1), TIME_NONE);
    CHECK_INT(lifecycle_upload_expiry(&rules, S("a/x"), 1), TIME_NONE);
    CHECK_INT(lifecycle_midnight(DAY), DAY);
    CHECK_INT(lifecycle_midnight(DAY + 1), 2 * DAY);
}
