// SPDX-License-Identifier: Apache-2.0
/*
 * What Application Auto Scaling does by itself, one thing a transaction: an action whose time has
 * come sets a target's bounds; a target that is out of its bounds is brought within them; once a
 * minute what was used is noted, and a policy's target follows it. A change is an UpdateTable,
 * noted as an activity in the same commit, which is successful once the table is ACTIVE. Nothing
 * waits here while there are no targets. Control thread; the wake comes from the flusher's.
 */
#include "services/application_autoscaling/change.h"
#include "services/application_autoscaling/scaling.h"

#include "base/log.h"
#include "base/map.h"
#include "base/time.h"
#include "loop/loop.h"
#include "store/txn.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#define UNSETTLED_MS 50 /* until a table that is UPDATING is looked at again */
#define FAILED_MS 1000
#define ARENA_FIRST 16384
#define ARENA_CEILING (256 << 20)

struct application_autoscaling {
    struct cloud *cloud;
    struct mail mail;
    struct timer timer;
    atomic_bool posted;
    struct map samples; /* of targets with a policy: `struct sample` by name */
};

/* What had been used at the last look: counters begin with the process. */
struct sample {
    uint64_t taken;
    char name[]; /* of the target */
};

/* ---- what was used --------------------------------------------------------------------------- */

