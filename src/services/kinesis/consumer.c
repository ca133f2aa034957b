// SPDX-License-Identifier: Apache-2.0
/*
 * Registered consumers: RegisterStreamConsumer, DescribeStreamConsumer, ListStreamConsumers,
 * DeregisterStreamConsumer. A consumer's ARN ends with the second of its registration, so one that
 * is registered anew is another. Control thread.
 */
#include "auth/identity.h"
#include "services/kinesis/bookmark.h"
#include "services/kinesis/get.h"
#include "services/kinesis/queue.h"
#include "services/kinesis/secret.h"

#include <errno.h>

#define CREATING_MAX 5
#define CONSUMERS_MAX 50      /* of an on-demand stream whose account has a commitment */
#define CONSUMERS_ELSE_MAX 20 /* of any other */
#define LIST_DEFAULT 100

static struct span state_name(uint64_t state)
{
    return state == CONSUMER_CREATING ? S("CREATING")
           : state == CONSUMER_ACTIVE ? S("ACTIVE")
                                      : S("DELETING");
}

struct span consumer_arn(struct call *c, const struct kinesis_fanout *consumer)
{
    return arena_printf(c->arena, "arn:aws:kinesis:%.*s:%.*s:stream/%.*s/consumer/%.*s:%lld",
                        SPAN_ARG(consumer->region), SPAN_ARG(consumer->account),
                        SPAN_ARG(consumer->stream), SPAN_ARG(consumer->name),
                        (long long)(consumer->created / 1000));
}

RESULT consumer_find(struct call *c, const struct kinesis_arn *arn, struct span text,
                     struct kinesis_fanout *ret)
{
    *ret = (struct kinesis_fanout){.account = arn->account,
                                   .region = arn->region,
                                   .stream = arn->stream,
                                   .name = arn->consumer};
    int error = kinesis_fanout_get(c->txn, c->arena, ret);
    bool gone = error == -ENOENT ||
                (!error && arn->created_s && arn->created_s != ret->created / 1000) ||
                !span_eq(arn->region, c->region);
    if (gone)
        return refuse(c, &KINESIS_RESOURCE_NOT_FOUND_EXCEPTION, "Consumer %.*s not found.",
                      SPAN_ARG(text));
    return error < 0 ? refuse_errno(c, error, "reading a consumer's record") : OK;
}

/* ---- counting -------------------------------------------------------------------------------- */

static int count_one(void *user, struct kinesis_fanout *consumer)
{
    ++*(size_t *)user;
    return 0;
}

static struct kinesis_fanout key_of(const struct kinesis_stream *stream)
{
    return (struct kinesis_fanout){
        .account = stream->account, .region = stream->region, .stream = stream->name};
}

RESULT consumer_count(struct call *c, const struct kinesis_stream *stream, size_t *ret)
{
    struct kinesis_fanout from = key_of(stream);
    *ret = 0;
    int error = kinesis_fanout_each(c->txn, &from, 3, c->arena, count_one, ret);
    return error < 0 ? refuse_errno(c, error, "counting consumers") : OK;
}

static int count_creating(void *user, struct kinesis_fanout *consumer)
{
    *(size_t *)user += consumer->state == CONSUMER_CREATING;
    return 0;
}

/* "Only 5 consumers can be created simultaneously." */
static RESULT check_creating(struct call *c)
{
    size_t creating = 0;
    struct kinesis_fanout from = {.account = c->account, .region = c->region};
    if (log_is_unlimited(target_access(c).log))
        return OK;
    int error = kinesis_fanout_each(c->txn, &from, 2, c->arena, count_creating, &creating);
    if (error < 0)
        return refuse_errno(c, error, "counting consumers");
    if (creating < CREATING_MAX)
        return OK;
    return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
                  "Account %.*s has %d consumers in the CREATING state already.",
                  SPAN_ARG(c->account), CREATING_MAX);
}

static int remove_one(void *user, struct kinesis_fanout *consumer)
{
    struct call *c = user;
    kinesis_fanout_delete(c->txn, consumer);
    return 0;
}

