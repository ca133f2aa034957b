// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Ages of objects as storage class analyses know them, and the age from which on objects are better
 * off in STANDARD_IA. Source of the groups: "Amazon S3 analytics – Storage Class Analysis". Pure.
 */
#include "base/span.h"

/* Stored in records: numbers are stable. The first ones are groups of days since the upload. */
enum AGE {
    AGE_GROUPS = 12,
    AGE_ANY = 12, /* of objects below 128 KiB, which belong to no group */
    AGE_KINDS,
    AGE_ALL = AGE_KINDS, /* all of the above together */
};

enum AGE age_of(uint64_t size, int64_t age_ms);
/* "000-014" … "730+"; "ALL" for what is no group. */
struct span age_name(enum AGE age);

/* What became of the objects of a group while they were observed, for a month at most. */
struct age_use {
    double stored;    /* bytes, on average over the days */
    double retrieved; /* bytes, on all days together */
};

/* How often what is stored in `count` groups was retrieved; below 0 where nothing is. */
double age_access_ratio(const struct age_use *use, size_t count);
/*
 * S3 does not publish how it finds the age; this is our rule. Objects are infrequently accessed
 * when keeping them in STANDARD_IA costs less, with what is retrieved of them in a month. A rule
 * that moves objects at an age moves all that are older, too, so what counts is the ratio of a
 * group together with the older ones: the answer is the first day of the youngest group in which
 * something is stored, from 30 days on, such that from there on no such ratio speaks against it. 0:
 * there is none.
 */
int32_t age_for_transition(const struct age_use use[AGE_GROUPS]);
/* The age to go by, of those that were found day by day, or 0: it is advised once 30 days were
 * observed and the last seven agree. */
int32_t age_advised(const int32_t *found, size_t days);
