// SPDX-License-Identifier: Apache-2.0
/*
 * Counting requests by the filters of their bucket, which every thread keeps by their edition, and
 * showing the counters. On the call's home loop.
 */
#include "services/s3/metrics.h"

#include "engines/tally/tally.h"
#include "services/cloud.h"
#include "services/s3/condition_keys.h"
#include "services/s3/edition_cache.h"
#include "services/s3/filter.h"
#include "services/s3/object.h"
#include "services/s3/s3.h"

/* ---- which filters ------------------------------------------------------------------------- */

struct counter {
    struct span row;
    bool filtered; /* else it is about the whole bucket */
    struct filter filter;
};

struct counter_list {
    struct counter *at;
    size_t count;
    bool tagged; /* some filter looks at tags */
};

struct span metrics_rows(struct arena *arena, struct span bucket)
{
    return arena_printf(arena, "bucket=\"%.*s\",", SPAN_ARG(bucket));
}

struct span metrics_row(struct arena *arena, struct span bucket, struct span id)
{
    return arena_printf(arena, "bucket=\"%.*s\",filter_id=\"%.*s\"", SPAN_ARG(bucket),
                        SPAN_ARG(id));
}

static RESULT read_counter(struct call *c, struct arena *arena,
                           const struct s3_metrics_configuration *kept, struct counter *out)
{
    struct filter filter;
    out->filtered = kept->filter != NULL;
    if (!out->filtered)
        return OK;
    struct filter_wish wish = FILTER_WISH_OF(kept->filter);
    wish.point = kept->filter->access_point_arn;
    wish.and_point = kept->filter->and ? kept->filter->and->access_point_arn : SPAN_NONE;
    TRY(filter_read(c, &wish, &filter));
    out->filter = filter_copy(arena, &filter);
    return OK;
}

static RESULT read_counters(struct call *c, const struct s3_bucket_record *bucket,
                            struct arena *arena, struct counter_list *out)
{
    struct configuration_page page;
    TRY(configuration_all(c, bucket, &metrics_kind, &page));
    const struct s3_metrics_configuration *kept = page.at;
    *out = (struct counter_list){.at = ARENA_ARRAY(arena, struct counter, page.count)};
    for (; out->count < page.count; out->count++) {
        struct counter *counter = &out->at[out->count];
        counter->row = metrics_row(arena, bucket->name, kept[out->count].id);
        TRY(read_counter(c, arena, &kept[out->count], counter));
        out->tagged = out->tagged || counter->filter.tags.count;
    }
    return OK;
}

/* NULL where they cannot be read: the call is not counted then. */
static const struct counter_list *counters_of(struct call *c, const struct s3_bucket_record *bucket)
{
    const void **cached;
    struct arena *arena = edition_cache_at(bucket->metrics_edition, &cached);
    if (*cached)
        return *cached;
    struct counter_list *list = ARENA_NEW(arena, struct counter_list);
    if (read_counters(c, bucket, arena, list) != OK)
        return NULL;
    *cached = list;
    return list;
}

/* ---- what about ----------------------------------------------------------------------------- */

/* Of the object as it is now; none where there is none. */
static bool read_tags(struct call *c, const struct note *note, struct s3_pair_list *out)
{
    struct place place;
    struct object_found found;
    struct object_name name = {.key = note->key, .version_id = condition_key_version(c)};
    bool there = false;
    if (span_is_empty(note->key) ||
        place_open_in(c, c->txn, (struct place_name){.bucket = note->bucket}, &place) != OK ||
        object_find_version(c, &place, &name, &found, &there) != OK || !there)
        return false;
    *out = found.attributes.tags;
    return true;
}

/* A deletion is of the object that was there. */
void metrics_begin(struct call *c, const struct s3_bucket_record *bucket, struct note *note)
{
    const struct counter_list *counters = counters_of(c, bucket);
    if (counters && counters->tagged && span_eq(c->method, S("DELETE")))
        read_tags(c, note, &note->tags);
}

static bool covers(const struct counter *counter, const struct filter_subject *subject)
{
    if (!counter->filtered)
        return true;
    return subject->key.len && filter_covers(&counter->filter, subject);
}

/* ---- counting ------------------------------------------------------------------------------- */

enum COUNTED {
    ALL_REQUESTS,
    GET_REQUESTS,
    PUT_REQUESTS,
    DELETE_REQUESTS,
    HEAD_REQUESTS,
    POST_REQUESTS,
    LIST_REQUESTS,
    ERRORS_4XX,
    ERRORS_5XX,
    BYTES_DOWNLOADED,
    BYTES_UPLOADED,
    FIRST_BYTE_MS,
    TOTAL_MS,
    TOTAL_REQUESTS, /* those of which the total latency is known */
};

/* Which kind of request, beside AllRequests. GetRequests and PutRequests are about objects, and
 * deletions of many are no PostRequests. Source: "Amazon S3 request metrics in CloudWatch". */
