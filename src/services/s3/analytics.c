// SPDX-License-Identifier: Apache-2.0
/*
 * Analytics configurations: checked, kept, and made known to the threads that count requests and to
 * the task that makes the analyses. An observation begins anew when its configuration is about
 * other objects. Writes on the control thread. Sources: PutBucketAnalyticsConfiguration, and the
 * answers of S3.
 */
#include "services/s3/analytics.h"

#include "base/id.h"
#include "services/s3/background.h"
#include "services/s3/service_put.h"
#include "store/key.h"
#include "wire/codec.h"

#include <errno.h>

#define FILTER_MAX (1 << 20) /* bytes of JSON */
#define LOCKED 0x5c          /* keyspace of the counts */

const struct configuration_kind analytics_kind = {S_INIT("analytics"),
                                                  S3_SHAPE_ANALYTICS_CONFIGURATION,
                                                  sizeof(struct s3_analytics_configuration)};

#define NAME_OF(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})

void analytics_lock(struct call *c, struct span bucket)
{
    struct key key;
    key_begin(&key, LOCKED);
    key_text(&key, bucket);
    struct span name = key_span(&key);
    txn_lock(c->txn, &name, 1);
}

/* ---- what is observed ----------------------------------------------------------------------- */

RESULT analytics_filter(struct call *c, const struct s3_analytics_configuration *wish,
                        struct filter *out)
{
    *out = (struct filter){.prefix = SPAN_NONE};
    if (!wish->filter)
        return OK;
    struct filter_wish filter = FILTER_WISH_OF(wish->filter);
    return filter_read(c, &filter, out);
}

static struct span filter_text(struct call *c, const struct s3_analytics_configuration *wish)
{
    struct buf *json = arena_buf(c->arena, FILTER_MAX);
    if (wish->filter)
        wire_json_write(&s3_service, S3_SHAPE_ANALYTICS_FILTER, wish->filter, json);
    return buf_span(json);
}

static int forget_count(void *user, struct s3_analytics_count *count)
{
    struct call *c = user;
    s3_analytics_count_delete(c->txn, count);
    return 0;
}

static int forget_day(void *user, struct s3_analytics_day *day)
{
    struct call *c = user;
    s3_analytics_day_delete(c->txn, day);
    return 0;
}

/* Everything of the bucket, or of one observation: `keys` of them are said. */
static RESULT forget(struct call *c, uint64_t bucket, uint64_t edition, int keys)
{
    struct s3_analytics_count counts = {.bucket = bucket, .edition = edition};
    struct s3_analytics_day days = {.bucket = bucket, .edition = edition};
    int result = s3_analytics_count_each(c->txn, &counts, keys, c->arena, forget_count, c);
    if (result == 0)
        result = s3_analytics_day_each(c->txn, &days, keys, c->arena, forget_day, c);
    return result < 0 ? refuse_errno(c, result, "forgetting an analysis") : OK;
}

RESULT analytics_forget(struct call *c, const struct s3_bucket_record *bucket)
{
    return forget(c, bucket->id, 0, 1);
}

static RESULT end_observation(struct call *c, const struct s3_bucket_record *bucket, struct span id)
{
    struct s3_analytics analytics = {.bucket = bucket->name, .id = id};
    struct s3_analytics_run run = {.bucket = bucket->name, .id = id};
    int result = s3_analytics_get(c->txn, c->arena, &analytics);
    if (result < 0)
        return result == -ENOENT ? OK : refuse_errno(c, result, "reading an analysis");
    s3_analytics_delete(c->txn, &analytics);
    s3_analytics_run_delete(c->txn, &run);
    return forget(c, bucket->id, analytics.edition, 2);
}

/* Goes on where the old configuration is about the same objects. */
static RESULT begin_observation(struct call *c, const struct s3_bucket_record *bucket,
                                const struct s3_analytics_configuration *wish)
{
    struct s3_analytics_configuration old = {.id = SPAN_NONE};
    if (configuration_get(c, bucket, &analytics_kind, wish->id, &old) == OK &&
        span_eq(filter_text(c, &old), filter_text(c, wish)))
        return OK;
    TRY(end_observation(c, bucket, wish->id));
    s3_analytics_put(c->txn, &(struct s3_analytics){.bucket = bucket->name,
                                                    .id = wish->id,
                                                    .edition = random_u64(),
                                                    .begun = c->now_ms});
    return OK;
}

