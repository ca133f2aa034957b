// SPDX-License-Identifier: Apache-2.0
/*
 * How a bulk operation goes on: first its objects are counted, then they are read in the order of
 * their keys, then what is left of its report is written. A step is a transaction with the record
 * of the operation in it. Workers, but for bulk_finish.
 */
#include "services/dynamodb/bulk.h"

#include "base/time.h"
#include "services/dynamodb/object_reader.h"
#include "services/dynamodb/reference.h"

#include <errno.h>

#define OBJECTS_MAX 50000
#define OBJECT_MAX (5ULL << 30)
#define KEPT_MS (90 * DAY_MS)
#define REPORT_CEILING (64 << 20)

static void fail(struct dynamodb_bulk *bulk, struct span code, struct span message)
{
    bulk->state = TRANSFER_ENDING;
    bulk->failure_code = code;
    bulk->failure = message;
}

static void fail_by(struct call *c, struct dynamodb_bulk *bulk, const struct refusal *refusal)
{
    fail(bulk, transfer_failure(c, refusal), refusal->message);
}

/* ---- objects -------------------------------------------------------------------------------- */

static RESULT list(struct call *c, const struct dynamodb_bulk *bulk, struct span after,
                   struct s3_listed *ret)
{
    const struct s3_subject subject = {bulk->bucket, bulk->prefix.at ? bulk->prefix : S(""),
                                       bulk->owner};
    return s3_list(c, &subject, after, ret);
}

static void step_count(struct call *c, struct dynamodb_bulk *bulk)
{
    struct s3_listed listed;
    const struct refusal *refusal = list(c, bulk, bulk->listed, &listed);
    if (refusal) {
        fail_by(c, bulk, refusal);
        return;
    }
    bulk->objects += listed.count;
    for (size_t i = 0; i < listed.count; i++) {
        bulk->total += listed.sizes[i];
        if (listed.sizes[i] > OBJECT_MAX || bulk->objects > OBJECTS_MAX) {
            fail(bulk, S("InputLimitExceeded"),
                 S("The input has more than 50,000 objects, or one of more than 5 GB"));
            return;
        }
    }
    if (listed.count)
        bulk->listed = listed.keys[listed.count - 1];
    bulk->sized = !listed.more;
    if (bulk->sized && !bulk->objects)
        fail(bulk, S("S3NoSuchKey"), S("No object has the prefix"));
}

/* Whether the report of this operation has it, which may lie where the input does. */
static bool is_own(struct call *c, const struct dynamodb_bulk *bulk, struct span key)
{
    return span_eq(bulk->bucket, bulk->out_bucket) && span_starts(key, bulk_folder(c, bulk));
}

/* The next of those that were counted. */
static void step_next(struct call *c, struct dynamodb_bulk *bulk)
{
    struct s3_listed listed;
    size_t i = 0;
    const struct refusal *refusal = list(c, bulk, bulk->object, &listed);
    if (refusal) {
        fail_by(c, bulk, refusal);
        return;
    }
    while (i < listed.count && is_own(c, bulk, listed.keys[i]))
        i++;
    if (i < listed.count && span_compare(listed.keys[i], bulk->listed) <= 0) {
        bulk->object = listed.keys[i];
        bulk->object_done = false;
        bulk->offset = bulk->line = 0;
    } else {
        bulk->all_read = true;
    }
}

static void end_object(struct dynamodb_bulk *bulk)
{
    bulk->object_done = true;
    bulk->bytes += bulk->bytes_now;
    bulk->bytes_now = 0;
}

/* One that cannot be read on is left behind. */
static void leave_object(struct dynamodb_bulk *bulk, const char *why, struct bulk_lines *lines)
{
    bulk->failed++;
    bulk->processed++;
    bulk_tell_object(bulk, span_of_cstr(why), lines);
    end_object(bulk);
}

/* What may still be written in this second. */
static double units_left(const struct call *c, const struct dynamodb_bulk *bulk,
                         struct bulk_pace *pace)
{
    if (pace->second != c->now_ms / 1000) {
        pace->second = c->now_ms / 1000;
        pace->units = 0;
    }
    return bulk->max_units ? (double)bulk->max_units - pace->units : (double)UINT32_MAX;
}

static int write_text(struct call *c, struct dynamodb_bulk *bulk, struct bulk_pace *pace,
                      struct bulk_lines *lines)
{
    struct object_reader *reader = pace->reader;
    bool over = object_reader_is_over(reader);
    struct bulk_text text = {.text = object_reader_text(reader),
                             .rest = over ? BULK_NOTHING_FOLLOWS : BULK_MORE_FOLLOWS,
                             .units = units_left(c, bulk, pace)};
    int error = bulk_write(c, bulk, &text, lines);
    if (error < 0)
        return error;
    pace->units += text.used;
    object_reader_take(reader, text.taken);
    bulk->offset += text.taken;
    bulk->bytes_now = object_reader_position(reader);
    if (!text.taken && text.text.len > OBJECT_RECORD_MAX)
        leave_object(bulk, "A record is too long", lines);
    else if (over && text.taken == text.text.len)
        end_object(bulk);
    return 0;
}

