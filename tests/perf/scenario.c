// SPDX-License-Identifier: Apache-2.0
/*
 * The scenarios as a table: service and how the i-th request looks. What does not change is
 * prepared here, so that sending costs one canonical request, one digest and one HMAC. The contents
 * are made by rules that tests/perf/bench.py repeats: object i is its number in eight digits, 128
 * times.
 */
#include "scenario.h"

#include "base/buf.h"
#include "base/text.h"
#include "base/time.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_HEADERS 6
#define ITEM_BYTES 1000
#define OBJECT_BYTES 1024
#define RENEWED                                                                                    \
    256 /* requests of a ring that are written anew: more than there are connections               \
         */
#define BATCH 25
#define NOISE_SIZE (1 << 20)
#define DELETED_AT_ONCE 1000

/* How one request differs from the others of its scenario. */
struct draft {
    const char *method;
    struct span path, query, content_type, content_md5, target, body, expected;
    uint64_t pattern_len;
};

enum REQUESTS {
    ONE_FOR_ALL,   /* all requests are the same */
    ONE_PER_KEY,   /* prepared before the first is sent */
    SOME_RENEWED,  /* a ring of which each body is written anew */
    MADE_WHEN_SENT /* there may be very many; `expected` must be static */
};

struct scenario_kind {
    const char *name;
    const char *service; /* NULL: plain HTTP, unsigned */
    enum REPLY_CHECK check;
    enum REQUESTS requests;
    void (*draft)(struct scenario *scenario, size_t i, struct draft *draft);
    /* Sets numbers in the body each time it is sent; NULL: it stays as it is. */
    void (*renew)(struct scenario *scenario, char *body, size_t len);
};

static struct span digits_of(struct arena *arena, size_t i, size_t size)
{
    char *text = arena_alloc(arena, size + 9);
    for (size_t at = 0; at < size; at += 8)
        snprintf(text + at, 9, "%08zu", i);
    return span_of(text, size);
}

static void draft_sts(struct scenario *scenario, size_t i, struct draft *draft)
{
    *draft = (struct draft){
        .method = "POST",
        .path = S("/"),
        .content_type = S("application/x-www-form-urlencoded; charset=utf-8"),
        .body = S("Action=GetCallerIdentity&Version=2011-06-15"),
        .expected = S("</Account>"),
    };
}

static void draft_item(struct scenario *scenario, const char *target, struct draft *draft)
{
    *draft = (struct draft){
        .method = "POST",
        .path = S("/"),
        .content_type = S("application/x-amz-json-1.0"),
        .target = span_of_cstr(target),
    };
}

static void draft_get_item(struct scenario *scenario, size_t i, struct draft *draft)
{
    draft_item(scenario, "DynamoDB_20120810.GetItem", draft);
    draft->expected = digits_of(&scenario->arena, i, ITEM_BYTES);
    draft->body = arena_printf(&scenario->arena,
                               "{\"TableName\":\"%.*s\",\"Key\":{\"pk\":{\"S\":\"k%08zu\"}}}",
                               SPAN_ARG(scenario->options->table), i);
}

static void draft_put_item(struct scenario *scenario, size_t i, struct draft *draft)
{
    draft_item(scenario, "DynamoDB_20120810.PutItem", draft);
    draft->expected = S("{}");
    draft->body = arena_printf(&scenario->arena,
                               "{\"TableName\":\"%.*s\",\"Item\":{\"pk\":{\"S\":\"k%08zu\"},"
                               "\"payload\":{\"S\":\"%.*s\"}}}",
                               SPAN_ARG(scenario->options->table), i,
                               SPAN_ARG(digits_of(&scenario->scratch, i, ITEM_BYTES)));
}

