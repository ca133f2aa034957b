// SPDX-License-Identifier: Apache-2.0
/*
 * Describe: by ids each is looked up, without them the records are read in the order of their ids.
 * A token is the type and the first id of the next page, in base64: opaque to clients. Control
 * thread.
 */
#include "services/ec2/describe.h"

#include "base/text.h"
#include "services/ec2/home.h"

#include <errno.h>

/* ---- tokens -----------------------------------------------------------------------------------
 */

struct span describe_token(struct call *c, const char *type, struct span id)
{
    return base64_of(c->arena, arena_printf(c->arena, "%s:%.*s", type, SPAN_ARG(id)));
}

RESULT describe_read_token(struct call *c, const char *type, struct span token, struct span *ret)
{
    *ret = token;
    if (!token.at)
        return OK;
    *ret = base64_decode(c->arena, token);
    struct span made_for = span_cut(ret, ':');
    if (!ret->at || !span_eq(made_for, span_of_cstr(type)))
        return refuse(c, &EC2_INVALID_NEXT_TOKEN, "The token '%.*s' is invalid", SPAN_ARG(token));
    return OK;
}

/* ---- one resource -----------------------------------------------------------------------------
 */

struct gathering {
    struct call *c;
    const struct resource_kind *kind;
    const struct describe_asked *asked;
    struct describe_found *found;
    const struct refusal *refusal;
};

static void *shown_at(const struct gathering *g, size_t index)
{
    return (char *)g->found->at + index * g->kind->shown_size;
}

/* Shows the record behind what was found, and counts it if it passes. */
static RESULT gather(struct gathering *g, const void *record)
{
    struct describe_found *found = g->found;
    found->at = resource_grow(g->c, found->at, found->count, g->kind->shown_size);
    void *shown = memset(shown_at(g, found->count), 0, g->kind->shown_size);
    TRY(g->kind->show(g->c, record, shown));
    found->count += filter_passes(g->c, &g->kind->filters, &g->asked->filters, shown);
    return OK;
}

/* ---- which ------------------------------------------------------------------------------------
 */

static bool stands_before(const struct describe_asked *asked, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (span_eq(asked->ids[i], asked->ids[index]))
            return true;
    return false;
}

/* The form of all comes before the existence of any. */
static RESULT gather_named(struct gathering *g)
{
    const struct describe_asked *asked = g->asked;
    for (size_t i = 0; i < asked->id_count; i++)
        TRY(resource_check_id(g->c, g->kind, asked->ids[i]));
    for (size_t i = 0; i < asked->id_count; i++) {
        void *record = arena_zalloc(g->c->arena, 1, g->kind->record->size);
        if (stands_before(asked, i))
            continue;
        TRY(resource_get(g->c, g->kind, asked->ids[i], record));
        TRY(gather(g, record));
    }
    return OK;
}

static int gather_next(void *user, void *record)
{
    struct gathering *g = user;
    struct describe_found *found = g->found;
    if (g->asked->max_results && found->count == (size_t)g->asked->max_results) {
        found->next_token = describe_token(g->c, g->kind->type, resource_id(record));
        return 1;
    }
    g->refusal = gather(g, record);
    return g->refusal != OK;
}

static RESULT gather_all(struct gathering *g)
{
    struct span from;
    TRY(describe_read_token(g->c, g->kind->type, g->asked->next_token, &from));
    void *first = arena_zalloc(g->c->arena, 1, g->kind->record->size);
    resource_key(g->c, from, first);
    int error =
        record_each(g->c->txn, g->kind->record, first, RESOURCE_ID, g->c->arena, gather_next, g);
    return error < 0 ? refuse_errno(g->c, error, "reading records") : g->refusal;
}

RESULT describe(struct call *c, const struct resource_kind *kind,
                const struct describe_asked *asked, struct describe_found *found)
{
    struct gathering g = {.c = c, .kind = kind, .asked = asked, .found = found};
    *found = (struct describe_found){.at = arena_alloc(c->arena, 0)};
    TRY(filter_check(c, &kind->filters, &asked->filters));
    TRY(home_settle(c));
    return asked->id_count ? gather_named(&g) : gather_all(&g);
}
