// SPDX-License-Identifier: Apache-2.0
/* ExecuteStatement and BatchExecuteStatement. Loop threads. */
#include "base/crc.h"
#include "base/text.h"
#include "services/dynamodb/collection.h"
#include "services/dynamodb/parameter.h"
#include "services/dynamodb/partiql/partiql.h"
#include "services/dynamodb/reference.h"

#define TOKEN_CEILING 32768

static struct dynamodb_item_list one_item(struct call *c, const struct kv_map *item)
{
    struct dynamodb_attribute_map *at = ARENA_ARRAY(c->arena, struct dynamodb_attribute_map, 1);
    if (item->count)
        *at = attribute_show_map(c, item);
    return (struct dynamodb_item_list){at, item->count ? 1 : 0};
}

/* ---- the token of a page -------------------------------------------------------------------- */

/* Of the statement, so that a token is of no use to another one. */
static uint32_t mark_of(const struct partiql *statement, struct span text)
{
    return crc32c_feed(crc32c_feed(0, text), statement->table);
}

static struct span token_of(struct call *c, uint32_t mark, const struct kv_map *last)
{
    struct buf *bytes = arena_buf(c->arena, TOKEN_CEILING);
    buf_append(bytes, span_of(&mark, sizeof mark));
    kv_item_encode(last, bytes);
    return base64_of(c->arena, buf_span(bytes));
}

static RESULT read_token(struct call *c, struct span token, uint32_t mark, struct kv_map *ret)
{
    struct span bytes = base64_decode(c->arena, token);
    if (!span_is_absent(bytes) && bytes.len > sizeof mark &&
        memcmp(bytes.at, &mark, sizeof mark) == 0 &&
        kv_item_decode(span_from(bytes, sizeof mark), c->arena, ret))
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "NextToken does not match request");
}

/* ---- ExecuteStatement ----------------------------------------------------------------------- */

static struct kv_map keys_of(struct call *c, const struct source *source, const struct kv_map *item)
{
    struct kv_map keys = {ARENA_ARRAY(c->arena, struct kv_pair, source->key_count), 0};
    for (size_t i = 0; i < source->key_count; i++)
        keys.at[keys.count++] =
            (struct kv_pair){source->keys[i].name, *kv_map_get(item, source->keys[i].name)};
    kv_sort_pairs(keys.at, keys.count);
    return keys;
}

static RESULT execute_select(struct call *c, const struct dynamodb_execute_statement_in *in,
                             const struct partiql *statement,
                             struct dynamodb_execute_statement_out *out)
{
    struct partiql_query query = {.statement = statement,
                                  .consistent = in->consistent_read,
                                  .limit = in->has.limit ? (size_t)in->limit : 0};
    uint32_t mark = mark_of(statement, in->statement);
    struct kv_map after;
    struct source source;
    struct page_wish wish;
    struct page page;
    if (in->next_token.at) {
        TRY(read_token(c, in->next_token, mark, &after));
        query.after = &after;
    }
    TRY(partiql_select(c, &query, &source, &wish, &page));
    out->items = page_items(c, &page);
    if (page.last.count) {
        struct kv_map last = keys_of(c, &source, &page.last);
        out->next_token = token_of(c, mark, &last);
        out->last_evaluated_key = source_last(c, &source, &page.last);
    }
    out->consumed_capacity = page_capacity(c, in->return_consumed_capacity, &wish, &page);
    return OK;
}

static RESULT execute_write(struct call *c, const struct dynamodb_execute_statement_in *in,
                            const struct partiql *statement,
                            struct dynamodb_execute_statement_out *out)
{
    struct item_target target;
    struct partiql_result result;
    TRY(partiql_aim(c, statement, &target));
    TRY(item_lock(c, &target));
    TRY(partiql_apply(c, statement, &target, in->return_values_on_condition_check_failure,
                      &result));
    out->items = one_item(c, &result.item);
    out->consumed_capacity = item_capacity(c, &target, in->return_consumed_capacity, result.bytes);
    return OK;
}

RESULT dynamodb_execute_statement(struct call *c, const struct dynamodb_execute_statement_in *in,
                                  struct dynamodb_execute_statement_out *out)
{
    struct partiql statement;
    TRY(parameter_check_number(c,
                               &(struct parameter_number){"Limit", in->has.limit, in->limit, 1}));
    TRY(partiql_read(c, in->statement, &in->parameters, &statement));
    if (statement.kind == PARTIQL_EXISTS)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "EXISTS statements are only supported within ExecuteTransaction.");
    TRY(partiql_require(c, &statement));
    return statement.kind == PARTIQL_SELECT ? execute_select(c, in, &statement, out)
                                            : execute_write(c, in, &statement, out);
}

/* ---- BatchExecuteStatement ------------------------------------------------------------------ */

struct member {
    const struct dynamodb_batch_statement_request *in;
    struct partiql statement;
    struct item_target target;
    const struct refusal *refusal; /* of this member alone */
    double units;
};

static const struct {
    const struct error_kind *kind;
    struct span code;
} codes[] = {
    {&DYNAMODB_CONDITIONAL_CHECK_FAILED_EXCEPTION, S_INIT("ConditionalCheckFailed")},
    {&DYNAMODB_ITEM_COLLECTION_SIZE_LIMIT_EXCEEDED_EXCEPTION,
     S_INIT("ItemCollectionSizeLimitExceeded")},
    {&DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION, S_INIT("ResourceNotFound")},
    {&DYNAMODB_DUPLICATE_ITEM_EXCEPTION, S_INIT("DuplicateItem")},
    {&DYNAMODB_VALIDATION_EXCEPTION, S_INIT("ValidationError")},
};

