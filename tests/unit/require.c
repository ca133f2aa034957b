// SPDX-License-Identifier: Apache-2.0
/*
 * Authorisation: identity policies, boundary, session policies and the resource's policy in all the
 * combinations that AWS documents, within an account and across accounts; the words of a denial;
 * condition keys of a call.
 */
#include "store_helper.h" /* for what a store needs to be linked */

#include "auth/condition.h"
#include "auth/identity.h"
#include "base/time.h"

#define OWN S("111122223333")
#define OTHER S("444455556666")

enum SAYS { NOTHING, NONE, ALLOW, DENY }; /* NOTHING: there is no such policy */

static struct arena arena;
static struct call call;
static struct identity caller;
static struct service service;
static struct operation operation;

static const struct policy *policy_of(struct span document, enum POLICY_KIND kind)
{
    struct span why;
    const struct policy *policy = policy_parse(&arena, document, kind, &why);
    if (!policy)
        test_fail(__FILE__, __LINE__, "%.*s", SPAN_ARG(why));
    return policy;
}

static struct identity_policies policies_saying(enum SAYS says, struct span name)
{
    static const char *const words[] = {[NONE] = "Allow\",\"Action\":\"sqs:*",
                                        [ALLOW] = "Allow\",\"Action\":\"s3:*",
                                        [DENY] = "Deny\",\"Action\":\"s3:Get*"};
    struct identity_policies policies = {0};
    if (says == NOTHING)
        return policies;
    struct span document =
        arena_printf(&arena,
                     "{\"Version\":\"2012-10-17\",\"Statement\":{\"Sid\":\"S1\",\"Effect\":\"%s\","
                     "\"Resource\":\"*\"}}",
                     words[says]);
    policies.at = ARENA_ARRAY(&arena, const struct policy *, 1);
    policies.names = ARENA_ARRAY(&arena, struct span, 1);
    policies.at[0] = policy_of(document, POLICY_IDENTITY);
    policies.names[0] = name;
    policies.count = 1;
    return policies;
}

static void begin(void)
{
    arena_done(&arena);
    arena_init(&arena, 16 * 1024, 16 << 20);
    service = (struct service){.protocol = PROTOCOL_REST_XML, .pool = "\0"};
    operation = (struct operation){.input = NO_SHAPE};
    caller = (struct identity){
        .type = IDENTITY_USER,
        .account = OWN,
        .arn = S("arn:aws:iam::111122223333:user/ann"),
        .user_id = S("AIDAANN"),
        .name = S("ann"),
    };
    call = (struct call){
        .arena = &arena,
        .service = &service,
        .operation = &operation,
        .caller = &caller,
        .region = S("eu-west-1"),
        .now_ms = 1577836800000,
    };
}

static void make_session(void)
{
    caller.type = IDENTITY_ROLE_SESSION;
    caller.session = SESSION_ROLE;
    caller.arn = S("arn:aws:sts::111122223333:assumed-role/deploy/s");
    caller.role_arn = S("arn:aws:iam::111122223333:role/deploy");
    caller.user_id = S("AROADEPLOY:s");
}

enum PRINCIPALS { TO_NOBODY, TO_ACCOUNT, TO_ROLE, TO_CALLER, TO_ALL, DENIES_ALL };

static const struct policy *resource_policy(enum PRINCIPALS to)
{
    static const char *const principals[] = {
        [TO_ACCOUNT] = "{\"AWS\":\"111122223333\"}",
        [TO_ROLE] = "{\"AWS\":\"arn:aws:iam::111122223333:role/deploy\"}",
        [TO_CALLER] = "{\"AWS\":[\"arn:aws:iam::111122223333:user/ann\","
                      "\"arn:aws:sts::111122223333:assumed-role/deploy/s\"]}",
        [TO_ALL] = "\"*\"",
        [DENIES_ALL] = "\"*\"",
    };
    if (to == TO_NOBODY)
        return NULL;
    return policy_of(
        arena_printf(&arena,
                     "{\"Statement\":{\"Sid\":\"R 1\",\"Effect\":\"%s\",\"Principal\":%s,"
                     "\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::b/*\"}}",
                     to == DENIES_ALL ? "Deny" : "Allow", principals[to]),
        POLICY_RESOURCE);
}

static const struct refusal *ask(enum PRINCIPALS to, struct span owner)
{
    return auth_require(&call, S("s3:GetObject"), S("arn:aws:s3:::b/k"), resource_policy(to),
                        owner);
}

