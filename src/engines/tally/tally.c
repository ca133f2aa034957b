// SPDX-License-Identifier: Apache-2.0
/* Rows in a map by name, each with its name in one piece of memory. Any thread, under the lock. */
#include "engines/tally/tally.h"

#include "base/log.h"
#include "base/map.h"
#include "base/scope.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct row {
    uint64_t counters[TALLY_WIDTH];
    size_t name_len;
    char name[];
};

struct tally {
    pthread_mutex_t lock;
    struct map rows;
};

struct tally *tally_new(void)
{
    struct tally *tally = calloc(1, sizeof *tally);
    if (!tally || pthread_mutex_init(&tally->lock, NULL))
        log_fatal("out of memory for counters");
    return tally;
}

void tally_free(struct tally *tally)
{
    if (!tally)
        return;
    size_t at = 0;
    struct span name;
    void *row;
    while (map_next(&tally->rows, &at, &name, &row))
        free(row);
    map_done(&tally->rows);
    pthread_mutex_destroy(&tally->lock);
    free(tally);
}

static struct row *row_new(struct span name)
{
    struct row *row = calloc(1, sizeof *row + name.len);
    if (!row)
        log_fatal("out of memory for counters");
    row->name_len = name.len;
    memcpy(row->name, name.at, name.len);
    return row;
}

void tally_add(struct tally *tally, struct span name, const uint64_t more[TALLY_WIDTH])
{
    GUARD(&tally->lock);
    struct row *row = map_get(&tally->rows, name);
    if (!row) {
        row = row_new(name);
        map_set(&tally->rows, span_of(row->name, row->name_len), row);
    }
    for (size_t i = 0; i < TALLY_WIDTH; i++)
        row->counters[i] += more[i];
}

/* One at a time, since the places of the others change with each that goes. */
static struct row *row_with(const struct tally *tally, struct span prefix)
{
    size_t at = 0;
    struct span name;
    void *value;
    while (map_next(&tally->rows, &at, &name, &value))
        if (span_starts(name, prefix))
            return value;
    return NULL;
}

void tally_drop(struct tally *tally, struct span prefix)
{
    GUARD(&tally->lock);
    struct row *row;
    while ((row = row_with(tally, prefix))) {
        map_remove(&tally->rows, span_of(row->name, row->name_len));
        free(row);
    }
}

void tally_each(struct tally *tally, tally_visit *visit, void *user)
{
    GUARD(&tally->lock);
    size_t at = 0;
    struct span name;
    void *row;
    while (map_next(&tally->rows, &at, &name, &row))
        visit(user, name, ((const struct row *)row)->counters);
}
