// SPDX-License-Identifier: Apache-2.0
/*
 * The policy of a form: it must not have expired, each of its conditions must hold, and every field
 * must be spoken of by one. Loop threads. Source: "Creating a POST policy", and the answers of S3.
 */
#include "services/s3/form.h"

#include "base/json.h"
#include "base/text.h"
#include "base/time.h"
#include "services/s3/s3.api.h"

#define CONDITIONS_MAX 200

struct form_policy {
    struct call *c;
    struct json_reader json;
    struct span bucket;
    struct form_sizes *sizes;
    struct span spoken_of[CONDITIONS_MAX]; /* fields */
    size_t spoken_count;
    bool has_expiration, has_conditions;
};

static RESULT refuse_document(struct form_policy *policy, const char *why)
{
    return refuse(policy->c, &S3_INVALID_POLICY_DOCUMENT, "Invalid Policy: %s", why);
}

static RESULT refuse_upload(struct form_policy *policy, struct span why)
{
    return refuse(policy->c, &S3_ACCESS_DENIED, "Invalid according to Policy: %.*s", SPAN_ARG(why));
}

/* One condition, with its values as they are written. */
struct condition_text {
    struct span operator, name, value;
};

static RESULT refuse_condition(struct form_policy *policy, const struct condition_text *condition)
{
    return refuse_upload(policy,
                         arena_printf(policy->c->arena,
                                      "Policy Condition failed: [\"%.*s\", \"%.*s\", \"%.*s\"]",
                                      SPAN_ARG(condition->operator), SPAN_ARG(condition->name),
                                      SPAN_ARG(condition->value)));
}

static struct span lower_case(struct arena *arena, struct span text)
{
    char *lower = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++)
        lower[i] = (char)(text.at[i] | (text.at[i] >= 'A' && text.at[i] <= 'Z' ? 0x20 : 0));
    return span_of(lower, text.len);
}

static struct span field_value(struct form_policy *policy, struct span name)
{
    return span_eq(name, S("bucket")) ? policy->bucket
                                      : header_get(policy->c->request_headers, name);
}

static bool holds(struct form_policy *policy, const struct condition_text *condition,
                  struct span field)
{
    struct span value = field_value(policy, field);
    if (span_eq(condition->operator, S("starts-with")))
        return span_starts(span_is_absent(value) ? S("") : value, condition->value);
    return span_eq(condition->operator, S("eq")) && !span_is_absent(value) &&
           span_eq(value, condition->value);
}

/* Matches on the name as the form has it, without regard to case. */
static RESULT check_match(struct form_policy *policy, const struct condition_text *condition)
{
    if (!span_starts(condition->name, S("$")))
        return refuse_condition(policy, condition);
    struct span field = lower_case(policy->c->arena, span_from(condition->name, 1));
    if (!holds(policy, condition, field))
        return refuse_condition(policy, condition);
    if (policy->spoken_count == CONDITIONS_MAX)
        return refuse_document(policy, "Too many conditions.");
    policy->spoken_of[policy->spoken_count++] = field;
    return OK;
}

static RESULT check_range(struct form_policy *policy, const struct condition_text *condition)
{
    struct form_sizes sizes;
    if (!span_to_u64(condition->name, &sizes.min) || !span_to_u64(condition->value, &sizes.max))
        return refuse_condition(policy, condition);
    *policy->sizes = sizes;
    return OK;
}

/* A string, or a number as the limits of a range may be. */
static bool read_scalar(struct form_policy *policy, struct span *out)
{
    enum JSON_TOKEN token = json_next(&policy->json);
    *out = policy->json.text;
    return token == JSON_STRING || token == JSON_NUMBER;
}

/* ["eq", "$key", "value"] */
static RESULT read_list(struct form_policy *policy)
{
    struct condition_text condition;
    if (!read_scalar(policy, &condition.operator) || !read_scalar(policy, &condition.name) ||
        !read_scalar(policy, &condition.value) || json_next(&policy->json) != JSON_ARRAY_END)
        return refuse_document(policy, "Invalid Condition: a condition has three parts.");
    condition.operator= lower_case(policy->c->arena, condition.operator);
    return span_eq(condition.operator, S("content-length-range")) ? check_range(policy, &condition)
                                                                  : check_match(policy, &condition);
}

