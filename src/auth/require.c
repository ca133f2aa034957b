// SPDX-License-Identifier: Apache-2.0
/*
 * Authorisation: asks every policy that has a say, combines their answers as AWS does, and words
 * the denial. An explicit deny anywhere wins. What allows: within an account either side, between
 * accounts both; boundary and session policies cut the identity's side, and the policy of the VPC
 * endpoint that a request came by cuts everything. Reads only the call and immutable identities;
 * the call's thread.
 * Source: "Policy evaluation logic", "Determining whether a request is allowed or denied within an
 * account", "Cross-account policy evaluation logic", "Troubleshoot access denied error messages".
 */
#include "auth/condition.h"
#include "auth/context.h"
#include "base/scope.h"

enum LAYER {
    LAYER_IDENTITY,
    LAYER_BOUNDARY,
    LAYER_SESSION,
    LAYER_RESOURCE,
    LAYER_ENDPOINT,
    LAYER_COUNT
};

static const struct {
    const char *name, *article;
} layers[LAYER_COUNT] = {
    [LAYER_IDENTITY] = {"identity-based policy", "an"},
    [LAYER_BOUNDARY] = {"permissions boundary", "a"},
    [LAYER_SESSION] = {"session policy", "a"},
    [LAYER_RESOURCE] = {"resource-based policy", "a"},
    [LAYER_ENDPOINT] = {"VPC endpoint policy", "a"},
};

/* What one layer says; a layer that has no say allows. */
struct answer {
    bool allows;
    enum GRANT grant; /* resource policy */
};

struct verdict {
    bool allowed;
    bool explicit_deny;
    enum LAYER layer; /* that decided */
    struct decision decision;
    struct span policy_name;
};

struct evaluation {
    struct call *c;
    const struct auth_question *question;
    struct policy_request request;
    struct answer answers[LAYER_COUNT];
    struct verdict verdict;
};

/* Asks all policies of a layer; false when one denies. */
static bool ask_layer(struct evaluation *e, enum LAYER layer,
                      const struct identity_policies *policies)
{
    for (size_t i = 0; i < policies->count; i++) {
        struct decision decision = policy_decide(policies->at[i], &e->request);
        if (decision.decision == DECISION_DENY) {
            e->verdict = (struct verdict){
                .explicit_deny = true,
                .layer = layer,
                .decision = decision,
                .policy_name = policies->names[i],
            };
            return false;
        }
        if (decision.decision == DECISION_ALLOW) {
            struct answer *answer = &e->answers[layer];
            answer->allows = true;
            answer->grant = decision.grant > answer->grant ? decision.grant : answer->grant;
        }
    }
    return true;
}

/* An owner locked out by its own bucket policy can still replace it, as its root user.
 * Source: "Bucket policies", on denying s3:PutBucketPolicy. */
static bool root_repairs(const struct evaluation *e)
{
    static const struct span repairs[] = {S_INIT("s3:GetBucketPolicy"),
                                          S_INIT("s3:PutBucketPolicy"),
                                          S_INIT("s3:DeleteBucketPolicy")};
    const struct identity *caller = e->c->caller;
    if (!caller || caller->type != IDENTITY_ROOT)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(repairs); i++)
        if (span_eq(e->question->action, repairs[i]))
            return true;
    return false;
}

static bool same_account(const struct evaluation *e)
{
    const struct identity *caller = e->c->caller;
    struct span owner = e->question->resource_account;
    return caller && (owner.len == 0 || span_eq(owner, caller->account));
}

static bool ask_endpoint(struct evaluation *e)
{
    const struct call_endpoint *endpoint = e->c->endpoint;
    e->answers[LAYER_ENDPOINT].allows = !endpoint;
    if (!endpoint)
        return true;
    const struct policy *policy = endpoint->policy;
    struct span name = arena_printf(e->c->arena, "the policy of %.*s", SPAN_ARG(endpoint->id));
    return ask_layer(e, LAYER_ENDPOINT,
                     &(struct identity_policies){.at = &policy, .names = &name, .count = 1});
}