static void draft_update_item(struct scenario *scenario, size_t i, struct draft *draft)
{
    draft_item(scenario, "DynamoDB_20120810.UpdateItem", draft);
    draft->expected = S("{");
    draft->body = arena_printf(
        &scenario->arena,
        "{\"TableName\":\"%.*s\",\"Key\":{\"pk\":{\"S\":\"k%08zu\"}},"
        "\"ConditionExpression\":\"attribute_exists(pk) AND #p <> :no\","
        "\"UpdateExpression\":\"SET #c = if_not_exists(#c, :zero) + :one\","
        "\"ExpressionAttributeNames\":{\"#c\":\"count\",\"#p\":\"payload\"},"
        "\"ExpressionAttributeValues\":{\":zero\":{\"N\":\"0\"},\":one\":{\"N\":\"1\"},"
        "\":no\":{\"S\":\"nothing\"}}}",
        SPAN_ARG(scenario->options->table), i);
}

/* All items of one partition; tests/perf/bench.py wrote a hundred to each of ten. */
static void draft_query(struct scenario *scenario, size_t i, struct draft *draft)
{
    draft_item(scenario, "DynamoDB_20120810.Query", draft);
    draft->expected = S("100,");
    draft->body = arena_printf(&scenario->arena,
                               "{\"TableName\":\"%.*s-sorted\","
                               "\"KeyConditionExpression\":\"pk = :p\","
                               "\"ExpressionAttributeValues\":{\":p\":{\"S\":\"p%zu\"}}}",
                               SPAN_ARG(scenario->options->table), i % 10);
}

/* Four items that no other request of the ring has. */
static void draft_transact_write(struct scenario *scenario, size_t i, struct draft *draft)
{
    struct buf body;
    draft_item(scenario, "DynamoDB_20120810.TransactWriteItems", draft);
    draft->expected = S("{}");
    buf_init(&body, 65536);
    buf_append(&body, S("{\"TransactItems\":["));
    for (size_t k = 4 * i; k < 4 * i + 4; k++)
        buf_printf(&body,
                   "%s{\"Put\":{\"TableName\":\"%.*s\",\"Item\":{\"pk\":{\"S\":\"t%08zu\"},"
                   "\"payload\":{\"S\":\"%.*s\"}}}}",
                   k % 4 ? "," : "", SPAN_ARG(scenario->options->table), k,
                   SPAN_ARG(digits_of(&scenario->scratch, k, ITEM_BYTES)));
    buf_append(&body, S("]}"));
    draft->body = arena_copy(&scenario->arena, buf_span(&body));
    buf_done(&body);
}

/* ---- more items than a ring has requests ------------------------------------------------------
 */

