// SPDX-License-Identifier: Apache-2.0
/* Cases for loop/: descriptors, timers, mail between threads, tick hooks, the worker pool. */
#include "test.h"

#include "base/time.h"
#include "loop/timers.h"
#include "loop/workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static struct loop *loop;

static void stop_by_mail(struct mail *mail)
{
    loop_stop(loop);
}

/* One tick, with whatever is ready. */
static void tick(void)
{
    struct mail mail = {.deliver = stop_by_mail};
    loop_post(loop, &mail);
    loop_run(loop);
}

static void begin(void)
{
    CHECK_INT(loop_new(&loop), 0);
}

static void end(void)
{
    loop_free(loop);
    loop = NULL;
}

/* Descriptors */

static int readies;
static struct watch one, other;

static void count_ready(struct watch *watch, uint32_t events)
{
    char byte;
    CHECK(events & EPOLLIN);
    CHECK_INT(read(watch->fd, &byte, 1), 1);
    readies++;
}

TEST(watch_hears_of_what_is_readable_until_it_is_unwatched)
{
    int ends[2];
    begin();
    CHECK_INT(pipe(ends), 0);
    readies = 0;
    one = (struct watch){ends[0], count_ready};
    CHECK_INT(loop_watch(loop, &one, EPOLLIN), 0);
    CHECK_INT(loop_watch(loop, &one, EPOLLIN), -EEXIST);
    tick();
    CHECK_INT(readies, 0);
    CHECK_INT(write(ends[1], "ab", 2), 2);
    tick();
    tick();
    CHECK_INT(readies, 2);
    loop_unwatch(loop, &one);
    CHECK_INT(write(ends[1], "c", 1), 1);
    tick();
    CHECK_INT(readies, 2);
    close(ends[0]);
    close(ends[1]);
    end();
}

static void unwatch_both(struct watch *watch, uint32_t events)
{
    readies++;
    loop_unwatch(loop, &one);
    loop_unwatch(loop, &other);
}

TEST(unwatch_holds_for_events_of_the_same_tick)
{
    int a[2], b[2];
    begin();
    CHECK_INT(pipe(a), 0);
    CHECK_INT(pipe(b), 0);
    readies = 0;
    one = (struct watch){a[0], unwatch_both};
    other = (struct watch){b[0], unwatch_both};
    CHECK_INT(loop_watch(loop, &one, EPOLLIN), 0);
    CHECK_INT(loop_watch(loop, &other, EPOLLIN), 0);
    CHECK_INT(write(a[1], "x", 1) + write(b[1], "x", 1), 2);
    tick();
    CHECK_INT(readies, 1);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
    end();
}

TEST(rewatch_changes_what_is_waited_for)
{
    int ends[2];
    begin();
    CHECK_INT(pipe(ends), 0);
    readies = 0;
    one = (struct watch){ends[0], count_ready};
    CHECK_INT(loop_watch(loop, &one, 0), 0);
    CHECK_INT(write(ends[1], "a", 1), 1);
    tick();
    CHECK_INT(readies, 0);
    CHECK_INT(loop_rewatch(loop, &one, EPOLLIN), 0);
    tick();
    CHECK_INT(readies, 1);
    loop_unwatch(loop, &one);
    CHECK_INT(loop_rewatch(loop, &one, EPOLLIN), -ENOENT);
    close(ends[0]);
    close(ends[1]);
    end();
}

/* Timers */

static int64_t due_order[64];
static int due_count;

static void note_due(struct timer *timer)
{
    CHECK_INT(timer->position, 0);
    due_order[due_count++] = timer->at_ms;
}

TEST(timers_are_due_in_order_when_the_clock_moves)
{
    begin();
    struct timer timers[3] = {{.due = note_due}, {.due = note_due}, {.due = note_due}};
    int64_t now = clock_steady_ms();
    due_count = 0;
    loop_timer_set(loop, &timers[0], now + 300000);
    loop_timer_set(loop, &timers[1], now + 100000);
    loop_timer_set(loop, &timers[2], now + 200000);
    tick();
    CHECK_INT(due_count, 0);
    clock_advance(250000);
    loop_nudge(loop);
    tick();
    CHECK_INT(due_count, 2);
    CHECK_INT(due_order[0], now + 100000);
    CHECK_INT(due_order[1], now + 200000);
    loop_timer_clear(loop, &timers[0]);
    loop_timer_clear(loop, &timers[0]);
    clock_advance(250000);
    tick();
    CHECK_INT(due_count, 2);
    end();
}

