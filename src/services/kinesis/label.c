// SPDX-License-Identifier: Apache-2.0
/*
 * Tags of streams, consumers, channels and queues: AddTagsToStream, RemoveTagsFromStream,
 * ListTagsForStream, TagResource, UntagResource, ListTagsForResource. At most 50, kept in order of
 * their keys. Control thread.
 */
#include "services/kinesis/channel.h"
#include "services/kinesis/queue.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>

#define LABELS_MAX 50

static bool is_letter_like(uint32_t point)
{
    return (point >= 0xc0 && point <= 0x1fff) || (point >= 0x2c00 && point <= 0xd7ff);
}

/* Source: the answer that names the valid characters. */
static bool is_valid(struct span text)
{
    while (text.len) {
        uint32_t point = utf8_next(&text);
        bool good = (point >= '0' && point <= '9') ||
                    ((point | 32) >= 'a' && (point | 32) <= 'z') || is_letter_like(point) ||
                    (point < 128 && point && strchr("_./=+- %@:", (int)point));
        if (!good)
            return false;
    }
    return true;
}

static RESULT check(struct call *c, struct span owner, const struct kinesis_tag_map *tags)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (!is_valid(tags->at[i].key) || !is_valid(tags->at[i].value))
            return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                          "Some tags contain invalid characters. Valid characters: Unicode "
                          "letters, digits, white space, _ . / = + - %% @ :.");
        if (span_find_byte(tags->at[i].key, '%') != SPAN_NOT_FOUND ||
            span_find_byte(tags->at[i].value, '%') != SPAN_NOT_FOUND)
            return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                          "Failed to add tags to %.*s because some tags contained illegal "
                          "characters. The allowed characters are Unicode letters, white-spaces, "
                          "'_',',','/','=','+','-','@',':'.",
                          SPAN_ARG(owner));
    }
    return OK;
}

static int label_compare(const void *a, const void *b)
{
    const struct kinesis_label *left = a, *right = b;
    return span_compare(left->key, right->key);
}

RESULT label_add(struct call *c, struct span owner, struct kinesis_label_list *labels,
                 const struct kinesis_tag_map *tags)
{
    size_t count = labels->count;
    TRY(check(c, owner, tags));
    struct kinesis_label *all = ARENA_ARRAY(c->arena, struct kinesis_label, count + tags->count);
    for (size_t i = 0; i < count; i++)
        all[i] = labels->at[i];
    for (size_t i = 0; i < tags->count; i++) {
        size_t at = 0;
        while (at < count && !span_eq(all[at].key, tags->at[i].key))
            at++;
        count += at == count;
        all[at] = (struct kinesis_label){tags->at[i].key,
                                         tags->at[i].value.at ? tags->at[i].value : S("")};
    }
    if (count > LABELS_MAX)
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION,
                      "Failed to add tags to %.*s because a given stream cannot have more than %d "
                      "tags associated with it.",
                      SPAN_ARG(owner), LABELS_MAX);
    qsort(all, count, sizeof *all, label_compare);
    *labels = (struct kinesis_label_list){all, count};
    return OK;
}

static void label_remove(struct kinesis_label_list *labels, const struct kinesis_tag_key_list *keys)
{
    size_t kept = 0;
    for (size_t i = 0; i < labels->count; i++) {
        bool going = false;
        for (size_t j = 0; j < keys->count; j++)
            going |= span_eq(keys->at[j], labels->at[i].key);
        if (!going)
            labels->at[kept++] = labels->at[i];
    }
    labels->count = kept;
}

static struct kinesis_tag_list label_show(struct call *c, const struct kinesis_label_list *labels)
{
    struct kinesis_tag_list list = {.at = ARENA_ARRAY(c->arena, struct kinesis_tag, labels->count),
                                    .count = labels->count};
    for (size_t i = 0; i < labels->count; i++)
        list.at[i] = (struct kinesis_tag){labels->at[i].key, labels->at[i].value};
    return list;
}

static struct span owner_of(struct call *c, const struct kinesis_stream *stream)
{
    return arena_printf(c->arena, "stream %.*s under account %.*s", SPAN_ARG(stream->name),
                        SPAN_ARG(stream->account));
}

RESULT kinesis_add_tags_to_stream(struct call *c, const struct kinesis_add_tags_to_stream_in *in,
                                  struct kinesis_add_tags_to_stream_out *out)
{
    struct kinesis_stream stream;
    TRY(target_stream(c, TARGET(in), &stream));
    TRY(label_add(c, owner_of(c, &stream), &stream.labels, &in->tags));
    kinesis_stream_put(c->txn, &stream);
    return OK;
}

