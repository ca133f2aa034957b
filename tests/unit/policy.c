// SPDX-License-Identifier: Apache-2.0
/*
 * The policy language, case by case: every operator with a match, a mismatch, a missing key and
 * several values; documents that IAM, STS and S3 refuse, with their sentences; variables,
 * wildcards, principals. The cases follow "IAM JSON policy elements reference" and "Policy
 * evaluation logic" in our own words.
 */
#include "test.h"

#include "auth/policy.h"

#include <stdio.h>

/* A request's context as text: "key=v1|v2;key2=v3". */
struct context {
    struct span text;
};

static bool look_up(void *user, struct span key, struct arena *arena,
                    const struct span **ret_values, size_t *ret_count)
{
    struct span rest = ((struct context *)user)->text;
    while (!span_is_absent(rest)) {
        struct span values = span_cut(&rest, ';');
        if (!span_eq(span_cut(&values, '='), key) || span_is_absent(values))
            continue;
        struct span *list = ARENA_ARRAY(arena, struct span, 16);
        size_t count = 0;
        while (!span_is_absent(values) && values.len)
            list[count++] = span_cut(&values, '|');
        *ret_values = list;
        *ret_count = count;
        return true;
    }
    return false;
}

static struct arena arena;

static void begin(void)
{
    arena_done(&arena);
    arena_init(&arena, 64 * 1024, 64 << 20);
}

static const struct policy *parsed(struct span document, enum POLICY_KIND kind)
{
    struct span why = SPAN_NONE;
    const struct policy *policy = policy_parse(&arena, document, kind, &why);
    if (!policy)
        test_fail(__FILE__, __LINE__, "%.*s: %.*s", SPAN_ARG(document), SPAN_ARG(why));
    return policy;
}

static struct policy_request request_of(struct context *context)
{
    return (struct policy_request){
        .action = S("s3:GetObject"),
        .resource = S("arn:aws:s3:::bucket/key"),
        .principal_arn = S("arn:aws:iam::111122223333:user/ann"),
        .principal_account = S("111122223333"),
        .principal_id = S("AIDAEXAMPLEANN000"),
        .lookup = look_up,
        .user = context,
        .scratch = &arena,
    };
}

enum { NO = DECISION_NONE, YES = DECISION_ALLOW, DENIED = DECISION_DENY };

/* ---- conditions ---- */

struct condition_case {
    const char *condition, *context;
    int want;
};