static struct timer late;

static void set_late(struct mail *mail)
{
    clock_advance(1000000); /* by another thread, say, while this tick is under way */
    loop_timer_set(loop, &late, loop_now_ms(loop) + 100000);
}

TEST(a_timer_that_is_set_after_the_clock_was_moved_is_not_due_by_that)
{
    struct mail mail = {.deliver = set_late};
    begin();
    late = (struct timer){.due = note_due};
    due_count = 0;
    loop_post(loop, &mail);
    tick();
    tick();
    CHECK_INT(due_count, 0);
    clock_advance(100000);
    tick();
    CHECK_INT(due_count, 1);
    end();
}

static void stop_when_due(struct timer *timer)
{
    loop_stop(loop);
}

TEST(a_waiting_loop_wakes_for_its_timer)
{
    begin();
    struct timer timer = {.due = stop_when_due};
    int64_t before = clock_measure_us();
    loop_timer_set(loop, &timer, clock_steady_ms() + 20);
    loop_run(loop);
    CHECK(clock_measure_us() - before >= 19000);
    end();
}

static int rounds;

static void set_again(struct timer *timer)
{
    rounds++;
    loop_timer_set(loop, timer, loop_now_ms(loop));
}

TEST(a_timer_that_sets_itself_again_does_not_hold_the_loop)
{
    begin();
    struct timer timer = {.due = set_again};
    rounds = 0;
    loop_timer_set(loop, &timer, clock_steady_ms());
    tick();
    tick();
    CHECK_INT(rounds, 2);
    loop_timer_clear(loop, &timer);
    end();
}

#define MANY 500

TEST(heap_gives_every_timer_in_order_whatever_is_moved_or_cleared)
{
    struct timers timers = {0};
    static struct timer all[MANY];
    static bool cleared[MANY];
    memset(all, 0, sizeof all);
    memset(cleared, 0, sizeof cleared);
    srandom(7);
    for (int i = 0; i < MANY; i++)
        timers_set(&timers, &all[i], random() % 1000);
    for (int i = 0; i < MANY; i++) {
        size_t at = (size_t)random() % MANY;
        cleared[at] = random() % 3 == 0;
        if (cleared[at])
            timers_clear(&timers, &all[at]);
        else
            timers_set(&timers, &all[at], random() % 1000);
    }
    size_t left = 0;
    for (int i = 0; i < MANY; i++)
        left += !cleared[i];
    CHECK_INT(timers_count(&timers), left);
    int64_t last = -1;
    for (struct timer *timer; (timer = timers_take_due(&timers, 1000)); left--) {
        CHECK(timer->at_ms >= last);
        CHECK(!cleared[timer - all]);
        last = timer->at_ms;
    }
    CHECK_INT(left, 0);
    timers_done(&timers);
}

TEST(heap_keeps_what_is_not_due)
{
    struct timers timers = {0};
    struct timer timer = {0};
    int64_t at;
    CHECK(!timers_next(&timers, &at));
    timers_set(&timers, &timer, 10);
    CHECK(timers_take_due(&timers, 9) == NULL);
    CHECK(timers_next(&timers, &at) && at == 10);
    CHECK(timers_take_due(&timers, 10) == &timer);
    timers_done(&timers);
}

/* Mail */

#define SENDERS 4
#define LETTERS 20000

struct letter {
    struct mail mail;
    int sender, number;
};

static int received[SENDERS], disorder;
static struct letter *letters[SENDERS];

static void receive(struct mail *mail)
{
    struct letter *letter = (struct letter *)mail;
    disorder += received[letter->sender]++ != letter->number;
    int sum = 0;
    for (int i = 0; i < SENDERS; i++)
        sum += received[i];
    if (sum == SENDERS * LETTERS)
        loop_stop(loop);
}

static void *send_letters(void *start)
{
    struct letter *own = start;
    for (int i = 0; i < LETTERS; i++)
        loop_post(loop, &own[i].mail);
    return NULL;
}

