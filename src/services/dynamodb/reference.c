// SPDX-License-Identifier: Apache-2.0
/*
 * From TableName to a table. Items of another account's table are for those whom its policy allows
 * them; the table itself is its own account's. Texts as the real service answers them. Any thread.
 */
#include "services/dynamodb/reference.h"

#include "auth/identity.h"
#include "services/cloud.h"
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/dynamodb.h"

#include <errno.h>

#define NAME_MIN 3 /* characters */
#define NAME_MAX 255

/* arn:PARTITION:dynamodb:REGION:ACCOUNT:table/NAME */
struct table_arn {
    struct span region, account, name;
};

static bool arn_read(struct span text, struct table_arn *ret)
{
    struct span rest = text;
    bool good = span_eq(span_cut(&rest, ':'), S("arn"));
    good &= !span_is_empty(span_cut(&rest, ':'));
    good &= span_eq(span_cut(&rest, ':'), S("dynamodb"));
    ret->region = span_cut(&rest, ':');
    ret->account = span_cut(&rest, ':');
    good &= span_starts(rest, S("table/")) && ret->region.len && ret->account.len;
    ret->name = span_from(rest, sizeof "table/" - 1);
    return good && ret->name.len;
}

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '.';
}

static bool is_name_text(struct span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!is_name_byte(name.at[i]))
            return false;
    return true;
}

static RESULT check_name(struct call *c, struct span name)
{
    const char *length = name.len < NAME_MIN   ? "greater than or equal to 3"
                         : name.len > NAME_MAX ? "less than or equal to 255"
                                               : NULL;
    struct span problems[2];
    size_t count = 0;
    if (!is_name_text(name))
        problems[count++] = arena_printf(
            c->arena,
            "Value '%.*s' at 'tableName' failed to satisfy constraint: Member must satisfy "
            "regular expression pattern: [a-zA-Z0-9_.-]+",
            SPAN_ARG(name));
    if (length)
        problems[count++] = arena_printf(
            c->arena,
            "Value '%.*s' at 'tableName' failed to satisfy constraint: Member must have length %s",
            SPAN_ARG(name), length);
    if (!count)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "%zu validation error%s detected: %.*s%s%.*s",
                  count, count > 1 ? "s" : "", SPAN_ARG(problems[0]), count > 1 ? "; " : "",
                  SPAN_ARG(count > 1 ? problems[1] : S("")));
}

/* Whether the caller may was asked with the ARN, and so with what the table says itself. */
static RESULT check_owner(struct call *c, const struct table_arn *arn)
{
    if (!span_eq(arn->account, c->account) || !span_eq(arn->region, c->region))
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION, "Requested resource not found");
    return OK;
}

RESULT reference_read(struct call *c, struct span table_name, struct span *ret_name)
{
    struct table_arn arn = {.name = table_name};
    if (span_starts(table_name, S("arn:"))) {
        if (!arn_read(table_name, &arn))
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "Invalid TableArn: %.*s",
                          SPAN_ARG(table_name));
        TRY(check_name(c, arn.name));
        TRY(check_owner(c, &arn));
    }
    *ret_name = arn.name;
    return check_name(c, arn.name);
}

RESULT reference_read_arn(struct call *c, struct span resource_arn, struct span *ret_name)
{
    struct table_arn arn;
    if (!arn_read(resource_arn, &arn))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid TableArn: Invalid ResourceArn provided as input %.*s",
                      SPAN_ARG(resource_arn));
    TRY(check_name(c, arn.name));
    TRY(check_owner(c, &arn));
    *ret_name = arn.name;
    return OK;
}

/* None of the parts has a slash. */
struct span reference_of(struct arena *arena, const struct dynamodb_table *key)
{
    const struct span parts[] = {key->account, S("/"), key->region, S("/"), key->name};
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

struct dynamodb_table reference_key(struct call *c, struct span name)
{
    return (struct dynamodb_table){.account = c->account, .region = c->region, .name = name};
}

struct span reference_arn(struct call *c, struct span name)
{
    return arena_printf(c->arena, "arn:aws:dynamodb:%.*s:%.*s:table/%.*s", SPAN_ARG(c->region),
                        SPAN_ARG(c->account), SPAN_ARG(name));
}

struct kv_access reference_access(struct call *c)
{
    return (struct kv_access){.kv = c->cloud->kv, .txn = c->txn, .arena = c->arena};
}

/* With what the table says itself, and for its owner's account. */
static RESULT ask(struct call *c, struct span action, struct span arn)
{
    struct auth_question question = {.action = action, .resource = arn};
    TRY(dynamodb_resource(c, NULL, &question));
    return auth_ask(c, &question);
}

static struct span arn_of(struct call *c, struct span table_name)
{
    return span_starts(table_name, S("arn:")) ? table_name : reference_arn(c, table_name);
}

RESULT reference_require(struct call *c, struct span action, struct span table_name)
{
    return ask(c, action, arn_of(c, table_name));
}

RESULT reference_require_index(struct call *c, struct span action, struct span table_name,
                               struct span index_name)
{
    struct span arn = arn_of(c, table_name);
    if (index_name.at)
        arn = arena_printf(c->arena, "%.*s/index/%.*s", SPAN_ARG(arn), SPAN_ARG(index_name));
    return ask(c, action, arn);
}

RESULT reference_table(struct call *c, struct span table_name, struct dynamodb_table *ret)
{
    struct span name;
    TRY(reference_read(c, table_name, &name));
    *ret = reference_key(c, name);
    int error = dynamodb_table_get(c->txn, c->arena, ret);
    if (error == -ENOENT)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                      "Requested resource not found: Table: %.*s not found", SPAN_ARG(name));
    return error < 0 ? refuse_errno(c, error, "reading a table's record") : OK;
}

RESULT reference_open(struct call *c, struct span table_name, struct span *ret_name,
                      struct kv_table **ret)
{
    struct table_arn arn;
    struct dynamodb_table key;
    if (arn_read(table_name, &arn) && span_eq(arn.region, c->region)) {
        *ret_name = arn.name;
        key = reference_key(c, arn.name);
        key.account = arn.account; /* which may be another one: the table's policy allows it */
        TRY(check_name(c, arn.name));
    } else {
        TRY(reference_read(c, table_name, ret_name));
        key = reference_key(c, *ret_name);
    }
    struct kv_access access = reference_access(c);
    int error = kv_find(&access, reference_of(c->arena, &key), ret);
    if (error == -ENOENT)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION, "Requested resource not found");
    return error < 0 ? refuse_errno(c, error, "finding a table") : OK;
}
