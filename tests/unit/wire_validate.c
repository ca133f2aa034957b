// SPDX-License-Identifier: Apache-2.0
/* Cases for constraints and the words in which they are told. */
#include "wire_case.h"

#include "sample_json.api.h"

struct check_case {
    const char *sent, *want;
};

#define ONE "1 validation error detected: "
#define FAILED " failed to satisfy constraint: "
#define NAME_PATTERN "Member must satisfy regular expression pattern: [a-z-]+"

static const struct check_case checks[] = {
    {"{\"Name\":\"abc\",\"Size\":1}", ""},
    {"{\"Name\":\"abc-def\",\"Size\":10,\"Color\":\"RED\",\"Tags\":[{\"Key\":\"k\"}],\"Names\":[],"
     "\"Weights\":{\"abc\":0.5},\"Bytes\":\"aGVsbA==\",\"Secret\":\"12345678\",\"Few\":[\"\"]}",
     ""},
    {"{}", "2 validation errors detected: Value null at 'name'" FAILED
           "Member must not be null; Value null at 'size'" FAILED "Member must not be null"},
    {"{\"Name\":\"ab\",\"Size\":1}",
     ONE "Value 'ab' at 'name'" FAILED "Member must have length greater than or equal to 3"},
    {"{\"Name\":\"ABCDEFGHI\",\"Size\":1}",
     "2 validation errors detected: Value 'ABCDEFGHI' at 'name'" FAILED NAME_PATTERN
     "; Value 'ABCDEFGHI' at 'name'" FAILED "Member must have length less than or equal to 8"},
    {"{\"Name\":\"abc\\n\",\"Size\":1}", ONE "Value 'abc\n' at 'name'" FAILED NAME_PATTERN},
    {"{\"Name\":\"abc\",\"Size\":0}",
     ONE "Value '0' at 'size'" FAILED "Member must have value greater than or equal to 1"},
    {"{\"Name\":\"abc\",\"Size\":11}",
     ONE "Value '11' at 'size'" FAILED "Member must have value less than or equal to 10"},
    {"{\"Name\":\"abc\",\"Size\":1,\"Color\":\"BLUE\"}",
     ONE "Value 'BLUE' at 'color'" FAILED "Member must satisfy enum value set: [RED, GREEN]"},
    {"{\"Name\":\"abc\",\"Size\":1,\"Tags\":[{\"Key\":\"k\"},{\"Value\":\"v\"}]}",
     ONE "Value null at 'tags.2.member.key'" FAILED "Member must not be null"},
    {"{\"Name\":\"abc\",\"Size\":1,\"Tags\":[{\"Key\":\"k\"},{\"Key\":\"l\",\"Value\":\"v\"},"
     "{\"Key\":\"m\"}]}",
     ONE "Value '[Tag(key=k, value=null), Tag(key=l, value=v), Tag(key=m, value=null)]' at "
         "'tags'" FAILED "Member must have length less than or equal to 2"},
    {"{\"Name\":\"abc\",\"Size\":1,\"Names\":[\"abc\",\"A\"]}",
     ONE "Value '[abc, A]' at 'names'" FAILED
         "Member must satisfy constraint: [Member must have length less than or equal to 8, Member "
         "must have length greater than or equal to 3, " NAME_PATTERN "]"},
    {"{\"Name\":\"abc\",\"Size\":1,\"Weights\":{\"abc\":2}}",
     ONE "Value '{abc=2.0}' at 'weights'" FAILED
         "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "
         "Member must have value greater than or equal to 0.0]"},
    {"{\"Name\":\"abc\",\"Size\":1,\"Weights\":{\"A\":1}}",
     ONE "Value '{A=1.0}' at 'weights'" FAILED
         "Map keys must satisfy constraint: [Member must have length less than or equal to 8, "
         "Member must have length greater than or equal to 3, " NAME_PATTERN "]"},
    {"{\"Name\":\"abc\",\"Size\":1,\"Bytes\":\"aGVsbG8=\"}",
     ONE "Value 'java.nio.HeapByteBuffer[pos=0 lim=5 cap=5]' at 'bytes'" FAILED
         "Member must have length less than or equal to 4"},
    {"{\"Name\":\"abc\",\"Size\":1,\"Secret\":\"short\"}",
     ONE "Value at 'secret'" FAILED "Member must have length greater than or equal to 8"},
    {"{\"Name\":\"abc\",\"Size\":1,\"Few\":[]}",
     ONE "Value '[]' at 'few'" FAILED "Member must have length greater than or equal to 1"},
};

static const struct refusal *check(struct call *c, const char *sent)
{
    void *in = case_input(c);
    TRY(wire_decode(c, &(struct wire_request){.body = span_of_cstr(sent)}, in));
    return wire_validate(c, in);
}

TEST(constraints_are_told_as_the_services_do)
{
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        struct wire_case it;
        struct call *c = case_begin(&it, &sample_json_service, S("Check"));
        const struct refusal *refusal = check(c, checks[i].sent);
        struct span have = refusal ? refusal->message : S("");
        if (!span_eq(have, span_of_cstr(checks[i].want)))
            test_fail(__FILE__, __LINE__, "%s gave\n%.*s, not\n%s", checks[i].sent, SPAN_ARG(have),
                      checks[i].want);
        CHECK(!refusal || strcmp(refusal->kind->code, "ValidationException") == 0);
        case_end(&it);
    }
}

TEST(length_counts_characters)
{
    struct wire_case it;
    struct service service = sample_json_service;
    struct call *c = case_begin(&it, &service, S("Check"));
    CHECK(check(c, "{\"Name\":\"abc\",\"Size\":1,\"Tags\":[{\"Key\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3"
                   "\xa9\"}]}") == OK);
    case_end(&it);
}

TEST(ec2_names_the_parameter)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_json_service, S("Check"));
    c->protocol = PROTOCOL_EC2;
    struct sample_json_check_in *in = case_input(c);
    const struct refusal *refusal = wire_validate(c, in);
    CHECK(strcmp(refusal->kind->code, "MissingParameter") == 0);
    CHECK_SPAN(refusal->message, S("The request must contain the parameter Name"));
    in->name = S("abc");
    SET(in, size, 99);
    refusal = wire_validate(c, in);
    CHECK(strcmp(refusal->kind->code, "InvalidParameterValue") == 0);
    CHECK_SPAN(refusal->message, S("Value (99) for parameter Size is invalid."));
    case_end(&it);
}

TEST(query_services_answer_validation_error)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_json_service, S("Check"));
    c->protocol = PROTOCOL_QUERY;
    struct sample_json_check_in *in = case_input(c);
    CHECK(strcmp(wire_validate(c, in)->kind->code, "ValidationError") == 0);
    case_end(&it);
}
