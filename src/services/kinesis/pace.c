// SPDX-License-Identifier: Apache-2.0
/*
 * Calls are counted by the second, which bounds what is kept: a new second forgets the last one.
 * Rates: what the API reference says with each operation ("has a limit of five transactions per
 * second per account"); those of retention, monitoring and policies are in "Quotas and limits" of
 * the developer guide only. The text of calls that name no stream has no source. Control thread.
 */
#include "services/kinesis/pace.h"

#include "base/log.h"
#include "base/map.h"
#include "base/time.h"
#include "services/cloud.h"
#include "services/kinesis/kinesis.api.h"
#include "services/kinesis/target.h"

#include <stdlib.h>

#define ARENA_FIRST 4096
#define ARENA_CEILING (64 << 20)

enum SCOPE { SCOPE_ACCOUNT, SCOPE_STREAM };

static const struct limit {
    struct span operation;
    unsigned calls; /* a second */
    enum SCOPE scope;
} limits[] = {
    {S_INIT("AddTagsToStream"), 5, SCOPE_ACCOUNT},
    {S_INIT("CreateChannel"), 5, SCOPE_ACCOUNT},
    {S_INIT("CreateStream"), 5, SCOPE_ACCOUNT},
    {S_INIT("DecreaseStreamRetentionPeriod"), 5, SCOPE_STREAM},
    {S_INIT("DeleteChannel"), 5, SCOPE_ACCOUNT},
    {S_INIT("DeleteResourcePolicy"), 5, SCOPE_ACCOUNT},
    {S_INIT("DeleteStream"), 5, SCOPE_ACCOUNT},
    {S_INIT("DeregisterStreamConsumer"), 5, SCOPE_STREAM},
    {S_INIT("DescribeAccountSettings"), 5, SCOPE_ACCOUNT},
    {S_INIT("DescribeChannel"), 5, SCOPE_ACCOUNT},
    {S_INIT("DescribeLimits"), 1, SCOPE_ACCOUNT},
    {S_INIT("DescribeStream"), 10, SCOPE_ACCOUNT},
    {S_INIT("DescribeStreamConsumer"), 20, SCOPE_STREAM},
    {S_INIT("DescribeStreamSummary"), 20, SCOPE_ACCOUNT},
    {S_INIT("DisableEnhancedMonitoring"), 5, SCOPE_STREAM},
    {S_INIT("EnableEnhancedMonitoring"), 5, SCOPE_STREAM},
    {S_INIT("GetResourcePolicy"), 5, SCOPE_ACCOUNT},
    {S_INIT("IncreaseStreamRetentionPeriod"), 5, SCOPE_STREAM},
    {S_INIT("ListChannels"), 5, SCOPE_ACCOUNT},
    {S_INIT("ListShards"), 1000, SCOPE_STREAM},
    {S_INIT("ListStreamConsumers"), 5, SCOPE_STREAM},
    {S_INIT("ListStreams"), 5, SCOPE_ACCOUNT},
    {S_INIT("ListTagsForStream"), 5, SCOPE_ACCOUNT},
    {S_INIT("MergeShards"), 5, SCOPE_ACCOUNT},
    {S_INIT("PutResourcePolicy"), 5, SCOPE_ACCOUNT},
    {S_INIT("RegisterStreamConsumer"), 5, SCOPE_ACCOUNT},
    {S_INIT("RemoveTagsFromStream"), 5, SCOPE_ACCOUNT},
    {S_INIT("SplitShard"), 5, SCOPE_ACCOUNT},
    {S_INIT("UpdateAccountSettings"), 5, SCOPE_ACCOUNT},
    {S_INIT("UpdateChannel"), 5, SCOPE_ACCOUNT},
    {S_INIT("UpdateShardCount"), 10, SCOPE_ACCOUNT},
    {S_INIT("UpdateStreamWarmThroughput"), 5, SCOPE_ACCOUNT},
};

struct pace {
    int64_t second; /* steady */
    struct arena arena;
    struct map counts; /* unsigned, by what is counted together */
};

struct pace *pace_new(void)
{
    struct pace *pace = calloc(1, sizeof *pace);
    if (!pace)
        log_fatal("out of memory");
    arena_init(&pace->arena, ARENA_FIRST, ARENA_CEILING);
    return pace;
}

void pace_free(struct pace *pace)
{
    map_done(&pace->counts);
    arena_done(&pace->arena);
    free(pace);
}

static void begin_second(struct pace *pace, int64_t second)
{
    if (pace->second == second)
        return;
    pace->second = second;
    map_done(&pace->counts);
    pace->counts = (struct map){0};
    arena_reset(&pace->arena);
}

static unsigned *counter(struct pace *pace, struct span key)
{
    unsigned *count = map_get(&pace->counts, key);
    if (!count) {
        count = ARENA_NEW(&pace->arena, unsigned);
        *count = 0;
        map_set(&pace->counts, arena_copy(&pace->arena, key), count);
    }
    return count;
}

static const struct limit *limit_of(struct span operation)
{
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        if (span_eq(limits[i].operation, operation))
            return &limits[i];
    return NULL;
}

/* As DescribeStream, CreateStream and DeleteStream were seen to say it. */
static RESULT too_often(struct call *c, struct span resource)
{
    struct kinesis_arn arn;
    if (target_read_arn(resource, &arn) && !span_eq(arn.stream, S("*")))
        return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION,
                      "Rate exceeded for stream %.*s under account %.*s.", SPAN_ARG(arn.stream),
                      SPAN_ARG(arn.account));
    return refuse(c, &KINESIS_LIMIT_EXCEEDED_EXCEPTION, "Rate exceeded for account %.*s.",
                  SPAN_ARG(c->account));
}

/* The stream's or its consumer's. */
static struct span stream_of(struct span resource)
{
    struct kinesis_arn arn;
    return target_read_arn(resource, &arn) ? arn.stream : resource;
}

RESULT pace_take(struct call *c, struct span resource)
{
    if (c->operation->thread != THREAD_CONTROL || log_is_unlimited(c->cloud->log))
        return OK;
    struct pace *pace = kinesis_pace(c->cloud);
    struct span operation = service_text(c->service, c->operation->name);
    const struct limit *limit = limit_of(operation);
    if (!limit)
        return OK;
    struct span whose = limit->scope == SCOPE_STREAM ? stream_of(resource) : S("");
    const struct span parts[] = {c->account, S("/"), c->region, S("/"), operation, S("/"), whose};
    begin_second(pace, clock_steady_ms() / 1000);
    unsigned *count = counter(pace, arena_join(c->arena, parts, ARRAY_LEN(parts)));
    return ++*count > limit->calls ? too_often(c, resource) : OK;
}