/* {"key": "value"} */
static RESULT read_simple(struct form_policy *policy)
{
    struct condition_text condition = {.operator= S("eq")};
    bool one = json_next(&policy->json) == JSON_KEY;
    struct span name = policy->json.text;
    if (!one || !read_scalar(policy, &condition.value) ||
        json_next(&policy->json) != JSON_OBJECT_END)
        return refuse_document(policy, "Invalid Simple-Condition: Simple-Conditions must have "
                                       "exactly one property specified.");
    condition.name = arena_printf(policy->c->arena, "$%.*s", SPAN_ARG(name));
    return check_match(policy, &condition);
}

static RESULT read_conditions(struct form_policy *policy)
{
    enum JSON_TOKEN token = json_next(&policy->json);
    if (token != JSON_ARRAY)
        return refuse_document(policy, "Conditions must be a list.");
    policy->has_conditions = true;
    while ((token = json_next(&policy->json)) != JSON_ARRAY_END) {
        if (token != JSON_ARRAY && token != JSON_OBJECT)
            return refuse_document(policy,
                                   "Invalid Condition: a condition is a list or an object.");
        TRY(token == JSON_ARRAY ? read_list(policy) : read_simple(policy));
    }
    return OK;
}

static RESULT read_expiration(struct form_policy *policy)
{
    if (json_next(&policy->json) != JSON_STRING)
        return refuse_document(policy, "Invalid 'expiration' value");
    int64_t expires_ms = time_parse_iso8601(policy->json.text);
    if (expires_ms == TIME_NONE)
        return refuse_document(policy, "Invalid 'expiration' value");
    policy->has_expiration = true;
    return expires_ms > policy->c->now_ms ? OK : refuse_upload(policy, S("Policy expired."));
}

static RESULT read_document(struct form_policy *policy)
{
    enum JSON_TOKEN token;
    if (json_next(&policy->json) != JSON_OBJECT)
        return refuse_document(policy, "Invalid JSON.");
    while ((token = json_next(&policy->json)) == JSON_KEY) {
        struct span name = policy->json.text;
        if (span_eq_nocase(name, S("expiration")))
            TRY(read_expiration(policy));
        else if (span_eq_nocase(name, S("conditions")))
            TRY(read_conditions(policy));
        else
            return refuse_document(policy, "Unexpected property.");
    }
    if (token != JSON_OBJECT_END || json_next(&policy->json) != JSON_END)
        return refuse_document(policy, "Invalid JSON.");
    if (!policy->has_expiration)
        return refuse_document(policy, "Policy missing expiration.");
    return policy->has_conditions ? OK : refuse_document(policy, "Policy missing conditions.");
}

static bool may_be_unspoken(struct span name)
{
    static const struct span names[] = {S_INIT("awsaccesskeyid"), S_INIT("signature"),
                                        S_INIT("x-amz-signature"), S_INIT("policy"), S_INIT("file"),
                                        /* made of acl and tagging */
                                        S_INIT("x-amz-acl"), S_INIT("x-amz-tagging")};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (span_eq(name, names[i]))
            return true;
    return span_starts(name, S("x-ignore-"));
}

static RESULT check_fields(struct form_policy *policy)
{
    struct headers fields = policy->c->request_headers;
    for (size_t i = 0; i < fields.count; i++) {
        struct span name = fields.at[i].name;
        size_t at = 0;
        while (at < policy->spoken_count && !span_eq(policy->spoken_of[at], name))
            at++;
        if (at == policy->spoken_count && !may_be_unspoken(name))
            return refuse_upload(
                policy, arena_printf(policy->c->arena, "Extra input fields: %.*s", SPAN_ARG(name)));
    }
    return OK;
}

RESULT form_policy_check(struct call *c, struct span bucket, struct form_sizes *sizes)
{
    struct span encoded = header_get(c->request_headers, S("policy"));
    struct form_policy *policy = ARENA_NEW(c->arena, struct form_policy);
    *sizes = (struct form_sizes){.max = UINT64_MAX};
    policy->c = c;
    policy->bucket = bucket;
    policy->sizes = sizes;
    if (c->signature.by != SIGNED_BY_FORM)
        return OK;
    struct span document = base64_decode(c->arena, encoded);
    if (span_is_absent(document))
        return refuse_document(policy, "Invalid Base64 encoding.");
    json_reader_init(&policy->json, document, c->arena);
    TRY(read_document(policy));
    return check_fields(policy);
}
