// SPDX-License-Identifier: Apache-2.0
/*
 * ExecuteTransaction: up to 100 statements on different items, all or none; all of them read, or
 * all of them write or ask whether something EXISTS. The same key invariant as TransactWriteItems:
 * all items and the token are locked in one call before anything is read. Loop threads.
 */
#include "services/dynamodb/capacity.h"
#include "services/dynamodb/partiql/partiql.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/token.h"
#include "services/dynamodb/transact.h"

#define ASKED_CEILING (64 << 20) /* bytes of what is digested for the token */

struct step {
    const struct dynamodb_parameterized_statement *in;
    struct partiql statement;
    struct item_target target;
    struct partiql_result result;
};

struct steps {
    struct step *at;
    size_t count;
    struct transact_reasons reasons;
};

static bool is_read(const struct steps *steps)
{
    return steps->at[0].statement.kind == PARTIQL_SELECT;
}

/* ---- what is asked for ---------------------------------------------------------------------- */

static RESULT bad(struct call *c, const char *message)
{
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "%s", message);
}

/* A statement that reads says the whole key, and EXISTS something besides. */
static RESULT check_read(struct call *c, const struct step *step)
{
    bool exists = step->statement.kind == PARTIQL_EXISTS, only;
    struct expression_keys keys;
    partiql_conjuncts(&step->statement, &keys, &only);
    size_t parts = kv_table_schema(step->target.table)->range.name.at ? 2 : 1;
    only = only && keys.count == parts;
    if (exists && only)
        return bad(c, "EXISTS() must contain a single item read with additional condition");
    if (!exists && !only)
        return bad(c, "Select statements within ExecuteTransaction must specify the primary key in "
                      "the where clause.");
    return OK;
}

static RESULT read_step(struct call *c, struct step *step)
{
    struct partiql *statement = &step->statement;
    TRY(partiql_read(c, step->in->statement, &step->in->parameters, statement));
    if (statement->returning)
        return bad(c, "RETURNING clause is not supported in ExecuteTransaction.");
    if (statement->index.at)
        return bad(c, "Reads on indices are not supported within transactions.");
    TRY(partiql_require(c, statement));
    bool reads = statement->kind == PARTIQL_SELECT || statement->kind == PARTIQL_EXISTS;
    const struct refusal *refusal = partiql_aim(c, statement, &step->target);
    step->target.transacted = true;
    if (refusal && (!reads || !step->target.table))
        return refusal;
    if (refusal)
        return bad(c, statement->kind == PARTIQL_EXISTS
                          ? "EXISTS() must contain a single item read with additional condition"
                          : "Select statements within ExecuteTransaction must specify the primary "
                            "key in the where clause.");
    return reads ? check_read(c, step) : OK;
}

static RESULT read_steps(struct call *c, const struct dynamodb_execute_transaction_in *in,
                         struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        steps->at[i].in = &in->transact_statements.at[i];
        const struct refusal *refusal = read_step(c, &steps->at[i]);
        if (refusal && refusal->kind == &DYNAMODB_VALIDATION_EXCEPTION)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "Validation failed in TransactStatements[%zu]: %.*s", i,
                          SPAN_ARG(refusal->message));
        TRY(refusal);
    }
    for (size_t i = 1; i < steps->count; i++)
        if ((steps->at[i].statement.kind == PARTIQL_SELECT) != is_read(steps))
            return bad(c, "A transaction must consist of either read statements or write "
                          "statements");
    return OK;
}

/* Equal for the same statements with the same parameters. */
static struct span asked_for(struct call *c, const struct steps *steps)
{
    struct buf *out = arena_buf(c->arena, ASKED_CEILING);
    for (size_t i = 0; i < steps->count; i++) {
        const struct dynamodb_parameterized_statement *in = steps->at[i].in;
        buf_append_u64(out, in->statement.len);
        buf_append_byte(out, ':');
        buf_append(out, in->statement);
        for (size_t j = 0; j < in->parameters.count; j++) {
            struct kv_pair pair = {.name = S("p")};
            if (!attribute_read(c, ATTRIBUTE_PLAIN, &in->parameters.at[j], &pair.value))
                kv_item_encode(&(struct kv_map){&pair, 1}, out);
        }
    }
    return buf_span(out);
}

/* ---- doing it ------------------------------------------------------------------------------- */