/* False when some policy denies. */
static bool ask_all(struct evaluation *e)
{
    static const struct identity nobody = {.type = IDENTITY_USER};
    const struct identity *caller = e->c->caller ? e->c->caller : &nobody;
    const struct policy *resource = e->question->resource_policy;
    const struct span words[] = {S("the policy of "), e->question->resource};
    struct span name = resource ? arena_join(e->c->arena, words, ARRAY_LEN(words)) : SPAN_NONE;
    struct identity_policies of_resource = {.at = &resource, .names = &name, .count = !!resource};
    e->answers[LAYER_IDENTITY].allows = caller->root_powers;
    e->answers[LAYER_BOUNDARY].allows = caller->boundary.count == 0;
    e->answers[LAYER_SESSION].allows =
        caller->session_policies.count == 0 && !caller->session_limited;
    return ask_endpoint(e) && ask_layer(e, LAYER_IDENTITY, &caller->policies) &&
           ask_layer(e, LAYER_BOUNDARY, &caller->boundary) &&
           ask_layer(e, LAYER_SESSION, &caller->session_policies) &&
           ((same_account(e) && root_repairs(e)) || ask_layer(e, LAYER_RESOURCE, &of_resource));
}

/* Beside what the resource's policy says: its access control list. */
static void add_grants(struct evaluation *e)
{
    struct answer *answer = &e->answers[LAYER_RESOURCE];
    enum GRANT granted = e->question->granted;
    if (e->question->policy_only_denies)
        *answer = (struct answer){.allows = false};
    if (granted == GRANT_NONE)
        return;
    answer->allows = true;
    answer->grant = granted > answer->grant ? granted : answer->grant;
}

/* The first layer that withholds its allow, of those that count on the caller's side. */
static enum LAYER first_withheld(const struct evaluation *e, enum LAYER from)
{
    for (int layer = (int)from; layer < LAYER_RESOURCE; layer++)
        if (!e->answers[layer].allows)
            return (enum LAYER)layer;
    return LAYER_COUNT;
}

static void combine(struct evaluation *e)
{
    const struct answer *resource = &e->answers[LAYER_RESOURCE];
    bool same = same_account(e);
    enum LAYER withheld = e->c->caller ? first_withheld(e, LAYER_IDENTITY) : LAYER_COUNT;
    if (same && resource->allows && resource->grant == GRANT_DIRECT)
        withheld = LAYER_COUNT;
    else if (same && resource->allows && resource->grant == GRANT_ROLE)
        withheld = first_withheld(e, LAYER_BOUNDARY);
    bool resource_needed = !same || e->question->side == RESOURCE_MUST_ALLOW;
    if (withheld == LAYER_COUNT && resource_needed && !resource->allows)
        withheld = LAYER_RESOURCE;
    if (withheld == LAYER_COUNT && !e->answers[LAYER_ENDPOINT].allows)
        withheld = LAYER_ENDPOINT;
    e->verdict = (struct verdict){.allowed = withheld == LAYER_COUNT, .layer = withheld};
}

/* ---- words ---- */

/* The code of a denial belongs to the protocol; only EC2 has its own word and first sentence, and
 * only S3 keeps its reasons to callers of the resource's own account ("Troubleshoot access denied
 * (403 Forbidden) errors in Amazon S3"). */
static const struct {
    struct error_kind kind;
    const char *before;
    const char *to_others; /* all that is said to anonymous callers and other accounts */
} denials[] = {
    [PROTOCOL_QUERY] = {{.code = "AccessDenied", .status = 403}, "", NULL},
    [PROTOCOL_EC2] = {{.code = "UnauthorizedOperation", .status = 403},
                      "You are not authorized to perform this operation. ",
                      NULL},
    [PROTOCOL_JSON] = {{.code = "AccessDeniedException", .status = 400}, "", NULL},
    [PROTOCOL_REST_JSON] = {{.code = "AccessDeniedException", .status = 403}, "", NULL},
    [PROTOCOL_REST_XML] = {{.code = "AccessDenied", .status = 403}, "", "Access Denied"},
    [PROTOCOL_CBOR] = {{.code = "AccessDeniedException", .status = 400}, "", NULL},
    [PROTOCOL_AWS_CBOR] = {{.code = "AccessDeniedException", .status = 400}, "", NULL},
};

/* ` on resource: arn`; S3 quotes it, and "*" is not named. */
static struct span resource_words(const struct evaluation *e)
{
    struct span resource = e->question->resource;
    const char *quote = e->c->service->protocol == PROTOCOL_REST_XML ? "\"" : "";
    if (resource.len == 0 || span_eq(resource, S("*")))
        return S("");
    return arena_printf(e->c->arena, " on resource: %s%.*s%s", quote, SPAN_ARG(resource), quote);
}

