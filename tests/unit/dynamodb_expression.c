// SPDX-License-Identifier: Apache-2.0
/*
 * Cases for DynamoDB's expressions: what is refused with which text and in which order, what a
 * condition finds, what an update leaves, what a projection shows.
 */
#include "services/dynamodb/expression/expression.h"
#include "test.h"
#include "wire/codec.h"

static struct arena arena;
static struct call call;

static struct call *begin(void)
{
    if (!arena.ceiling)
        arena_init(&arena, 65536, 256 << 20);
    arena_reset(&arena);
    call = (struct call){.arena = &arena, .service = &dynamodb_service, .protocol = PROTOCOL_JSON};
    return &call;
}

static uint16_t shape_named(const char *name)
{
    for (size_t i = 0; i < dynamodb_service.shape_count; i++)
        if (span_eq(service_text(&dynamodb_service, dynamodb_service.shapes[i].name),
                    span_of_cstr(name)))
            return (uint16_t)i;
    test_fail(__FILE__, __LINE__, "there is no shape %s", name);
}

static void parse(struct call *c, const char *shape, const char *json, void *ret)
{
    const struct refusal *refusal =
        wire_json_read(c, &dynamodb_service, shape_named(shape), span_of_cstr(json), ret);
    if (refusal)
        test_fail(__FILE__, __LINE__, "%s: %.*s", json, SPAN_ARG(refusal->message));
}

static struct kv_map item_of(struct call *c, const char *json)
{
    struct dynamodb_attribute_map map = {NULL, 0};
    struct kv_map item;
    parse(c, "AttributeMap", json, &map);
    CHECK(!attribute_read_map(c, ATTRIBUTE_PLAIN, ATTRIBUTE_PAIRS(map), &item));
    return item;
}

static struct span text_of(struct call *c, const struct kv_map *item)
{
    struct dynamodb_attribute_map map = attribute_show_map(c, item);
    struct buf *out = arena_buf(&arena, 1 << 22);
    wire_json_write(&dynamodb_service, shape_named("AttributeMap"), &map, out);
    return buf_span(out);
}

/* Binds an expression; names and values are JSON, NULL for none. */
static const struct refusal *bind(struct call *c, enum EXPRESSION_KIND kind, const char *text,
                                  const char *const maps[2], struct expression *ret)
{
    struct dynamodb_expression_attribute_name_map names = {NULL, 0};
    struct dynamodb_expression_attribute_value_map values = {NULL, 0};
    struct expression_scope scope;
    if (maps[0])
        parse(c, "ExpressionAttributeNameMap", maps[0], &names);
    if (maps[1])
        parse(c, "ExpressionAttributeValueMap", maps[1], &values);
    TRY(expression_scope_open(c, ATTRIBUTE_PLAIN, &names, &values, &scope));
    TRY(expression_bind(&scope, kind, span_of_cstr(text), ret));
    return expression_scope_close(&scope);
}

#define NAMES "{\"#a\":\"a\",\"#b\":\"b\"}"
#define VALUES                                                                                     \
    "{\":s\":{\"S\":\"x\"},\":n\":{\"N\":\"1.0\"},\":m\":{\"N\":\"0\"},\":b\":{\"B\":\"AA==\"},"   \
    "\":l\":{\"L\":[{\"N\":\"1\"}]},\":t\":{\"BOOL\":true},\":z\":{\"SS\":[\"x\",\"y\"]}}"

struct refused {
    enum EXPRESSION_KIND kind;
    const char *text, *names, *values, *message;
};

static void check_refused(const struct refused *it)
{
    struct expression e;
    const struct refusal *refusal =
        bind(begin(), it->kind, it->text, (const char *const[]){it->names, it->values}, &e);
    if (!refusal)
        test_fail(__FILE__, __LINE__, "%s is taken", it->text);
    CHECK_SPAN(refusal->message, span_of_cstr(it->message));
}

#define C EXPRESSION_CONDITION
#define F EXPRESSION_FILTER
#define U EXPRESSION_UPDATE
#define P EXPRESSION_PROJECTION
#define IC "Invalid ConditionExpression: "
#define IU "Invalid UpdateExpression: "
#define IP "Invalid ProjectionExpression: "
#define OVERLAP                                                                                    \
    "Two document paths overlap with each other; must remove or rewrite one of these paths; "

