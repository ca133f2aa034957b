// SPDX-License-Identifier: Apache-2.0
/*
 * Is a resource policy public? It is unless each of its allowing statements speaks to named
 * principals, or binds everybody by a condition with fixed values on one of the keys that tell
 * where a request comes from. Pure, any thread. Source: "Blocking public access to your Amazon S3
 * storage", "The meaning of public".
 */
#include "auth/policy_tree.h"

/* Keys that bind a statement to somebody, in the lower case of parsed policies. */
static const struct span binding_keys[] = {
    S_INIT("aws:principalaccount"),  S_INIT("aws:principalarn"),
    S_INIT("aws:principalorgid"),    S_INIT("aws:principalorgpaths"),
    S_INIT("aws:sourceaccount"),     S_INIT("aws:sourcearn"),
    S_INIT("aws:sourceip"),          S_INIT("aws:sourceorgid"),
    S_INIT("aws:sourceorgpaths"),    S_INIT("aws:sourceowner"),
    S_INIT("aws:sourcevpc"),         S_INIT("aws:sourcevpcarn"),
    S_INIT("aws:sourcevpce"),        S_INIT("aws:userid"),
    S_INIT("aws:vpcsourceip"),       S_INIT("s3:dataaccesspointaccount"),
    S_INIT("s3:dataaccesspointarn"), S_INIT("s3:x-amz-server-side-encryption-aws-kms-key-id"),
};

static bool is_binding_key(struct span key)
{
    for (size_t i = 0; i < ARRAY_LEN(binding_keys); i++)
        if (span_eq(key, binding_keys[i]))
            return true;
    return false;
}

static bool is_fixed(const struct policy_text *text)
{
    for (size_t i = 0; i < text->text.len; i++)
        if ((unsigned char)text->text.at[i] >= MARK_ONE_IN_SEGMENT)
            return false;
    return !text->variables && text->text.len;
}

/* A network of IPv4 shorter than /8 or of IPv6 shorter than /32 is nearly everybody. */
static bool is_narrow_network(struct span network)
{
    uint64_t bits;
    bool v6 = span_find_byte(network, ':') != SPAN_NOT_FOUND;
    struct span prefix = network;
    span_cut(&prefix, '/');
    if (span_is_absent(prefix))
        return true; /* one address */
    return span_to_u64(prefix, &bits) && bits >= (v6 ? 32 : 8);
}

static bool binds(const struct policy_condition *c)
{
    if (c->if_exists || c->set == SET_ALL_VALUES || !policy_operator_is_positive(c->operator) ||
        !is_binding_key(c->key))
        return false;
    for (size_t i = 0; i < c->values.count; i++) {
        const struct policy_text *value = &c->values.at[i];
        bool address = span_eq(c->key, S("aws:sourceip")) || span_eq(c->key, S("aws:vpcsourceip"));
        if (!is_fixed(value) || (address && !is_narrow_network(value->text)))
            return false;
    }
    return c->values.count != 0;
}

static bool speaks_to_everybody(const struct policy_statement *statement)
{
    for (size_t i = 0; i < statement->principals.count; i++)
        if (statement->principals.at[i].type == PRINCIPAL_ANYONE)
            return true;
    return (statement->has & HAS_NOT_PRINCIPAL) != 0;
}

static bool statement_is_public(const struct policy_statement *statement)
{
    if (statement->deny || !speaks_to_everybody(statement))
        return false;
    for (const struct policy_condition *c = statement->conditions; c; c = c->next)
        if (binds(c))
            return false;
    return true;
}

bool policy_is_public(const struct policy *policy)
{
    for (size_t i = 0; i < policy->statement_count; i++)
        if (statement_is_public(&policy->statements[i]))
            return true;
    return false;
}
