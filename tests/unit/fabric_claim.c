// SPDX-License-Identifier: Apache-2.0
/* The decision core on the host: claims on tuples may crowd in one line, be more than it has room
 * for, or be made at once, and each tuple is one session's at most. */
#include "test.h"

#include "engines/fabric/decide/host.h"

#include "fabric_world.h"

#define CROWD (FAB_HOME_CLAIMS + 3)
#define ROUNDS 20000

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

static struct fab_spot spot_of(const struct tuple *t)
{
    const struct fab_key key = key_of(t);
    return fab_spot_of(&key);
}

static size_t claims_made(void)
{
    size_t made = 0;
    for (size_t i = 0; i < FAB_LINES; i++)
        for (size_t j = 0; j < FAB_LINE_CLAIMS; j++)
            made += fab_lines[i].at[j] != 0;
    return made;
}

/* Tuples whose claims want the same places of the same line. */
static void crowd(struct tuple *tuples, size_t count)
{
    struct tuple t = {2, FAB_UDP, 0, APP, SERVER, 1000, 1};
    const struct fab_spot first = spot_of(&t);
    tuples[0] = t;
    for (size_t found = 1; found < count;) {
        if (++t.source_port == 0)
            t.target_port++;
        struct fab_spot spot = spot_of(&t);
        if (spot.line == first.line && spot.home == first.home)
            tuples[found++] = t;
    }
}

TEST(a_number_comes_out_of_an_entry_as_it_went_in)
{
    const uint32_t numbers[] = {0, 1, 77, 262143, FAB_SESSIONS_MAX - 1};
    const uint32_t marks[] = {0, 1u << FAB_CLAIM_BITS, UINT32_MAX << FAB_CLAIM_BITS};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        for (size_t j = 0; j < sizeof marks / sizeof marks[0]; j++) {
            uint32_t entry = fab_number_of(numbers[i], FAB_ANSWERS) ^ marks[j];
            struct fab_claim claim = fab_claim_of(fab_fitting(entry, marks[j]));
            CHECK(entry != 0);
            CHECK_INT(claim.session, numbers[i]);
            CHECK_INT(claim.side, FAB_ANSWERS);
            CHECK_INT(fab_fitting(entry, marks[j] ^ 1u << 31), 0);
        }
    CHECK_INT(fab_fitting(0, 0), 0);
}

TEST(more_flows_than_have_room_at_home_keep_their_translations)
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
    CHECK_INT(claims_made(), 2 * CROWD);
    for (size_t i = 0; i < CROWD; i++)
        CHECK_INT(fab_sessions[i].flows[FAB_ASKS].packets, 4);
    host_close();
}

TEST(a_full_line_refuses_and_leaves_nothing_behind)
{
    struct tuple tuples[FAB_LINE_CLAIMS + 1];
    world_open_all(100);
    crowd(tuples, FAB_LINE_CLAIMS + 1);
    for (size_t i = 0; i < FAB_LINE_CLAIMS; i++)
        CHECK_INT(pass(tuples[i]), FAB_PASSED);
    CHECK_INT(pass(tuples[FAB_LINE_CLAIMS]), FAB_FULL);
    CHECK_INT(claims_made(), 2 * FAB_LINE_CLAIMS);
    CHECK_INT(host_free_count, 100 - FAB_LINE_CLAIMS);
    CHECK_INT(fab_gateway_counts[1].others, FAB_LINE_CLAIMS);
    const struct fab_key key = key_of(&tuples[3]);
    CHECK_INT(fab_end(fab_claim_of(fab_claim_other(&key, 0)).session), 1);
    CHECK_INT(pass(tuples[FAB_LINE_CLAIMS]), FAB_PASSED);
    CHECK_INT(claims_made(), 2 * FAB_LINE_CLAIMS);
    host_close();
}

