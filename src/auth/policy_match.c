// SPDX-License-Identifier: Apache-2.0
/*
 * Whether a statement speaks about a request, and what a whole policy decides. An explicit deny
 * ends the search; the strongest allow is kept. A variable that cannot be resolved never helps the
 * caller: it matches nothing, and an Allow that needs it does not apply. Pure, any thread.
 */
#include "auth/policy_tree.h"

struct alphabet {
    int one, run, one_in_segment, run_in_segment;
};

static char folded(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

static bool same(char a, char b, enum LETTERS letters)
{
    return a == b || (letters == LETTERS_FOLDED && folded(a) == folded(b));
}

/* Where to go on when the match fails: behind a run, which then takes one byte more. */
struct retry {
    size_t pattern, text;
    bool set;
};

/*
 * Two places to retry are enough. A run that may take anything makes every earlier one needless. A
 * run within a segment makes earlier ones of the same segment needless; when it meets the ':' the
 * last unbounded run takes over.
 */
static bool glob(struct span pattern, struct span text, const struct alphabet *alphabet,
                 enum LETTERS letters)
{
    struct retry run = {0}, in_segment = {0};
    size_t p = 0, t = 0;
    for (;;) {
        int byte = p < pattern.len ? (unsigned char)pattern.at[p] : -1;
        if (byte == alphabet->run && byte != -1) {
            run = (struct retry){.pattern = ++p, .text = t, .set = true};
            in_segment.set = false;
        } else if (byte == alphabet->run_in_segment && byte != -1) {
            in_segment = (struct retry){.pattern = ++p, .text = t, .set = true};
        } else if (t < text.len && byte != -1 &&
                   (byte == alphabet->one ||
                    (byte == alphabet->one_in_segment && text.at[t] != ':') ||
                    same(pattern.at[p], text.at[t], letters))) {
            p++;
            t++;
        } else if (byte == -1 && t == text.len) {
            return true;
        } else if (in_segment.set && in_segment.text < text.len &&
                   text.at[in_segment.text] != ':') {
            p = in_segment.pattern;
            t = ++in_segment.text;
        } else if (run.set && run.text < text.len) {
            p = run.pattern;
            t = ++run.text;
            in_segment.set = false;
        } else {
            return false;
        }
    }
}

bool policy_matches(struct span compiled, struct span text, enum LETTERS letters)
{
    static const struct alphabet marks = {MARK_ONE, MARK_RUN, MARK_ONE_IN_SEGMENT,
                                          MARK_RUN_IN_SEGMENT};
    return glob(compiled, text, &marks, letters);
}

bool policy_glob(struct span pattern, struct span text)
{
    static const struct alphabet plain = {'?', '*', -1, -1};
    return glob(pattern, text, &plain, LETTERS_EXACT);
}

static bool action_matches(const struct policy_statement *statement, struct span action)
{
    bool listed = false;
    for (size_t i = 0; i < statement->actions.count && !listed; i++)
        listed = policy_matches(statement->actions.at[i].text, action, LETTERS_FOLDED);
    return statement->has & HAS_NOT_ACTION ? !listed : listed;
}

static bool resource_matches(const struct policy_statement *statement,
                             const struct policy_request *request)
{
    if (!(statement->has & (HAS_RESOURCE | HAS_NOT_RESOURCE)))
        return true; /* trust policies: the role itself */
    bool listed = false;
    for (size_t i = 0; i < statement->resources.count && !listed; i++) {
        struct span pattern;
        if (policy_resolve(&statement->resources.at[i], WILD_RESOURCE, request, &pattern))
            listed = policy_matches(pattern, request->resource, LETTERS_EXACT);
        else if ((statement->has & HAS_NOT_RESOURCE) && !statement->deny)
            return false;
    }
    return statement->has & HAS_NOT_RESOURCE ? !listed : listed;
}

static bool is_root_arn(struct span arn)
{
    return span_ends(arn, S(":root"));
}

static enum GRANT grant_when(bool matches, enum GRANT grant)
{
    return matches ? grant : GRANT_NONE;
}

/* How this Principal value covers the caller, or GRANT_NONE. */
static enum GRANT principal_covers(const struct policy_principal *principal,
                                   const struct policy_request *request)
{
    struct span value = principal->value, id = request->principal_id;
    switch (principal->type) {
    case PRINCIPAL_ANYONE:
        return GRANT_DIRECT;
    case PRINCIPAL_ACCOUNT:
        return grant_when(request->principal_account.len &&
                              span_eq(value, request->principal_account),
                          is_root_arn(request->principal_arn) ? GRANT_DIRECT : GRANT_ACCOUNT);
    case PRINCIPAL_ARN:
        if (request->principal_arn.len && span_eq(value, request->principal_arn))
            return GRANT_DIRECT;
        return grant_when(request->principal_role_arn.len &&
                              span_eq(value, request->principal_role_arn),
                          GRANT_ROLE);
    case PRINCIPAL_ID:
        if (id.len && span_eq(value, id))
            return GRANT_DIRECT;
        return grant_when(id.len && span_eq(value, span_cut(&id, ':')), GRANT_ROLE);
    case PRINCIPAL_SERVICE:
        return grant_when(request->principal_service.len &&
                              span_eq_nocase(value, request->principal_service),
                          GRANT_DIRECT);
    case PRINCIPAL_CANONICAL:
        return grant_when(request->principal_canonical.len &&
                              span_eq(value, request->principal_canonical),
                          GRANT_ACCOUNT);
    case PRINCIPAL_FEDERATED: /* web identities are not asked for here */
        break;
    }
    return GRANT_NONE;
}

/* Without Principal elements (identity policies) the statement speaks to its holder. */
static enum GRANT principal_matches(const struct policy_statement *statement,
                                    const struct policy_request *request)
{
    if (!(statement->has & (HAS_PRINCIPAL | HAS_NOT_PRINCIPAL)))
        return GRANT_DIRECT;
    enum GRANT best = GRANT_NONE;
    for (size_t i = 0; i < statement->principals.count; i++) {
        enum GRANT grant = principal_covers(&statement->principals.at[i], request);
        best = grant > best ? grant : best;
    }
    if (statement->has & HAS_NOT_PRINCIPAL)
        return best == GRANT_NONE ? GRANT_DIRECT : GRANT_NONE;
    return best;
}

static bool conditions_hold(const struct policy_statement *statement,
                            const struct policy_request *request)
{
    for (const struct policy_condition *c = statement->conditions; c; c = c->next)
        if (!policy_condition_holds(c, request, statement->deny))
            return false;
    return true;
}

static enum GRANT statement_speaks(const struct policy_statement *statement,
                                   const struct policy_request *request)
{
    if (!action_matches(statement, request->action))
        return GRANT_NONE;
    enum GRANT grant = principal_matches(statement, request);
    if (grant == GRANT_NONE || !resource_matches(statement, request) ||
        !conditions_hold(statement, request))
        return GRANT_NONE;
    return grant;
}

struct decision policy_decide(const struct policy *policy, const struct policy_request *request)
{
    struct decision best = {.decision = DECISION_NONE, .statement = -1, .policy = policy};
    for (size_t i = 0; i < policy->statement_count; i++) {
        const struct policy_statement *statement = &policy->statements[i];
        enum GRANT grant = statement_speaks(statement, request);
        if (grant == GRANT_NONE || (!statement->deny && grant <= best.grant))
            continue;
        best = (struct decision){
            .decision = statement->deny ? DECISION_DENY : DECISION_ALLOW,
            .grant = grant,
            .sid = statement->sid,
            .statement = (int)i,
            .policy = policy,
        };
        if (statement->deny)
            break;
    }
    return best;
}

bool policy_each_principal(const struct policy *policy,
                           bool (*visit)(void *user, struct span type, struct span value),
                           void *user)
{
    for (size_t i = 0; i < policy->statement_count; i++) {
        const struct policy_principals *list = &policy->statements[i].principals;
        for (size_t j = 0; j < list->count; j++)
            if (visit(user, list->at[j].written_type, list->at[j].written))
                return true;
    }
    return false;
}

static struct span *written_of(struct arena *arena, const struct policy_texts *texts)
{
    struct span *at = ARENA_ARRAY(arena, struct span, texts->count);
    for (size_t i = 0; i < texts->count; i++)
        at[i] = texts->at[i].written;
    return at;
}

bool policy_each_statement(struct arena *arena, const struct policy *policy,
                           bool (*visit)(void *user, const struct policy_words *words), void *user)
{
    for (size_t i = 0; i < policy->statement_count; i++) {
        const struct policy_statement *statement = &policy->statements[i];
        struct policy_words words = {
            .actions = written_of(arena, &statement->actions),
            .resources = written_of(arena, &statement->resources),
            .action_count = statement->actions.count,
            .resource_count = statement->resources.count,
        };
        if (visit(user, &words))
            return true;
    }
    return false;
}

static void bind(struct policy_principal *principal, const struct policy_binding *bindings,
                 size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (principal->type == PRINCIPAL_ARN && span_eq(principal->value, bindings[i].arn)) {
            principal->type = PRINCIPAL_ID;
            principal->value = bindings[i].id;
        }
}

const struct policy *policy_bound(struct arena *arena, const struct policy *policy,
                                  const struct policy_binding *bindings, size_t count)
{
    struct policy *bound = ARENA_NEW(arena, struct policy);
    *bound = *policy;
    bound->statements = ARENA_ARRAY(arena, struct policy_statement, policy->statement_count);
    for (size_t i = 0; i < policy->statement_count; i++) {
        struct policy_statement *statement = &bound->statements[i];
        *statement = policy->statements[i];
        size_t principals = statement->principals.count;
        struct policy_principal *at = ARENA_ARRAY(arena, struct policy_principal, principals);
        for (size_t j = 0; j < principals; j++) {
            at[j] = statement->principals.at[j];
            bind(&at[j], bindings, count);
        }
        statement->principals.at = at;
    }
    return bound;
}

enum POLICY_VERSION policy_version(const struct policy *policy)
{
    return policy->version;
}
