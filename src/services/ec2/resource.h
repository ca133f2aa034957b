// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What all resources of EC2 have in common: an id, a record that begins with account, region and
 * id, tags, and a Describe. A kind of resource is one constant of this header, and everything that
 * is the same for all of them is done here and in describe.h, filter.h, tag.h and step.c, from that
 * constant. Control thread.
 *
 * A record that is put or dropped tells the fabric by itself: handlers know nothing of it.
 */
#include "services/ec2/ec2.api.h"
#include "services/ec2/filter.h"
#include "services/ec2/stored.records.h"
#include "wire/call.h"

#define RESOURCE_NO_VPC UINT16_MAX

struct resource_kind {
    struct span prefix; /* of ids: "vpc-" */
    const char *type;   /* as tags call it: "vpc" */
    const struct record_table *record;
    uint16_t vpc; /* where the record says which VPC it is in, or RESOURCE_NO_VPC */
    /* An id that is none, and one that nobody has: "The vpc ID '" id "' does not exist". */
    const struct error_kind *malformed, *missing;
    const char *missing_before, *missing_after;
    /* What is told of it. */
    size_t shown_size;
    RESULT (*show)(struct call *c, const void *record, void *shown);
    struct filter_table filters;
    /* The next step of one whose state is on its way; *ret_due: when the one after that is due, 0
     * for none (resource_put_moving). Or NULL. */
    RESULT (*step)(struct call *c, void *record, int64_t *ret_due_ms);
    /* Lets further VPCs hear of a change (network_changed). Or NULL. */
    void (*tell)(struct call *c, const void *record);
};

/* kind.c: all of them, and the one an id belongs to by its prefix, or NULL. */
const struct resource_kind *resource_kind_of(struct span id);

/* The first three members of every record, all of them texts. */
enum RESOURCE_KEY { RESOURCE_ACCOUNT, RESOURCE_REGION, RESOURCE_ID };
static inline struct span resource_id(const void *record)
{
    return ((const struct span *)record)[RESOURCE_ID];
}
/* The caller's account and region, and that id. */
void resource_key(const struct call *c, struct span id, void *record);
/* The same with a new id. */
void resource_name(struct call *c, const struct resource_kind *kind, void *record);
/* The form only: prefix and 8 or 17 hex digits. */
RESULT resource_check_id(struct call *c, const struct resource_kind *kind, struct span id);
/* Refused when the id is malformed or nobody's. */
RESULT resource_get(struct call *c, const struct resource_kind *kind, struct span id, void *record);
/* The same without words: 0, -ENOENT or another negative errno. */
MUST_CHECK int resource_find(struct call *c, const struct resource_kind *kind, struct span id,
                             void *record);
void resource_put(struct call *c, const struct resource_kind *kind, const void *record);
/* The same for one that moves on by itself: its kind's step is taken once this is durable and
 * `due_ms` has come (0: at once). */
void resource_put_moving(struct call *c, const struct resource_kind *kind, const void *record,
                         int64_t due_ms);
/* With its tags. */
void resource_drop(struct call *c, const struct resource_kind *kind, const void *record);

/* Pointers to records. */
struct resource_list {
    void **at;
    size_t count;
};

/* Those of the account and region whose text member at that offset is this. */
struct resource_where {
    size_t member;
    struct span is;
};
#define WHERE(record, member, is)                                                                  \
    (&(const struct resource_where){offsetof(struct record, member), is})
/* `where` NULL: all. */
RESULT resource_list(struct call *c, const struct resource_kind *kind,
                     const struct resource_where *where, struct resource_list *ret);
/* Whether there is one. */
RESULT resource_any(struct call *c, const struct resource_kind *kind,
                    const struct resource_where *where, bool *ret);

/* "The vpc 'vpc-…' has dependencies and cannot be deleted." */
RESULT resource_in_use(struct call *c, const char *noun, struct span id);
/* "… is not supported by kintoun yet." */
RESULT resource_not_built(struct call *c, const char *what);
struct span resource_arn(struct call *c, const struct resource_kind *kind, struct span id);

/* An array that only this function has grown, from NULL or nothing, with room for one more. */
void *resource_grow(struct call *c, void *at, size_t count, size_t size);
/* A copy of any array with a zeroed element behind its end: for lists of records. */
void *resource_widen(struct call *c, const void *at, size_t count, size_t size);