TEST(a_tuple_is_known_by_itself_and_not_by_its_mark)
{
    const struct tuple ask = {2, FAB_UDP, 0, APP, SERVER, 4000, 53};
    struct tuple other = ask;
    world_open_all(100);
    CHECK_INT(pass(ask), FAB_PASSED);
    const struct fab_key own = key_of(&ask);
    uint32_t number = fab_claim_other(&own, 0), session = fab_claim_of(number).session;
    CHECK(number != 0);
    other.source_port = 4001;
    struct fab_spot spot = spot_of(&other);
    spot.line->at[spot.home] = number ^ spot.mark;
    for (int i = 0; i < 3; i++)
        CHECK_INT(pass(other), FAB_PASSED);
    CHECK_INT(host_free_count, 98);
    CHECK_INT(fab_sessions[session].flows[FAB_ASKS].packets, 1);
    host_close();
}

TEST(a_claim_outlives_no_session)
{
    const struct tuple ask = {2, FAB_UDP, 0, APP, SERVER, 4000, 53};
    world_open_all(100);
    CHECK_INT(pass(ask), FAB_PASSED);
    struct tuple back = answer_of(&frame.frame, FAB_EDGE);
    CHECK_INT(pass(back), FAB_PASSED);
    CHECK_INT(claims_made(), 2);
    host_now_ns += 351 * FAB_SECOND;
    struct fab_sweep sweep = {.now_ns = host_now_ns, .count = 100};
    FAB_REPEAT(100, fab_sweep_slot, &sweep);
    CHECK_INT(sweep.ended, 1);
    CHECK_INT(claims_made(), 0);
    CHECK_INT(pass(back), FAB_NO_FLOW);
    host_close();
}

/* Of a session that is looked at in every slice of time only, what has ended is not gone on with.
 */
TEST(an_idle_session_ends_also_where_its_flow_was_just_used)
{
    const struct tuple ask = {2, FAB_UDP, 0, APP, SERVER, 4000, 53};
    world_open_all(100);
    CHECK_INT(pass(ask), FAB_PASSED);
    struct tuple back = answer_of(&frame.frame, FAB_EDGE);
    CHECK_INT(pass(back), FAB_PASSED);
    for (int i = 0; i < 10; i++)
        CHECK_INT(pass(ask), FAB_PASSED);
    CHECK_INT(fab_sessions[0].flows[FAB_ASKS].packets, 11);
    CHECK_INT(fab_gateway_counts[1].packets[FAB_ASKS], 11);
    host_now_ns += 349 * FAB_SECOND;
    CHECK_INT(pass(back), FAB_PASSED);
    host_now_ns += 349 * FAB_SECOND;
    CHECK_INT(pass(back), FAB_PASSED);
    host_now_ns += 351 * FAB_SECOND;
    CHECK_INT(pass(back), FAB_NO_FLOW);
    CHECK_INT(host_free_count, 100);
    host_close();
}

/* -- at once ---------------------------------------------------------------------------------- */

static pthread_barrier_t barrier;
static int taken[2];

static void *claim_again_and_again(void *user)
{
    uint32_t own = *(uint32_t *)user;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        fab_sessions[own].flows[FAB_ASKS].key = (struct fab_key){i % 64, 2, 3, 4, 5};
        pthread_barrier_wait(&barrier);
        taken[own] = fab_claim_take(own, FAB_ASKS) == FAB_PASSED;
        pthread_barrier_wait(&barrier);
        if (own == 0 && taken[0] + taken[1] > 1)
            test_fail(__FILE__, __LINE__, "both have it in round %u", i);
        pthread_barrier_wait(&barrier);
        if (taken[own])
            fab_claim_drop(&fab_sessions[own].flows[FAB_ASKS].key, own, FAB_ASKS);
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

TEST(of_two_at_once_one_gets_it_at_most)
{
    pthread_t threads[2];
    uint32_t numbers[] = {0, 1};
    world_open_all(2);
    CHECK_INT(pthread_barrier_init(&barrier, NULL, 2), 0);
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, claim_again_and_again, &numbers[i]), 0);
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_INT(claims_made(), 0);
    pthread_barrier_destroy(&barrier);
    host_close();
}