/* Reads, or writes: what S3 has locked in a transaction is the last that it may lock. */
static int step_object(struct call *c, struct dynamodb_bulk *bulk, struct bulk_pace *pace)
{
    const struct object_source source = {.of = bulk->id,
                                         .bucket = bulk->bucket,
                                         .object = bulk->object,
                                         .owner = bulk->owner,
                                         .packing = bulk->packing,
                                         .offset = bulk->offset};
    struct bulk_lines lines = {
        {arena_buf(c->arena, REPORT_CEILING), arena_buf(c->arena, REPORT_CEILING)}};
    struct object_reader *reader = object_reader_for(&pace->reader, &source);
    bool good = true;
    int error = 0;
    if (!object_reader_wants(reader)) {
        error = write_text(c, bulk, pace, &lines);
    } else {
        const struct refusal *refusal = object_reader_fill(c, reader, &source, &good);
        if (refusal)
            fail_by(c, bulk, refusal);
        else if (!good)
            leave_object(bulk, "The object cannot be decompressed", &lines);
    }
    bulk_keep(c, bulk, &lines);
    return error;
}

static void step_report(struct call *c, struct dynamodb_bulk *bulk)
{
    bool more;
    const struct refusal *refusal = bulk_report(c, bulk, &more);
    if (refusal)
        fail_by(c, bulk, refusal);
    else if (!more)
        bulk->state = TRANSFER_ENDING;
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* The table is the one that it began with. */
static int check_table(struct call *c, struct dynamodb_bulk *bulk)
{
    struct dynamodb_table table = reference_key(c, bulk->table);
    int error = dynamodb_table_get(c->txn, c->arena, &table);
    if (error == -ENOENT || (!error && !span_eq(table.id, bulk->table_id)))
        fail(bulk, S("ResourceNotFoundException"), S("The table was deleted"));
    return error == -ENOENT ? 0 : error;
}

/* What was written stays; what was told of it is still reported. */
static int check_cancel(struct call *c, struct dynamodb_bulk *bulk)
{
    struct dynamodb_bulk_cancel cancel = {.id = bulk->id};
    int error = dynamodb_bulk_cancel_get(c->txn, c->arena, &cancel);
    if (error)
        return error == -ENOENT ? 0 : error;
    bulk->failure_code = S("OperationCancelled");
    bulk->failure = S("The operation was cancelled by a request");
    bulk->all_read = true;
    return 0;
}

static int take_one_step(struct call *c, struct dynamodb_bulk *bulk, struct bulk_pace *pace)
{
    if (bulk->all_read || bulk_is_full(bulk))
        step_report(c, bulk);
    else if (!bulk->sized)
        step_count(c, bulk);
    else if (bulk->object_done)
        step_next(c, bulk);
    else
        return step_object(c, bulk, pace);
    return 0;
}

/* The oldest one that runs. */
static int take_running(void *user, struct dynamodb_bulk *bulk)
{
    if (bulk->state == TRANSFER_RUNNING)
        *(struct dynamodb_bulk *)user = *bulk;
    return 0;
}

int bulk_step(struct call *c, struct bulk_pace *pace)
{
    struct dynamodb_bulk bulk = {.state = 0};
    pace->waiting = false;
    int error =
        dynamodb_bulk_each(c->txn, &(struct dynamodb_bulk){0}, 0, c->arena, take_running, &bulk);
    if (error < 0 || !bulk.state)
        return error;
    const struct transfer_actor actor = {bulk.account, bulk.region, bulk.access_key};
    error = transfer_act_for(c, &actor);
    if (error == -ENOENT) {
        fail(&bulk, S("S3AccessDenied"), S("The credentials of the request are gone"));
        error = 0;
    } else if (!error) {
        error = check_table(c, &bulk);
    }
    if (!error && bulk.state == TRANSFER_RUNNING)
        error = check_cancel(c, &bulk);
    if (!error && bulk.state == TRANSFER_RUNNING) {
        bool writes = bulk.sized && !bulk.all_read && !bulk.object_done;
        pace->waiting = writes && units_left(c, &bulk, pace) <= 0;
        if (pace->waiting)
            return 0;
        error = take_one_step(c, &bulk, pace);
    }
    if (error == -ENOENT) /* the table is on its way out: the next step sees that it is gone */
        return 0;
    if (error < 0)
        return error;
    dynamodb_bulk_put(c->txn, &bulk);
    return 1;
}

/* ---- the end -------------------------------------------------------------------------------- */

struct ending {
    struct call *c;
    int count;
};

static int forget(struct call *c, const struct dynamodb_bulk *bulk)
{
    const struct dynamodb_bulk_cancel cancel = {.id = bulk->id};
    const struct dynamodb_bulk_token token = {
        .account = bulk->account, .region = bulk->region, .token = bulk->token};
    dynamodb_bulk_cancel_delete(c->txn, &cancel);
    if (bulk->token.at)
        dynamodb_bulk_token_delete(c->txn, &token);
    dynamodb_bulk_delete(c->txn, bulk);
    return 0;
}

static int end_one(void *user, struct dynamodb_bulk *bulk)
{
    struct ending *ending = user;
    if (bulk->ended && bulk->ended + KEPT_MS < ending->c->now_ms)
        return forget(ending->c, bulk);
    if (bulk->state != TRANSFER_ENDING)
        return 0;
    ending->count++;
    bulk->state = span_is_absent(bulk->failure_code) ? TRANSFER_COMPLETED : TRANSFER_FAILED;
    bulk->ended = ending->c->now_ms;
    dynamodb_bulk_put(ending->c->txn, bulk);
    return 0;
}

int bulk_finish(struct call *c)
{
    struct ending ending = {.c = c};
    int error =
        dynamodb_bulk_each(c->txn, &(struct dynamodb_bulk){0}, 0, c->arena, end_one, &ending);
    return error < 0 ? error : ending.count > 0;
}