/* ---- the matrix ---- */

struct matrix_case {
    enum SAYS identity, boundary, session;
    enum PRINCIPALS resource;
    bool is_session, cross_account, allowed;
    const char *reason; /* in the message */
};

static const struct matrix_case matrix[] = {
    /* identity policies alone */
    {ALLOW, NOTHING, NOTHING, TO_NOBODY, false, false, true, ""},
    {NOTHING, NOTHING, NOTHING, TO_NOBODY, false, false, false, "no identity-based policy allows"},
    {NONE, NOTHING, NOTHING, TO_NOBODY, false, false, false, "no identity-based policy allows"},
    {DENY, NOTHING, NOTHING, TO_NOBODY, false, false, false,
     "with an explicit deny in an identity-based policy"},
    /* a boundary cuts, and grants nothing by itself */
    {ALLOW, ALLOW, NOTHING, TO_NOBODY, false, false, true, ""},
    {ALLOW, NONE, NOTHING, TO_NOBODY, false, false, false, "no permissions boundary allows"},
    {ALLOW, DENY, NOTHING, TO_NOBODY, false, false, false,
     "with an explicit deny in a permissions boundary"},
    {NONE, ALLOW, NOTHING, TO_NOBODY, false, false, false, "no identity-based policy allows"},
    /* so do session policies */
    {ALLOW, NOTHING, ALLOW, TO_NOBODY, true, false, true, ""},
    {ALLOW, NOTHING, NONE, TO_NOBODY, true, false, false, "no session policy allows"},
    {ALLOW, NOTHING, DENY, TO_NOBODY, true, false, false,
     "with an explicit deny in a session policy"},
    {NONE, NOTHING, ALLOW, TO_NOBODY, true, false, false, "no identity-based policy allows"},
    {ALLOW, NONE, ALLOW, TO_NOBODY, true, false, false, "no permissions boundary allows"},
    /* a resource policy of the same account: naming the user or everybody is enough */
    {NONE, NOTHING, NOTHING, TO_CALLER, false, false, true, ""},
    {NONE, NOTHING, NOTHING, TO_ALL, false, false, true, ""},
    {NONE, NONE, NOTHING, TO_CALLER, false, false, true, ""},
    {NONE, NONE, NONE, TO_CALLER, true, false, true, ""},
    /* naming the account leaves it to the account's policies */
    {NONE, NOTHING, NOTHING, TO_ACCOUNT, false, false, false, "no identity-based policy allows"},
    {ALLOW, NOTHING, NOTHING, TO_ACCOUNT, false, false, true, ""},
    /* naming the role stays within boundary and session */
    {NONE, NOTHING, NOTHING, TO_ROLE, true, false, true, ""},
    {NONE, NONE, NOTHING, TO_ROLE, true, false, false, "no permissions boundary allows"},
    {NONE, ALLOW, NONE, TO_ROLE, true, false, false, "no session policy allows"},
    /* denies win wherever they stand */
    {DENY, NOTHING, NOTHING, TO_CALLER, false, false, false,
     "with an explicit deny in an identity-based policy"},
    {ALLOW, DENY, NOTHING, TO_CALLER, false, false, false,
     "with an explicit deny in a permissions boundary"},
    {ALLOW, NOTHING, DENY, TO_CALLER, true, false, false,
     "with an explicit deny in a session policy"},
    {ALLOW, NOTHING, NOTHING, DENIES_ALL, false, false, false,
     "with an explicit deny in a resource-based policy"},
    /* across accounts both sides have to allow */
    {ALLOW, NOTHING, NOTHING, TO_CALLER, false, true, true, ""},
    {ALLOW, NOTHING, NOTHING, TO_ACCOUNT, false, true, true, ""},
    {ALLOW, NOTHING, NOTHING, TO_ALL, false, true, true, ""},
    {ALLOW, NOTHING, NOTHING, TO_NOBODY, false, true, false, "no resource-based policy allows"},
    {NONE, NOTHING, NOTHING, TO_CALLER, false, true, false, "no identity-based policy allows"},
    {NONE, NOTHING, NOTHING, TO_ALL, false, true, false, "no identity-based policy allows"},
    {ALLOW, NONE, NOTHING, TO_CALLER, false, true, false, "no permissions boundary allows"},
    {ALLOW, NOTHING, NONE, TO_CALLER, true, true, false, "no session policy allows"},
    {ALLOW, NOTHING, NOTHING, DENIES_ALL, false, true, false,
     "with an explicit deny in a resource-based policy"},
};