static const struct condition_case conditions[] = {
    {"'StringEquals':{'k':'a'}", "k=a", YES},
    {"'StringEquals':{'k':'a'}", "k=A", NO},
    {"'StringEquals':{'k':'a'}", "", NO},
    {"'StringEquals':{'k':['x','a']}", "k=a", YES},
    {"'StringEquals':{'k':'a*'}", "k=abc", NO},
    {"'StringEquals':{'k':'a*'}", "k=a*", YES},
    {"'StringEquals':{'K':'a'}", "k=a", YES},
    {"'stringequals':{'k':'a'}", "k=a", YES},
    {"'StringEquals':{'k':'a'}", "k=x|a", YES},
    {"'StringEquals':{'k':[]}", "k=a", NO},
    {"'StringEqualsIfExists':{'k':'a'}", "", YES},
    {"'StringEqualsIfExists':{'k':'a'}", "k=b", NO},
    {"'StringEqualsIfExists':{'k':'a'}", "k=a", YES},
    {"'StringNotEquals':{'k':'a'}", "k=b", YES},
    {"'StringNotEquals':{'k':'a'}", "k=a", NO},
    {"'StringNotEquals':{'k':'a'}", "", YES},
    {"'StringNotEquals':{'k':['a','b']}", "k=b", NO},
    {"'StringNotEquals':{'k':['a','b']}", "k=c", YES},
    {"'StringNotEquals':{'k':'a'}", "k=b|a", NO},
    {"'StringEqualsIgnoreCase':{'k':'AbC'}", "k=aBc", YES},
    {"'StringEqualsIgnoreCase':{'k':'AbC'}", "k=aBd", NO},
    {"'StringNotEqualsIgnoreCase':{'k':'AbC'}", "k=aBc", NO},
    {"'StringNotEqualsIgnoreCase':{'k':'AbC'}", "k=x", YES},
    {"'StringLike':{'k':'home/*/x?'}", "k=home/a/b/x1", YES},
    {"'StringLike':{'k':'home/*/x?'}", "k=home/a/b/x", NO},
    {"'StringLike':{'k':'HOME/*'}", "k=home/a", NO},
    {"'StringLike':{'k':'*'}", "", NO},
    {"'StringLike':{'k':''}", "k=a", NO},
    {"'StringNotLike':{'k':'home/*'}", "k=home/a", NO},
    {"'StringNotLike':{'k':'home/*'}", "k=tmp/a", YES},
    {"'StringNotLike':{'k':'home/*'}", "", YES},
    {"'StringNotLikeIfExists':{'k':'home/*'}", "", YES},

    {"'NumericEquals':{'k':10}", "k=10", YES},
    {"'NumericEquals':{'k':'10.0'}", "k=10", YES},
    {"'NumericEquals':{'k':'10'}", "k=11", NO},
    {"'NumericEquals':{'k':'10'}", "k=ten", NO},
    {"'NumericEquals':{'k':'nan'}", "k=nan", NO},
    {"'NumericEquals':{'k':'0x10'}", "k=16", NO},
    {"'NumericNotEquals':{'k':'10'}", "k=11", YES},
    {"'NumericNotEquals':{'k':'10'}", "k=10", NO},
    {"'NumericNotEquals':{'k':'10'}", "", YES},
    {"'NumericLessThan':{'k':'10'}", "k=9.5", YES},
    {"'NumericLessThan':{'k':'10'}", "k=10", NO},
    {"'NumericLessThanEquals':{'k':'10'}", "k=10", YES},
    {"'NumericLessThanEquals':{'k':'10'}", "k=11", NO},
    {"'NumericLessThanEquals':{'k':'10'}", "", NO},
    {"'NumericLessThanEqualsIfExists':{'k':'10'}", "", YES},
    {"'NumericGreaterThan':{'k':'10'}", "k=11", YES},
    {"'NumericGreaterThan':{'k':'10'}", "k=10", NO},
    {"'NumericGreaterThan':{'k':'-3'}", "k=-2", YES},
    {"'NumericGreaterThanEquals':{'k':'10'}", "k=10", YES},
    {"'NumericGreaterThanEquals':{'k':'10'}", "k=9", NO},

    {"'DateEquals':{'k':'2020-01-01T00:00:00Z'}", "k=2020-01-01T00:00:00Z", YES},
    {"'DateEquals':{'k':'2020-01-01'}", "k=2020-01-01T00:00:00Z", YES},
    {"'DateEquals':{'k':'1577836800'}", "k=2020-01-01T00:00:00Z", YES},
    {"'DateEquals':{'k':'2020-01-01T00:00:01Z'}", "k=2020-01-01T00:00:00Z", NO},
    {"'DateNotEquals':{'k':'2020-01-01T00:00:01Z'}", "k=2020-01-01T00:00:00Z", YES},
    {"'DateNotEquals':{'k':'2020-01-01T00:00:00Z'}", "k=2020-01-01T00:00:00Z", NO},
    {"'DateLessThan':{'k':'2020-06-30T00:00:00Z'}", "k=2020-01-01T00:00:00Z", YES},
    {"'DateLessThan':{'k':'2020-01-01T00:00:00Z'}", "k=2020-01-01T00:00:00Z", NO},
    {"'DateLessThanEquals':{'k':'2020-01-01T00:00:00Z'}", "k=2020-01-01T00:00:00Z", YES},
    {"'DateGreaterThan':{'k':'2019-06-30T00:00:00Z'}", "k=2020-01-01T00:00:00Z", YES},
    {"'DateGreaterThan':{'k':'2021-06-30T00:00:00Z'}", "k=2020-01-01T00:00:00Z", NO},
    {"'DateGreaterThanEquals':{'k':'2020-01-01T00:00:00Z'}", "k=2020-01-01T00:00:00Z", YES},
    {"'DateGreaterThan':{'k':'2019-06-30T00:00:00Z'}", "", NO},
    {"'DateGreaterThanIfExists':{'k':'2019-06-30T00:00:00Z'}", "", YES},
    {"'DateGreaterThan':{'k':'2019-06-30T00:00:00Z'}", "k=yesterday", NO},

    {"'Bool':{'k':'true'}", "k=true", YES},
    {"'Bool':{'k':true}", "k=true", YES},
    {"'Bool':{'k':'TRUE'}", "k=true", YES},
    {"'Bool':{'k':'true'}", "k=false", NO},
    {"'Bool':{'k':'false'}", "k=false", YES},
    {"'Bool':{'k':'false'}", "", NO},
    {"'BoolIfExists':{'k':'true'}", "", YES},
    {"'Bool':{'k':'maybe'}", "k=maybe", NO},

    {"'BinaryEquals':{'k':'QmluYXJ5'}", "k=QmluYXJ5", YES},
    {"'BinaryEquals':{'k':'QmluYXJ5'}", "k=QmluYXJ6", NO},

    {"'IpAddress':{'k':'203.0.113.0/24'}", "k=203.0.113.7", YES},
    {"'IpAddress':{'k':'203.0.113.0/24'}", "k=203.0.114.7", NO},
    {"'IpAddress':{'k':'203.0.113.7'}", "k=203.0.113.7", YES},
    {"'IpAddress':{'k':'203.0.113.6/31'}", "k=203.0.113.7", YES},
    {"'IpAddress':{'k':'203.0.113.6/31'}", "k=203.0.113.8", NO},
    {"'IpAddress':{'k':'0.0.0.0/0'}", "k=8.8.8.8", YES},
    {"'IpAddress':{'k':'0.0.0.0/0'}", "k=2001:db8::1", NO},
    {"'IpAddress':{'k':'2001:db8:1234:5678::/64'}", "k=2001:db8:1234:5678::9", YES},
    {"'IpAddress':{'k':'2001:db8:1234:5678::/64'}", "k=2001:db8:1234:5679::9", NO},
    {"'IpAddress':{'k':'203.0.113.0/24'}", "k=::ffff:203.0.113.7", YES},
    {"'IpAddress':{'k':'203.0.113.0/33'}", "k=203.0.113.7", NO},
    {"'IpAddress':{'k':['10.0.0.0/8','2001:db8::/32']}", "k=2001:db8::1", YES},
    {"'IpAddress':{'k':'203.0.113.0/24'}", "", NO},
    {"'NotIpAddress':{'k':'203.0.113.0/24'}", "k=203.0.113.7", NO},
    {"'NotIpAddress':{'k':'203.0.113.0/24'}", "k=198.51.100.1", YES},
    {"'NotIpAddress':{'k':'203.0.113.0/24'}", "", YES},
    {"'NotIpAddressIfExists':{'k':'203.0.113.0/24'}", "", YES},

    {"'ArnEquals':{'k':'arn:aws:sns:*:111122223333:t'}", "k=arn:aws:sns:us-east-1:111122223333:t",
     YES},
    {"'ArnLike':{'k':'arn:aws:sns:*:111122223333:t?'}", "k=arn:aws:sns:us-east-1:111122223333:t1",
     YES},
    {"'ArnLike':{'k':'arn:aws:sns:*:t'}", "k=arn:aws:sns:us-east-1:111122223333:t", NO},
    {"'ArnLike':{'k':'arn:aws:sns:*:*:t*'}", "k=arn:aws:sns:us-east-1:111122223333:t:sub:1", YES},
    {"'ArnLike':{'k':'arn:aws:*:us-east-1:*:t'}", "k=arn:aws:sns:eu-west-1:1:us-east-1:2:t", NO},
    {"'ArnLike':{'k':'*'}", "k=arn:aws:sns:us-east-1:111122223333:t", YES},
    {"'ArnLike':{'k':'arn:aws:sns:*:*:t'}", "k=not-an-arn", NO},
    {"'ArnLike':{'k':'arn:aws:sns:*:*:t'}", "", NO},
    {"'ArnNotEquals':{'k':'arn:aws:sns:*:*:t'}", "k=arn:aws:sns:us-east-1:111122223333:t", NO},
    {"'ArnNotLike':{'k':'arn:aws:sns:*:*:t'}", "k=arn:aws:sqs:us-east-1:111122223333:t", YES},
    {"'ArnNotLike':{'k':'arn:aws:sns:*:*:t'}", "", YES},
    {"'ArnEqualsIfExists':{'k':'arn:aws:sns:*:*:t'}", "", YES},

    {"'Null':{'k':'true'}", "", YES},
    {"'Null':{'k':'true'}", "k=a", NO},
    {"'Null':{'k':'false'}", "k=a", YES},
    {"'Null':{'k':false}", "", NO},
    {"'Null':{'k':['true','false']}", "k=a", YES},

    /* all of the request's values must be among the policy's */
    {"'ForAllValues:StringEquals':{'k':['a','b']}", "k=a|b", YES},
    {"'ForAllValues:StringEquals':{'k':['a','b']}", "k=a|c", NO},
    {"'ForAllValues:StringEquals':{'k':['a','b']}", "", YES},
    {"'ForAllValues:StringEquals':{'k':['a','b']}", "k=", YES},
    {"'ForAllValues:StringNotEquals':{'k':['a','b']}", "k=c|d", YES},
    {"'ForAllValues:StringNotEquals':{'k':['a','b']}", "k=c|a", NO},
    {"'ForAllValues:StringLike':{'k':['a*']}", "k=ab|ac", YES},
    {"'ForAllValues:NumericLessThan':{'k':'3'}", "k=1|2", YES},
    {"'ForAllValues:NumericLessThan':{'k':'3'}", "k=1|3", NO},
    /* one of the request's values is enough */
    {"'ForAnyValue:StringEquals':{'k':['a','b']}", "k=c|b", YES},
    {"'ForAnyValue:StringEquals':{'k':['a','b']}", "k=c|d", NO},
    {"'ForAnyValue:StringEquals':{'k':['a','b']}", "", NO},
    {"'ForAnyValue:StringEqualsIfExists':{'k':['a','b']}", "", YES},
    {"'ForAnyValue:StringNotEquals':{'k':['a','b']}", "k=a|c", YES},
    {"'ForAnyValue:StringNotEquals':{'k':['a','b']}", "k=a|b", NO},
    {"'ForAnyValue:StringNotEquals':{'k':['a','b']}", "", NO},
    {"'forallvalues:stringequals':{'k':['a','b']}", "k=c", NO},

    /* several operators and keys must all hold */
    {"'StringEquals':{'k':'a','j':'b'}", "k=a;j=b", YES},
    {"'StringEquals':{'k':'a','j':'b'}", "k=a;j=c", NO},
    {"'StringEquals':{'k':'a'},'NumericLessThan':{'n':'5'}", "k=a;n=4", YES},
    {"'StringEquals':{'k':'a'},'NumericLessThan':{'n':'5'}", "k=a;n=5", NO},
    {"'Bool':{'k':'true'},'Null':{'j':'true'}", "k=true;j=x", NO},
    {"", "", YES},
    {"'NoSuchOperator':{}", "", YES},
};

