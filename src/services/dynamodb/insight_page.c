// SPDX-License-Identifier: Apache-2.0
/* The keys that contributor insights count, as text for whoever runs this program. Any thread. */
#include "services/dynamodb/dynamodb.h"
#include "services/dynamodb/insight.h"

#include "base/json.h"
#include "base/text.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"

#define ARENA_FIRST 65536
#define ARENA_CEILING (64 << 20)

struct printing {
    struct cloud *cloud;
    struct txn *txn;
    struct arena *arena;
    struct buf *out;
};

static struct span shown_value(struct arena *arena, const struct kv_key_part *part,
                               struct span bytes)
{
    char text[KV_NUMBER_TEXT_MAX];
    if (part->type == KV_NUMBER && kv_number_len(bytes))
        return arena_copy(arena, span_of(text, kv_number_print(bytes, text)));
    return part->type == KV_STRING ? bytes : base64_of(arena, bytes);
}

/* Values of an index's range key are escaped and end with two zeros. */
static struct span plain_value(struct arena *arena, struct span escaped)
{
    char *to = arena_alloc(arena, escaped.len);
    size_t len = 0;
    for (size_t i = 0; i < escaped.len; i++) {
        if (!escaped.at[i] && (i + 1 == escaped.len || !escaped.at[i + 1]))
            break;
        to[len++] = escaped.at[i];
        i += !escaped.at[i];
    }
    return span_of(to, len);
}

struct keys {
    struct kv_key_part hash, range;
    bool escaped;
};

static struct keys keys_of(const struct kv_table *table, const struct kv_index *index)
{
    const struct kv_schema *schema = kv_table_schema(table);
    if (!index)
        return (struct keys){schema->hash, schema->range, false};
    const struct kv_index_schema *own = kv_index_schema(index);
    return (struct keys){own->hash[0], own->range[0], true};
}

static void print_key(const struct printing *p, const struct keys *keys,
                      const struct kv_ranked *ranked, bool both)
{
    struct json_writer writer = {.out = p->out};
    json_begin_array(&writer);
    json_string(&writer, shown_value(p->arena, &keys->hash, ranked->hash));
    if (both)
        json_string(&writer, shown_value(p->arena, &keys->range,
                                         keys->escaped ? plain_value(p->arena, ranked->range)
                                                       : ranked->range));
    json_end_array(&writer);
}

static void print_rule(const struct printing *p, const struct insight_rule *rule,
                       const struct kv_table *table, const struct kv_index *index)
{
    bool both = rule->what[0] == 'S';
    const struct kv_ranking_query query = {rule->what[2] == 'C' ? KV_RANKING_USED
                                                                : KV_RANKING_REFUSED,
                                           both ? KV_RANKED_WHOLE : KV_RANKED_HASH};
    struct kv_ranked *ranked = ARENA_ARRAY(p->arena, struct kv_ranked, KV_RANKED_KEYS);
    const struct keys keys = keys_of(table, index);
    size_t count = kv_ranking_read(table, index, &query, p->arena, ranked);
    for (size_t i = 0; i < count; i++) {
        buf_printf(p->out, "%.*s %.1f ", SPAN_ARG(rule->name), ranked[i].units);
        print_key(p, &keys, &ranked[i], both);
        buf_append_byte(p->out, '\n');
    }
}

static int print_table(void *user, struct dynamodb_table *table)
{
    const struct printing *p = user;
    struct kv_access access = {.kv = p->cloud->kv, .txn = p->txn, .arena = p->arena};
    struct insight_rule rules[INSIGHT_RULES_MAX];
    struct kv_table *open;
    if (!table->insights.count || kv_find(&access, reference_of(p->arena, table), &open) < 0)
        return 0;
    for (size_t i = 0; i < table->insights.count; i++) {
        const struct dynamodb_table_insight *insight = &table->insights.at[i];
        const struct kv_index *index =
            insight->index.at ? kv_index_find(open, insight->index) : NULL;
        if (insight->state != INSIGHT_ENABLED || (insight->index.at && !index))
            continue;
        size_t count = insight_rules(p->arena, table, insight, rules);
        for (size_t j = 0; j < count; j++)
            print_rule(p, &rules[j], open, index);
    }
    return 0;
}

int dynamodb_print_insights(struct cloud *cloud, struct buf *out)
{
    struct arena arena;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct printing printing = {cloud, txn_begin(cloud->store), &arena, out};
    int error = dynamodb_table_each(printing.txn, &(struct dynamodb_table){0}, 0, &arena,
                                    print_table, &printing);
    txn_rollback(printing.txn);
    arena_done(&arena);
    return error < 0 ? error : 0;
}