/* ---- rows ----------------------------------------------------------------------------------- */

struct s3_analytics_row *analytics_row(struct arena *arena, struct s3_analytics_row_list *rows,
                                       struct span class, enum AGE age)
{
    for (size_t i = 0; i < rows->count; i++)
        if (rows->at[i].group == age && span_eq(rows->at[i].class, class))
            return &rows->at[i];
    struct s3_analytics_row *all = ARENA_ARRAY(arena, struct s3_analytics_row, rows->count + 1);
    if (rows->count)
        memcpy(all, rows->at, rows->count * sizeof *all);
    rows->at = all;
    struct s3_analytics_row *row = &all[rows->count++];
    row->class = arena_copy(arena, class);
    row->group = age;
    return row;
}

void analytics_add(struct s3_analytics_row *to, const struct s3_analytics_row *from)
{
    to->objects += from->objects;
    to->stored += from->stored;
    to->uploaded += from->uploaded;
    to->retrieved += from->retrieved;
    to->gets += from->gets;
}

/* ---- operations ----------------------------------------------------------------------------- */

/* Unlike those of inventories, an id that is not the document's is a fault of the document. Source:
 * a recorded answer of S3. */
static RESULT check_id(struct call *c, struct span id, struct span document_id)
{
    TRY(configuration_check_id(c, id, id));
    return span_eq(id, document_id) ? OK : place_refuse_xml(c);
}

static RESULT check_export(struct call *c, const struct s3_bucket_record *bucket,
                           const struct s3_storage_class_analysis_data_export *wish)
{
    if (!wish)
        return OK;
    const struct s3_analytics_s3_bucket_destination *target =
        wish->destination->s3_bucket_destination;
    return service_put_check_target(c, bucket, target->bucket, target->bucket_account_id);
}

RESULT
s3_put_bucket_analytics_configuration(struct call *c,
                                      const struct s3_put_bucket_analytics_configuration_in *in,
                                      struct s3_put_bucket_analytics_configuration_out *out)
{
    struct s3_bucket_record bucket;
    struct filter filter;
    const struct s3_analytics_configuration *wish = in->analytics_configuration;
    analytics_lock(c, in->bucket);
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(check_id(c, in->id, wish->id));
    TRY(analytics_filter(c, wish, &filter));
    TRY(check_export(c, &bucket, wish->storage_class_analysis->data_export));
    TRY(begin_observation(c, &bucket, wish));
    TRY(configuration_put(c, &bucket, &analytics_kind, in->id, wish));
    bucket.analytics_edition = random_u64() | 1;
    s3_bucket_record_put(c->txn, &bucket);
    background_wake(c, BACKGROUND_ANALYTICS);
    return OK;
}

RESULT
s3_get_bucket_analytics_configuration(struct call *c,
                                      const struct s3_get_bucket_analytics_configuration_in *in,
                                      struct s3_get_bucket_analytics_configuration_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    out->analytics_configuration = ARENA_NEW(c->arena, struct s3_analytics_configuration);
    return configuration_get(c, &bucket, &analytics_kind, in->id, out->analytics_configuration);
}

RESULT
s3_list_bucket_analytics_configurations(struct call *c,
                                        const struct s3_list_bucket_analytics_configurations_in *in,
                                        struct s3_list_bucket_analytics_configurations_out *out)
{
    struct s3_bucket_record bucket;
    struct configuration_page page;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(configuration_list(c, &bucket, &analytics_kind, in->continuation_token, &page));
    CONFIGURATION_SHOW(in, out, analytics_configuration_list, &page);
    return OK;
}

RESULT s3_delete_bucket_analytics_configuration(
    struct call *c, const struct s3_delete_bucket_analytics_configuration_in *in,
    struct s3_delete_bucket_analytics_configuration_out *out)
{
    struct s3_bucket_record bucket;
    struct configuration_page left;
    analytics_lock(c, in->bucket);
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(configuration_delete(c, &bucket, &analytics_kind, in->id));
    TRY(end_observation(c, &bucket, in->id));
    TRY(configuration_all(c, &bucket, &analytics_kind, &left));
    bucket.analytics_edition = left.count ? random_u64() | 1 : 0;
    s3_bucket_record_put(c->txn, &bucket);
    return OK;
}