/* Cases are written with ' for " to stay readable. */
static struct span quoted(const char *text)
{
    char *to = arena_cstr(&arena, span_of_cstr(text));
    for (char *at = to; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    return span_of_cstr(to);
}

TEST(condition_operators)
{
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
        begin();
        const struct condition_case *c = &conditions[i];
        struct span condition = quoted(c->condition);
        struct span document = arena_printf(
            &arena,
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\","
            "\"Resource\":\"*\",\"Condition\":{%.*s}}]}",
            SPAN_ARG(condition));
        const struct policy *policy = parsed(document, POLICY_IDENTITY);
        struct context context = {.text = span_of_cstr(c->context)};
        struct policy_request request = request_of(&context);
        int have = (int)policy_decide(policy, &request).decision;
        if (have != c->want)
            test_fail(__FILE__, __LINE__, "{%s} with \"%s\" decides %d, not %d", c->condition,
                      c->context, have, c->want);
    }
}

/* ---- actions, resources, variables ---- */

struct statement_case {
    const char *statement, *action, *resource, *context;
    int want;
};

static const struct statement_case statements[] = {
    {"'Action':'s3:GetObject','Resource':'*'", "s3:GetObject", "arn:aws:s3:::b/k", "", YES},
    {"'Action':'S3:getobject','Resource':'*'", "s3:GetObject", "arn:aws:s3:::b/k", "", YES},
    {"'Action':'s3:Get*','Resource':'*'", "s3:GetBucketAcl", "arn:aws:s3:::b", "", YES},
    {"'Action':'s3:G?tObject','Resource':'*'", "s3:GetObject", "arn:aws:s3:::b/k", "", YES},
    {"'Action':'s3:Get','Resource':'*'", "s3:GetObject", "arn:aws:s3:::b/k", "", NO},
    {"'Action':'*','Resource':'*'", "iam:CreateUser", "arn:aws:iam::111122223333:user/x", "", YES},
    {"'Action':['iam:*','s3:*'],'Resource':'*'", "s3:PutObject", "arn:aws:s3:::b/k", "", YES},
    {"'NotAction':'iam:*','Resource':'*'", "s3:PutObject", "arn:aws:s3:::b/k", "", YES},
    {"'NotAction':['iam:*','s3:Put*'],'Resource':'*'", "s3:PutObject", "arn:aws:s3:::b/k", "", NO},

    {"'Action':'*','Resource':'arn:aws:s3:::b/*'", "s3:GetObject", "arn:aws:s3:::b/k/l", "", YES},
    {"'Action':'*','Resource':'arn:aws:s3:::b/*'", "s3:GetObject", "arn:aws:s3:::b", "", NO},
    {"'Action':'*','Resource':'arn:aws:s3:::b/*'", "s3:GetObject", "arn:aws:s3:::B/k", "", NO},
    {"'Action':'*','Resource':'arn:aws:s3:::b/*/x'", "s3:GetObject", "arn:aws:s3:::b/1/2/x", "",
     YES},
    {"'Action':'*','Resource':'arn:aws:s3:::b/?'", "s3:GetObject", "arn:aws:s3:::b/12", "", NO},
    {"'Action':'*','NotResource':'arn:aws:s3:::b/*'", "s3:GetObject", "arn:aws:s3:::c/k", "", YES},
    {"'Action':'*','NotResource':['arn:aws:s3:::c','arn:aws:s3:::b/*']", "s3:GetObject",
     "arn:aws:s3:::b/k", "", NO},
    /* a wildcard within a segment stays there, as its last character it may go beyond */
    {"'Action':'*','Resource':'arn:aws:ec2:us-*-1:1:i/x'", "ec2:X", "arn:aws:ec2:us-east-1:1:i/x",
     "", YES},
    {"'Action':'*','Resource':'arn:aws:ec2:us-*-1:1:i/x'", "ec2:X",
     "arn:aws:ec2:us-east-2:9:a-1:1:i/x", "", NO},
    {"'Action':'*','Resource':'arn:aws:ec2:us-*:i/x'", "ec2:X", "arn:aws:ec2:us-east-2:9:i/x", "",
     YES},
    {"'Action':'*','Resource':'arn:aws:logs:*:1:log-group:a*b'", "logs:X",
     "arn:aws:logs:us-east-1:1:log-group:a:b", "", YES},
    {"'Action':'*','Resource':'arn:aws:ec2:?:1:i/x'", "ec2:X", "arn:aws:ec2:::1:i/x", "", NO},
    {"'Action':'*','Resource':'arn:aws:s3:::a*a*a*a*b'", "s3:X", "arn:aws:s3:::aaaaaaaaaaaaaaaaaaa",
     "", NO},

    {"'Action':'*','Resource':'arn:aws:s3:::b/${aws:username}/*'", "s3:GetObject",
     "arn:aws:s3:::b/ann/k", "aws:username=ann", YES},
    {"'Action':'*','Resource':'arn:aws:s3:::b/${aws:username}/*'", "s3:GetObject",
     "arn:aws:s3:::b/bob/k", "aws:username=ann", NO},
    {"'Action':'*','Resource':'arn:aws:s3:::b/${AWS:UserName}/*'", "s3:GetObject",
     "arn:aws:s3:::b/ann/k", "aws:username=ann", YES},
    {"'Action':'*','Resource':'arn:aws:s3:::b/${aws:username}/*'", "s3:GetObject",
     "arn:aws:s3:::b//k", "", NO},
    {"'Action':'*','Resource':'arn:aws:s3:::b/${aws:PrincipalTag/Team, \\u0027all\\u0027}/*'",
     "s3:GetObject", "arn:aws:s3:::b/all/k", "", YES},
    {"'Action':'*','Resource':'arn:aws:s3:::b/${aws:PrincipalTag/Team,\\u0027all\\u0027}/*'",
     "s3:GetObject", "arn:aws:s3:::b/red/k", "aws:principaltag/team=red", YES},
    /* what a variable puts in is no wildcard */
    {"'Action':'*','Resource':'arn:aws:s3:::b/${aws:PrincipalTag/t}'", "s3:GetObject",
     "arn:aws:s3:::b/secret", "aws:principaltag/t=*", NO},
    {"'Action':'*','Resource':'arn:aws:s3:::b/${aws:PrincipalTag/t}'", "s3:GetObject",
     "arn:aws:s3:::b/*", "aws:principaltag/t=*", YES},
    {"'Action':'*','Resource':'arn:aws:s3:::b/${aws:PrincipalTag/t}'", "s3:GetObject",
     "arn:aws:s3:::b/secret", "aws:principaltag/t=\xff", NO},
    {"'Action':'*','Resource':'arn:aws:s3:::b/${*}${?}${$}'", "s3:GetObject", "arn:aws:s3:::b/*?$",
     "", YES},
    {"'Action':'*','Resource':'arn:aws:s3:::b/${*}'", "s3:GetObject", "arn:aws:s3:::b/x", "", NO},
    {"'Action':'*','Resource':'arn:aws:s3:::b/${open'", "s3:GetObject", "arn:aws:s3:::b/${open", "",
     YES},
    /* a key with several values is no variable */
    {"'Action':'*','Resource':'arn:aws:s3:::b/${aws:TagKeys}'", "s3:GetObject", "arn:aws:s3:::b/a",
     "aws:tagkeys=a|b", NO},

    {"'Action':'*','Resource':'*','Condition':{'StringEquals':{'k':'${aws:username}'}}", "s3:X",
     "arn:aws:s3:::b", "k=ann;aws:username=ann", YES},
    {"'Action':'*','Resource':'*','Condition':{'StringLike':{'k':'${aws:username}/*'}}", "s3:X",
     "arn:aws:s3:::b", "k=ann/1;aws:username=ann", YES},
    {"'Action':'*','Resource':'*','Condition':{'StringEquals':{'k':'${aws:username}'}}", "s3:X",
     "arn:aws:s3:::b", "k=ann", NO},
    /* an allow does not come from a variable that is not there */
    {"'Action':'*','Resource':'*','Condition':{'StringNotEquals':{'k':'${aws:username}'}}", "s3:X",
     "arn:aws:s3:::b", "k=ann", NO},
    {"'Action':'*','NotResource':'arn:aws:s3:::b/${aws:username}'", "s3:X", "arn:aws:s3:::c", "",
     NO},
    {"'Action':'*','Resource':'*','Condition':{'NumericEquals':{'k':'${n}'}}", "s3:X",
     "arn:aws:s3:::b", "k=1;n=1", NO},
};