/* The same numbers in every run (splitmix64). */
static uint64_t chance_of(uint64_t i)
{
    uint64_t z = (i + 1) * 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

/* Text that does not shrink. */
static const char *noise(void)
{
    static char text[NOISE_SIZE];
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if (!text[0])
        for (size_t i = 0; i < NOISE_SIZE; i++)
            text[i] = letters[chance_of(i) % 64];
    return text;
}

static void draft_load(struct scenario *scenario, size_t i, struct draft *draft)
{
    struct buf body;
    draft_item(scenario, "DynamoDB_20120810.BatchWriteItem", draft);
    draft->expected = S("{\"UnprocessedItems\":{}}");
    buf_init(&body, 1 << 20);
    buf_printf(&body, "{\"RequestItems\":{\"%.*s\":[", SPAN_ARG(scenario->options->table));
    for (size_t k = 0; k < BATCH; k++)
        buf_printf(&body,
                   "%s{\"PutRequest\":{\"Item\":{\"pk\":{\"S\":\"k%08d\"},\"payload\":{\"S\":"
                   "\"%.*s\"}}}}",
                   k ? "," : "", 0, (int)scenario->options->item, noise());
    buf_append(&body, S("]}}"));
    draft->body = arena_copy(&scenario->arena, buf_span(&body));
    buf_done(&body);
}

static void put_number(char *at, uint64_t number)
{
    for (int digit = 7; digit >= 0; digit--, number /= 10)
        at[digit] = (char)('0' + number % 10);
}

static void renew_load(struct scenario *scenario, char *body, size_t len)
{
    static const char before_key[] = "\"pk\":{\"S\":\"k",
                      before_payload[] = "\"payload\":{\"S\":\"";
    size_t item = scenario->options->item;
    char *end = body + len;
    for (char *at = body;
         (at = memmem(at, (size_t)(end - at), before_key, sizeof before_key - 1));) {
        uint64_t number = scenario->number;
        scenario->number += scenario->number + 1 < scenario->end; /* the last ones again */
        at += sizeof before_key - 1;
        put_number(at, number);
        at = memmem(at, (size_t)(end - at), before_payload, sizeof before_payload - 1);
        at += sizeof before_payload - 1;
        memcpy(at, noise() + chance_of(number) % (NOISE_SIZE - item), item);
        at += item;
    }
}

static void draft_get_any(struct scenario *scenario, size_t i, struct draft *draft)
{
    draft_get_item(scenario, 0, draft);
    draft->expected = S("\"payload\"");
}

static void renew_get_any(struct scenario *scenario, char *body, size_t len)
{
    static const char before_key[] = "\"pk\":{\"S\":\"k";
    char *at = memmem(body, len, before_key, sizeof before_key - 1);
    put_number(at + sizeof before_key - 1, chance_of(scenario->number++) % scenario->options->keys);
}

/* ---- mixes like those of YCSB ---------------------------------------------------------------- */

/* Some items of one partition. */
static void draft_short_scan(struct scenario *scenario, size_t i, struct draft *draft)
{
    draft_item(scenario, "DynamoDB_20120810.Query", draft);
    draft->expected = S("\"Count\"");
    draft->body = arena_printf(
        &scenario->arena,
        "{\"TableName\":\"%.*s-sorted\",\"Limit\":%zu,"
        "\"KeyConditionExpression\":\"pk = :p AND sk >= :s\","
        "\"ExpressionAttributeValues\":{\":p\":{\"S\":\"p%zu\"},\":s\":{\"N\":\"%zu\"}}}",
        SPAN_ARG(scenario->options->table), 1 + i % 50, i % 10, i % 97);
}

/* An item that the table was not filled with. */
static void draft_insert(struct scenario *scenario, size_t i, struct draft *draft)
{
    draft_put_item(scenario, scenario->options->keys + i, draft);
}

/* By their last letter: in so many of a hundred the first, else the other. */
static const struct mix {
    char letter;
    unsigned first_percent;
    void (*first)(struct scenario *scenario, size_t i, struct draft *draft);
    void (*other)(struct scenario *scenario, size_t i, struct draft *draft);
} mixes[] = {
    {'a', 50, draft_get_item, draft_update_item},
    {'b', 95, draft_get_item, draft_update_item},
    {'c', 100, draft_get_item, draft_get_item},
    {'d', 95, draft_get_item, draft_insert},
    {'e', 95, draft_short_scan, draft_insert},
    {'f', 50, draft_get_item, draft_update_item}, /* which first reads: see draft_mix */
};

/* Below `keys`, the smaller the likelier, as Zipf has it: any magnitude is as likely as another. */
static size_t skewed(uint64_t chance, size_t keys)
{
    unsigned magnitudes = 0;
    while (keys >> magnitudes)
        magnitudes++;
    uint64_t base = 1ULL << (chance >> 8) % magnitudes;
    return (size_t)((base + (chance >> 16) % base - 1) % keys);
}

/* Key 0 is the one that is used most; in mix d it is the newest one. In mix f an update follows a
 * read of the same item, so the two of a pair have one chance. */
static void draft_mix(struct scenario *scenario, size_t i, struct draft *draft)
{
    const char *name = scenario->kind->name;
    const struct mix *mix = mixes;
    while (mix->letter != name[strlen(name) - 1])
        mix++;
    bool pairs = mix->letter == 'f';
    uint64_t chance = chance_of(pairs ? i / 2 : i);
    size_t keys = scenario->options->keys, key = skewed(chance, keys);
    bool first = chance % 100 < mix->first_percent || (pairs && i % 2 == 0);
    (first ? mix->first : mix->other)(scenario, mix->letter == 'd' ? keys - 1 - key : key, draft);
}

static void draft_kinesis(struct draft *draft, const char *target, struct span expected)
{
    *draft = (struct draft){
        .method = "POST",
        .path = S("/"),
        .content_type = S("application/x-amz-json-1.1"),
        .target = span_of_cstr(target),
        .expected = expected,
    };
}

static void draft_put_record(struct scenario *scenario, size_t i, struct draft *draft)
{
    draft_kinesis(draft, "Kinesis_20131202.PutRecord", S("SequenceNumber"));
    struct span data = base64_of(&scenario->scratch, digits_of(&scenario->scratch, i, ITEM_BYTES));
    draft->body = arena_printf(&scenario->arena,
                               "{\"StreamName\":\"%.*s\",\"PartitionKey\":\"k%08zu\",\"Data\":"
                               "\"%.*s\"}",
                               SPAN_ARG(scenario->options->table), i, SPAN_ARG(data));
}

/* Five hundred, the most there may be. */
static void draft_put_records(struct scenario *scenario, size_t i, struct draft *draft)
{
    struct buf body;
    draft_kinesis(draft, "Kinesis_20131202.PutRecords", S("SequenceNumber"));
    buf_init(&body, 1 << 20);
    buf_printf(&body, "{\"StreamName\":\"%.*s\",\"Records\":[", SPAN_ARG(scenario->options->table));
    for (size_t k = 500 * i; k < 500 * i + 500; k++)
        buf_printf(
            &body, "%s{\"PartitionKey\":\"k%08zu\",\"Data\":\"%.*s\"}", k % 500 ? "," : "", k,
            SPAN_ARG(base64_of(&scenario->scratch, digits_of(&scenario->scratch, k, ITEM_BYTES))));
    buf_append(&body, S("]}"));
    draft->body = arena_copy(&scenario->arena, buf_span(&body));
    buf_done(&body);
}

/* A thousand from the begin of a shard; tests/perf/bench.py got the iterator. */
static void draft_get_records(struct scenario *scenario, size_t i, struct draft *draft)
{
    draft_kinesis(draft, "Kinesis_20131202.GetRecords", S("SequenceNumber"));
    draft->body = arena_printf(&scenario->arena, "{\"Limit\":1000,\"ShardIterator\":\"%.*s\"}",
                               SPAN_ARG(scenario->options->iterator));
}

static void draft_get_object(struct scenario *scenario, size_t i, struct draft *draft)
{
    *draft = (struct draft){
        .method = "GET",
        .path =
            arena_printf(&scenario->arena, "/%.*s/k%08zu", SPAN_ARG(scenario->options->bucket), i),
        .expected = digits_of(&scenario->arena, i, OBJECT_BYTES),
    };
}

static void draft_put_object(struct scenario *scenario, size_t i, struct draft *draft)
{
    uint8_t etag[MD5_SIZE];
    draft_get_object(scenario, i, draft);
    draft->method = "PUT";
    draft->content_type = S("application/octet-stream");
    draft->body = draft->expected;
    md5_of(draft->body, etag);
    draft->expected = hex_of(&scenario->arena, span_of(etag, sizeof etag));
}

static void draft_get_large(struct scenario *scenario, size_t i, struct draft *draft)
{
    *draft = (struct draft){
        .method = "GET",
        .path = arena_printf(&scenario->arena, "/%.*s/large-%lu",
                             SPAN_ARG(scenario->options->bucket), scenario->options->large),
    };
}

static struct span pattern_etag(struct scenario *scenario)
{
    MD5_CTX md5;
    uint8_t etag[MD5_SIZE];
    uint64_t left = scenario->options->large;
    MD5_Init(&md5);
    for (; left > PATTERN_SIZE; left -= PATTERN_SIZE)
        MD5_Update(&md5, scenario_pattern(), PATTERN_SIZE);
    MD5_Update(&md5, scenario_pattern(), left);
    MD5_Final(etag, &md5);
    return hex_of(&scenario->arena, span_of(etag, sizeof etag));
}

/* Parts of one upload, over and over; tests/perf/bench.py began it. */
static void draft_upload_part(struct scenario *scenario, size_t i, struct draft *draft)
{
    *draft = (struct draft){
        .method = "PUT",
        .path = arena_printf(&scenario->arena, "/%.*s/parts", SPAN_ARG(scenario->options->bucket)),
        .query = arena_printf(&scenario->arena, "partNumber=%zu&uploadId=%.*s", i + 1,
                              SPAN_ARG(scenario->options->upload)),
        .content_type = S("application/octet-stream"),
        .pattern_len = scenario->options->large,
        .expected = i ? scenario->ring[0].expected : pattern_etag(scenario),
    };
}

static void draft_put_large(struct scenario *scenario, size_t i, struct draft *draft)
{
    draft_upload_part(scenario, i, draft);
    draft->path =
        arena_printf(&scenario->arena, "/%.*s/put-%zu", SPAN_ARG(scenario->options->bucket), i);
    draft->query = SPAN_NONE;
}

/* A page of a thousand from another place each time. */
static void draft_list(struct scenario *scenario, size_t i, struct draft *draft)
{
    *draft = (struct draft){
        .method = "GET",
        .path = arena_printf(&scenario->arena, "/%.*s", SPAN_ARG(scenario->options->bucket)),
        .query = arena_printf(&scenario->arena, "list-type=2&start-after=k%08zu",
                              i * 7919 % scenario->options->keys),
    };
}

/* To fill a bucket with names. */
static void draft_put_empty(struct scenario *scenario, size_t i, struct draft *draft)
{
    *draft = (struct draft){
        .method = "PUT",
        .path =
            arena_printf(&scenario->arena, "/%.*s/k%08zu", SPAN_ARG(scenario->options->bucket), i),
        .body = S(""),
        .expected = S("d41d8cd98f00b204e9800998ecf8427e"), /* the MD5 of nothing */
    };
}

static void draft_delete_objects(struct scenario *scenario, size_t i, struct draft *draft)
{
    struct buf body;
    uint8_t md5[MD5_SIZE];
    *draft = (struct draft){
        .method = "POST",
        .path = arena_printf(&scenario->arena, "/%.*s", SPAN_ARG(scenario->options->bucket)),
        .query = S("delete="),
        .content_type = S("application/xml"),
        .expected = S("<DeleteResult"),
    };
    buf_init(&body, 1 << 20);
    buf_append(&body, S("<Delete><Quiet>true</Quiet>"));
    for (size_t k = DELETED_AT_ONCE * i; k < DELETED_AT_ONCE * (i + 1); k++)
        buf_printf(&body, "<Object><Key>k%08zu</Key></Object>", k);
    buf_append(&body, S("</Delete>"));
    draft->body = arena_copy(&scenario->arena, buf_span(&body));
    buf_done(&body);
    md5_of(draft->body, md5);
    draft->content_md5 = base64_of(&scenario->arena, span_of(md5, sizeof md5));
}

static const struct scenario_kind kinds[] = {
    {"sts-get-caller-identity", "sts", REPLY_CONTAINS, ONE_FOR_ALL, draft_sts},
    {"dynamodb-get-item", "dynamodb", REPLY_CONTAINS, ONE_PER_KEY, draft_get_item},
    {"dynamodb-put-item", "dynamodb", REPLY_EQUALS, ONE_PER_KEY, draft_put_item},
    {"dynamodb-update-item", "dynamodb", REPLY_CONTAINS, ONE_PER_KEY, draft_update_item},
    {"dynamodb-query", "dynamodb", REPLY_CONTAINS, ONE_PER_KEY, draft_query},
    {"dynamodb-transact-write", "dynamodb", REPLY_EQUALS, ONE_PER_KEY, draft_transact_write},
    {"dynamodb-load", "dynamodb", REPLY_EQUALS, SOME_RENEWED, draft_load, renew_load},
    {"dynamodb-get-any", "dynamodb", REPLY_CONTAINS, SOME_RENEWED, draft_get_any, renew_get_any},
    {"dynamodb-ycsb-a", "dynamodb", REPLY_CONTAINS, ONE_PER_KEY, draft_mix},
    {"dynamodb-ycsb-b", "dynamodb", REPLY_CONTAINS, ONE_PER_KEY, draft_mix},
    {"dynamodb-ycsb-c", "dynamodb", REPLY_CONTAINS, ONE_PER_KEY, draft_mix},
    {"dynamodb-ycsb-d", "dynamodb", REPLY_CONTAINS, ONE_PER_KEY, draft_mix},
    {"dynamodb-ycsb-e", "dynamodb", REPLY_CONTAINS, ONE_PER_KEY, draft_mix},
    {"dynamodb-ycsb-f", "dynamodb", REPLY_CONTAINS, ONE_PER_KEY, draft_mix},
    {"kinesis-put-record", "kinesis", REPLY_CONTAINS, ONE_PER_KEY, draft_put_record},
    {"kinesis-put-records", "kinesis", REPLY_CONTAINS, ONE_PER_KEY, draft_put_records},
    {"kinesis-get-records", "kinesis", REPLY_STATUS, ONE_FOR_ALL, draft_get_records},
    {"s3-get", "s3", REPLY_EQUALS, ONE_PER_KEY, draft_get_object},
    {"s3-put", "s3", REPLY_HEAD_CONTAINS, ONE_PER_KEY, draft_put_object},
    {"s3-get-large", "s3", REPLY_PATTERN, ONE_FOR_ALL, draft_get_large},
    {"s3-put-large", "s3", REPLY_HEAD_CONTAINS, ONE_PER_KEY, draft_put_large},
    {"s3-upload-part", "s3", REPLY_HEAD_CONTAINS, ONE_PER_KEY, draft_upload_part},
    {"s3-list", "s3", REPLY_STATUS, MADE_WHEN_SENT, draft_list},
    {"s3-put-empty", "s3", REPLY_HEAD_CONTAINS, MADE_WHEN_SENT, draft_put_empty},
    {"s3-delete-objects", "s3", REPLY_CONTAINS, MADE_WHEN_SENT, draft_delete_objects},
    {"http-get", NULL, REPLY_EQUALS, ONE_PER_KEY, draft_get_object},
    {"http-get-large", NULL, REPLY_PATTERN, ONE_FOR_ALL, draft_get_large},
};

const char *scenario_names(void)
{
    return "sts-get-caller-identity dynamodb-get-item dynamodb-put-item dynamodb-update-item "
           "dynamodb-query dynamodb-transact-write dynamodb-load dynamodb-get-any dynamodb-ycsb-a "
           "dynamodb-ycsb-b dynamodb-ycsb-c dynamodb-ycsb-d dynamodb-ycsb-e dynamodb-ycsb-f "
           "kinesis-put-record kinesis-put-records "
           "kinesis-get-records s3-get s3-put s3-get-large s3-put-large s3-upload-part s3-list "
           "s3-put-empty s3-delete-objects http-get http-get-large";
}

const char *scenario_pattern(void)
{
    static char pattern[PATTERN_SIZE + 1];
    if (!pattern[0])
        for (size_t i = 0; i < PATTERN_SIZE / 8; i++)
            snprintf(pattern + 8 * i, 9, "%08zu", i);
    return pattern;
}

/* The fields in the order of their names, as they are signed; those without a value are left out.
 */
static struct headers headers_of(struct scenario *scenario, const struct draft *draft,
                                 const struct request *request)
{
    const struct header all[MAX_HEADERS] = {
        {S("content-md5"), draft->content_md5},
        {S("content-type"), draft->content_type},
        {S("host"), scenario->options->host},
        {S("x-amz-content-sha256"), request->payload},
        {S("x-amz-date"), span_of(scenario->timestamp, 16)},
        {S("x-amz-target"), draft->target},
    };
    struct headers headers = {ARENA_ARRAY(&scenario->arena, struct header, MAX_HEADERS), 0};
    for (size_t i = 0; i < MAX_HEADERS; i++)
        if (!span_is_empty(all[i].value))
            headers.at[headers.count++] = all[i];
    return headers;
}

static struct span text_before_date(struct scenario *scenario, const struct request *request)
{
    struct buf text;
    buf_init(&text, 65536);
    buf_printf(&text, "%.*s %.*s%s%.*s HTTP/1.1\r\n", SPAN_ARG(request->signed_part.method),
               SPAN_ARG(request->signed_part.path), request->signed_part.query.len ? "?" : "",
               SPAN_ARG(request->signed_part.query));
    for (size_t i = 0; i < request->signed_part.headers.count; i++) {
        struct header header = request->signed_part.headers.at[i];
        if (!scenario->kind->service && span_starts(header.name, S("x-amz-")))
            continue;
        if (!span_eq(header.name, S("x-amz-date")))
            buf_printf(&text, "%.*s: %.*s\r\n", SPAN_ARG(header.name), SPAN_ARG(header.value));
    }
    if (request->body.len + request->pattern_len || span_eq(request->signed_part.method, S("PUT")))
        buf_printf(&text, "content-length: %llu\r\n",
                   (unsigned long long)(request->body.len + request->pattern_len));
    if (scenario->kind->service)
        buf_append(&text, S("x-amz-date: "));
    struct span copy = arena_copy(&scenario->arena, buf_span(&text));
    buf_done(&text);
    return copy;
}

static struct span payload_of(struct scenario *scenario, const struct draft *draft)
{
    uint8_t digest[SHA256_SIZE];
    if (draft->pattern_len)
        return S("UNSIGNED-PAYLOAD");
    sha256_of(draft->body, digest);
    return hex_of(&scenario->arena, span_of(digest, sizeof digest));
}

static void prepare(struct scenario *scenario, size_t i, struct request *request)
{
    struct draft draft;
    scenario->kind->draft(scenario, i, &draft);
    request->body = draft.body;
    request->pattern_len = draft.pattern_len;
    request->expected = draft.expected;
    request->payload = payload_of(scenario, &draft);
    request->signed_part = (struct sigv4_request){
        .method = span_of_cstr(draft.method),
        .path = draft.path,
        .query = draft.query,
        .s3 = scenario->kind->service && strcmp(scenario->kind->service, "s3") == 0,
    };
    request->signed_part.headers = headers_of(scenario, &draft, request);
    request->before_date = text_before_date(scenario, request);
    arena_reset(&scenario->scratch);
}

/* All requests of a scenario have the same fields. */
static struct span signed_headers_of(struct scenario *scenario)
{
    struct headers headers = scenario->ring[0].signed_part.headers;
    struct span *parts = ARENA_ARRAY(&scenario->arena, struct span, 2 * headers.count);
    for (size_t i = 0; i < headers.count; i++) {
        parts[2 * i] = headers.at[i].name;
        parts[2 * i + 1] = i + 1 < headers.count ? S(";") : S("");
    }
    return arena_join(&scenario->arena, parts, 2 * headers.count);
}

int scenario_init(struct scenario *scenario, struct span name, const struct options *options,
                  const struct scenario_share *share)
{
    *scenario = (struct scenario){.options = options, .second = -1};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (span_eq(name, span_of_cstr(kinds[i].name)))
            scenario->kind = &kinds[i];
    if (!scenario->kind)
        return 0;
    arena_init(&scenario->arena, 1 << 20, 1 << 30);
    arena_init(&scenario->scratch, 65536, 1 << 24);
    scenario->check = scenario->kind->check;
    enum REQUESTS requests = scenario->kind->requests;
    scenario->ring_size = requests == ONE_FOR_ALL    ? 1
                          : requests == SOME_RENEWED ? RENEWED
                                                     : options->keys;
    scenario->next = scenario->ring_size * share->thread / share->threads;
    scenario->number = options->first + options->keys * share->thread / share->threads;
    scenario->end = options->first + options->keys * (share->thread + 1) / share->threads;
    size_t prepared = requests == MADE_WHEN_SENT ? 1 : scenario->ring_size;
    scenario->ring = ARENA_ARRAY(&scenario->arena, struct request, prepared);
    for (size_t i = 0; i < prepared; i++)
        prepare(scenario, i, &scenario->ring[i]);
    scenario->claim = (struct sigv4_claim){
        .access_key = options->access_key,
        .region = options->region,
        .service = span_of_cstr(scenario->kind->service),
        .date = span_of(scenario->date, 8),
        .timestamp = span_of(scenario->timestamp, 16),
        .signed_headers = signed_headers_of(scenario),
    };
    scenario->prepared = arena_mark(&scenario->arena);
    return 1;
}

void scenario_done(struct scenario *scenario)
{
    arena_done(&scenario->arena);
    arena_done(&scenario->scratch);
}

/* What it writes to is the ring's own memory. */
static void renew(struct scenario *scenario, struct request *request)
{
    static const struct span field = S_INIT("x-amz-content-sha256: ");
    uint8_t digest[SHA256_SIZE];
    scenario->kind->renew(scenario, (char *)(uintptr_t)request->body.at, request->body.len);
    sha256_of(request->body, digest);
    hex_encode(digest, sizeof digest, (char *)(uintptr_t)request->payload.at);
    size_t sent = span_find(request->before_date, field) + field.len;
    memcpy((char *)(uintptr_t)request->before_date.at + sent, request->payload.at,
           2 * sizeof digest);
}

const struct request *scenario_next(struct scenario *scenario)
{
    size_t i = scenario->next;
    bool made = scenario->kind->requests == MADE_WHEN_SENT;
    struct request *request = &scenario->ring[made ? 0 : i];
    scenario->next = (i + 1) % scenario->ring_size;
    if (made) {
        arena_rewind(&scenario->arena, scenario->prepared);
        prepare(scenario, i, request);
    }
    if (scenario->kind->renew)
        renew(scenario, request);
    return request;
}

/* Once a second the time, once a day the key. */
static void set_time(struct scenario *scenario, int64_t now_ms)
{
    if (now_ms / 1000 == scenario->second)
        return;
    scenario->second = now_ms / 1000;
    (void)time_amz_date(now_ms, scenario->timestamp);
    if (memcmp(scenario->date, scenario->timestamp, 8) == 0)
        return;
    memcpy(scenario->date, scenario->timestamp, 8);
    sigv4_key(scenario->options->secret, scenario->claim.date, scenario->claim.region,
              scenario->claim.service, &scenario->key);
}

static char *put(char *at, struct span s)
{
    return s.len ? mempcpy(at, s.at, s.len) : at;
}

static char *put_signature(struct scenario *scenario, const struct request *request, char *at)
{
    const struct sigv4_claim *claim = &scenario->claim;
    struct arena_mark mark = arena_mark(&scenario->scratch);
    struct span canonical =
        sigv4_canonical(&scenario->scratch, &request->signed_part, claim, request->payload);
    struct span to_sign = sigv4_to_sign(&scenario->scratch, claim, canonical);
    at = put(at, claim->timestamp);
    at = put(at, S("\r\nauthorization: AWS4-HMAC-SHA256 Credential="));
    at = put(at, claim->access_key);
    const struct span scope[] = {S("/"),
                                 claim->date,
                                 S("/"),
                                 claim->region,
                                 S("/"),
                                 claim->service,
                                 S("/aws4_request, SignedHeaders="),
                                 claim->signed_headers,
                                 S(", Signature=")};
    for (size_t i = 0; i < ARRAY_LEN(scope); i++)
        at = put(at, scope[i]);
    sigv4_sign(&scenario->key, to_sign, at);
    arena_rewind(&scenario->scratch, mark);
    return put(at + 64, S("\r\n"));
}

size_t scenario_write(struct scenario *scenario, const struct request *request, int64_t now_ms,
                      char *to, size_t size)
{
    assert(request->before_date.len + request->body.len + 2048 <= size);
    char *at = put(to, request->before_date);
    if (scenario->kind->service) {
        set_time(scenario, now_ms);
        at = put_signature(scenario, request, at);
    }
    at = put(at, S("\r\n"));
    return (size_t)(put(at, request->body) - to);
}