TEST(mail_of_many_threads_arrives_once_and_in_order)
{
    pthread_t threads[SENDERS];
    begin();
    disorder = 0;
    memset(received, 0, sizeof received);
    for (int i = 0; i < SENDERS; i++) {
        letters[i] = calloc(LETTERS, sizeof *letters[i]);
        for (int j = 0; j < LETTERS; j++)
            letters[i][j] = (struct letter){{.deliver = receive}, i, j};
        CHECK_INT(pthread_create(&threads[i], NULL, send_letters, letters[i]), 0);
    }
    loop_run(loop);
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_INT(received[i], LETTERS);
        free(letters[i]);
    }
    CHECK_INT(disorder, 0);
    end();
}

static struct mail again;
static int deliveries;

static void post_again(struct mail *mail)
{
    if (++deliveries < 3)
        loop_post(loop, mail);
}

TEST(mail_may_be_posted_again_while_it_is_delivered)
{
    begin();
    deliveries = 0;
    again.deliver = post_again;
    loop_post(loop, &again);
    for (int i = 0; i < 4; i++)
        tick();
    CHECK_INT(deliveries, 3);
    end();
}

TEST(stop_before_run_still_delivers_what_was_posted)
{
    begin();
    deliveries = 5;
    again.deliver = post_again;
    loop_post(loop, &again);
    loop_stop(loop);
    loop_run(loop);
    CHECK_INT(deliveries, 6);
    end();
}

/* Tick hooks */

static int hooks;

static void hook_one(struct tick *hook)
{
    hooks = hooks * 10 + 1;
}

static void hook_two(struct tick *hook)
{
    hooks = hooks * 10 + 2;
}

TEST(tick_hooks_run_in_the_order_of_adding)
{
    struct tick first = {.ended = hook_one}, second = {.ended = hook_two};
    begin();
    hooks = 0;
    loop_add_tick(loop, &first);
    loop_add_tick(loop, &second);
    loop_stop(loop);
    loop_run(loop);
    CHECK_INT(hooks, 12);
    loop_remove_tick(loop, &first);
    loop_stop(loop);
    loop_run(loop);
    CHECK_INT(hooks, 122);
    end();
}

/* Workers */

#define JOBS 1000

struct square {
    struct job job;
    int value;
    pthread_t home;
};

static int jobs_done;
static atomic_int jobs_run;
static long long squares;

static void run_square(struct job *job)
{
    struct square *square = (struct square *)job;
    square->value *= square->value;
    atomic_fetch_add(&jobs_run, 1);
}

static void done_square(struct job *job)
{
    struct square *square = (struct square *)job;
    CHECK(pthread_equal(square->home, pthread_self()));
    squares += square->value;
    if (++jobs_done == JOBS)
        loop_stop(loop);
}

TEST(jobs_run_on_workers_and_are_done_at_home)
{
    struct workers *workers;
    static struct square all[JOBS];
    begin();
    CHECK_INT(workers_new(&workers, 3, JOBS), 0);
    jobs_done = 0;
    squares = 0;
    for (int i = 0; i < JOBS; i++) {
        all[i] = (struct square){.job = {.run = run_square, .done = done_square, .home = loop},
                                 .value = i,
                                 .home = pthread_self()};
        CHECK_INT(workers_submit(workers, &all[i].job), 0);
    }
    loop_run(loop);
    CHECK_INT(jobs_done, JOBS);
    CHECK_INT(squares, 332833500LL);
    workers_free(workers);
    end();
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool at_gate;

static void run_behind_gate(struct job *job)
{
    atomic_store(&at_gate, true);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    atomic_fetch_add(&jobs_run, 1);
}

TEST(a_full_queue_refuses_and_free_waits_for_the_rest)
{
    struct workers *workers;
    struct job jobs[4];
    for (int i = 0; i < 4; i++)
        jobs[i] = (struct job){.run = run_behind_gate};
    CHECK_INT(workers_new(&workers, 1, 2), 0);
    atomic_store(&jobs_run, 0);
    pthread_mutex_lock(&gate);
    CHECK_INT(workers_submit(workers, &jobs[0]), 0);
    while (!atomic_load(&at_gate))
        usleep(100);
    CHECK_INT(workers_submit(workers, &jobs[1]), 0);
    CHECK_INT(workers_submit(workers, &jobs[2]), 0);
    CHECK_INT(workers_submit(workers, &jobs[3]), -EAGAIN);
    pthread_mutex_unlock(&gate);
    workers_free(workers);
    CHECK_INT(atomic_load(&jobs_run), 3);
}
