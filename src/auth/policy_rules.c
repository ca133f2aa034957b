// SPDX-License-Identifier: Apache-2.0
/*
 * What each kind of policy may and must say, with the sentences that IAM, STS and S3 answer. The
 * order of the rules is theirs: it decides which sentence a document with several faults gets.
 * Pure, any thread.
 */
#include "auth/policy_parse.h"

typedef struct span rule(struct arena *arena, const struct policy *policy);

#define EACH_STATEMENT(policy, statement)                                                          \
    for (const struct policy_statement *statement = (policy)->statements,                          \
                                       *end_ = statement + (policy)->statement_count;              \
         statement < end_; statement++)

/* ---- identity and session policies ---- */

static struct span no_principals(struct arena *arena, const struct policy *policy)
{
    EACH_STATEMENT(policy, statement)
    if (statement->has & (HAS_PRINCIPAL | HAS_NOT_PRINCIPAL))
        return S("Policy document should not specify a principal.");
    return SPAN_NONE;
}

static bool dates_are_good(const struct policy_statement *statement)
{
    for (const struct policy_condition *c = statement->conditions; c; c = c->next) {
        if (!policy_operator_is_date(c->operator))
            continue;
        for (size_t i = 0; i < c->values.count; i++)
            if (policy_date(c->values.at[i].text) == INT64_MIN)
                return false;
    }
    return true;
}

static size_t colons_of(struct span text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == ':';
    return count;
}

static bool resource_is_legacy(struct span resource)
{
    if (span_find_byte(resource, ':') == SPAN_NOT_FOUND)
        return true; /* another rule's fault */
    struct span rest = resource;
    span_cut(&rest, ':');
    struct span partition = span_cut(&rest, ':');
    if (span_is_absent(rest) || !span_eq(partition, S("aws")))
        return partition.len != 0;
    return span_cut(&rest, ':').len != 0 &&
           (colons_of(resource) >= 5 || span_find(resource, S("::")) == SPAN_NOT_FOUND);
}

static struct span legacy_parsing(struct arena *arena, const struct policy *policy)
{
    struct span failed = S("The policy failed legacy parsing");
    EACH_STATEMENT(policy, statement)
    {
        if (!span_eq(statement->effect, S("Allow")) && !span_eq(statement->effect, S("Deny")))
            return failed;
        if (!dates_are_good(statement))
            return failed;
        for (size_t i = 0; i < statement->resources.count; i++)
            if (!resource_is_legacy(statement->resources.at[i].text))
                return failed;
    }
    return SPAN_NONE;
}

static bool sids_are_unique(const struct policy *policy)
{
    EACH_STATEMENT(policy, statement)
    for (const struct policy_statement *earlier = policy->statements; earlier < statement;
         earlier++)
        if (statement->sid.len && span_eq(statement->sid, earlier->sid))
            return false;
    return true;
}

static bool is_alphanumeric(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = (char)(text.at[i] | 0x20);
        if (!(byte >= 'a' && byte <= 'z') && !(text.at[i] >= '0' && text.at[i] <= '9'))
            return false;
    }
    return true;
}

static struct span identity_sids(struct arena *arena, const struct policy *policy)
{
    if (!sids_are_unique(policy))
        return S("Statement IDs (SID) in a single policy must be unique.");
    EACH_STATEMENT(policy, statement)
    if (!is_alphanumeric(statement->sid))
        return S("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
                 "regular expression [0-9A-Za-z]*");
    return SPAN_NONE;
}

static struct span has_actions(struct arena *arena, const struct policy *policy)
{
    EACH_STATEMENT(policy, statement)
    if (statement->actions.count == 0)
        return S("Policy statement must contain actions.");
    return SPAN_NONE;
}

static struct span has_resources(struct arena *arena, const struct policy *policy)
{
    EACH_STATEMENT(policy, statement)
    if (statement->resources.count == 0)
        return S("Policy statement must contain resources.");
    return SPAN_NONE;
}

static struct span or_star(struct span part)
{
    return span_is_absent(part) ? S("*") : part;
}

static bool is_partition(struct span text)
{
    return span_eq(text, S("aws")) || span_eq(text, S("aws-cn")) || span_eq(text, S("aws-us-gov"));
}

/* IAM's own paths; a resource of IAM must begin with one of them. */
static const struct span iam_paths[] = {
    S_INIT("user/"),
    S_INIT("federated-user/"),
    S_INIT("role/"),
    S_INIT("group/"),
    S_INIT("instance-profile/"),
    S_INIT("mfa/"),
    S_INIT("server-certificate/"),
    S_INIT("policy/"),
    S_INIT("sms-mfa/"),
    S_INIT("saml-provider/"),
    S_INIT("oidc-provider/"),
    S_INIT("report/"),
    S_INIT("access-report/"),
};

