// SPDX-License-Identifier: Apache-2.0
/*
 * UpdateContributorInsights, DescribeContributorInsights, ListContributorInsights ("CloudWatch
 * contributor insights for DynamoDB: How it works"). Control thread.
 */
#include "services/dynamodb/insight.h"

#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"
#include "services/dynamodb/transfer.h"

#include <errno.h>

#define LIST_MAX 100
#define NEXT_UNIT 8

static struct span state_name(uint64_t state)
{
    static const struct span names[] = {
        [INSIGHT_DISABLED] = S_INIT("DISABLED"),
        [INSIGHT_ENABLING] = S_INIT("ENABLING"),
        [INSIGHT_ENABLED] = S_INIT("ENABLED"),
        [INSIGHT_DISABLING] = S_INIT("DISABLING"),
    };
    return names[state];
}

static struct span mode_name(const struct dynamodb_table_insight *insight)
{
    return insight->throttled_only ? S("THROTTLED_KEYS") : S("ACCESSED_AND_THROTTLED_KEYS");
}

static bool same_index(struct span a, struct span b)
{
    return span_is_absent(a) ? span_is_absent(b) : span_eq(a, b);
}

/* Of the table (index absent) or a global index; one that was never on is DISABLED. */
static struct dynamodb_table_insight insight_of(const struct dynamodb_table *table,
                                                struct span index)
{
    for (size_t i = 0; i < table->insights.count; i++)
        if (same_index(table->insights.at[i].index, index))
            return table->insights.at[i];
    return (struct dynamodb_table_insight){.index = index, .state = INSIGHT_DISABLED};
}

static RESULT find(struct call *c, struct span table_name, struct span index_name,
                   struct dynamodb_table *ret_table, struct dynamodb_table_insight *ret)
{
    TRY(reference_table(c, table_name, ret_table));
    const struct dynamodb_table_index *index =
        index_name.at ? index_named(ret_table, index_name) : NULL;
    if (index_name.at && (!index || index->local))
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                      "Requested resource not found: Table: %.*s index: %.*s not found",
                      SPAN_ARG(ret_table->name), SPAN_ARG(index_name));
    *ret = insight_of(ret_table, index_name);
    return OK;
}

/* ---- rules ---------------------------------------------------------------------------------- */

static bool has_range(const struct dynamodb_table *table, struct span index)
{
    const struct dynamodb_table_index *named = index.at ? index_named(table, index) : NULL;
    return named ? named->range.count > 0 : !span_is_absent(table->range_name);
}

size_t insight_rules(struct arena *arena, const struct dynamodb_table *table,
                     const struct dynamodb_table_insight *insight,
                     struct insight_rule ret[INSIGHT_RULES_MAX])
{
    static const char whats[INSIGHT_RULES_MAX][4] = {"PKC", "SKC", "PKT", "SKT"};
    size_t count = 0;
    for (size_t i = 0; i < INSIGHT_RULES_MAX; i++) {
        bool used = whats[i][2] == 'C', both = whats[i][0] == 'S';
        if ((used && insight->throttled_only) || (both && !has_range(table, insight->index)))
            continue;
        struct insight_rule *rule = &ret[count++];
        memcpy(rule->what, whats[i], sizeof rule->what);
        rule->name = arena_printf(arena, "DynamoDBContributorInsights-%s-%.*s%s%.*s-%lld", whats[i],
                                  SPAN_ARG(table->name), insight->index.at ? "-" : "",
                                  SPAN_ARG(insight->index), (long long)insight->enabled);
    }
    return count;
}

/* ---- UpdateContributorInsights -------------------------------------------------------------- */

static void keep(struct call *c, struct dynamodb_table *table,
                 const struct dynamodb_table_insight *insight)
{
    struct dynamodb_table_insight_list list = {
        ARENA_ARRAY(c->arena, struct dynamodb_table_insight, table->insights.count + 1), 0};
    for (size_t i = 0; i < table->insights.count; i++)
        if (!same_index(table->insights.at[i].index, insight->index))
            list.at[list.count++] = table->insights.at[i];
    list.at[list.count++] = *insight;
    table->insights = list;
}

static RESULT set(struct call *c, const struct dynamodb_table *table,
                  const struct dynamodb_table_insight *insight)
{
    struct kv_access access = reference_access(c);
    unsigned which = 0;
    if (insight->state == INSIGHT_ENABLING)
        which = 1U << KV_RANKING_REFUSED | (insight->throttled_only ? 0 : 1U << KV_RANKING_USED);
    int error = kv_ranking_set(&access, reference_of(c->arena, table), insight->index, which);
    return error < 0 ? refuse_errno(c, error, "counting keys") : OK;
}

RESULT
dynamodb_update_contributor_insights(struct call *c,
                                     const struct dynamodb_update_contributor_insights_in *in,
                                     struct dynamodb_update_contributor_insights_out *out)
{
    struct dynamodb_table table;
    struct dynamodb_table_insight insight;
    TRY(find(c, in->table_name, in->index_name, &table, &insight));
    bool on = span_eq(in->contributor_insights_action, S("ENABLE"));
    bool only = in->contributor_insights_mode.at
                    ? span_eq(in->contributor_insights_mode, S("THROTTLED_KEYS"))
                    : insight.throttled_only;
    bool is_on = insight.state == INSIGHT_ENABLED || insight.state == INSIGHT_ENABLING;
    if (table.state == TABLE_CREATING || table.state == TABLE_DELETING)
        TRY(table_check_active(c, &table));
    if (on != is_on || (on && only != insight.throttled_only)) {
        insight.state = on ? INSIGHT_ENABLING : INSIGHT_DISABLING;
        insight.throttled_only = only;
        insight.changed = c->now_ms;
        if (on)
            insight.enabled = c->now_ms;
        TRY(set(c, &table, &insight));
        keep(c, &table, &insight);
        table_put_moving(c, &table);
    }
    out->table_name = table.name;
    out->index_name = in->index_name;
    out->contributor_insights_status = state_name(insight.state);
    out->contributor_insights_mode = mode_name(&insight);
    return OK;
}

