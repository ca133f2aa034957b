// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Condition keys of one call beyond the global aws:… ones that auth knows by itself: s3:prefix,
 * sts:ExternalId, aws:RequestTag/…. The gate adds those that follow from the input, handlers what
 * only they know, before they ask auth_require. They live in the call's arena. The call's thread.
 */
#include "wire/call.h"

struct condition_value {
    struct span key; /* lower-case */
    const struct span *values;
    size_t count;
    struct condition_value *next;
};

/* Values are borrowed; the key may have any case. A key that is there already is replaced. */
void condition_set(struct call *c, struct span key, const struct span *values, size_t count);
/* One value; nothing when it is absent. */
void condition_set_one(struct call *c, struct span key, struct span value);
/*
 * From the decoded input: the members that the service's `condition` lines name, and for a member
 * Tags (Key and Value of each) aws:RequestTag/KEY and aws:TagKeys, for TagKeys aws:TagKeys.
 */
void condition_from_input(struct call *c, const void *in);

/* For auth's own look-up and for tests. NULL when the call does not have it. */
const struct condition_value *condition_get(const struct call *c, struct span key);