TEST(policies_combine_as_documented)
{
    for (size_t i = 0; i < ARRAY_LEN(matrix); i++) {
        begin();
        service.protocol = PROTOCOL_REST_JSON; /* S3 tells other accounts no reasons */
        const struct matrix_case *m = &matrix[i];
        if (m->is_session)
            make_session();
        caller.policies = policies_saying(m->identity, S("p"));
        caller.boundary = policies_saying(m->boundary, S("b"));
        caller.session_policies = policies_saying(m->session, S("s"));
        const struct refusal *refusal = ask(m->resource, m->cross_account ? OTHER : OWN);
        if (!refusal != m->allowed ||
            (refusal && span_find(refusal->message, span_of_cstr(m->reason)) == SPAN_NOT_FOUND))
            test_fail(__FILE__, __LINE__, "case %zu: %.*s", i,
                      SPAN_ARG(refusal ? refusal->message : S("allowed")));
    }
}

TEST(root_may_do_all_in_its_account_but_what_a_resource_denies)
{
    begin();
    caller.type = IDENTITY_ROOT;
    caller.root_powers = true;
    caller.arn = S("arn:aws:iam::111122223333:root");
    CHECK(!ask(TO_NOBODY, OWN));
    CHECK(!ask(TO_NOBODY, SPAN_NONE));
    CHECK(ask(DENIES_ALL, OWN));
    CHECK(ask(TO_NOBODY, OTHER));
    CHECK(!ask(TO_ACCOUNT, OTHER));
    /* the owner's root user can always repair a bucket policy */
    const struct policy *denies =
        policy_of(S("{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:*\","
                    "\"Resource\":\"arn:aws:s3:::b\"}}"),
                  POLICY_RESOURCE);
    struct span bucket = S("arn:aws:s3:::b");
    CHECK(!auth_require(&call, S("s3:PutBucketPolicy"), bucket, denies, OWN));
    CHECK(auth_require(&call, S("s3:ListBucket"), bucket, denies, OWN));
    CHECK(auth_require(&call, S("s3:PutBucketPolicy"), bucket, denies, OTHER));
}

TEST(anonymous_callers_need_a_resource_policy_for_everybody)
{
    begin();
    call.caller = NULL;
    CHECK(!ask(TO_ALL, OWN));
    const struct refusal *refusal = ask(TO_NOBODY, OWN);
    CHECK(refusal);
    CHECK_SPAN(refusal->message, S("Access Denied"));
    service.protocol = PROTOCOL_REST_JSON;
    CHECK_SPAN(ask(TO_NOBODY, OWN)->message,
               S("User: anonymous is not authorized to perform: s3:GetObject on resource: "
                 "arn:aws:s3:::b/k because no resource-based policy allows the s3:GetObject "
                 "action"));
    CHECK(ask(TO_ACCOUNT, OWN));
    CHECK(ask(DENIES_ALL, OWN));
}

TEST(open_mode_refuses_nothing)
{
    begin();
    caller.unrestricted = true;
    CHECK(!ask(DENIES_ALL, OTHER));
}

TEST(federated_users_have_nothing_without_a_session_policy)
{
    begin();
    caller.type = IDENTITY_FEDERATED;
    caller.session = SESSION_FEDERATED;
    caller.session_limited = true;
    caller.root_powers = true;
    CHECK(ask(TO_NOBODY, OWN));
    caller.session_policies = policies_saying(ALLOW, S("s"));
    CHECK(!ask(TO_NOBODY, OWN));
}

TEST(session_tokens_without_mfa_do_not_reach_iam)
{
    begin();
    caller.session = SESSION_USER;
    caller.root_powers = true;
    const struct refusal *refusal =
        auth_require(&call, S("iam:ListUsers"), S("*"), NULL, SPAN_NONE);
    CHECK(refusal && strcmp(refusal->kind->code, "InvalidClientTokenId") == 0);
    CHECK(!auth_require(&call, S("s3:ListAllMyBuckets"), S("*"), NULL, SPAN_NONE));
    caller.mfa = true;
    CHECK(!auth_require(&call, S("iam:ListUsers"), S("*"), NULL, SPAN_NONE));
}