TEST(statements_actions_resources_variables)
{
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        begin();
        const struct statement_case *c = &statements[i];
        struct span statement = quoted(c->statement);
        struct span document = arena_printf(&arena,
                                            "{\"Version\":\"2012-10-17\",\"Statement\":"
                                            "{\"Effect\":\"Allow\",%.*s}}",
                                            SPAN_ARG(statement));
        const struct policy *policy = parsed(document, POLICY_IDENTITY);
        struct context context = {.text = span_of_cstr(c->context)};
        struct policy_request request = request_of(&context);
        request.action = span_of_cstr(c->action);
        request.resource = span_of_cstr(c->resource);
        int have = (int)policy_decide(policy, &request).decision;
        if (have != c->want)
            test_fail(__FILE__, __LINE__, "%s on %s with \"%s\" decides %d, not %d", c->statement,
                      c->resource, c->context, have, c->want);
    }
}

TEST(variables_are_text_in_a_2008_document)
{
    begin();
    struct context context = {.text = S("aws:username=ann")};
    struct policy_request request = request_of(&context);
    request.resource = S("arn:aws:s3:::b/ann");
    struct span body = quoted("'Statement':{'Effect':'Allow','Action':'*','Resource':"
                              "'arn:aws:s3:::b/${aws:username}'}}");
    struct span old = arena_printf(&arena, "{\"Version\":\"2008-10-17\",%.*s", SPAN_ARG(body));
    struct span none = arena_printf(&arena, "{%.*s", SPAN_ARG(body));
    CHECK_INT(policy_decide(parsed(old, POLICY_IDENTITY), &request).decision, NO);
    CHECK_INT(policy_decide(parsed(none, POLICY_IDENTITY), &request).decision, NO);
    request.resource = S("arn:aws:s3:::b/${aws:username}");
    CHECK_INT(policy_decide(parsed(old, POLICY_IDENTITY), &request).decision, YES);
    CHECK_INT(policy_version(parsed(none, POLICY_IDENTITY)), POLICY_2008);
}