static enum COUNTED kind_of(struct call *c, const struct note *note)
{
    static const struct {
        struct span operation;
        enum COUNTED kind;
    } operations[] = {
        {S_INIT("DeleteObjects"), DELETE_REQUESTS},
        {S_INIT("ListMultipartUploads"), LIST_REQUESTS},
        {S_INIT("ListObjectVersions"), LIST_REQUESTS},
        {S_INIT("ListObjects"), LIST_REQUESTS},
        {S_INIT("ListObjectsV2"), LIST_REQUESTS},
        {S_INIT("ListParts"), LIST_REQUESTS},
    };
    static const struct {
        struct span method;
        enum COUNTED kind;
        bool of_objects;
    } methods[] = {
        {S_INIT("GET"), GET_REQUESTS, true},       {S_INIT("PUT"), PUT_REQUESTS, true},
        {S_INIT("DELETE"), DELETE_REQUESTS, true}, {S_INIT("HEAD"), HEAD_REQUESTS, false},
        {S_INIT("POST"), POST_REQUESTS, false},
    };
    struct span name = service_text(c->service, c->operation->name);
    for (size_t i = 0; i < ARRAY_LEN(operations); i++)
        if (span_eq(name, operations[i].operation))
            return operations[i].kind;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (span_eq(c->method, methods[i].method))
            return methods[i].of_objects && !note->key.len ? ALL_REQUESTS : methods[i].kind;
    return ALL_REQUESTS;
}

/* The object's own bytes, where they came in chunks of aws-chunked. */
static uint64_t bytes_of_request(struct call *c)
{
    static const struct span names[] = {S_INIT("x-amz-decoded-content-length"),
                                        S_INIT("content-length")};
    uint64_t bytes;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (span_to_u64(header_get(c->request_headers, names[i]), &bytes))
            return bytes;
    return 0;
}

void metrics_count(struct call *c, struct note *note, const struct reply_facts *facts)
{
    uint64_t more[TALLY_WIDTH] = {
        [ALL_REQUESTS] = 1,
        [ERRORS_4XX] = facts->status >= 400 && facts->status < 500,
        [ERRORS_5XX] = facts->status >= 500,
        [BYTES_DOWNLOADED] = facts->bytes,
        [BYTES_UPLOADED] = bytes_of_request(c),
        [FIRST_BYTE_MS] = (uint64_t)facts->ms,
    };
    struct filter_subject subject = {.key = note->key, .tags = &note->tags, .point = c->reached_by};
    struct s3_bucket_record bucket = {.name = note->bucket};
    if (s3_bucket_record_get(c->txn, c->arena, &bucket) != 0 || !bucket.metrics_edition)
        return; /* since then */
    const struct counter_list *counters = counters_of(c, &bucket);
    if (!counters)
        return;
    more[kind_of(c, note)] = 1;
    if (counters->tagged)
        read_tags(c, note, &note->tags);
    note->counted = ARENA_ARRAY(c->arena, struct span, counters->count);
    for (size_t i = 0; i < counters->count; i++) {
        if (!covers(&counters->at[i], &subject))
            continue;
        tally_add(c->cloud->s3_requests, counters->at[i].row, more);
        note->counted[note->counted_count++] = arena_copy(c->arena, counters->at[i].row);
    }
}

void metrics_count_total(struct call *c, const struct note *note, int64_t ms)
{
    uint64_t more[TALLY_WIDTH] = {[TOTAL_MS] = (uint64_t)ms, [TOTAL_REQUESTS] = 1};
    for (size_t i = 0; i < note->counted_count; i++)
        tally_add(c->cloud->s3_requests, note->counted[i], more);
}

/* ---- shown ---------------------------------------------------------------------------------- */

static void print_row(void *user, struct span row, const uint64_t counters[TALLY_WIDTH])
{
    static const struct {
        const char *name;
        enum COUNTED at;
    } numbers[] = {
        {"all_requests_total", ALL_REQUESTS},
        {"get_requests_total", GET_REQUESTS},
        {"put_requests_total", PUT_REQUESTS},
        {"delete_requests_total", DELETE_REQUESTS},
        {"head_requests_total", HEAD_REQUESTS},
        {"post_requests_total", POST_REQUESTS},
        {"list_requests_total", LIST_REQUESTS},
        {"4xx_errors_total", ERRORS_4XX},
        {"5xx_errors_total", ERRORS_5XX},
        {"bytes_downloaded_total", BYTES_DOWNLOADED},
        {"bytes_uploaded_total", BYTES_UPLOADED},
        {"first_byte_latency_seconds_count", ALL_REQUESTS},
        {"total_request_latency_seconds_count", TOTAL_REQUESTS},
    };
    struct buf *out = user;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        buf_printf(out, "kintoun_s3_%s{%.*s} %llu\n", numbers[i].name, SPAN_ARG(row),
                   (unsigned long long)counters[numbers[i].at]);
    buf_printf(out, "kintoun_s3_first_byte_latency_seconds_sum{%.*s} %.3f\n", SPAN_ARG(row),
               (double)counters[FIRST_BYTE_MS] / 1e3);
    buf_printf(out, "kintoun_s3_total_request_latency_seconds_sum{%.*s} %.3f\n", SPAN_ARG(row),
               (double)counters[TOTAL_MS] / 1e3);
}

void s3_print_metrics(const struct cloud *cloud, struct buf *out)
{
    tally_each(cloud->s3_requests, print_row, out);
}