TEST(a_role_has_to_trust_even_within_its_account)
{
    begin();
    caller.policies = policies_saying(ALLOW, S("p"));
    struct auth_question question = {
        .action = S("s3:GetObject"),
        .resource = S("arn:aws:s3:::b/k"),
        .resource_account = OWN,
        .side = RESOURCE_MUST_ALLOW,
    };
    CHECK(auth_ask(&call, &question));
    question.resource_policy = resource_policy(TO_ACCOUNT);
    CHECK(!auth_ask(&call, &question));
    caller.policies = policies_saying(NONE, S("p"));
    CHECK(auth_ask(&call, &question));
    question.resource_policy = resource_policy(TO_CALLER);
    CHECK(!auth_ask(&call, &question));
}

/* ---- words ---- */

struct words_case {
    enum PROTOCOL protocol;
    const char *code;
    int status;
    const char *message;
};

TEST(a_denial_is_worded_by_the_protocol)
{
    static const struct words_case cases[] = {
        {PROTOCOL_QUERY, "AccessDenied", 403,
         "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: s3:GetObject on "
         "resource: arn:aws:s3:::b/k because no identity-based policy allows the s3:GetObject "
         "action"},
        {PROTOCOL_EC2, "UnauthorizedOperation", 403,
         "You are not authorized to perform this operation. User: "
         "arn:aws:iam::111122223333:user/ann is not authorized to perform: s3:GetObject on "
         "resource: arn:aws:s3:::b/k because no identity-based policy allows the s3:GetObject "
         "action"},
        {PROTOCOL_JSON, "AccessDeniedException", 400, NULL},
        {PROTOCOL_REST_JSON, "AccessDeniedException", 403, NULL},
        {PROTOCOL_CBOR, "AccessDeniedException", 400, NULL},
        {PROTOCOL_REST_XML, "AccessDenied", 403,
         "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: s3:GetObject on "
         "resource: \"arn:aws:s3:::b/k\" because no identity-based policy allows the s3:GetObject "
         "action"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin();
        service.protocol = (uint8_t)cases[i].protocol;
        const struct refusal *refusal = ask(TO_NOBODY, OWN);
        CHECK(refusal);
        CHECK_SPAN(span_of_cstr(refusal->kind->code), span_of_cstr(cases[i].code));
        CHECK_INT(refusal->kind->status, cases[i].status);
        if (cases[i].message)
            CHECK_SPAN(refusal->message, span_of_cstr(cases[i].message));
    }
}

TEST(a_denial_names_the_statement)
{
    begin();
    caller.policies = policies_saying(DENY, S("arn:aws:iam::111122223333:policy/x"));
    const struct refusal *refusal = ask(TO_NOBODY, OWN);
    CHECK(refusal);
    CHECK_SPAN(refusal->message,
               S("User: arn:aws:iam::111122223333:user/ann is not authorized to perform: "
                 "s3:GetObject on resource: \"arn:aws:s3:::b/k\" with an explicit deny in an "
                 "identity-based policy (statement S1 of arn:aws:iam::111122223333:policy/x)"));
    begin();
    const struct policy *nameless = policy_of(
        S("{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\","
          "\"Resource\":\"arn:aws:s3:::b/*\"},{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":"
          "\"s3:*\",\"Resource\":\"arn:aws:s3:::b/*\"}]}"),
        POLICY_RESOURCE);
    refusal = auth_require(&call, S("s3:GetObject"), S("arn:aws:s3:::b/k"), nameless, OWN);
    CHECK(refusal && span_ends(refusal->message,
                               S("with an explicit deny in a resource-based policy (statement 2 of "
                                 "the policy of arn:aws:s3:::b/k)")));
    begin();
    refusal = auth_require(&call, S("s3:ListAllMyBuckets"), S("*"), NULL, SPAN_NONE);
    CHECK(refusal &&
          span_ends(refusal->message, S("to perform: s3:ListAllMyBuckets because no identity-based "
                                        "policy allows the s3:ListAllMyBuckets action")));
}

/* ---- condition keys ---- */

static bool holds(struct span condition)
{
    struct span document = arena_printf(
        &arena,
        "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\","
        "\"Resource\":\"*\",\"Condition\":{%.*s}}}",
        SPAN_ARG(condition));
    const struct policy *policy = policy_of(document, POLICY_IDENTITY);
    struct span name = S("p");
    caller.policies = (struct identity_policies){.at = &policy, .names = &name, .count = 1};
    const struct refusal *refusal = ask(TO_NOBODY, OWN);
    caller.policies = (struct identity_policies){0};
    return !refusal;
}

#define EQUALS(key, value) S("\"StringEquals\":{\"" key "\":\"" value "\"}")
#define MISSING(key) S("\"Null\":{\"" key "\":\"true\"}")

TEST(global_condition_keys)
{
    begin();
    struct identity_tag tag = {.key = S("Team"), .value = S("red")};
    caller.tags = &tag;
    caller.tag_count = 1;
    call.source_ip = S("203.0.113.7");
    call.user_agent = S("aws-cli/2");
    CHECK(holds(EQUALS("aws:SourceIp", "203.0.113.7")));
    CHECK(holds(EQUALS("aws:CurrentTime", "2020-01-01T00:00:00Z")));
    CHECK(holds(EQUALS("aws:EpochTime", "1577836800")));
    CHECK(holds(EQUALS("aws:SecureTransport", "false")));
    CHECK(holds(EQUALS("aws:PrincipalArn", "arn:aws:iam::111122223333:user/ann")));
    CHECK(holds(EQUALS("aws:PrincipalAccount", "111122223333")));
    CHECK(holds(EQUALS("aws:PrincipalType", "User")));
    CHECK(holds(EQUALS("aws:userid", "AIDAANN")));
    CHECK(holds(EQUALS("aws:username", "ann")));
    CHECK(holds(EQUALS("aws:PrincipalTag/team", "red")));
    CHECK(holds(MISSING("aws:PrincipalTag/tea")));
    CHECK(holds(EQUALS("aws:UserAgent", "aws-cli/2")));
    CHECK(holds(EQUALS("aws:RequestedRegion", "eu-west-1")));
    CHECK(holds(EQUALS("aws:ViaAWSService", "false")));
    CHECK(holds(EQUALS("aws:ResourceAccount", "111122223333")));
    CHECK(holds(MISSING("aws:MultiFactorAuthPresent")));
    CHECK(holds(MISSING("aws:TokenIssueTime")));
    CHECK(holds(MISSING("aws:NoSuchKey")));
    CHECK(holds(MISSING("aws:Referer")));
    call.tls = true;
    CHECK(holds(EQUALS("aws:SecureTransport", "true")));
}

TEST(condition_keys_of_sessions)
{
    begin();
    make_session();
    caller.session_issued_ms = 1577836800000;
    CHECK(holds(EQUALS("aws:PrincipalArn", "arn:aws:iam::111122223333:role/deploy")));
    CHECK(holds(EQUALS("aws:PrincipalType", "AssumedRole")));
    CHECK(holds(EQUALS("aws:userid", "AROADEPLOY:s")));
    CHECK(holds(MISSING("aws:username")));
    CHECK(holds(EQUALS("aws:MultiFactorAuthPresent", "false")));
    CHECK(holds(EQUALS("aws:TokenIssueTime", "2020-01-01T00:00:00Z")));
    CHECK(holds(MISSING("aws:SourceIdentity")));
    caller.mfa = true;
    CHECK(holds(EQUALS("aws:MultiFactorAuthPresent", "true")));
}

TEST(condition_keys_that_were_set)
{
    begin();
    struct span both[] = {S("a"), S("b")};
    condition_set(&call, S("aws:TagKeys"), both, 2);
    condition_set_one(&call, S("s3:Prefix"), S("home/"));
    condition_set_one(&call, S("s3:delimiter"), SPAN_NONE);
    CHECK(holds(EQUALS("s3:prefix", "home/")));
    CHECK(holds(MISSING("s3:delimiter")));
    CHECK(holds(S("\"ForAllValues:StringEquals\":{\"aws:TagKeys\":[\"a\",\"b\"]}")));
    CHECK(!holds(S("\"ForAllValues:StringEquals\":{\"aws:TagKeys\":[\"a\"]}")));
    condition_set_one(&call, S("s3:prefix"), S("tmp/"));
    CHECK(holds(EQUALS("s3:prefix", "tmp/")));
}

static struct span answer_of_service(struct call *c, struct span key, struct arena *arena_)
{
    return span_eq(key, S("s3:authtype")) ? S("POST") : SPAN_NONE;
}

TEST(condition_keys_of_the_service)
{
    static const struct service_hooks hooks = {.condition = answer_of_service};
    begin();
    service.hooks = &hooks;
    CHECK(holds(EQUALS("s3:authType", "POST")));
    CHECK(holds(MISSING("s3:other")));
}

static const struct refusal *ask_granted(enum GRANT granted, struct span account)
{
    struct auth_question question = {.action = S("s3:GetObject"),
                                     .resource = S("arn:aws:s3:::b/k"),
                                     .resource_account = account,
                                     .granted = granted};
    return auth_ask(&call, &question);
}

TEST(grants_beside_a_policy)
{
    begin();
    CHECK(ask_granted(GRANT_NONE, OWN));
    CHECK(ask_granted(GRANT_ACCOUNT, OWN)); /* the account leaves it to its own policies */
    CHECK(!ask_granted(GRANT_DIRECT, OWN));
    CHECK(ask_granted(GRANT_DIRECT, OTHER)); /* both sides are needed */
    caller.policies = policies_saying(ALLOW, S("p"));
    CHECK(ask_granted(GRANT_NONE, OTHER));
    CHECK(!ask_granted(GRANT_ACCOUNT, OTHER));
    call.caller = NULL;
    CHECK(ask_granted(GRANT_NONE, OWN));
    CHECK(!ask_granted(GRANT_DIRECT, OWN));
    CHECK_SPAN(ask_granted(GRANT_NONE, OWN)->message, S("Access Denied"));
}

/* An input with a text, a list of texts, a number and tags, described by hand. */
struct tag {
    struct span key, value;
};

struct input {
    struct span prefix;
    struct any_list keys, tags;
    int32_t max;
    bool has_max;
};

/* Offsets: Prefix 3, TagKeys 12, Max 22, Tags 28, Key 35, Value 41, s3:prefix 49, s3:max-keys 61 */
static const char pool[] = "\0\6\0Prefix\0\7\0TagKeys\0\3\0Max\0\4\0Tags\0\3\0Key\0\5\0Value\0"
                           "\11\0s3:prefix\0\13\0s3:max-keys";

TEST(condition_keys_from_the_input)
{
    begin();
    static const struct shape shapes[] = {
        {.kind = KIND_STRUCTURE, .first_field = 0, .field_count = 4},
        {.kind = KIND_STRING},
        {.kind = KIND_LIST, .member = 1, .size = sizeof(struct span)},
        {.kind = KIND_INTEGER},
        {.kind = KIND_LIST, .member = 5, .size = sizeof(struct tag)},
        {.kind = KIND_STRUCTURE, .first_field = 4, .field_count = 2, .size = sizeof(struct tag)},
    };
    static const struct field fields[] = {
        {.name = 3, .shape = 1, .offset = offsetof(struct input, prefix), .has = NO_HAS},
        {.name = 12, .shape = 2, .offset = offsetof(struct input, keys), .has = NO_HAS},
        {.name = 22,
         .shape = 3,
         .offset = offsetof(struct input, max),
         .has = offsetof(struct input, has_max)},
        {.name = 28, .shape = 4, .offset = offsetof(struct input, tags), .has = NO_HAS},
        {.name = 35, .shape = 1, .offset = offsetof(struct tag, key), .has = NO_HAS},
        {.name = 41, .shape = 1, .offset = offsetof(struct tag, value), .has = NO_HAS},
    };
    static const struct condition_member members[] = {{49, 3}, {61, 22}};
    service = (struct service){
        .protocol = PROTOCOL_QUERY,
        .pool = pool,
        .shapes = shapes,
        .fields = fields,
        .condition_members = members,
        .condition_member_count = 2,
    };
    CHECK_SPAN(service_text(&service, 61), S("s3:max-keys"));
    operation.input = 0;
    struct tag tags[] = {{S("Team"), S("red")}, {S("cost"), S("1")}};
    struct input in = {.prefix = S("home/"), .tags = {.at = tags, .count = 2}};
    condition_from_input(&call, &in);
    CHECK(holds(EQUALS("s3:prefix", "home/")));
    CHECK(holds(MISSING("s3:max-keys")));
    CHECK(holds(EQUALS("aws:RequestTag/team", "red")));
    CHECK(holds(S("\"ForAllValues:StringEquals\":{\"aws:TagKeys\":[\"Team\",\"cost\"]}")));
    CHECK(!holds(S("\"ForAllValues:StringEquals\":{\"aws:TagKeys\":[\"Team\"]}")));
    call.conditions = NULL;
    struct span keys[] = {S("x")};
    in = (struct input){.keys = {.at = keys, .count = 1}, .max = 7, .has_max = true};
    condition_from_input(&call, &in);
    CHECK(holds(S("\"NumericEquals\":{\"s3:max-keys\":7}")));
    CHECK(holds(MISSING("s3:prefix")));
    CHECK(holds(EQUALS("aws:TagKeys", "x")));
}