static struct span name_of(struct arena *arena, const struct scaling_target *target)
{
    const struct span parts[] = {target->account,  S("/"), target->region,   S("/"),
                                 target->resource, S("/"), target->dimension};
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

static void forget_sample(struct application_autoscaling *scaling, struct span name)
{
    free(map_remove(&scaling->samples, name));
}

/* Half units since the last look; none at the first. */
static uint64_t used_since(struct application_autoscaling *scaling, struct span name,
                           uint64_t taken)
{
    struct sample *sample = map_get(&scaling->samples, name);
    if (!sample) {
        sample = malloc(sizeof *sample + name.len);
        if (!sample)
            log_fatal("out of memory");
        memcpy(sample->name, name.at, name.len);
        map_set(&scaling->samples, span_of(sample->name, name.len), sample);
        sample->taken = taken;
    }
    /* Another table of that name begins anew. */
    uint64_t used = taken >= sample->taken ? taken - sample->taken : taken;
    sample->taken = taken;
    return used;
}

/* ---- one target ------------------------------------------------------------------------------ */

static struct call call_for(struct application_autoscaling *scaling, struct arena *arena)
{
    return (struct call){.arena = arena,
                         .now_ms = clock_now_ms(),
                         .request_id = S("application-autoscaling"),
                         .service = &application_autoscaling_service,
                         .protocol = application_autoscaling_service.protocol,
                         .txn = txn_begin(scaling->cloud->store),
                         .cloud = scaling->cloud};
}

static int commit(struct application_autoscaling *scaling, struct txn *txn)
{
    uint64_t ticket;
    int error = txn_commit(txn, &ticket);
    if (!error)
        store_want(scaling->cloud->store, ticket); /* nobody else waits for it */
    return error;
}

/* Notes the minutes that have passed: what was used was used in the first of them. */
static void note_points(struct application_autoscaling *scaling, struct call *c,
                        struct scaling_target *target, uint64_t taken)
{
    uint64_t minute = (uint64_t)(c->now_ms / MINUTE_MS);
    if (minute <= target->minute)
        return;
    uint64_t passed = minute - target->minute;
    uint64_t used = used_since(scaling, name_of(c->arena, target), taken);
    change_note_points(c->arena, target, used, passed);
    target->minute = minute;
}

/* 1: it is to be looked at again soon, 0, or a negative errno. */
static int look_in(struct application_autoscaling *scaling, struct call *c,
                   struct scaling_target *target, struct change *ret)
{
    struct dynamodb_units_state state;
    struct scaling_policy policy;
    struct scaling_place place = scaling_place_of(target->resource, target->dimension);
    int error = dynamodb_units_look(c, &place.capacity, &state);
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    error = policy_of_target(c, target, &policy);
    if (error < 0 && error != -ENOENT)
        return error;
    if (error)
        forget_sample(scaling, name_of(c->arena, target));
    else if (!map_get(&scaling->samples, name_of(c->arena, target)))
        used_since(scaling, name_of(c->arena, target), state.taken);
    else
        note_points(scaling, c, target, state.taken);
    if (target->activity.at && !state.settled)
        return 1;
    change_end(c, target);
    *ret = change_wanted(c, target, error ? NULL : &policy, &state);
    target->bounded &= ret->units != 0;
    return ret->units && !state.settled;
}

static int look(struct application_autoscaling *scaling, struct arena *arena,
                const struct scaling_target *key)
{
    struct change change = {0};
    struct call c = call_for(scaling, arena);
    struct scaling_target target = *key;
    c.account = key->account;
    c.region = key->region;
    int again = scaling_target_get(c.txn, arena, &target);
    if (!again)
        again = look_in(scaling, &c, &target, &change);
    if (again < 0) {
        txn_rollback(c.txn);
        return again == -ENOENT ? 0 : again;
    }
    if (!again && change.units) {
        const struct refusal *refusal = change_make(&c, &target, &change);
        again = 1;
        if (refusal) { /* what it did is taken back, and what was refused is noted */
            txn_rollback(c.txn);
            c.txn = txn_begin(scaling->cloud->store);
            change_refused(&c, &target, &change, refusal);
            again = 0;
        }
    }
    scaling_target_put(c.txn, &target);
    int error = commit(scaling, c.txn);
    return error < 0 ? error : again;
}

/* ---- one action ------------------------------------------------------------------------------ */

static int execute(struct application_autoscaling *scaling, struct arena *arena,
                   const struct scaling_action *key)
{
    struct call c = call_for(scaling, arena);
    struct scaling_action action = *key;
    struct scaling_target target = {.account = key->account,
                                    .region = key->region,
                                    .resource = key->resource,
                                    .dimension = key->dimension};
    c.account = key->account;
    c.region = key->region;
    int error = scaling_action_get(c.txn, arena, &action);
    if (!error)
        error = scaling_target_get(c.txn, arena, &target);
    if (error < 0) {
        txn_rollback(c.txn);
        return error == -ENOENT ? 0 : error;
    }
    if (!target.schedule_suspended)
        change_bounds(&c, &target, &action);
    action.next = scheduled_action_next(&action, c.now_ms);
    scaling_target_put(c.txn, &target);
    scaling_action_put(c.txn, &action);
    return commit(scaling, c.txn);
}

/* ---- all of them ----------------------------------------------------------------------------- */

struct gathering {
    struct arena *arena;
    struct scaling_target_list {
        struct scaling_target *at;
        size_t count, room;
    } targets;
    struct scaling_action_list {
        struct scaling_action *at;
        size_t count, room;
    } due;
    int64_t now_ms, next_ms; /* next_ms: the next action's time; 0: none */
    bool tracked;
};

static int gather_target(void *user, struct scaling_target *target)
{
    struct gathering *gathering = user;
    struct scaling_target_list *list = &gathering->targets;
    if (list->count == list->room) {
        struct scaling_target *old = list->at;
        list->room = list->room ? list->room * 2 : 16;
        list->at = ARENA_ARRAY(gathering->arena, struct scaling_target, list->room);
        for (size_t i = 0; i < list->count; i++)
            list->at[i] = old[i];
    }
    list->at[list->count++] = *target;
    return 0;
}

static int gather_action(void *user, struct scaling_action *action)
{
    struct gathering *gathering = user;
    struct scaling_action_list *list = &gathering->due;
    if (!action->next)
        return 0;
    if (action->next > gathering->now_ms) {
        if (!gathering->next_ms || action->next < gathering->next_ms)
            gathering->next_ms = action->next;
        return 0;
    }
    if (list->count == list->room) {
        struct scaling_action *old = list->at;
        list->room = list->room ? list->room * 2 : 16;
        list->at = ARENA_ARRAY(gathering->arena, struct scaling_action, list->room);
        for (size_t i = 0; i < list->count; i++)
            list->at[i] = old[i];
    }
    list->at[list->count++] = *action;
    return 0;
}

static int note_policy(void *user, struct scaling_policy *policy)
{
    ((struct gathering *)user)->tracked = true;
    return 1;
}

static int gather(struct application_autoscaling *scaling, struct gathering *gathering)
{
    struct txn *txn = txn_begin(scaling->cloud->store);
    struct arena *arena = gathering->arena;
    int error =
        scaling_action_each(txn, &(struct scaling_action){0}, 0, arena, gather_action, gathering);
    if (!error)
        error = scaling_target_each(txn, &(struct scaling_target){0}, 0, arena, gather_target,
                                    gathering);
    if (!error)
        error =
            scaling_policy_each(txn, &(struct scaling_policy){0}, 0, arena, note_policy, gathering);
    txn_rollback(txn);
    return error;
}

/* 1: again soon, 0, or a negative errno. One that fails does not hold the others up. */
static int take_steps(struct application_autoscaling *scaling, struct gathering *gathering)
{
    int worst = gather(scaling, gathering), again = 0;
    for (size_t i = 0; i < gathering->due.count && worst >= 0; i++)
        worst = execute(scaling, gathering->arena, &gathering->due.at[i]);
    if (worst < 0 || gathering->due.count) /* what they set is looked at afterwards */
        return worst < 0 ? worst : 1;
    for (size_t i = 0; i < gathering->targets.count; i++) {
        int result = look(scaling, gathering->arena, &gathering->targets.at[i]);
        again |= result > 0;
        worst = result < 0 ? result : worst;
    }
    return worst < 0 ? worst : again;
}

/* `steady_ms` was read before the time that `gathering` reckons from: a clock that is moved between
 * the two makes the timer early, never late. */
static void await(struct application_autoscaling *scaling, const struct gathering *gathering,
                  int64_t steady_ms, int result)
{
    int64_t now = gathering->now_ms, wait = -1;
    if (result < 0)
        wait = FAILED_MS;
    else if (result)
        wait = UNSETTLED_MS;
    else if (gathering->tracked)
        wait = MINUTE_MS - now % MINUTE_MS;
    if (!result && gathering->next_ms && (wait < 0 || gathering->next_ms - now < wait))
        wait = gathering->next_ms - now;
    if (wait >= 0)
        loop_timer_set(scaling->cloud->control, &scaling->timer, steady_ms + wait);
}

static void on_wake(struct mail *mail)
{
    struct application_autoscaling *scaling =
        (struct application_autoscaling *)((char *)mail -
                                           offsetof(struct application_autoscaling, mail));
    struct arena arena;
    int64_t steady = clock_steady_ms();
    atomic_store(&scaling->posted, false);
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct gathering gathering = {.arena = &arena, .now_ms = clock_now_ms()};
    int result = take_steps(scaling, &gathering);
    if (result < 0)
        log_error("application-autoscaling: %s", strerror(-result));
    await(scaling, &gathering, steady, result);
    arena_done(&arena);
}

/* On the flusher's thread, too. */
static void wake(void *thing)
{
    struct application_autoscaling *scaling = thing;
    if (!atomic_exchange(&scaling->posted, true))
        loop_post(scaling->cloud->control, &scaling->mail);
}

static void on_timer(struct timer *timer)
{
    wake((char *)timer - offsetof(struct application_autoscaling, timer));
}

void scaling_wake_after(struct call *c)
{
    txn_after_durable(c->txn, wake, c->cloud->application_autoscaling);
}

struct application_autoscaling *application_autoscaling_new(struct cloud *cloud)
{
    struct application_autoscaling *scaling = calloc(1, sizeof *scaling);
    if (!scaling)
        log_fatal("out of memory");
    scaling->cloud = cloud;
    scaling->mail.deliver = on_wake;
    scaling->timer.due = on_timer;
    wake(scaling);
    return scaling;
}

void application_autoscaling_free(struct application_autoscaling *scaling)
{
    struct span name;
    void *sample;
    if (!scaling)
        return;
    for (size_t at = 0; map_next(&scaling->samples, &at, &name, &sample);)
        free(sample);
    map_done(&scaling->samples);
    free(scaling);
}
