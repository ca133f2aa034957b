// SPDX-License-Identifier: Apache-2.0
/*
 * Configurations of S3 Intelligent-Tiering: checked, kept, and made known to the sweep. Writes on
 * the control thread. Sources: PutBucketIntelligentTieringConfiguration, Tiering, and the answers
 * of S3.
 */
#include "services/s3/tiering_configuration.h"

#include "services/s3/filter.h"
#include "services/s3/sweep.h"

#define DAYS_MOST 730

const struct configuration_kind tiering_kind = {
    S_INIT("intelligent-tiering"), S3_SHAPE_INTELLIGENT_TIERING_CONFIGURATION,
    sizeof(struct s3_intelligent_tiering_configuration)};

#define NAME_OF(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})

/* S3 says so of the least; of the most and of twice the same tier no answer is known. */
static RESULT check_tiering(struct call *c, const struct s3_tiering *tiering)
{
    int32_t least = span_eq(tiering->access_tier, S("ARCHIVE_ACCESS")) ? 90 : 180;
    if (tiering->days < least)
        return refuse(c, &S3_INVALID_ARGUMENT,
                      "Days specified in %.*s tier should not be less than %d",
                      SPAN_ARG(tiering->access_tier), (int)least);
    if (tiering->days > DAYS_MOST)
        return refuse(c, &S3_INVALID_ARGUMENT,
                      "Days specified in %.*s tier should not be more than %d",
                      SPAN_ARG(tiering->access_tier), DAYS_MOST);
    return OK;
}

static RESULT check_tierings(struct call *c, const struct s3_tiering_list *tierings)
{
    if (tierings->count == 0)
        return place_refuse_xml(c);
    for (size_t i = 0; i < tierings->count; i++) {
        TRY(check_tiering(c, &tierings->at[i]));
        for (size_t j = 0; j < i; j++)
            if (span_eq(tierings->at[i].access_tier, tierings->at[j].access_tier))
                return place_refuse_xml(c);
    }
    return OK;
}

/* Of the bucket: whether it has any, and that the sweep looks at it. */
static void keep_bucket(struct call *c, const struct s3_bucket_record *bucket)
{
    s3_bucket_record_put(c->txn, bucket);
    sweep_schedule(c, bucket);
}

RESULT s3_put_bucket_intelligent_tiering_configuration(
    struct call *c, const struct s3_put_bucket_intelligent_tiering_configuration_in *in,
    struct s3_put_bucket_intelligent_tiering_configuration_out *out)
{
    struct s3_bucket_record bucket;
    const struct s3_intelligent_tiering_configuration *wish = in->intelligent_tiering_configuration;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(configuration_check_id(c, in->id, in->id));
    if (!span_eq(in->id, wish->id))
        return place_refuse_xml(c); /* not as the other kinds: what S3 answers */
    if (wish->filter) {
        struct filter filter;
        struct filter_wish filter_wish = FILTER_WISH_OF(wish->filter);
        TRY(filter_read(c, &filter_wish, &filter));
    }
    TRY(check_tierings(c, &wish->tierings));
    TRY(configuration_put(c, &bucket, &tiering_kind, in->id, wish));
    bucket.tiered = true;
    keep_bucket(c, &bucket);
    return OK;
}

RESULT s3_get_bucket_intelligent_tiering_configuration(
    struct call *c, const struct s3_get_bucket_intelligent_tiering_configuration_in *in,
    struct s3_get_bucket_intelligent_tiering_configuration_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    out->intelligent_tiering_configuration =
        ARENA_NEW(c->arena, struct s3_intelligent_tiering_configuration);
    return configuration_get(c, &bucket, &tiering_kind, in->id,
                             out->intelligent_tiering_configuration);
}

RESULT s3_list_bucket_intelligent_tiering_configurations(
    struct call *c, const struct s3_list_bucket_intelligent_tiering_configurations_in *in,
    struct s3_list_bucket_intelligent_tiering_configurations_out *out)
{
    struct s3_bucket_record bucket;
    struct configuration_page page;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(configuration_list(c, &bucket, &tiering_kind, in->continuation_token, &page));
    CONFIGURATION_SHOW(in, out, intelligent_tiering_configuration_list, &page);
    return OK;
}

RESULT s3_delete_bucket_intelligent_tiering_configuration(
    struct call *c, const struct s3_delete_bucket_intelligent_tiering_configuration_in *in,
    struct s3_delete_bucket_intelligent_tiering_configuration_out *out)
{
    struct s3_bucket_record bucket;
    struct configuration_page left;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(configuration_delete(c, &bucket, &tiering_kind, in->id));
    TRY(configuration_all(c, &bucket, &tiering_kind, &left));
    bucket.tiered = left.count > 0;
    keep_bucket(c, &bucket);
    return OK;
}
