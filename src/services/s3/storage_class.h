// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The storage classes of general-purpose buckets and which way objects move between them. Sources:
 * "Understanding and managing storage classes", "Transitioning objects using Amazon S3 Lifecycle".
 * Pure.
 */
#include "base/span.h"

struct storage_class {
    struct span name;
    int depth;          /* objects move to deeper ones by rule */
    int32_t least_days; /* before a rule may move an object there */
    bool archived;      /* read only after a restoration */
    bool any_size;      /* takes small objects where the minimum varies by class */
};

/* STANDARD where no name is given; NULL when there is none of that name. */
const struct storage_class *storage_class_named(struct span name);
/* May a rule move an object from the one to the other? */
bool storage_class_leads(const struct storage_class *from, const struct storage_class *to);