static struct span iam_path_fault(struct span path)
{
    if (span_eq(path, S("*")))
        return SPAN_NONE;
    for (size_t i = 0; i < ARRAY_LEN(iam_paths); i++)
        if (span_starts(path, iam_paths[i]))
            return SPAN_NONE;
    return S("IAM resource path must either be \"*\" or start with user/, federated-user/, role/, "
             "group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, "
             "saml-provider/, oidc-provider/, report/, access-report/.");
}

static bool has_wildcard(struct span text)
{
    return span_find_byte(text, '*') != SPAN_NOT_FOUND ||
           span_find_byte(text, '?') != SPAN_NOT_FOUND;
}

static struct span resource_fault(struct arena *arena, struct span resource)
{
    if (span_eq(resource, S("*")))
        return SPAN_NONE;
    if (span_find_byte(resource, ':') == SPAN_NOT_FOUND)
        return arena_printf(arena, "Resource %.*s must be in ARN format or \"*\".",
                            SPAN_ARG(resource));
    struct span rest = resource;
    span_cut(&rest, ':');
    struct span partition = span_cut(&rest, ':');
    bool more = !span_is_absent(rest);
    struct span service = more ? span_cut(&rest, ':') : SPAN_NONE;
    struct span region = span_is_absent(rest) ? SPAN_NONE : span_cut(&rest, ':');
    struct span account = span_is_absent(rest) ? SPAN_NONE : span_cut(&rest, ':');
    if (!is_partition(partition))
        return arena_printf(
            arena, "Partition \"%.*s\" is not valid for resource \"arn:%.*s:%.*s:%.*s:%.*s:%.*s\".",
            SPAN_ARG(partition), SPAN_ARG(partition), SPAN_ARG(or_star(service)),
            SPAN_ARG(or_star(region)), SPAN_ARG(or_star(account)), SPAN_ARG(or_star(rest)));
    if (!more || has_wildcard(service))
        return S("Resource vendor must be fully qualified and cannot contain regexes.");
    bool is_iam = span_eq(service, S("iam"));
    if (region.len && is_iam)
        return arena_printf(arena, "IAM resource %.*s cannot contain region information.",
                            SPAN_ARG(resource));
    if (region.len && span_eq(service, S("s3")) && !span_starts(rest, S("accesspoint")))
        return arena_printf(arena, "Resource %.*s can not contain region information.",
                            SPAN_ARG(resource));
    return is_iam ? iam_path_fault(rest) : SPAN_NONE;
}

static struct span resource_format(struct arena *arena, const struct policy *policy)
{
    EACH_STATEMENT(policy, statement)
    for (size_t i = 0; i < statement->resources.count; i++) {
        struct span fault = resource_fault(arena, statement->resources.at[i].text);
        if (!span_is_absent(fault))
            return fault;
    }
    return SPAN_NONE;
}

static bool is_vendor(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_alphanumeric(span_of(&text.at[i], 1)) && text.at[i] != '-' && text.at[i] != '.')
            return false;
    return true;
}

