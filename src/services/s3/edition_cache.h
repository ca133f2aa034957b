// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What was made of things in the store, policies and lists of filters, a few per thread, by the
 * edition that the thing's record has, which is another one with every change; so what is found
 * here needs no look at the thing. It is good until the thread asks for another one. Private to
 * this folder.
 */
#include "base/arena.h"

/* Room for what belongs to this edition; *ret_thing is NULL where it has to be made. */
struct arena *edition_cache_at(uint64_t edition, const void ***ret_thing);