TEST(a_deny_wins_over_allows_on_both_sides_of_it)
{
    begin();
    struct context context = {.text = S("")};
    struct policy_request request = request_of(&context);
    const struct policy *policy = parsed(
        quoted("{'Version':'2012-10-17','Statement':["
               "{'Sid':'First','Effect':'Allow','Action':'s3:*','Resource':'*'},"
               "{'Sid':'NoSecrets','Effect':'Deny','Action':'*','Resource':'arn:aws:s3:::b/s*'},"
               "{'Sid':'Last','Effect':'Allow','Action':'*','Resource':'*'}]}"),
        POLICY_IDENTITY);
    struct decision decision = policy_decide(policy, &request);
    CHECK_INT(decision.decision, YES);
    CHECK_SPAN(decision.sid, S("First"));
    request.resource = S("arn:aws:s3:::b/secret");
    decision = policy_decide(policy, &request);
    CHECK_INT(decision.decision, DENIED);
    CHECK_SPAN(decision.sid, S("NoSecrets"));
    CHECK_INT(decision.statement, 1);
    CHECK(decision.policy == policy);
    request.action = S("sns:Publish");
    request.resource = S("arn:aws:sns:::t");
    CHECK_SPAN(policy_decide(policy, &request).sid, S("Last"));
}

TEST(a_deny_with_an_unresolved_variable_still_denies)
{
    begin();
    struct context context = {.text = S("k=a")};
    struct policy_request request = request_of(&context);
    const struct policy *policy =
        parsed(quoted("{'Version':'2012-10-17','Statement':{'Effect':'Deny','Action':'*','Resource'"
                      ":'*','Condition':{'StringNotEquals':{'k':'${aws:PrincipalTag/k}'}}}}"),
               POLICY_IDENTITY);
    CHECK_INT(policy_decide(policy, &request).decision, DENIED);
    context.text = S("k=a;aws:principaltag/k=a");
    CHECK_INT(policy_decide(policy, &request).decision, NO);
}

/* ---- principals ---- */

struct principal_case {
    const char *element;
    int decision;
    enum GRANT grant;
};

static const struct principal_case principals[] = {
    {"'Principal':'*'", YES, GRANT_DIRECT},
    {"'Principal':{'AWS':'*'}", YES, GRANT_DIRECT},
    {"'Principal':{'AWS':'111122223333'}", YES, GRANT_ACCOUNT},
    {"'Principal':{'AWS':'arn:aws:iam::111122223333:root'}", YES, GRANT_ACCOUNT},
    {"'Principal':{'AWS':['444455556666','111122223333']}", YES, GRANT_ACCOUNT},
    {"'Principal':{'AWS':['111122223333','arn:aws:iam::111122223333:role/p/r']}", YES, GRANT_ROLE},
    {"'Principal':{'AWS':'arn:aws:iam::111122223333:role/r'}", NO, GRANT_NONE},
    {"'Principal':{'AWS':'arn:aws:sts::111122223333:assumed-role/r/s'}", YES, GRANT_DIRECT},
    {"'Principal':{'AWS':'arn:aws:sts::111122223333:assumed-role/r/t'}", NO, GRANT_NONE},
    {"'Principal':{'AWS':'AROAEXAMPLEROLE01'}", YES, GRANT_ROLE},
    {"'Principal':{'AWS':'AROAEXAMPLEROLE01:s'}", YES, GRANT_DIRECT},
    {"'Principal':{'AWS':'444455556666'}", NO, GRANT_NONE},
    {"'Principal':{'Service':'ec2.amazonaws.com'}", NO, GRANT_NONE},
    {"'Principal':{'Federated':'cognito-identity.amazonaws.com'}", NO, GRANT_NONE},
    {"'Principal':{'CanonicalUser':'79a59df900b949e55d96a1e698fb'}", YES, GRANT_ACCOUNT},
};