/* Behind AWS's own sentence: which statement it was. */
static struct span statement_words(const struct evaluation *e)
{
    const struct verdict *verdict = &e->verdict;
    if (verdict->decision.sid.len)
        return arena_printf(e->c->arena, " (statement %.*s of %.*s)",
                            SPAN_ARG(verdict->decision.sid), SPAN_ARG(verdict->policy_name));
    return arena_printf(e->c->arena, " (statement %d of %.*s)", verdict->decision.statement + 1,
                        SPAN_ARG(verdict->policy_name));
}

static struct span reason_words(const struct evaluation *e)
{
    const struct verdict *verdict = &e->verdict;
    const char *name = layers[verdict->layer].name;
    struct span action = e->question->action;
    if (!verdict->explicit_deny)
        return arena_printf(e->c->arena, " because no %s allows the %.*s action", name,
                            SPAN_ARG(action));
    struct span statement = statement_words(e);
    return arena_printf(e->c->arena, " with an explicit deny in %s %s%.*s",
                        layers[verdict->layer].article, name, SPAN_ARG(statement));
}

static RESULT deny(const struct evaluation *e)
{
    const struct identity *caller = e->c->caller;
    uint8_t protocol = e->c->service->protocol;
    if (denials[protocol].to_others && !same_account(e))
        return refuse(e->c, &denials[protocol].kind, "%s", denials[protocol].to_others);
    struct span who = caller ? caller->arn : S("anonymous");
    struct span resource = resource_words(e), reason = reason_words(e);
    return refuse(e->c, &denials[protocol].kind,
                  "%sUser: %.*s is not authorized to perform: %.*s%.*s%.*s",
                  denials[protocol].before, SPAN_ARG(who), SPAN_ARG(e->question->action),
                  SPAN_ARG(resource), SPAN_ARG(reason));
}

/* ---- asking ---- */

/* Credentials of GetSessionToken reach IAM only with MFA. Source: GetSessionToken. */
static bool is_barred(const struct identity *caller, struct span action)
{
    return caller && caller->session == SESSION_USER && !caller->mfa &&
           span_starts(action, S("iam:"));
}

static struct policy_request request_of(const struct call *c, const struct auth_question *question,
                                        struct auth_context *context)
{
    struct policy_request request = {
        .action = question->action,
        .resource = question->resource,
        .lookup = context_lookup,
        .user = context,
        .scratch = c->arena,
        .principal_canonical = question->caller_canonical,
    };
    if (c->caller) {
        request.principal_arn = c->caller->arn;
        request.principal_account = c->caller->account;
        request.principal_role_arn = c->caller->role_arn;
        request.principal_id = c->caller->user_id;
    }
    return request;
}

/* Most callers have no policy that could look at them. */
static void make_conditions(struct call *c, const struct auth_question *question)
{
    const struct identity *caller = c->caller;
    bool wanted = question->resource_policy || c->endpoint ||
                  (caller && (caller->policies.count || caller->boundary.count ||
                              caller->session_policies.count));
    if (wanted && c->condition_input)
        condition_from_input(c, TAKE(c->condition_input));
}

RESULT auth_ask(struct call *c, const struct auth_question *question)
{
    static const struct error_kind invalid_token = {.code = "InvalidClientTokenId", .status = 403};
    const struct identity *caller = c->caller;
    if (caller && caller->unrestricted)
        return OK;
    if (is_barred(caller, question->action))
        return refuse(c, &invalid_token, "The security token included in the request is invalid");
    struct span owner = question->resource_account;
    c->asked_resource = question->resource;
    make_conditions(c, question);
    struct auth_context context = {
        .call = c, .resource_account = owner.len || !caller ? owner : caller->account};
    struct arena_mark mark = arena_mark(c->arena);
    struct evaluation e = {.c = c, .question = question};
    e.request = request_of(c, question, &context);
    if (ask_all(&e)) {
        add_grants(&e);
        combine(&e);
    }
    if (!e.verdict.allowed)
        return deny(&e);
    arena_rewind(c->arena, mark);
    return OK;
}

RESULT auth_require(struct call *c, struct span action, struct span resource,
                    const struct policy *resource_policy, struct span resource_account)
{
    struct auth_question question = {
        .action = action,
        .resource = resource,
        .resource_policy = resource_policy,
        .resource_account = resource_account,
    };
    return auth_ask(c, &question);
}