RESULT kinesis_remove_tags_from_stream(struct call *c,
                                       const struct kinesis_remove_tags_from_stream_in *in,
                                       struct kinesis_remove_tags_from_stream_out *out)
{
    struct kinesis_stream stream;
    TRY(target_stream(c, TARGET(in), &stream));
    label_remove(&stream.labels, &in->tag_keys);
    kinesis_stream_put(c->txn, &stream);
    return OK;
}

RESULT kinesis_list_tags_for_stream(struct call *c,
                                    const struct kinesis_list_tags_for_stream_in *in,
                                    struct kinesis_list_tags_for_stream_out *out)
{
    struct kinesis_stream stream;
    size_t limit = in->has.limit ? (size_t)in->limit : LABELS_MAX, from = 0;
    TRY(target_stream(c, TARGET(in), &stream));
    struct kinesis_tag_list all = label_show(c, &stream.labels);
    while (in->exclusive_start_tag_key.at && from < all.count &&
           span_compare(all.at[from].key, in->exclusive_start_tag_key) <= 0)
        from++;
    out->tags.at = all.at + from;
    out->tags.count = all.count - from < limit ? all.count - from : limit;
    out->has_more_tags = all.count - from > limit;
    return OK;
}

/* ---- by ARN ---------------------------------------------------------------------------------- */

/* A stream, a consumer, a channel or a queue. */
struct owner {
    struct kinesis_stream stream;
    struct kinesis_fanout consumer;
    struct kinesis_channel channel;
    struct kinesis_queue queue;
    struct kinesis_label_list *labels;
    struct span name;
};

static RESULT find_channel(struct call *c, struct span arn, struct owner *owner)
{
    TRY(channel_find(c, arn, &owner->channel));
    owner->labels = &owner->channel.labels;
    owner->name = arena_printf(c->arena, "channel %.*s", SPAN_ARG(owner->channel.name));
    return OK;
}

static RESULT find_queue(struct call *c, struct span arn, struct owner *owner)
{
    TRY(queue_find(c, arn, &owner->queue));
    owner->labels = &owner->queue.labels;
    owner->name = arena_printf(c->arena, "queue %.*s", SPAN_ARG(owner->queue.name));
    return OK;
}

static RESULT find_owner(struct call *c, struct span resource_arn, struct owner *owner)
{
    struct kinesis_arn arn;
    if (span_find(resource_arn, S(":channel/")) != SPAN_NOT_FOUND)
        return find_channel(c, resource_arn, owner);
    if (span_find(resource_arn, S(":queue/")) != SPAN_NOT_FOUND)
        return find_queue(c, resource_arn, owner);
    if (!target_read_arn(resource_arn, &arn))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "Invalid ResourceARN: %.*s",
                      SPAN_ARG(resource_arn));
    if (arn.consumer.at) {
        TRY(consumer_find(c, &arn, resource_arn, &owner->consumer));
        owner->labels = &owner->consumer.labels;
        owner->name = arena_printf(c->arena, "consumer %.*s", SPAN_ARG(owner->consumer.name));
        return OK;
    }
    TRY(target_stream(c, (struct target){.arn = resource_arn}, &owner->stream));
    owner->labels = &owner->stream.labels;
    owner->name = owner_of(c, &owner->stream);
    return OK;
}

static void put_owner(struct call *c, const struct owner *owner)
{
    if (owner->labels == &owner->stream.labels)
        kinesis_stream_put(c->txn, &owner->stream);
    else if (owner->labels == &owner->channel.labels)
        kinesis_channel_put(c->txn, &owner->channel);
    else if (owner->labels == &owner->queue.labels)
        kinesis_queue_put(c->txn, &owner->queue);
    else
        kinesis_fanout_put(c->txn, &owner->consumer);
}

RESULT kinesis_tag_resource(struct call *c, const struct kinesis_tag_resource_in *in,
                            struct kinesis_tag_resource_out *out)
{
    struct owner owner = {0};
    TRY(find_owner(c, in->resource_arn, &owner));
    TRY(label_add(c, owner.name, owner.labels, &in->tags));
    put_owner(c, &owner);
    return OK;
}

RESULT kinesis_untag_resource(struct call *c, const struct kinesis_untag_resource_in *in,
                              struct kinesis_untag_resource_out *out)
{
    struct owner owner = {0};
    TRY(find_owner(c, in->resource_arn, &owner));
    label_remove(owner.labels, &in->tag_keys);
    put_owner(c, &owner);
    return OK;
}

RESULT kinesis_list_tags_for_resource(struct call *c,
                                      const struct kinesis_list_tags_for_resource_in *in,
                                      struct kinesis_list_tags_for_resource_out *out)
{
    struct owner owner = {0};
    TRY(find_owner(c, in->resource_arn, &owner));
    out->tags = label_show(c, owner.labels);
    return OK;
}
