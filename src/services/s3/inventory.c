// SPDX-License-Identifier: Apache-2.0
/*
 * Inventory configurations: checked, kept, and made known to the task that writes the reports.
 * Writes on the control thread. Sources: PutBucketInventoryConfiguration, and the answers of S3.
 */
#include "services/s3/inventory.h"

#include "base/id.h"
#include "base/time.h"
#include "services/s3/background.h"
#include "services/s3/lifecycle.h"
#include "services/s3/service_put.h"

static const struct configuration_kind kind = {S_INIT("inventory"),
                                               S3_SHAPE_INVENTORY_CONFIGURATION,
                                               sizeof(struct s3_inventory_configuration)};

#define NAME_OF(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})

int64_t inventory_next(const struct s3_inventory_configuration *wish, int64_t ms)
{
    int64_t next = lifecycle_midnight(ms + 1);
    while (span_eq(wish->schedule->frequency, S("Weekly")) && time_civil(next).weekday != 0)
        next += DAY_MS;
    return next;
}

RESULT inventory_load(struct call *c, const struct s3_bucket_record *bucket, struct span id,
                      struct s3_inventory_configuration *out)
{
    *out = (struct s3_inventory_configuration){.id = SPAN_NONE};
    return configuration_get(c, bucket, &kind, id, out);
}

/* What reports cannot say yet. */
static RESULT check_fields(struct call *c, const struct s3_inventory_optional_fields *fields)
{
    static const struct span unbuilt[] = {
        S_INIT("ObjectAccessControlList"),         S_INIT("ObjectLockEventHoldStatus"),
        S_INIT("ObjectLockEventHoldDuration"),     S_INIT("LifecycleExpirationDate"),
        S_INIT("IntelligentTieringReferenceDate"),
    };
    for (size_t i = 0; i < fields->count; i++)
        for (size_t j = 0; j < ARRAY_LEN(unbuilt); j++)
            if (span_eq(fields->at[i], unbuilt[j]))
                return refuse(c, &S3_NOT_IMPLEMENTED,
                              "The field %.*s of inventories is not implemented by kintoun yet.",
                              SPAN_ARG(unbuilt[j]));
    return OK;
}

static RESULT check_destination(struct call *c, const struct s3_bucket_record *bucket,
                                const struct s3_inventory_s3_bucket_destination *wish)
{
    TRY(service_put_check_target(c, bucket, wish->bucket, wish->account_id));
    if (!span_eq(wish->format, S("CSV")))
        return refuse(c, &S3_NOT_IMPLEMENTED,
                      "Inventories are written as CSV; %.*s is not implemented by kintoun yet.",
                      SPAN_ARG(wish->format));
    if (wish->encryption && wish->encryption->ssekms)
        return refuse(c, &S3_NOT_IMPLEMENTED, "SSE-KMS is not implemented by kintoun yet.");
    return OK;
}

void inventory_forget(struct call *c, struct span bucket, struct span id)
{
    s3_inventory_delete(c->txn, &(struct s3_inventory){.bucket = bucket, .id = id});
    s3_inventory_run_delete(c->txn, &(struct s3_inventory_run){.bucket = bucket, .id = id});
}

RESULT
s3_put_bucket_inventory_configuration(struct call *c,
                                      const struct s3_put_bucket_inventory_configuration_in *in,
                                      struct s3_put_bucket_inventory_configuration_out *out)
{
    struct s3_bucket_record bucket;
    const struct s3_inventory_configuration *wish = in->inventory_configuration;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(configuration_check_id(c, in->id, wish->id));
    TRY(check_destination(c, &bucket, wish->destination->s3_bucket_destination));
    TRY(check_fields(c, &wish->optional_fields));
    TRY(configuration_put(c, &bucket, &kind, in->id, wish));
    struct s3_inventory inventory = {.bucket = in->bucket, .id = in->id, .edition = random_u64()};
    if (!wish->is_enabled) {
        inventory_forget(c, in->bucket, in->id);
        return OK;
    }
    s3_inventory_put(c->txn, &inventory);
    background_wake(c, BACKGROUND_INVENTORY);
    return OK;
}

RESULT
s3_get_bucket_inventory_configuration(struct call *c,
                                      const struct s3_get_bucket_inventory_configuration_in *in,
                                      struct s3_get_bucket_inventory_configuration_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    out->inventory_configuration = ARENA_NEW(c->arena, struct s3_inventory_configuration);
    return inventory_load(c, &bucket, in->id, out->inventory_configuration);
}

RESULT
s3_list_bucket_inventory_configurations(struct call *c,
                                        const struct s3_list_bucket_inventory_configurations_in *in,
                                        struct s3_list_bucket_inventory_configurations_out *out)
{
    struct s3_bucket_record bucket;
    struct configuration_page page;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(configuration_list(c, &bucket, &kind, in->continuation_token, &page));
    CONFIGURATION_SHOW(in, out, inventory_configuration_list, &page);
    return OK;
}

RESULT s3_delete_bucket_inventory_configuration(
    struct call *c, const struct s3_delete_bucket_inventory_configuration_in *in,
    struct s3_delete_bucket_inventory_configuration_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(configuration_delete(c, &bucket, &kind, in->id));
    inventory_forget(c, in->bucket, in->id);
    return OK;
}
