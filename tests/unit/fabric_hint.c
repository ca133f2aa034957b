// SPDX-License-Identifier: Apache-2.0
/* The decision core on the host: hints where flows are may be full, missing or wrong, and nothing
 * but the cost of a packet depends on them. */
#include "test.h"

#include "engines/fabric/decide/host.h"

#include "fabric_world.h"

#define CROWD (FAB_HINT_WAYS + 3)

static struct world_frame frame;
static struct fab_verdict verdict;

static int pass(struct tuple t)
{
    write_frame(&frame, &t);
    uint32_t device = host_pass(&frame.frame, t.at, &verdict);
    return device && verdict.action == FAB_FORWARD ? FAB_PASSED : (int)verdict.reason;
}

static struct fab_key key_of(const struct tuple *t)
{
    return (struct fab_key){.source = t->source,
                            .target = t->target,
                            .source_port = FAB_ORDER16(t->source_port),
                            .target_port = FAB_ORDER16(t->target_port),
                            .at = t->at << 8 | t->protocol};
}

static struct fab_hint *hint_of(const struct tuple *t)
{
    const struct fab_key key = key_of(t);
    return fab_hint_of(fab_hash(&key));
}

static size_t hints_kept(void)
{
    size_t kept = 0;
    for (size_t i = 0; i < FAB_HINTS; i++)
        for (size_t j = 0; j < FAB_HINT_WAYS; j++)
            kept += fab_hints[i].at[j] != 0;
    return kept;
}

/* Tuples whose hints have the same bucket. */
static void crowd(struct tuple *tuples, size_t count)
{
    struct tuple t = {2, FAB_UDP, 0, APP, SERVER, 1000, 1};
    tuples[0] = t;
    for (size_t found = 1; found < count;) {
        if (++t.source_port == 0)
            t.target_port++;
        if (hint_of(&t) == hint_of(&tuples[0]))
            tuples[found++] = t;
    }
}

TEST(a_number_comes_out_of_a_hint_as_it_went_in)
{
    const struct fab_key key = {1, 2, 3, 4, 2 << 8 | FAB_UDP};
    const uint32_t numbers[] = {0, 1, 77, 262143, (1u << (FAB_HINT_NUMBER_BITS - 1)) - 1};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        world_open_all(10);
        fab_hint_keep(&key, numbers[i], FAB_ANSWERS);
        struct fab_claim claim = fab_hinted(&key);
        CHECK_INT(claim.session, numbers[i]);
        CHECK_INT(claim.side, FAB_ANSWERS);
        fab_hint_keep(&key, numbers[i], FAB_ANSWERS);
        CHECK_INT(hints_kept(), 1);
        fab_hint_drop(&key, numbers[i], FAB_ANSWERS);
        CHECK_INT(hints_kept(), 0);
        host_close();
    }
}

TEST(more_flows_than_a_bucket_has_room_for_keep_their_translations)
{
    struct tuple tuples[CROWD];
    uint16_t ports[CROWD];
    world_open_all(100);
    crowd(tuples, CROWD);
    for (size_t i = 0; i < CROWD; i++) {
        CHECK_INT(pass(tuples[i]), FAB_PASSED);
        ports[i] = verdict.source_port;
    }
    CHECK_INT(host_free_count, 100 - CROWD);
    for (int turn = 0; turn < 3; turn++)
        for (size_t i = 0; i < CROWD; i++) {
            CHECK_INT(pass(tuples[i]), FAB_PASSED);
            CHECK_INT(verdict.source_port, ports[i]);
            struct tuple back = answer_of(&frame.frame, FAB_EDGE);
            CHECK_INT(pass(back), FAB_PASSED);
            CHECK_INT(get16(frame.frame.at + 36), tuples[i].source_port);
        }
    CHECK_INT(host_free_count, 100 - CROWD);
    for (size_t i = 0; i < CROWD; i++)
        CHECK_INT(fab_sessions[i].flows[FAB_ASKS].packets, 4);
    host_close();
}

TEST(a_flow_without_a_hint_goes_on_and_has_one_then)
{
    const struct tuple first = {2, FAB_UDP, 0, APP, SERVER, 4000, 53};
    struct tuple ask = first;
    ask.source_port++;
    world_open_all(100);
    CHECK_INT(pass(first), FAB_PASSED); /* where no hint is, it would lead to this one */
    CHECK_INT(pass(ask), FAB_PASSED);
    uint16_t port = verdict.source_port;
    memset(fab_hints, 0, sizeof fab_hints);
    CHECK_INT(pass(ask), FAB_PASSED);
    CHECK_INT(verdict.source_port, port);
    CHECK_INT(hints_kept(), 1);
    host_close();
}

TEST(a_wrong_hint_leads_nowhere)
{
    const struct tuple ask = {2, FAB_UDP, 0, APP, SERVER, 4000, 53};
    struct tuple other = ask;
    world_open_all(100);
    CHECK_INT(pass(ask), FAB_PASSED);
    const struct fab_key own = key_of(&ask);
    uint32_t session = fab_hinted(&own).session;
    other.source_port = 4001;
    const struct fab_key key = key_of(&other);
    fab_hint_keep(&key, session, FAB_ASKS);
    CHECK_INT(pass(other), FAB_PASSED);
    CHECK_INT(host_free_count, 98);
    CHECK_INT(fab_sessions[session].flows[FAB_ASKS].packets, 1);
    host_close();
}

TEST(a_hint_outlives_no_session)
{
    const struct tuple ask = {2, FAB_UDP, 0, APP, SERVER, 4000, 53};
    world_open_all(100);
    CHECK_INT(pass(ask), FAB_PASSED);
    struct tuple back = answer_of(&frame.frame, FAB_EDGE);
    CHECK_INT(pass(back), FAB_PASSED);
    CHECK_INT(hints_kept(), 2);
    host_now_ns += 351 * FAB_SECOND;
    struct fab_sweep sweep = {.now_ns = host_now_ns, .count = 100};
    FAB_REPEAT(100, fab_sweep_slot, &sweep);
    CHECK_INT(sweep.ended, 1);
    CHECK_INT(hints_kept(), 0);
    CHECK_INT(pass(back), FAB_NO_FLOW);
    host_close();
}

/* One that was kept by somebody who came late. */
TEST(a_hint_to_a_session_that_has_ended_is_refused)
{
    const struct tuple ask = {2, FAB_UDP, 0, APP, SERVER, 4000, 53};
    world_open_all(100);
    CHECK_INT(pass(ask), FAB_PASSED);
    struct tuple back = answer_of(&frame.frame, FAB_EDGE);
    CHECK_INT(pass(back), FAB_PASSED);
    const struct fab_key key = key_of(&back);
    uint32_t session = fab_hinted(&key).session;
    CHECK_INT(fab_end(session), 1);
    fab_hint_keep(&key, session, FAB_ANSWERS);
    CHECK_INT(pass(back), FAB_NO_FLOW);
    host_close();
}
