// SPDX-License-Identifier: Apache-2.0
/*
 * Records of resources by their kind: names, looks, changes. All that a handler knows of the store
 * is here. Control thread.
 */
#include "services/ec2/resource.h"

#include "services/ec2/home.h"
#include "services/ec2/network.h"
#include "services/ec2/step.h"
#include "services/ec2/tag.h"

#include <errno.h>

#define ID_DIGITS 17
#define ID_DIGITS_OLD 8
#define GROW_FIRST 8

void resource_key(const struct call *c, struct span id, void *record)
{
    struct span *key = record;
    key[RESOURCE_ACCOUNT] = c->account;
    key[RESOURCE_REGION] = c->region;
    key[RESOURCE_ID] = id;
}

void resource_name(struct call *c, const struct resource_kind *kind, void *record)
{
    resource_key(c, id_new(c, kind->prefix.at, ID_DIGITS), record);
}

struct span resource_arn(struct call *c, const struct resource_kind *kind, struct span id)
{
    return arena_printf(c->arena, "arn:aws:ec2:%.*s:%.*s:%s/%.*s", SPAN_ARG(c->region),
                        SPAN_ARG(c->account), kind->type, SPAN_ARG(id));
}

/* ---- ids ---------------------------------------------------------------------------------------
 */

static bool is_hex(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!memchr("0123456789abcdef", text.at[i], 16))
            return false;
    return true;
}

RESULT resource_check_id(struct call *c, const struct resource_kind *kind, struct span id)
{
    struct span digits = span_from(id, kind->prefix.len);
    if (span_starts(id, kind->prefix) && is_hex(digits) &&
        (digits.len == ID_DIGITS || digits.len == ID_DIGITS_OLD))
        return OK;
    return refuse(c, kind->malformed, "Invalid id: \"%.*s\" (expecting \"%.*s...\")", SPAN_ARG(id),
                  SPAN_ARG(kind->prefix));
}

static RESULT missing(struct call *c, const struct resource_kind *kind, struct span id)
{
    return refuse(c, kind->missing, "%s%.*s%s", kind->missing_before, SPAN_ARG(id),
                  kind->missing_after);
}

/* ---- reading -----------------------------------------------------------------------------------
 */

int resource_find(struct call *c, const struct resource_kind *kind, struct span id, void *record)
{
    memset(record, 0, kind->record->size);
    resource_key(c, id, record);
    return record_get(c->txn, kind->record, c->arena, record);
}

RESULT resource_get(struct call *c, const struct resource_kind *kind, struct span id, void *record)
{
    TRY(resource_check_id(c, kind, id));
    TRY(home_settle(c));
    int error = resource_find(c, kind, id, record);
    if (error == -ENOENT)
        return missing(c, kind, id);
    return error < 0 ? refuse_errno(c, error, "reading the record of %.*s", SPAN_ARG(id)) : OK;
}

void *resource_grow(struct call *c, void *at, size_t count, size_t size)
{
    /* Full at 0, 8 and every further power of two. */
    if (count && (count < GROW_FIRST || (count & (count - 1))))
        return at;
    char *grown = arena_zalloc(c->arena, count ? 2 * count : GROW_FIRST, size);
    if (count)
        memcpy(grown, at, count * size);
    return grown;
}

void *resource_widen(struct call *c, const void *at, size_t count, size_t size)
{
    char *wide = arena_zalloc(c->arena, count + 1, size);
    if (count)
        memcpy(wide, at, count * size);
    return wide;
}

struct listing {
    struct call *c;
    const struct resource_where *where;
    struct resource_list *list;
    size_t enough; /* 0: all */
};

static int list_next(void *user, void *record)
{
    struct listing *listing = user;
    const struct resource_where *where = listing->where;
    struct resource_list *list = listing->list;
    if (where && !span_eq(*const_struct_at(record, where->member, struct span), where->is))
        return 0;
    list->at = resource_grow(listing->c, list->at, list->count, sizeof *list->at);
    list->at[list->count++] = record;
    return list->count == listing->enough;
}

static RESULT list_some(struct listing *listing, const struct resource_kind *kind)
{
    struct call *c = listing->c;
    *listing->list = (struct resource_list){0};
    TRY(home_settle(c));
    void *first = arena_zalloc(c->arena, 1, kind->record->size);
    resource_key(c, SPAN_NONE, first);
    int error = record_each(c->txn, kind->record, first, RESOURCE_ID, c->arena, list_next, listing);
    return error < 0 ? refuse_errno(c, error, "reading records") : OK;
}

RESULT resource_list(struct call *c, const struct resource_kind *kind,
                     const struct resource_where *where, struct resource_list *ret)
{
    return list_some(&(struct listing){.c = c, .where = where, .list = ret}, kind);
}

RESULT resource_any(struct call *c, const struct resource_kind *kind,
                    const struct resource_where *where, bool *ret)
{
    struct resource_list list;
    TRY(list_some(&(struct listing){.c = c, .where = where, .list = &list, .enough = 1}, kind));
    *ret = list.count > 0;
    return OK;
}

/* ---- changing ----------------------------------------------------------------------------------
 */

static void tell_network(struct call *c, const struct resource_kind *kind, const void *record)
{
    if (kind->vpc != RESOURCE_NO_VPC)
        network_changed(c, *const_struct_at(record, kind->vpc, struct span));
    if (kind->tell)
        kind->tell(c, record);
}

void resource_put(struct call *c, const struct resource_kind *kind, const void *record)
{
    record_put(c->txn, kind->record, record);
    tell_network(c, kind, record);
}

void resource_put_moving(struct call *c, const struct resource_kind *kind, const void *record,
                         int64_t due_ms)
{
    resource_put(c, kind, record);
    step_await(c, resource_id(record), due_ms);
}

void resource_drop(struct call *c, const struct resource_kind *kind, const void *record)
{
    tag_drop_all(c, resource_id(record));
    record_delete(c->txn, kind->record, record);
    tell_network(c, kind, record);
}

RESULT resource_in_use(struct call *c, const char *noun, struct span id)
{
    return refuse(c, &EC2_DEPENDENCY_VIOLATION,
                  "The %s '%.*s' has dependencies and cannot be deleted.", noun, SPAN_ARG(id));
}

RESULT resource_not_built(struct call *c, const char *what)
{
    return refuse(c, &EC2_UNSUPPORTED_OPERATION, "%s is not supported by kintoun yet.", what);
}
