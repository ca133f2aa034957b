// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Rows of counters by name: added to by many threads, read by whoever shows them. A row is made
 * when something is added to it and stays until it is dropped; nothing is kept over a restart. Any
 * thread; one lock, held for a few additions.
 */
#include "base/span.h"

#include <stdint.h>

#define TALLY_WIDTH 16

struct tally;

struct tally *tally_new(void);
/* Accepts NULL. */
void tally_free(struct tally *tally);
void tally_add(struct tally *tally, struct span name, const uint64_t more[TALLY_WIDTH]);
/* All rows whose names begin so. */
void tally_drop(struct tally *tally, struct span prefix);
/* In no order, under the lock: `visit` calls nothing of this. */
typedef void tally_visit(void *user, struct span name, const uint64_t counters[TALLY_WIDTH]);
void tally_each(struct tally *tally, tally_visit *visit, void *user);