TEST(syntax)
{
    static const struct refused cases[] = {
        {C, "", NULL, NULL, IC "The expression can not be empty;"},
        {F, "foo", NULL, NULL,
         "Invalid FilterExpression: Syntax error; token: \"<EOF>\", near: \"foo\""},
        {C, "attribute_not_exists(", NULL, NULL, IC "Syntax error; token: \"<EOF>\", near: \"(\""},
        {U, "INVALID SYNTAX HERE", NULL, NULL,
         IU "Syntax error; token: \"INVALID\", near: \"INVALID SYNTAX\""},
        {U, "SET a = :s,", NULL, NULL, IU "Syntax error; token: \"<EOF>\", near: \",\""},
        {U, "SET a + :s", NULL, NULL, IU "Syntax error; token: \"+\", near: \"a + :s\""},
        {U, "SET a = :s b = :s", NULL, NULL, IU "Syntax error; token: \"b\", near: \":s b =\""},
        {U, "ADD a b", NULL, NULL, IU "Syntax error; token: \"b\", near: \"a b\""},
        {C, "a = :s :s", NULL, NULL, IC "Syntax error; token: \":s\", near: \":s :s\""},
        {C, "a = (:s OR b = :s)", NULL, NULL, IC "Syntax error; token: \"OR\", near: \":s OR b\""},
        {C, "(a) AND b = :s", NULL, NULL, IC "Syntax error; token: \"AND\", near: \") AND b\""},
        {C, "a[01] = :s", NULL, NULL, IC "Syntax error; token: \"1\", near: \"01]\""},
        {C, "_a = :s", NULL, NULL, IC "Syntax error; token: \"_\", near: \"_a\""},
        {C, "a = 'x'", NULL, NULL, IC "Syntax error; token: \"'\", near: \"= 'x\""},
        {C, "gr\xc3\xb6\xc3\x9f = :s", NULL, NULL,
         IC "Syntax error; token: \"\xc3\xb6\", near: \"gr\xc3\xb6\xc3\x9f\""},
        {C, "a = :s AND (b", NULL, NULL, IC "Syntax error; token: \"<EOF>\", near: \"b\""},
        {C, "a BETWEEN :s OR :s", NULL, NULL, IC "Syntax error; token: \"OR\", near: \":s OR :s\""},
        {C, "a IN :s", NULL, NULL, IC "Syntax error; token: \":s\", near: \"IN :s\""},
        {C, "a = :s ! b", NULL, NULL, IC "Syntax error; token: \"!\", near: \":s ! b\""},
        {P, "a,", NULL, NULL, IP "Syntax error; token: \"<EOF>\", near: \",\""},
        {P, "a.", NULL, NULL, IP "Syntax error; token: \"<EOF>\", near: \".\""},
        {P, "set", NULL, NULL, IP "Syntax error; token: \"set\", near: \"set\""},
        {C, "((a = :s))", NULL, NULL, IC "The expression has redundant parentheses;"},
        {C, "a = ((:s)) foo", NULL, NULL, IC "The expression has redundant parentheses;"},
        {U, "SET a = ((b + :n))", NULL, NULL, IU "The expression has redundant parentheses;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_refused(&cases[i]);
}

TEST(names_and_functions)
{
    static const struct refused cases[] = {
        {C, "size = :s", NULL, VALUES,
         IC "Attribute name is a reserved keyword; reserved keyword: size"},
        {C, "a.Status = :s", NULL, VALUES,
         IC "Attribute name is a reserved keyword; reserved keyword: Status"},
        {P, "a, data", NULL, NULL,
         IP "Attribute name is a reserved keyword; reserved keyword: data"},
        {C, "a[2147483648] = :s", NULL, VALUES,
         IC "List index is not within the allowable range; index: [2147483648]"},
        {C, "foo(a)", NULL, NULL, IC "Invalid function name; function: foo"},
        {C, "Attribute_exists(a)", NULL, NULL,
         IC "Invalid function name; function: Attribute_exists"},
        {C, "if_not_exists(a, :s) = :s", NULL, VALUES,
         IC "The function is not allowed in a condition expression; function: if_not_exists"},
        {U, "SET a = size(b)", NULL, NULL,
         IU "The function is not allowed in an update expression; function: size"},
        {C, "size(a)", NULL, NULL,
         IC "The function is not allowed to be used this way in an expression; function: size"},
        {C, "contains(a, :s) = :t", NULL, VALUES,
         IC "The function is not allowed to be used this way in an expression; function: contains"},
        {C, "attribute_exists(a, b)", NULL, NULL,
         IC "Incorrect number of operands for operator or function; operator or function: "
            "attribute_exists, number of operands: 2"},
        {U, "SET a = list_append(:l)", NULL, VALUES,
         IU "Incorrect number of operands for operator or function; operator or function: "
            "list_append, number of operands: 1"},
        {U, "SET a = :s SET b = :s", NULL, VALUES,
         IU "The \"SET\" section can only be used once in an update expression;"},
        {U, "REMOVE a ADD b :n REMOVE c", NULL, VALUES,
         IU "The \"REMOVE\" section can only be used once in an update expression;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_refused(&cases[i]);
}

TEST(placeholders)
{
    static const struct refused cases[] = {
        {C, "#c = :s", NAMES, VALUES,
         IC "An expression attribute name used in the document path is not defined; attribute "
            "name: #c"},
        {C, "a = :x", NULL, VALUES,
         IC "An expression attribute value used in expression is not defined; attribute value: :x"},
        {C, "a = :x AND #c = :s", NULL, VALUES,
         IC "An expression attribute value used in expression is not defined; attribute value: :x"},
        {U, "SET a = :x, #c = :s", NULL, VALUES,
         IU "An expression attribute name used in the document path is not defined; attribute "
            "name: #c"},
        {C, "a = :s", NAMES, "{\":s\":{\"S\":\"x\"}}",
         "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a, #b}"},
        {C, "a = :s", NULL, "{\":s\":{\"S\":\"x\"},\":unused\":{\"S\":\"x\"}}",
         "Value provided in ExpressionAttributeValues unused in expressions: keys: {:unused}"},
        {C, "a = :s", "{}", NULL, "ExpressionAttributeNames must not be empty"},
        {C, "a = :s", NULL, "{}", "ExpressionAttributeValues must not be empty"},
        {C, "a = :s", "{\"s\":\"x\"}", NULL,
         "ExpressionAttributeNames contains invalid key: Syntax error; key: \"s\""},
        {C, "a = :s", NULL, "{\"s\":{\"S\":\"\"}}",
         "ExpressionAttributeValues contains invalid key: Syntax error; key: \"s\""},
        {C, "a = :s", "{\"#s\":\"\"}", NULL,
         "ExpressionAttributeNames contains invalid value: Empty attribute name for key #s"},
        {C, "a = :s", NULL, "{\":s\":{\"N\":\"x\"}}",
         "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a "
         "numeric value: x for key :s"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_refused(&cases[i]);
}

TEST(operands)
{
#define WRONG "Incorrect operand type for operator or function; operator or function: "
    static const struct refused cases[] = {
        {C, "#a = a", NAMES, VALUES,
         IC "The first operand must be distinct from the remaining operands for this operator or "
            "function; operator: =, first operand: [a]"},
        {C, "contains(a[1].b, a[1].#b)", NAMES, VALUES,
         IC "The first operand must be distinct from the remaining operands for this operator or "
            "function; operator: contains, first operand: [a, [1], b]"},
        {C, "a < :t", NULL, VALUES, IC WRONG "<, operand type: BOOL"},
        {C, "begins_with(a, :n)", NULL, VALUES, IC WRONG "begins_with, operand type: N"},
        {C, "size(:n) = :n", NULL, VALUES, IC WRONG "size, operand type: N"},
        {C, "attribute_exists(:s)", NULL, VALUES,
         IC
         "Operator or function requires a document path; operator or function: attribute_exists"},
        {C, "attribute_type(a, :n)", NULL, VALUES, IC WRONG "attribute_type, operand type: N"},
        {C, "attribute_type(a, b)", NULL, VALUES,
         IC WRONG "attribute_type, operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}"},
        {C, "attribute_type(a, :s)", NULL, VALUES,
         IC "Invalid attribute type name found; type: x, valid types: "
            "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}"},
        {C, "a BETWEEN :n AND :m", NULL, VALUES,
         IC "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
            "lower bound operand: AttributeValue: {N:1.0}, upper bound operand: AttributeValue: "
            "{N:0}"},
        {C, "a BETWEEN :n AND :s", NULL, VALUES,
         IC "The BETWEEN operator requires same data type for lower and upper bounds; lower bound "
            "operand: AttributeValue: {N:1.0}, upper bound operand: AttributeValue: {S:x}"},
        {U, "SET a = :s + :n", NULL, VALUES, IU WRONG "+, operand type: S"},
        {U, "SET a = list_append(b, :s)", NULL, VALUES, IU WRONG "list_append, operand type: S"},
        {U, "ADD a :s", NULL, VALUES,
         IU "Incorrect operand type for operator or function; operator: ADD, operand type: STRING, "
            "typeSet: ALLOWED_FOR_ADD_OPERAND"},
        {U, "DELETE a :n", NULL, VALUES,
         IU "Incorrect operand type for operator or function; operator: DELETE, operand type: "
            "NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND"},
        {U, "SET a = :s, #a = :s", NAMES, VALUES, IU OVERLAP "path one: [a], path two: [a]"},
        {U, "SET a[1].b = :s, a[1] = :s", NULL, VALUES,
         IU OVERLAP "path one: [a, [1], b], path two: [a, [1]]"},
        {U, "SET a[1] = :s, a.b = :s", NULL, VALUES,
         IU "Two document paths conflict with each other; must remove or rewrite one of these "
            "paths; path one: [a, [1]], path two: [a, b]"},
        {P, "#a, a.b", NAMES, NULL, IP OVERLAP "path one: [a], path two: [a, b]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_refused(&cases[i]);
}

static const char *repeat(const char *first, const char *more, int count)
{
    struct buf *text = arena_buf(&arena, 1 << 16);
    buf_append(text, span_of_cstr(first));
    for (int i = 0; i < count; i++)
        buf_append(text, span_of_cstr(more));
    return arena_cstr(&arena, buf_span(text));
}

static void check_limit(const char *text, const char *message)
{
    struct expression e;
    const struct refusal *refusal =
        bind(&call, C, text, (const char *const[]){NULL, "{\":n\":{\"N\":\"1\"}}"}, &e);
    if (!message && refusal)
        test_fail(__FILE__, __LINE__, "%.*s", SPAN_ARG(refusal->message));
    if (message)
        CHECK_SPAN(refusal ? refusal->message : SPAN_NONE, span_of_cstr(message));
}

TEST(limits)
{
    begin();
    check_limit(repeat("a=:n", " or a=:n", 149), NULL);
    check_limit(repeat("a=:n", " or a=:n", 150),
                IC "The expression contains too many operators; operator count: 301");
    check_limit(repeat("a IN (:n", ",:n", 99), IC "Syntax error; token: \"<EOF>\", near: \":n\"");
    begin();
    check_limit(arena_cstr(&arena, arena_printf(&arena, "%s)", repeat("a IN (:n", ",:n", 99))),
                NULL);
    check_limit(arena_cstr(&arena, arena_printf(&arena, "%s)", repeat("a IN (:n", ",:n", 100))),
                IC "The IN operator is provided with too many operands; number of operands: 101");
    begin();
    check_limit(arena_cstr(&arena, arena_printf(&arena, "%s = :n", repeat("a", ".a", 31))), NULL);
    check_limit(arena_cstr(&arena, arena_printf(&arena, "%s = :n", repeat("a", ".a", 32))),
                IC "The document path has too many nesting levels; nesting levels: 33");
    check_limit(arena_cstr(&arena, arena_printf(&arena, "a = :n%s", repeat("", " ", 4090))), NULL);
    check_limit(arena_cstr(&arena, arena_printf(&arena, "a = :n%s", repeat("", " ", 4091))),
                IC "Expression size has exceeded the maximum allowed size; expression size: 4097");
    begin();
    check_limit(repeat("", "(", 4096), IC "The expression has redundant parentheses;");
    check_limit(repeat("", "NOT ", 1000), IC "Syntax error; token: \"<EOF>\", near: \"NOT \"");
    check_limit(repeat("a < ", "f(", 1300),
                IC "The function is not allowed to be used this way in an expression; function: f");
}

/* ---- what they find ------------------------------------------------------------------------- */

#define ITEM                                                                                       \
    "{\"a\":{\"N\":\"1\"},\"b\":{\"M\":{\"c\":{\"L\":[{\"S\":\"x\"},{\"N\":\"2\"}]},\"d\":{"       \
    "\"S\":\"gr\xc3\xbc\xc3\x9f\xf0\x9f\x98\x80\"}}},\"s\":{\"SS\":[\"x\",\"y\"]},\"t\":{"         \
    "\"BOOL\":true}}"

static void check_condition(const char *text, bool want)
{
    struct call *c = begin();
    struct expression e;
    struct kv_map item = item_of(c, ITEM);
    struct dynamodb_expression_attribute_value_map values = {NULL, 0};
    struct expression_scope scope;
    parse(c, "ExpressionAttributeValueMap", VALUES, &values);
    CHECK(!expression_scope_open(c, ATTRIBUTE_PLAIN, NULL, &values, &scope));
    const struct refusal *refusal = expression_bind(&scope, C, span_of_cstr(text), &e);
    if (refusal)
        test_fail(__FILE__, __LINE__, "%s: %.*s", text, SPAN_ARG(refusal->message));
    if (expression_holds(&e, &item, &arena) != want)
        test_fail(__FILE__, __LINE__, "%s is %d", text, !want);
}

TEST(conditions)
{
    static const char *const yes[] = {
        "a = :n",
        "a >= :n",
        "a <> :s",
        "nothing <> :s",
        "NOT a = :s AND a = :n",
        "a = :m OR a = :n AND a = :n",
        "(a = :m OR a = :n) AND t = :t",
        "a BETWEEN :m AND :n",
        "a IN (:s, :m, :n)",
        "attribute_exists(b.c[1])",
        "attribute_not_exists(b.c[2])",
        "attribute_not_exists(a.b)",
        "contains(s, :s)",
        "contains(b.c, :s)",
        "s = :z",
        "begins_with(b.c[0], :s)",
        "size(b.c) > :n",
        "size(s) = size(b)",
        "size(s) > size(b.c[0])",
        "(size(s)) > :n",
        "NOT (a < :n)",
        "b.c[1] > a",
        "NOT NOT a = :n",
    };
    static const char *const no[] = {
        "a = :s",
        "a < :n",
        "nothing = :s",
        "a > :s",
        "a BETWEEN :s AND :s",
        "nothing IN (:n)",
        "contains(a, :n)",
        "begins_with(s, :s)",
        "size(a) = :n",
        "size(nothing) = :n",
        "b.c[0] > a",
        "NOT a = :n OR a = :m",
    };
    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        check_condition(yes[i], true);
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        check_condition(no[i], false);
}

static void check_projection(const char *text, const char *want)
{
    struct call *c = begin();
    struct expression e;
    struct kv_map item = item_of(c, ITEM), shown;
    CHECK(!bind(c, P, text, (const char *const[]){NULL, NULL}, &e));
    expression_project(&e, &item, &arena, &shown);
    CHECK_SPAN(text_of(c, &shown), span_of_cstr(want));
}

TEST(projections)
{
    check_projection("t, a", "{\"a\":{\"N\":\"1\"},\"t\":{\"BOOL\":true}}");
    check_projection("b.c[1], b.c[0]",
                     "{\"b\":{\"M\":{\"c\":{\"L\":[{\"S\":\"x\"},{\"N\":\"2\"}]}}}}");
    check_projection("b.c[7], b.c[1]", "{\"b\":{\"M\":{\"c\":{\"L\":[{\"N\":\"2\"}]}}}}");
    check_projection("nothing, a.b, b.d.e, b.c[0][0], s[0]", "{}");
}

static void check_update(const char *text, const char *want)
{
    struct call *c = begin();
    struct expression_scope scope;
    struct expression e;
    struct kv_map item = item_of(c, ITEM), after;
    struct dynamodb_expression_attribute_value_map values = {NULL, 0};
    parse(c, "ExpressionAttributeValueMap", VALUES, &values);
    CHECK(!expression_scope_open(c, ATTRIBUTE_PLAIN, NULL, &values, &scope));
    const struct refusal *refusal = expression_bind(&scope, U, span_of_cstr(text), &e);
    if (!refusal)
        refusal = expression_update(c, &e, &item, &after);
    CHECK_SPAN(refusal ? refusal->message : text_of(c, &after), span_of_cstr(want));
}

#define TAIL "\"s\":{\"SS\":[\"x\",\"y\"]},\"t\":{\"BOOL\":true}}"

TEST(updates)
{
    check_update("SET a = a + :n REMOVE b, s, t", "{\"a\":{\"N\":\"2\"}}");
    check_update("SET a = t, t = a REMOVE b, s", "{\"a\":{\"BOOL\":true},\"t\":{\"N\":\"1\"}}");
    check_update("REMOVE b.c[0], b.d",
                 "{\"a\":{\"N\":\"1\"},\"b\":{\"M\":{\"c\":{\"L\":[{\"N\":\"2\"}]}}}," TAIL);
    check_update("SET b.c[9] = :n, b.c[7] = :s REMOVE b.c[0], b.d",
                 "{\"a\":{\"N\":\"1\"},\"b\":{\"M\":{\"c\":{\"L\":[{\"N\":\"2\"},{\"S\":\"x\"},{"
                 "\"N\":\"1\"}]}}}," TAIL);
    check_update("SET b = list_append(b.c, :l) DELETE s :z REMOVE t",
                 "{\"a\":{\"N\":\"1\"},\"b\":{\"L\":[{\"S\":\"x\"},{\"N\":\"2\"},{\"N\":\"1\"}]}}");
    check_update("SET a = if_not_exists(x, :s), x = if_not_exists(a, :s) REMOVE b, s, t",
                 "{\"a\":{\"S\":\"x\"},\"x\":{\"N\":\"1\"}}");
    check_update("ADD a :n, fresh :z REMOVE b, s, t",
                 "{\"a\":{\"N\":\"2\"},\"fresh\":{\"SS\":[\"x\",\"y\"]}}");
    check_update("DELETE nothing :z REMOVE b, s, t", "{\"a\":{\"N\":\"1\"}}");
    check_update("SET a = (a - :n) REMOVE b, s, t", "{\"a\":{\"N\":\"0\"}}");
}

TEST(refused_updates)
{
#define TYPE "An operand in the update expression has an incorrect data type"
#define PATH "The document path provided in the update expression is invalid for update"
    check_update("SET a = nothing",
                 "The provided expression refers to an attribute that does not exist in the item");
    check_update("SET a = s + :n", TYPE);
    check_update("SET a = list_append(a, :l)", TYPE);
    check_update("ADD t :n", TYPE);
    check_update("DELETE a :z", TYPE);
    check_update("SET nothing.x = :n", PATH);
    check_update("SET a.x = :n", PATH);
    check_update("SET b.c.x = :n", PATH);
    check_update("REMOVE nothing.x", PATH);
    check_update("SET a.x = nothing, s = a + t", PATH);
    check_update("SET nothing.x = nothing, x = a + t", TYPE);
}

/* ---- sums ----------------------------------------------------------------------------------- */

static void check_sum(const char *a, const char *b, const char *want)
{
    char x[KV_NUMBER_MAX], y[KV_NUMBER_MAX], sum[KV_NUMBER_MAX], text[KV_NUMBER_TEXT_MAX];
    size_t x_len, y_len, len = 0;
    CHECK_INT(kv_number_read(span_of_cstr(a), x, &x_len), KV_NUMBER_GOOD);
    CHECK_INT(kv_number_read(span_of_cstr(b), y, &y_len), KV_NUMBER_GOOD);
    CHECK_INT(kv_number_add(span_of(x, x_len), span_of(y, y_len), KV_PLUS, sum, &len),
              KV_NUMBER_GOOD);
    CHECK_SPAN(span_of(text, kv_number_print(span_of(sum, len), text)), span_of_cstr(want));
}

static enum KV_NUMBER_FAULT fault_of(const char *a, const char *b)
{
    char x[KV_NUMBER_MAX], y[KV_NUMBER_MAX], sum[KV_NUMBER_MAX];
    size_t x_len, y_len, len = 0;
    CHECK_INT(kv_number_read(span_of_cstr(a), x, &x_len), KV_NUMBER_GOOD);
    CHECK_INT(kv_number_read(span_of_cstr(b), y, &y_len), KV_NUMBER_GOOD);
    return kv_number_add(span_of(x, x_len), span_of(y, y_len), KV_MINUS, sum, &len);
}

TEST(sums)
{
    check_sum("1", "2", "3");
    check_sum("0.1", "0.2", "0.3");
    check_sum("999", "1", "1000");
    check_sum("1", "-1", "0");
    check_sum("0", "-7.5", "-7.5");
    check_sum("-100", "99.99", "-0.01");
    check_sum("100", "-100.001", "-0.001");
    check_sum("99999999999999999999999999999999999999", "1",
              "100000000000000000000000000000000000000");
    check_sum("1e-130", "-2e-130",
              "-0."
              "0000000000000000000000000000000000000000000000000000000000"
              "00000000000000000000000000000000000000000000000000000000000000000000000"
              "1");
    CHECK_INT(fault_of("9e125", "-9e125"), KV_NUMBER_TOO_LARGE);
    CHECK_INT(fault_of("1e50", "1"), KV_NUMBER_TOO_LONG);
    CHECK_INT(fault_of("1e125", "1e-130"), KV_NUMBER_TOO_LONG);
    CHECK_INT(fault_of("1.1e-130", "1e-130"), KV_NUMBER_TOO_SMALL);
}