static RESULT lock_all(struct call *c, const struct steps *steps, struct span token)
{
    const struct kv_access access = reference_access(c);
    struct kv_place *places = ARENA_ARRAY(c->arena, struct kv_place, steps->count);
    const struct kv_key **keys = ARENA_ARRAY(c->arena, const struct kv_key *, steps->count);
    for (size_t i = 0; i < steps->count; i++) {
        keys[i] = &steps->at[i].target.key;
        places[i] = (struct kv_place){steps->at[i].target.table, keys[i]};
    }
    TRY(transact_check_keys(c, keys, steps->count));
    if (kv_lock_places(&access, places, steps->count, token_lock_name(c, token)) < 0)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION, "Requested resource not found");
    return OK;
}

static RESULT do_step(struct call *c, struct step *step)
{
    struct span on_failure = step->in->return_values_on_condition_check_failure;
    if (step->statement.kind == PARTIQL_SELECT)
        return partiql_look(c, &step->statement, &step->target, &step->result);
    return partiql_apply(c, &step->statement, &step->target, on_failure, &step->result);
}

static RESULT do_all(struct call *c, struct steps *steps)
{
    size_t bytes = 0;
    for (size_t i = 0; i < steps->count; i++) {
        TRY(item_read(c, &steps->at[i].target));
        TRY(transact_keep(&steps->reasons, i, do_step(c, &steps->at[i])));
        bytes += steps->at[i].result.bytes;
    }
    TRY(transact_cancel(c, &steps->reasons));
    return transact_check_size(c, bytes);
}

/* What was done under the token is told as a read of what is there. */
static RESULT look_again(struct call *c, struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        TRY(item_read(c, &steps->at[i].target));
        steps->at[i].result =
            (struct partiql_result){.bytes = kv_item_size(steps->at[i].target.bytes)};
    }
    return OK;
}

/* ---- what is told --------------------------------------------------------------------------- */

static void show_capacity(struct call *c, const struct steps *steps, struct span wanted,
                          bool reading, struct dynamodb_consumed_capacity_multiple *ret)
{
    ret->at = ARENA_ARRAY(c->arena, struct dynamodb_consumed_capacity, steps->count);
    for (size_t i = 0; i < steps->count; i++) {
        const struct kv_table *table = steps->at[i].target.table;
        double units = 0;
        bool told = false;
        for (size_t j = 0; j < steps->count; j++) {
            size_t bytes = steps->at[j].result.bytes;
            told |= j < i && steps->at[j].target.table == table;
            if (steps->at[j].target.table == table)
                units += TRANSACT_FACTOR *
                         (reading ? capacity_of_read(bytes, true) : capacity_of_write(bytes));
        }
        struct dynamodb_consumed_capacity *shown =
            told ? NULL : capacity_shown(c, wanted, steps->at[i].target.table_name, units);
        if (!shown)
            continue;
        if (reading)
            SET(shown, read_capacity_units, units);
        else
            SET(shown, write_capacity_units, units);
        ret->at[ret->count++] = *shown;
    }
    if (!ret->count)
        ret->at = NULL;
}

RESULT dynamodb_execute_transaction(struct call *c,
                                    const struct dynamodb_execute_transaction_in *in,
                                    struct dynamodb_execute_transaction_out *out)
{
    size_t count = in->transact_statements.count;
    struct steps steps = {ARENA_ARRAY(c->arena, struct step, count),
                          count,
                          {ARENA_ARRAY(c->arena, const struct refusal *, count), count}};
    struct span token = in->client_request_token;
    enum TOKEN done;
    TRY(read_steps(c, in, &steps));
    struct span asked = asked_for(c, &steps);
    TRY(lock_all(c, &steps, token));
    TRY(token_look(c, token, asked, &done));
    if (done == TOKEN_NEW || is_read(&steps))
        TRY(do_all(c, &steps));
    else
        TRY(look_again(c, &steps));
    if (done == TOKEN_NEW && !is_read(&steps))
        TRY(token_keep(c, token, asked));
    out->responses.at = ARENA_ARRAY(c->arena, struct dynamodb_item_response, count);
    out->responses.count = is_read(&steps) ? count : 0; /* writes answer an empty list */
    for (size_t i = 0; i < out->responses.count; i++)
        if (steps.at[i].result.item.count)
            out->responses.at[i].item = attribute_show_map(c, &steps.at[i].result.item);
    show_capacity(c, &steps, in->return_consumed_capacity, is_read(&steps) || done == TOKEN_DONE,
                  &out->consumed_capacity);
    return OK;
}
