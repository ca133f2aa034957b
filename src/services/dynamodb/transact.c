// SPDX-License-Identifier: Apache-2.0
/*
 * Transactions as a whole. What concerns one action (its key does not fit, its condition does not
 * hold) cancels the transaction with a reason in that action's place; an empty key, a missing table
 * and what is malformed refuse the request. As the real service was measured to divide them.
 */
#include "services/dynamodb/transact.h"

#include "base/json.h"

#define SIZE_MAX_BYTES (4 << 20)
#define REASONS_CEILING (48 << 20) /* bytes of JSON: 100 items of 400 KB */

static const struct {
    const struct error_kind *kind;
    const char *code;
} codes[] = {
    {&DYNAMODB_CONDITIONAL_CHECK_FAILED_EXCEPTION, "ConditionalCheckFailed"},
    {&DYNAMODB_VALIDATION_EXCEPTION, "ValidationError"},
    {&DYNAMODB_DUPLICATE_ITEM_EXCEPTION, "DuplicateItem"},
    {&DYNAMODB_ITEM_COLLECTION_SIZE_LIMIT_EXCEEDED_EXCEPTION, "ItemCollectionSizeLimitExceeded"},
    {&DYNAMODB_PROVISIONED_THROUGHPUT_EXCEEDED_EXCEPTION, "ProvisionedThroughputExceeded"},
    {&DYNAMODB_THROTTLING_EXCEPTION, "ThrottlingError"},
};

static const char *code_of(const struct refusal *refusal)
{
    for (size_t i = 0; refusal && i < ARRAY_LEN(codes); i++)
        if (refusal->kind == codes[i].kind)
            return codes[i].code;
    return NULL;
}

RESULT transact_keep(struct transact_reasons *reasons, size_t i, const struct refusal *refusal)
{
    bool whole = refusal &&
                 (!code_of(refusal) ||
                  span_starts(refusal->message, S("One or more parameter values are not valid.")));
    if (whole)
        return refusal;
    if (!reasons->at[i])
        reasons->at[i] = refusal;
    return OK;
}

static void print_reason(struct json_writer *json, const struct refusal *refusal)
{
    json_begin_object(json);
    json_key(json, S("Code"));
    json_string(json, span_of_cstr(refusal ? code_of(refusal) : "None"));
    if (refusal) {
        json_key(json, S("Message"));
        json_string(json, refusal->message);
        for (const struct refusal_member *m = refusal->members; m; m = m->next) {
            if (!span_eq(m->name, S("Item")))
                continue;
            json_key(json, m->name);
            json_literal(json, m->value);
        }
    }
    json_end_object(json);
}

RESULT transact_cancel(struct call *c, const struct transact_reasons *reasons)
{
    struct buf *list = arena_buf(c->arena, REASONS_CEILING),
               *json = arena_buf(c->arena, REASONS_CEILING);
    struct json_writer writer = {.out = json};
    bool any = false;
    json_begin_array(&writer);
    for (size_t i = 0; i < reasons->count; i++) {
        any |= reasons->at[i] != NULL;
        buf_printf(list, "%s%s", i ? ", " : "", reasons->at[i] ? code_of(reasons->at[i]) : "None");
        print_reason(&writer, reasons->at[i]);
    }
    json_end_array(&writer);
    if (!any)
        return OK;
    return refusal_add_json(
        c,
        refuse(
            c, &DYNAMODB_TRANSACTION_CANCELED_EXCEPTION,
            "Transaction cancelled, please refer cancellation reasons for specific reasons [%.*s]",
            (int)list->len, list->at),
        S("CancellationReasons"), buf_span(json));
}

RESULT transact_check_keys(struct call *c, const struct kv_key *const *keys, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (kv_key_eq(keys[i], keys[j]))
                return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                              "Transaction request cannot include multiple operations on one item");
    return OK;
}

RESULT transact_check_size(struct call *c, size_t bytes)
{
    if (bytes <= SIZE_MAX_BYTES)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "The aggregate size of the items in the transaction cannot exceed 4 MB");
}
