// SPDX-License-Identifier: Apache-2.0
/* The table of storage classes. Pure, any thread. */
#include "services/s3/storage_class.h"

#define IA_LEAST_DAYS 30

static const struct storage_class classes[] = {
    {.name = S_INIT("STANDARD")},
    {.name = S_INIT("REDUCED_REDUNDANCY")},
    {.name = S_INIT("STANDARD_IA"), .depth = 1, .least_days = IA_LEAST_DAYS},
    {.name = S_INIT("INTELLIGENT_TIERING"), .depth = 2},
    {.name = S_INIT("ONEZONE_IA"), .depth = 3, .least_days = IA_LEAST_DAYS},
    {.name = S_INIT("GLACIER_IR"), .depth = 4},
    {.name = S_INIT("GLACIER"), .depth = 5, .archived = true, .any_size = true},
    {.name = S_INIT("DEEP_ARCHIVE"), .depth = 6, .archived = true, .any_size = true},
};

const struct storage_class *storage_class_named(struct span name)
{
    if (span_is_empty(name))
        return &classes[0];
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        if (span_eq(name, classes[i].name))
            return &classes[i];
    return NULL;
}

bool storage_class_leads(const struct storage_class *from, const struct storage_class *to)
{
    bool out_of_one_zone = span_eq(from->name, S("ONEZONE_IA")) && !to->archived;
    return to->depth > from->depth && !out_of_one_zone;
}
