// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Availability Zones of the call's region (region.c); numbers are from 0. Control thread. */
#include "wire/call.h"

size_t zone_count(struct call *c);
struct span zone_name(struct call *c, size_t number);
struct span zone_id(struct call *c, size_t number);
/* By name or by id; false when there is none. */
MUST_CHECK bool zone_find(struct call *c, struct span zone, size_t *ret_number);
/* Of a zone's name, as records have it. */
struct span zone_id_of(struct call *c, struct span name);