TEST(principals_of_resource_policies)
{
    for (size_t i = 0; i < ARRAY_LEN(principals); i++) {
        begin();
        struct span element = quoted(principals[i].element);
        struct span document =
            arena_printf(&arena,
                         "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",%.*s,"
                         "\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::bucket/*\"}}",
                         SPAN_ARG(element));
        struct context context = {.text = S("")};
        struct policy_request request = request_of(&context);
        request.principal_arn = S("arn:aws:sts::111122223333:assumed-role/r/s");
        request.principal_role_arn = S("arn:aws:iam::111122223333:role/p/r");
        request.principal_id = S("AROAEXAMPLEROLE01:s");
        request.principal_canonical = S("79a59df900b949e55d96a1e698fb");
        struct decision have = policy_decide(parsed(document, POLICY_RESOURCE), &request);
        if ((int)have.decision != principals[i].decision || have.grant != principals[i].grant)
            test_fail(__FILE__, __LINE__, "%s decides %d grants %d", principals[i].element,
                      (int)have.decision, (int)have.grant);
    }
}

TEST(anonymous_callers_and_services)
{
    begin();
    struct context context = {.text = S("")};
    struct policy_request request = request_of(&context);
    request.principal_arn = request.principal_account = request.principal_id = SPAN_NONE;
    const struct policy *everybody =
        parsed(quoted("{'Statement':{'Effect':'Allow','Principal':'*','Action':'s3:GetObject',"
                      "'Resource':'arn:aws:s3:::bucket/*'}}"),
               POLICY_RESOURCE);
    const struct policy *account =
        parsed(quoted("{'Statement':{'Effect':'Allow','Principal':{'AWS':'111122223333'},'Action':"
                      "'s3:GetObject','Resource':'arn:aws:s3:::bucket/*'}}"),
               POLICY_RESOURCE);
    CHECK_INT(policy_decide(everybody, &request).decision, YES);
    CHECK_INT(policy_decide(account, &request).decision, NO);
    const struct policy *trust = parsed(
        quoted("{'Version':'2012-10-17','Statement':{'Effect':'Allow','Principal':{'Service':"
               "['ec2.amazonaws.com','lambda.amazonaws.com']},'Action':'sts:AssumeRole'}}"),
        POLICY_TRUST);
    request.action = S("sts:AssumeRole");
    CHECK_INT(policy_decide(trust, &request).decision, NO);
    request.principal_service = S("lambda.amazonaws.com");
    CHECK_INT(policy_decide(trust, &request).decision, YES);
}

TEST(not_principal_denies_all_others)
{
    begin();
    struct context context = {.text = S("")};
    struct policy_request request = request_of(&context);
    const struct policy *policy =
        parsed(quoted("{'Statement':{'Effect':'Deny','NotPrincipal':{'AWS':"
                      "['arn:aws:iam::111122223333:user/ann','arn:aws:iam::111122223333:root']},"
                      "'Action':'s3:*','Resource':'arn:aws:s3:::bucket/*'}}"),
               POLICY_RESOURCE);
    CHECK_INT(policy_decide(policy, &request).decision, NO);
    request.principal_account = S("444455556666");
    request.principal_arn = S("arn:aws:iam::444455556666:user/ann");
    CHECK_INT(policy_decide(policy, &request).decision, DENIED);
}

TEST(a_user_named_in_a_resource_policy_is_granted_directly)
{
    begin();
    struct context context = {.text = S("")};
    struct policy_request request = request_of(&context);
    const struct policy *policy =
        parsed(quoted("{'Statement':[{'Effect':'Allow','Principal':{'AWS':'111122223333'},"
                      "'Action':'s3:*','Resource':'arn:aws:s3:::bucket/*'},{'Sid':'Ann','Effect':"
                      "'Allow','Principal':{'AWS':'arn:aws:iam::111122223333:user/ann'},'Action':"
                      "'s3:*','Resource':'arn:aws:s3:::bucket/*'}]}"),
               POLICY_RESOURCE);
    struct decision decision = policy_decide(policy, &request);
    CHECK_INT(decision.grant, GRANT_DIRECT);
    CHECK_SPAN(decision.sid, S("Ann"));
}

TEST(bound_principals_are_ids)
{
    begin();
    struct context context = {.text = S("")};
    struct policy_request request = request_of(&context);
    request.action = S("sts:AssumeRole");
    const struct policy *policy =
        parsed(quoted("{'Statement':{'Effect':'Allow','Principal':{'AWS':["
                      "'arn:aws:iam::111122223333:user/ann','444455556666']},'Action':'sts:*'}}"),
               POLICY_TRUST);
    struct policy_binding binding = {S("arn:aws:iam::111122223333:user/ann"),
                                     S("AIDAEXAMPLEANN000")};
    const struct policy *bound = policy_bound(&arena, policy, &binding, 1);
    CHECK_INT(policy_decide(bound, &request).grant, GRANT_DIRECT);
    request.principal_id = S("AIDAANOTHERANN000");
    CHECK_INT(policy_decide(bound, &request).decision, NO);
    CHECK_INT(policy_decide(policy, &request).decision, YES);
    request.principal_account = S("444455556666");
    CHECK_INT(policy_decide(bound, &request).grant, GRANT_ACCOUNT);
}

static bool is_ann(void *user, struct span type, struct span value)
{
    ++*(int *)user;
    return span_eq(type, S("AWS")) && span_ends(value, S("/ann"));
}