static struct span code_of(const struct refusal *refusal)
{
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (codes[i].kind == refusal->kind)
            return codes[i].code;
    return strstr(refusal->kind->code, "AccessDenied") ? S("AccessDenied")
                                                       : S("InternalServerError");
}

static bool is_read(const struct member *member)
{
    return member->statement.kind == PARTIQL_SELECT;
}

static RESULT aim_read(struct call *c, struct member *member)
{
    struct expression_keys keys;
    bool only;
    partiql_conjuncts(&member->statement, &keys, &only);
    const struct refusal *refusal = partiql_aim(c, &member->statement, &member->target);
    if (refusal && refusal->kind != &DYNAMODB_VALIDATION_EXCEPTION)
        return refusal;
    size_t parts =
        member->target.table && kv_table_schema(member->target.table)->range.name.at ? 2 : 1;
    if (!refusal && only && keys.count == parts && !member->statement.index.at)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Select statements within BatchExecuteStatement must specify the primary key in "
                  "the where clause.");
}

static RESULT prepare(struct call *c, struct member *member)
{
    TRY(partiql_read(c, member->in->statement, &member->in->parameters, &member->statement));
    if (member->statement.kind == PARTIQL_EXISTS)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "EXISTS statements are only supported within ExecuteTransaction.");
    TRY(partiql_require(c, &member->statement));
    return is_read(member) ? aim_read(c, member)
                           : partiql_aim(c, &member->statement, &member->target);
}

static RESULT check_mixture(struct call *c, const struct member *members, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (!members[i].refusal && !members[0].refusal && is_read(&members[i]) != is_read(members))
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "A batch must consist of either read statements or write statements");
    return OK;
}

static RESULT lock_all(struct call *c, struct member *members, size_t count)
{
    const struct kv_access access = reference_access(c);
    struct kv_place *places = ARENA_ARRAY(c->arena, struct kv_place, count);
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        if (!members[i].refusal && !is_read(&members[i]))
            places[found++] = (struct kv_place){members[i].target.table, &members[i].target.key};
    if (found && kv_lock_places(&access, places, found, SPAN_NONE) < 0)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION, "Requested resource not found");
    return OK;
}

static RESULT run(struct call *c, struct member *member, struct partiql_result *ret)
{
    TRY(item_read(c, &member->target));
    if (is_read(member)) {
        TRY(partiql_look(c, &member->statement, &member->target, ret));
        member->units = capacity_of_read(ret->bytes, member->in->consistent_read);
        return OK;
    }
    TRY(partiql_apply(c, &member->statement, &member->target,
                      member->in->return_values_on_condition_check_failure, ret));
    member->units = capacity_of_write(ret->bytes);
    return OK;
}

static void tell(struct call *c, struct member *member, const struct partiql_result *result,
                 struct dynamodb_batch_statement_response *ret)
{
    ret->table_name = member->target.table_name;
    if (!member->refusal) {
        if (result->item.count)
            ret->item = attribute_show_map(c, &result->item);
        return;
    }
    ret->error = ARENA_NEW(c->arena, struct dynamodb_batch_statement_error);
    ret->error->code = code_of(member->refusal);
    ret->error->message = member->refusal->message;
    if (member->refusal->members && !span_is_absent(member->target.bytes))
        ret->error->item = attribute_show_map(c, &member->target.old);
}

/* One entry for each table. */
static void show_capacity(struct call *c, const struct member *members, size_t count,
                          struct span wanted, struct dynamodb_consumed_capacity_multiple *ret)
{
    ret->at = ARENA_ARRAY(c->arena, struct dynamodb_consumed_capacity, count);
    for (size_t i = 0; i < count; i++) {
        struct capacity_write all = {.table_name = members[i].target.table_name,
                                     .table = members[i].target.table,
                                     .changes = &members[i].target.changes,
                                     .factor = 1};
        bool first = all.table != NULL;
        for (size_t j = 0; j < i; j++)
            first &= members[j].target.table != all.table;
        for (size_t j = i; j < count; j++)
            if (members[j].target.table == all.table)
                all.units += members[j].units;
        struct dynamodb_consumed_capacity *shown = first ? capacity_written(c, wanted, &all) : NULL;
        if (shown)
            ret->at[ret->count++] = *shown;
    }
    if (!ret->count)
        ret->at = NULL;
}

RESULT dynamodb_batch_execute_statement(struct call *c,
                                        const struct dynamodb_batch_execute_statement_in *in,
                                        struct dynamodb_batch_execute_statement_out *out)
{
    size_t count = in->statements.count;
    struct member *members = ARENA_ARRAY(c->arena, struct member, count);
    out->responses.at = ARENA_ARRAY(c->arena, struct dynamodb_batch_statement_response, count);
    out->responses.count = count;
    for (size_t i = 0; i < count; i++) {
        members[i].in = &in->statements.at[i];
        members[i].refusal = prepare(c, &members[i]);
    }
    TRY(check_mixture(c, members, count));
    TRY(lock_all(c, members, count));
    for (size_t i = 0; i < count; i++) {
        struct partiql_result result = {.bytes = 0};
        if (!members[i].refusal)
            members[i].refusal = run(c, &members[i], &result);
        tell(c, &members[i], &result, &out->responses.at[i]);
    }
    show_capacity(c, members, count, in->return_consumed_capacity, &out->consumed_capacity);
    return OK;
}