void insight_settle(struct dynamodb_table *table)
{
    size_t kept = 0;
    for (size_t i = 0; i < table->insights.count; i++) {
        struct dynamodb_table_insight *insight = &table->insights.at[i];
        if (insight->index.at && !index_named(table, insight->index))
            continue;
        if (insight->state == INSIGHT_ENABLING)
            insight->state = INSIGHT_ENABLED;
        if (insight->state == INSIGHT_DISABLING)
            insight->state = INSIGHT_DISABLED;
        table->insights.at[kept++] = *insight;
    }
    table->insights.count = kept;
}

/* ---- DescribeContributorInsights ------------------------------------------------------------ */

RESULT
dynamodb_describe_contributor_insights(struct call *c,
                                       const struct dynamodb_describe_contributor_insights_in *in,
                                       struct dynamodb_describe_contributor_insights_out *out)
{
    struct dynamodb_table table;
    struct dynamodb_table_insight insight;
    struct insight_rule rules[INSIGHT_RULES_MAX];
    TRY(find(c, in->table_name, in->index_name, &table, &insight));
    out->table_name = table.name;
    out->index_name = in->index_name;
    out->contributor_insights_status = state_name(insight.state);
    if (insight.state != INSIGHT_DISABLED)
        out->contributor_insights_mode = mode_name(&insight);
    if (insight.changed)
        SET(out, last_update_date_time, insight.changed);
    if (insight.state != INSIGHT_ENABLED)
        return OK;
    size_t count = insight_rules(c->arena, &table, &insight, rules);
    out->contributor_insights_rule_list.at = ARENA_ARRAY(c->arena, struct span, count);
    out->contributor_insights_rule_list.count = count;
    for (size_t i = 0; i < count; i++)
        out->contributor_insights_rule_list.at[i] = rules[i].name;
    return OK;
}

/* ---- ListContributorInsights ---------------------------------------------------------------- */

struct listing {
    struct call *c;
    struct span table, index; /* behind these; index absent: behind the table itself */
    bool skipping;            /* it was not come to yet */
    struct dynamodb_contributor_insights_summaries found;
    size_t limit;
    bool more;
};

/* 1: there is no room for it. */
static int take(struct listing *listing, const struct dynamodb_table *table, struct span index)
{
    if (listing->skipping) {
        listing->skipping =
            !span_eq(table->name, listing->table) || !same_index(index, listing->index);
        return 0;
    }
    if (listing->found.count == listing->limit) {
        listing->more = true;
        return 1;
    }
    const struct dynamodb_table_insight insight = insight_of(table, index);
    struct dynamodb_contributor_insights_summary *to = &listing->found.at[listing->found.count++];
    to->table_name = table->name;
    to->index_name = index;
    to->contributor_insights_status = state_name(insight.state);
    if (insight.state != INSIGHT_DISABLED)
        to->contributor_insights_mode = mode_name(&insight);
    return 0;
}

static int take_table(void *user, struct dynamodb_table *table)
{
    struct listing *listing = user;
    int full = take(listing, table, SPAN_NONE);
    for (size_t i = 0; i < table->indexes.count && !full; i++)
        if (!table->indexes.at[i].local)
            full = take(listing, table, table->indexes.at[i].name);
    return full;
}

static RESULT read_token(struct call *c, struct span token, struct listing *listing)
{
    struct span text;
    if (!transfer_read_token(c, token, &text))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "Invalid NextToken");
    listing->table = span_cut(&text, '/');
    listing->index = text.len ? text : SPAN_NONE;
    listing->skipping = true;
    return OK;
}

static struct span token_of(struct call *c, const struct listing *listing)
{
    const struct dynamodb_contributor_insights_summary *last =
        &listing->found.at[listing->found.count - 1];
    struct span text =
        arena_printf(c->arena, "%.*s/%.*s", SPAN_ARG(last->table_name), SPAN_ARG(last->index_name));
    return transfer_token_of(c, text, NEXT_UNIT);
}

RESULT dynamodb_list_contributor_insights(struct call *c,
                                          const struct dynamodb_list_contributor_insights_in *in,
                                          struct dynamodb_list_contributor_insights_out *out)
{
    struct dynamodb_table table = {.account = c->account, .region = c->region};
    size_t limit = in->has.max_results && in->max_results > 0 ? (size_t)in->max_results : LIST_MAX;
    struct listing listing = {
        .c = c,
        .found.at = ARENA_ARRAY(c->arena, struct dynamodb_contributor_insights_summary, limit),
        .limit = limit,
    };
    if (in->next_token.at)
        TRY(read_token(c, in->next_token, &listing));
    if (in->table_name.at) {
        TRY(reference_table(c, in->table_name, &table));
        take_table(&listing, &table);
    } else {
        table.name = listing.table.at ? listing.table : SPAN_NONE;
        int error = dynamodb_table_each(c->txn, &table, 2, c->arena, take_table, &listing);
        if (error < 0)
            return refuse_errno(c, error, "listing contributor insights");
    }
    out->contributor_insights_summaries = listing.found;
    if (listing.more)
        out->next_token = token_of(c, &listing);
    return OK;
}