TEST(principals_can_be_visited)
{
    begin();
    const struct policy *policy =
        parsed(quoted("{'Statement':[{'Effect':'Allow','Principal':{'Service':'ec2.amazonaws.com',"
                      "'AWS':['arn:aws:iam::111122223333:user/ann','*']},'Action':'sts:*'}]}"),
               POLICY_TRUST);
    int seen = 0;
    CHECK(policy_each_principal(policy, is_ann, &seen));
    CHECK_INT(seen, 2);
}

/* ---- refused documents ---- */

struct malformed_case {
    enum POLICY_KIND kind;
    const char *document, *why;
};

#define IDENTITY(statement) "{'Version':'2012-10-17','Statement':{" statement "}}"

static const struct malformed_case malformed[] = {
    {POLICY_IDENTITY, "not json", "Syntax errors in policy."},
    {POLICY_IDENTITY, "", "Syntax errors in policy."},
    {POLICY_IDENTITY, "[]", "Syntax errors in policy."},
    {POLICY_IDENTITY, "{'Version':'2012-10-17'}", "Syntax errors in policy."},
    {POLICY_IDENTITY, "{'Version':'2012-10-17','Statement':[]}", "Syntax errors in policy."},
    {POLICY_IDENTITY, "{'Version':'2012-10-17','Statement':['x']}", "Syntax errors in policy."},
    {POLICY_IDENTITY, "{'Version':'2016-10-17','Statement':{}}", "Syntax errors in policy."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'*','Resource':'*','Extra':1"),
     "Syntax errors in policy."},
    {POLICY_IDENTITY, "{'Version':'2012-10-17','Extra':1,'Statement':{}}",
     "Syntax errors in policy."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Permit','Action':'*','Resource':'*'"),
     "Syntax errors in policy."},
    {POLICY_IDENTITY, IDENTITY("'Action':'*','Resource':'*'"), "Syntax errors in policy."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'*','NotAction':'*','Resource':'*'"),
     "Syntax errors in policy."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'*','Action':'*','Resource':'*'"),
     "Syntax errors in policy."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':[1],'Resource':'*'"),
     "Syntax errors in policy."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'*','Resource':{'a':'b'}"),
     "Syntax errors in policy."},
    {POLICY_IDENTITY,
     IDENTITY("'Effect':'Allow','Action':'*','Resource':'*','Condition':{'StringIs':{'a':'b'}}"),
     "Syntax errors in policy."},
    {POLICY_IDENTITY,
     IDENTITY("'Effect':'Allow','Action':'*','Resource':'*','Condition':{'StringLike':'a'}"),
     "Syntax errors in policy."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'*','Resource':'*','Sid':7"),
     "Syntax errors in policy."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Principal':'*','Action':'*','Resource':'*'"),
     "Policy document should not specify a principal."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'allow','Action':'*','Resource':'*'"),
     "The policy failed legacy parsing"},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'s3:*','Resource':'arn:aws:s3::b'"),
     "The policy failed legacy parsing"},
    {POLICY_IDENTITY,
     IDENTITY("'Effect':'Allow','Action':'*','Resource':'*','Condition':{'DateLessThan':"
              "{'aws:CurrentTime':'soon'}}"),
     "The policy failed legacy parsing"},
    {POLICY_IDENTITY,
     "{'Version':'2012-10-17','Statement':[{'Sid':'a','Effect':'Allow','Action':'*','Resource':'*'}"
     ",{'Sid':'a','Effect':'Allow','Action':'*','Resource':'*'}]}",
     "Statement IDs (SID) in a single policy must be unique."},
    {POLICY_IDENTITY, IDENTITY("'Sid':'a b','Effect':'Allow','Action':'*','Resource':'*'"),
     "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
     "expression [0-9A-Za-z]*"},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Resource':'*'"),
     "Policy statement must contain actions."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':[],'Resource':'*'"),
     "Policy statement must contain actions."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'s3:*'"),
     "Policy statement must contain resources."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'s3:*','Resource':[]"),
     "Policy statement must contain resources."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'s3:*','Resource':'bucket'"),
     "Resource bucket must be in ARN format or \"*\"."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'s3:*','Resource':'arn:a:s3:::b'"),
     "Partition \"a\" is not valid for resource \"arn:a:s3:::b\"."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'s3:*','Resource':'invalid:b'"),
     "Partition \"b\" is not valid for resource \"arn:b:*:*:*:*\"."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'s3:*','Resource':'arn:aws'"),
     "Resource vendor must be fully qualified and cannot contain regexes."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'s3:*','Resource':'arn:aws:*:::b'"),
     "Resource vendor must be fully qualified and cannot contain regexes."},
    {POLICY_IDENTITY,
     IDENTITY("'Effect':'Allow','Action':'s3:*','Resource':'arn:aws:s3:us-east-1::b'"),
     "Resource arn:aws:s3:us-east-1::b can not contain region information."},
    {POLICY_IDENTITY,
     IDENTITY("'Effect':'Allow','Action':'iam:*','Resource':'arn:aws:iam:us-east-1::user/x'"),
     "IAM resource arn:aws:iam:us-east-1::user/x cannot contain region information."},
    {POLICY_IDENTITY,
     IDENTITY("'Effect':'Allow','Action':'iam:*','Resource':'arn:aws:iam::1:usr/x'"),
     "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, "
     "instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, "
     "oidc-provider/, report/, access-report/."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'GetObject','Resource':'*'"),
     "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'s3:a:b','Resource':'*'"),
     "Actions/Condition can contain only one colon."},
    {POLICY_IDENTITY, IDENTITY("'Effect':'Allow','Action':'s 3:a','Resource':'*'"),
     "Vendor s 3 is not valid"},

    {POLICY_SESSION, "{", "The policy is not in the valid JSON format."},
    {POLICY_SESSION, IDENTITY("'Effect':'Allow','Action':'s3:*'"),
     "Policy statement must contain resources."},

    {POLICY_TRUST, "{'Version':'2012-10-17','Statement':[{'Effect':'Allow',}]}",
     "This policy contains invalid Json"},
    {POLICY_TRUST, "{'Version':'2011-10-17','Statement':[]}",
     "The policy must contain a valid version string"},
    {POLICY_TRUST, "{'Version':'2012-10-17','Statement':[]}",
     "Could not parse the policy: Statement is empty!"},
    {POLICY_TRUST, IDENTITY("'Effect':'Allow','Action':'sts:AssumeRole'"),
     "Missing required field Principal"},
    {POLICY_TRUST, IDENTITY("'Effect':'Allow','Principal':{},'Action':'sts:AssumeRole'"),
     "Missing required field Principal cannot be empty!"},
    {POLICY_TRUST, IDENTITY("'Principal':{'AWS':'*'},'Action':'sts:AssumeRole'"),
     "Missing required field Effect"},
    {POLICY_TRUST, IDENTITY("'Effect':'Maybe','Principal':{'AWS':'*'},'Action':'sts:AssumeRole'"),
     "Invalid effect: Maybe"},
    {POLICY_TRUST, IDENTITY("'Effect':'Allow','Principal':{'AWS':'*'}"),
     "Missing required field Action"},
    {POLICY_TRUST, IDENTITY("'Effect':'Allow','Principal':{'AWS':'*'},'Action':'s3:*'"),
     "AssumeRole policy may only specify STS AssumeRole actions."},
    {POLICY_TRUST,
     IDENTITY("'Effect':'Allow','Principal':{'AWS':'*'},'Action':'sts:AssumeRole','Resource':'*'"),
     "Has prohibited field Resource"},
    {POLICY_TRUST, IDENTITY("'Effect':'Allow','Principal':{'AWS':'bob'},'Action':'sts:AssumeRole'"),
     "Invalid principal in policy: \"AWS\":\"bob\""},
    {POLICY_TRUST,
     IDENTITY("'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::111122223333:group/g'},"
              "'Action':'sts:AssumeRole'"),
     "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111122223333:group/g\""},
    {POLICY_TRUST,
     IDENTITY("'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::111122223333:user/*'},"
              "'Action':'sts:AssumeRole'"),
     "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111122223333:user/*\""},
    {POLICY_TRUST,
     IDENTITY("'Effect':'Allow','NotPrincipal':{'AWS':'*'},'Action':'sts:AssumeRole'"),
     "Allow with NotPrincipal is not allowed."},

    {POLICY_RESOURCE, "x", "Policies must be valid JSON and the first byte must be '{'"},
    {POLICY_RESOURCE, IDENTITY("'Effect':'Allow','Action':'s3:*','Resource':'arn:aws:s3:::b'"),
     "Missing required field Principal"},
    {POLICY_RESOURCE, IDENTITY("'Effect':'Allow','Principal':'*','Action':'s3:*'"),
     "Missing required field Resource"},
    {POLICY_RESOURCE,
     IDENTITY("'Effect':'Allow','Principal':'bob','Action':'s3:*','Resource':'arn:aws:s3:::b'"),
     "Invalid principal in policy"},
    {POLICY_RESOURCE,
     IDENTITY("'Effect':'Allow','Principal':'*','Action':'Get','Resource':'arn:aws:s3:::b'"),
     "Policy has invalid action"},
    {POLICY_RESOURCE, IDENTITY("'Effect':'Allow','Principal':'*','Action':'s3:*','Resource':'b'"),
     "Policy has invalid resource"},
    {POLICY_RESOURCE, IDENTITY("'Effect':'Allow','Principle':'*'"), "Unknown field Principle"},
    {POLICY_RESOURCE,
     IDENTITY("'Effect':'Allow','Principal':'*','Action':'s3:*','Resource':'*','Condition':"
              "{'StringIs':{'a':'b'}}"),
     "Invalid Condition type : StringIs"},
};

