// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What wire_validate found, and how each protocol tells it. One per request, on the stack. */
#include "wire/call.h"
#include "wire/slot.h"

#define VALIDATION_MAX_ERRORS 10

enum CONSTRAINT {
    CONSTRAINT_NULL = 1 << 0,
    CONSTRAINT_PATTERN = 1 << 1,
    CONSTRAINT_MAX = 1 << 2,
    CONSTRAINT_MIN = 1 << 3,
    CONSTRAINT_ENUM = 1 << 4,
};

/* Which part of a list or map is at fault. */
enum CONSTRAINED { CONSTRAINED_MEMBERS, CONSTRAINED_KEYS, CONSTRAINED_VALUES };

/* The way from the input to a value: members, elements (index from 1) and map entries (key). */
struct path {
    const struct path *parent;
    const struct field *field;
    size_t index;
    struct span key;
};

struct validation {
    struct call *c;
    const struct service *service;
    struct span errors[VALIDATION_MAX_ERRORS];
    const struct refusal *first; /* EC2 and S3: the one that is told */
    size_t count;
};

static inline bool is_number(const struct shape *shape)
{
    return shape->kind == KIND_INTEGER || shape->kind == KIND_LONG || shape->kind == KIND_FLOAT ||
           shape->kind == KIND_DOUBLE;
}

/* `value` lies as the shape says; NULL for CONSTRAINT_NULL. */
void validation_report(struct validation *v, const struct path *path, const struct shape *shape,
                       const void *value, enum CONSTRAINT broken);
void validation_report_all(struct validation *v, const struct path *path,
                           const struct shape *container, const void *value, enum CONSTRAINED part);
/* The refusal of everything that was reported. */
RESULT validation_refusal(struct validation *v);