RESULT consumer_remove_all(struct call *c, const struct kinesis_stream *stream)
{
    struct kinesis_fanout from = key_of(stream);
    int error = kinesis_fanout_each(c->txn, &from, 3, c->arena, remove_one, c);
    return error < 0 ? refuse_errno(c, error, "removing consumers") : OK;
}

/* ---- RegisterStreamConsumer ------------------------------------------------------------------ */

static struct kinesis_consumer *show(struct call *c, const struct kinesis_fanout *consumer)
{
    struct kinesis_consumer *shown = ARENA_NEW(c->arena, struct kinesis_consumer);
    shown->consumer_name = consumer->name;
    shown->consumer_arn = consumer_arn(c, consumer);
    shown->consumer_status = state_name(consumer->state);
    shown->consumer_creation_timestamp = consumer->created / 1000 * 1000;
    return shown;
}

RESULT consumer_limit(struct call *c, const struct kinesis_stream *stream, size_t *ret)
{
    bool committed = false;
    if (stream->on_demand)
        TRY(commitment_read(c, &committed));
    *ret = committed ? CONSUMERS_MAX : CONSUMERS_ELSE_MAX;
    return OK;
}

RESULT kinesis_register_stream_consumer(struct call *c,
                                        const struct kinesis_register_stream_consumer_in *in,
                                        struct kinesis_register_stream_consumer_out *out)
{
    struct kinesis_stream stream;
    size_t count, queues, limit;
    TRY(target_active(c, TARGET_ARN(in), &stream));
    struct kinesis_fanout consumer = key_of(&stream);
    consumer.name = in->consumer_name;
    int error = kinesis_fanout_get(c->txn, c->arena, &consumer);
    if (error == 0)
        return refuse(c, &KINESIS_RESOURCE_IN_USE_EXCEPTION,
                      "Consumer %.*s under stream %.*s already exists for account %.*s.",
                      SPAN_ARG(in->consumer_name), SPAN_ARG(stream.name), SPAN_ARG(stream.account));
    if (error != -ENOENT)
        return refuse_errno(c, error, "reading a consumer's record");
    TRY(consumer_count(c, &stream, &count));
    TRY(queue_count(c, &stream, &queues));
    TRY(consumer_limit(c, &stream, &limit));
    if (count + queues >= limit)
        return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
                      "Stream %.*s under account %.*s has reached the limit of %zu registered "
                      "consumers.",
                      SPAN_ARG(stream.name), SPAN_ARG(stream.account), limit);
    TRY(check_creating(c));
    consumer.state = CONSUMER_CREATING;
    consumer.created = c->now_ms;
    if (in->tags.count)
        TRY(label_add(c, in->consumer_name, &consumer.labels, &in->tags));
    step_put_consumer(c, &consumer);
    out->consumer = show(c, &consumer);
    return OK;
}

/* ---- one consumer ---------------------------------------------------------------------------- */

/* Which one, by its ARN, or by the stream's and a name; both must agree. Asks for the permission,
 * since only then the resource is known. */
static RESULT find(struct call *c, struct span stream_arn, struct span name, struct span arn_text,
                   struct kinesis_fanout *ret)
{
    struct kinesis_arn arn;
    if (!arn_text.at && !(stream_arn.at && name.at))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "Either ConsumerARN or both StreamARN and ConsumerName should be provided.");
    if (!target_read_arn(arn_text.at ? arn_text : stream_arn, &arn) ||
        (arn_text.at && !arn.consumer.at))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "Invalid ARN: %.*s",
                      SPAN_ARG(arn_text.at ? arn_text : stream_arn));
    if (!arn_text.at)
        arn.consumer = name;
    struct span action = arena_printf(c->arena, "kinesis:%.*s",
                                      SPAN_ARG(service_text(c->service, c->operation->name)));
    struct auth_question question = {
        .action = action,
        .resource = arn_text.at ? arn_text
                                : arena_printf(c->arena, "%.*s/consumer/%.*s:*",
                                               SPAN_ARG(stream_arn), SPAN_ARG(name))};
    TRY(kinesis_hooks.resource(c, NULL, &question));
    TRY(auth_ask(c, &question));
    return consumer_find(c, &arn, arn_text.at ? arn_text : name, ret);
}