TEST(malformed_documents_get_their_sentence)
{
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        begin();
        struct span why = SPAN_NONE;
        const struct policy *policy =
            policy_parse(&arena, quoted(malformed[i].document), malformed[i].kind, &why);
        if (policy || !span_eq(why, span_of_cstr(malformed[i].why)))
            test_fail(__FILE__, __LINE__, "%s: %s \"%.*s\", not \"%s\"", malformed[i].document,
                      policy ? "parsed" : "", SPAN_ARG(why), malformed[i].why);
    }
}

TEST(size_and_depth_are_bounded)
{
    begin();
    struct span why = SPAN_NONE;
    char *big = arena_alloc(&arena, POLICY_DOCUMENT_MAX + 64);
    memset(big, ' ', POLICY_DOCUMENT_MAX + 64);
    memcpy(big, "{}", 2);
    CHECK(!policy_parse(&arena, span_of(big, POLICY_DOCUMENT_MAX + 1), POLICY_IDENTITY, &why));
    memset(big, '[', 4096);
    CHECK(!policy_parse(&arena, span_of(big, 4096), POLICY_IDENTITY, &why));
    CHECK_SPAN(why, S("Syntax errors in policy."));
}

TEST(size_is_counted_without_white_space_between_tokens)
{
    CHECK_INT(policy_counted_size(S("{ \"a b\" :\n\t[ 1 ] }")), 11);
    CHECK_INT(policy_counted_size(S("{\"a\\\" b\": \"\\\\\" }")), 14);
    CHECK_INT(policy_counted_size(S("")), 0);
}

TEST(globs)
{
    CHECK(policy_glob(S("*"), S("")));
    CHECK(policy_glob(S("a*c"), S("abbc")));
    CHECK(policy_glob(S("a*b*c"), S("axxbyybzzc")));
    CHECK(!policy_glob(S("a*b*c"), S("axxbyybzz")));
    CHECK(policy_glob(S("a?c"), S("abc")));
    CHECK(!policy_glob(S("a?c"), S("ac")));
    CHECK(!policy_glob(S("abc"), S("ABC")));
    CHECK(!policy_glob(S(""), S("a")));
    CHECK(policy_glob(S(""), S("")));
    CHECK(policy_glob(S("a:*:c"), S("a:b:b:c")));
}