static struct span action_fault(struct arena *arena, struct span action)
{
    if (span_eq(action, S("*")))
        return SPAN_NONE;
    struct span rest = action;
    struct span vendor = span_cut(&rest, ':');
    if (span_is_absent(rest))
        return S("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    if (span_find_byte(rest, ':') != SPAN_NOT_FOUND)
        return S("Actions/Condition can contain only one colon.");
    if (!span_eq(vendor, S("*")) && !is_vendor(vendor))
        return arena_printf(arena, "Vendor %.*s is not valid", SPAN_ARG(vendor));
    return SPAN_NONE;
}

static struct span action_format(struct arena *arena, const struct policy *policy)
{
    EACH_STATEMENT(policy, statement)
    for (size_t i = 0; i < statement->actions.count; i++) {
        struct span fault = action_fault(arena, statement->actions.at[i].text);
        if (!span_is_absent(fault))
            return fault;
    }
    return SPAN_NONE;
}

/* ---- policies of resources and roles ---- */

static struct span newer_fields(struct arena *arena, const struct policy *policy)
{
    EACH_STATEMENT(policy, statement)
    {
        if (!(statement->has & (HAS_PRINCIPAL | HAS_NOT_PRINCIPAL)))
            return S("Missing required field Principal");
        if ((statement->has & HAS_NOT_PRINCIPAL) && !statement->deny)
            return S("Allow with NotPrincipal is not allowed.");
        if (!span_eq(statement->effect, statement->deny ? S("Deny") : S("Allow")))
            return arena_printf(arena, "Invalid effect: %.*s", SPAN_ARG(statement->effect));
        if (statement->actions.count == 0)
            return S("Missing required field Action");
    }
    return sids_are_unique(policy) ? SPAN_NONE
                                   : S("The Statement Ids in the policy are not unique");
}

static struct span resource_fields(struct arena *arena, const struct policy *policy)
{
    EACH_STATEMENT(policy, statement)
    {
        if (statement->resources.count == 0)
            return S("Missing required field Resource");
        for (size_t i = 0; i < statement->actions.count; i++)
            if (!span_is_absent(action_fault(arena, statement->actions.at[i].text)))
                return S("Policy has invalid action");
        for (size_t i = 0; i < statement->resources.count; i++)
            if (!span_is_absent(resource_fault(arena, statement->resources.at[i].text)))
                return S("Policy has invalid resource");
    }
    return SPAN_NONE;
}

static struct span trust_fields(struct arena *arena, const struct policy *policy)
{
    EACH_STATEMENT(policy, statement)
    {
        if (statement->has & HAS_NOT_PRINCIPAL)
            return S("AssumeRole policy must not contain NotPrincipal field.");
        for (size_t i = 0; i < statement->actions.count; i++)
            if (!span_starts_nocase(statement->actions.at[i].text, S("sts:")))
                return S("AssumeRole policy may only specify STS AssumeRole actions.");
        if (statement->has & HAS_RESOURCE)
            return S("Has prohibited field Resource");
        if (statement->has & HAS_NOT_RESOURCE)
            return S("AssumeRole policy must not contain resources.");
    }
    return SPAN_NONE;
}

#define RULES_MAX 7

static rule *const rules[][RULES_MAX] = {
    [POLICY_IDENTITY] = {no_principals, legacy_parsing, identity_sids, has_actions, has_resources,
                         resource_format, action_format},
    [POLICY_SESSION] = {no_principals, legacy_parsing, identity_sids, has_actions, has_resources,
                        resource_format, action_format},
    [POLICY_RESOURCE] = {newer_fields, resource_fields},
    [POLICY_TRUST] = {newer_fields, trust_fields},
};

struct span policy_broken_rule(struct arena *arena, const struct policy *policy,
                               enum POLICY_KIND kind)
{
    for (size_t i = 0; i < RULES_MAX && rules[kind][i]; i++) {
        struct span why = rules[kind][i](arena, policy);
        if (!span_is_absent(why))
            return why;
    }
    return SPAN_NONE;
}

/* ---- principals ---- */

bool policy_is_account(struct span text)
{
    uint64_t number;
    return text.len == 12 && span_to_u64(text, &number);
}

/* arn:aws:iam::111122223333:user/x and the like; groups and wildcards are no principals. */
static bool read_arn(struct span arn, struct policy_principal *out)
{
    static const struct {
        struct span service, prefix;
    } forms[] = {
        {S_INIT("iam"), S_INIT("user/")},
        {S_INIT("iam"), S_INIT("role/")},
        {S_INIT("sts"), S_INIT("assumed-role/")},
        {S_INIT("sts"), S_INIT("federated-user/")},
    };
    struct span rest = arn;
    if (colons_of(arn) < 5 || !span_eq(span_cut(&rest, ':'), S("arn")) ||
        !is_partition(span_cut(&rest, ':')))
        return false;
    struct span service = span_cut(&rest, ':');
    bool regional = span_cut(&rest, ':').len != 0;
    struct span account = span_cut(&rest, ':');
    if (regional || !policy_is_account(account) || has_wildcard(rest))
        return false;
    *out = (struct policy_principal){.type = PRINCIPAL_ACCOUNT,
                                     .value = account,
                                     .written_type = out->written_type,
                                     .written = arn};
    if (span_eq(service, S("iam")) && span_eq(rest, S("root")))
        return true;
    out->type = PRINCIPAL_ARN;
    out->value = arn;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (span_eq(service, forms[i].service) && span_starts(rest, forms[i].prefix))
            return rest.len > forms[i].prefix.len;
    return false;
}

/* AIDA… of users, AROA… of roles. */
static bool is_unique_id(struct span text)
{
    return text.len >= 16 && (span_starts(text, S("AIDA")) || span_starts(text, S("AROA")));
}

static bool read_aws(struct span value, struct policy_principal *out)
{
    out->value = value;
    out->type = span_eq(value, S("*"))     ? PRINCIPAL_ANYONE
                : policy_is_account(value) ? PRINCIPAL_ACCOUNT
                                           : PRINCIPAL_ID;
    if (out->type != PRINCIPAL_ID || is_unique_id(value))
        return true;
    return read_arn(value, out);
}

bool policy_read_principal(struct span type, struct span value, struct policy_principal *out)
{
    static const struct {
        struct span name;
        enum PRINCIPAL type;
    } types[] = {
        {S_INIT("Service"), PRINCIPAL_SERVICE},
        {S_INIT("Federated"), PRINCIPAL_FEDERATED},
        {S_INIT("CanonicalUser"), PRINCIPAL_CANONICAL},
    };
    if (span_eq(type, S("AWS")))
        return read_aws(value, out);
    out->value = value;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (span_eq(type, types[i].name)) {
            out->type = types[i].type;
            return value.len != 0 && (types[i].type != PRINCIPAL_SERVICE || !has_wildcard(value));
        }
    return false;
}