RESULT kinesis_describe_stream_consumer(struct call *c,
                                        const struct kinesis_describe_stream_consumer_in *in,
                                        struct kinesis_describe_stream_consumer_out *out)
{
    struct kinesis_fanout consumer;
    TRY(find(c, in->stream_arn, in->consumer_name, in->consumer_arn, &consumer));
    struct kinesis_consumer_description *description =
        ARENA_NEW(c->arena, struct kinesis_consumer_description);
    description->consumer_name = consumer.name;
    description->consumer_arn = consumer_arn(c, &consumer);
    description->consumer_status = state_name(consumer.state);
    description->consumer_creation_timestamp = consumer.created / 1000 * 1000;
    description->stream_arn = target_arn(c, &(struct kinesis_stream){.account = consumer.account,
                                                                     .region = consumer.region,
                                                                     .name = consumer.stream});
    out->consumer_description = description;
    return OK;
}

RESULT kinesis_deregister_stream_consumer(struct call *c,
                                          const struct kinesis_deregister_stream_consumer_in *in,
                                          struct kinesis_deregister_stream_consumer_out *out)
{
    struct kinesis_fanout consumer;
    TRY(find(c, in->stream_arn, in->consumer_name, in->consumer_arn, &consumer));
    consumer.state = CONSUMER_DELETING;
    step_put_consumer(c, &consumer);
    return OK;
}

/* ---- ListStreamConsumers --------------------------------------------------------------------- */

struct listing {
    struct call *c;
    struct span after; /* not itself */
    size_t limit;
    bool more;
    struct kinesis_consumer_list list;
};

static int take_consumer(void *user, struct kinesis_fanout *consumer)
{
    struct listing *listing = user;
    if (listing->after.at && span_eq(consumer->name, listing->after))
        return 0;
    listing->more = listing->list.count == listing->limit;
    if (!listing->more)
        listing->list.at[listing->list.count++] = *show(listing->c, consumer);
    return listing->more;
}

static RESULT read_start(struct call *c, const struct kinesis_list_stream_consumers_in *in,
                         struct listing *listing)
{
    struct bookmark token;
    if (!in->next_token.at)
        return OK;
    if (!bookmark_read(c->arena, secret_key(c), BOOKMARK_CONSUMERS, in->next_token, &token))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "Invalid NextToken.");
    if (c->now_ms - token.issued_ms > BOOKMARK_LIFE_MS)
        return refuse(c, &KINESIS_EXPIRED_NEXT_TOKEN_EXCEPTION, "NextToken has expired.");
    listing->after = token.after;
    return OK;
}

RESULT kinesis_list_stream_consumers(struct call *c,
                                     const struct kinesis_list_stream_consumers_in *in,
                                     struct kinesis_list_stream_consumers_out *out)
{
    struct kinesis_stream stream;
    struct listing listing = {
        .c = c, .limit = in->has.max_results ? (size_t)in->max_results : LIST_DEFAULT};
    TRY(target_stream(c, TARGET_ARN(in), &stream));
    if (in->has.stream_creation_timestamp &&
        in->stream_creation_timestamp / 1000 != stream.created / 1000)
        return target_not_found(c, &stream);
    TRY(read_start(c, in, &listing));
    struct kinesis_fanout from = key_of(&stream);
    from.name = listing.after;
    listing.list.at = ARENA_ARRAY(c->arena, struct kinesis_consumer, CONSUMERS_MAX + 1);
    int error = kinesis_fanout_each(c->txn, &from, 3, c->arena, take_consumer, &listing);
    if (error < 0)
        return refuse_errno(c, error, "listing consumers");
    out->consumers = listing.list;
    if (listing.more) {
        struct bookmark token = {.kind = BOOKMARK_CONSUMERS,
                                 .issued_ms = c->now_ms,
                                 .after = listing.list.at[listing.list.count - 1].consumer_name};
        out->next_token = bookmark_print(c->arena, secret_key(c), &token);
    }
    return OK;
}
