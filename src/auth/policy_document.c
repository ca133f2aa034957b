// SPDX-License-Identifier: Apache-2.0
/*
 * Policy documents: JSON to tree. Reading checks the grammar only; what a kind of policy may say is
 * checked on the finished tree by policy_rules.c. The first fault ends it and leaves its sentence.
 * Depth and size are bounded by the reader and POLICY_DOCUMENT_MAX. Pure, any thread.
 * Source: "Grammar of the IAM JSON policy language".
 */
#include "auth/policy_parse.h"

#include "base/json.h"

struct parser {
    struct arena *arena;
    enum POLICY_KIND kind;
    struct json_reader json;
    struct policy *policy;
    struct span why;
    bool has_version, has_statement, has_id;
};

/* Identity policies are judged by IAM's older parser, all others by the newer one. */
static bool is_older(enum POLICY_KIND kind)
{
    return kind == POLICY_IDENTITY || kind == POLICY_SESSION;
}

static bool bad_syntax(struct parser *parser)
{
    parser->why =
        is_older(parser->kind) ? S("Syntax errors in policy.") : S("Syntax error in policy.");
    return false;
}

static bool bad_because(struct parser *parser, struct span newer_text)
{
    if (is_older(parser->kind))
        return bad_syntax(parser);
    parser->why = newer_text;
    return false;
}

static bool bad_json(struct parser *parser)
{
    static const struct span texts[] = {
        [POLICY_IDENTITY] = S_INIT("Syntax errors in policy."),
        [POLICY_RESOURCE] = S_INIT("Policies must be valid JSON and the first byte must be '{'"),
        [POLICY_TRUST] = S_INIT("This policy contains invalid Json"),
        [POLICY_SESSION] = S_INIT("The policy is not in the valid JSON format."),
    };
    parser->why = texts[parser->kind];
    return false;
}

/* Doubles an array in the arena when `count` has filled it. */
static void *room_for_one(struct arena *arena, void *at, size_t count, size_t size)
{
    if (count & (count - 1) || count == 1)
        return at;
    size_t cap = count ? count * 2 : 2;
    void *bigger = arena_zalloc(arena, cap, size);
    if (count)
        memcpy(bigger, at, count * size);
    return bigger;
}

/* One string, or an array of them; `scalars` also takes numbers and booleans as written. */
enum SCALARS { STRINGS_ONLY, ANY_SCALAR };

static bool is_scalar(enum JSON_TOKEN token, enum SCALARS scalars)
{
    if (token == JSON_STRING)
        return true;
    return scalars == ANY_SCALAR &&
           (token == JSON_NUMBER || token == JSON_TRUE || token == JSON_FALSE);
}

static struct span scalar_text(struct parser *parser, enum JSON_TOKEN token)
{
    if (token == JSON_TRUE)
        return S("true");
    if (token == JSON_FALSE)
        return S("false");
    return arena_copy(parser->arena, parser->json.text);
}

static void texts_add(struct parser *parser, struct policy_texts *texts, struct span text)
{
    texts->at = room_for_one(parser->arena, texts->at, texts->count, sizeof *texts->at);
    texts->at[texts->count++] = (struct policy_text){.text = text};
}

static bool read_texts(struct parser *parser, enum SCALARS scalars, struct policy_texts *out)
{
    enum JSON_TOKEN token = json_next(&parser->json);
    if (is_scalar(token, scalars)) {
        texts_add(parser, out, scalar_text(parser, token));
        return true;
    }
    if (token != JSON_ARRAY)
        return token == JSON_BAD ? bad_json(parser) : bad_syntax(parser);
    while ((token = json_next(&parser->json)) != JSON_ARRAY_END) {
        if (!is_scalar(token, scalars))
            return token == JSON_BAD ? bad_json(parser) : bad_syntax(parser);
        texts_add(parser, out, scalar_text(parser, token));
    }
    return true;
}

static bool read_string(struct parser *parser, struct span *out)
{
    enum JSON_TOKEN token = json_next(&parser->json);
    if (token != JSON_STRING)
        return token == JSON_BAD ? bad_json(parser) : bad_syntax(parser);
    *out = arena_copy(parser->arena, parser->json.text);
    return true;
}

/* ---- Principal ---- */

static bool bad_principal(struct parser *parser, struct span type, struct span value)
{
    if (parser->kind == POLICY_TRUST)
        parser->why = arena_printf(parser->arena, "Invalid principal in policy: \"%.*s\":\"%.*s\"",
                                   SPAN_ARG(type), SPAN_ARG(value));
    else
        parser->why = S("Invalid principal in policy");
    return false;
}

static bool principal_add(struct parser *parser, struct policy_principals *list, struct span type,
                          struct span value)
{
    struct policy_principal principal = {.written_type = type, .written = value};
    if (!policy_read_principal(type, value, &principal))
        return bad_principal(parser, type, value);
    list->at = room_for_one(parser->arena, list->at, list->count, sizeof *list->at);
    list->at[list->count++] = principal;
    return true;
}

static bool read_principals(struct parser *parser, struct policy_principals *out)
{
    enum JSON_TOKEN token = json_next(&parser->json);
    if (token == JSON_STRING)
        return span_eq(parser->json.text, S("*")) ? principal_add(parser, out, S("AWS"), S("*"))
                                                  : bad_principal(parser, S("AWS"), SPAN_NONE);
    if (token != JSON_OBJECT)
        return token == JSON_BAD ? bad_json(parser) : bad_syntax(parser);
    while ((token = json_next(&parser->json)) == JSON_KEY) {
        struct span type = arena_copy(parser->arena, parser->json.text);
        struct policy_texts values = {0};
        if (!read_texts(parser, STRINGS_ONLY, &values))
            return false;
        for (size_t i = 0; i < values.count; i++)
            if (!principal_add(parser, out, type, values.at[i].text))
                return false;
    }
    if (token == JSON_BAD)
        return bad_json(parser);
    return out->count != 0 ||
           bad_because(parser, S("Missing required field Principal cannot be empty!"));
}

/* ---- Condition ---- */

static struct span lower_copy(struct arena *arena, struct span text)
{
    char *to = arena_alloc(arena, text.len);
    for (size_t i = 0; i < text.len; i++)
        to[i] = text.at[i] >= 'A' && text.at[i] <= 'Z' ? (char)(text.at[i] | 0x20) : text.at[i];
    return span_of(to, text.len);
}

/* { "s3:prefix": ["a", "b"], … } below an operator. */
static bool read_condition_keys(struct parser *parser, const struct policy_condition *like,
                                struct policy_statement *statement)
{
    enum JSON_TOKEN token;
    while ((token = json_next(&parser->json)) == JSON_KEY) {
        struct policy_condition *condition = ARENA_NEW(parser->arena, struct policy_condition);
        *condition = *like;
        condition->key = lower_copy(parser->arena, parser->json.text);
        if (!read_texts(parser, ANY_SCALAR, &condition->values))
            return false;
        condition->next = statement->conditions;
        statement->conditions = condition;
    }
    return token != JSON_BAD || bad_json(parser);
}

/* An operator that is not known may stand over nothing at all, as IAM lets it. */
static bool read_unknown_operator(struct parser *parser, struct span name)
{
    enum JSON_TOKEN token = json_next(&parser->json);
    if (token == JSON_OBJECT_END)
        return true;
    if (token == JSON_BAD)
        return bad_json(parser);
    return bad_because(
        parser, arena_printf(parser->arena, "Invalid Condition type : %.*s", SPAN_ARG(name)));
}

static bool read_conditions(struct parser *parser, struct policy_statement *statement)
{
    enum JSON_TOKEN token = json_next(&parser->json);
    if (token != JSON_OBJECT)
        return token == JSON_BAD ? bad_json(parser) : bad_syntax(parser);
    while ((token = json_next(&parser->json)) == JSON_KEY) {
        struct policy_condition like = {0};
        struct span name = arena_copy(parser->arena, parser->json.text);
        bool known = policy_operator_named(name, &like);
        token = json_next(&parser->json);
        if (token != JSON_OBJECT)
            return token == JSON_BAD ? bad_json(parser) : bad_syntax(parser);
        if (!(known ? read_condition_keys(parser, &like, statement)
                    : read_unknown_operator(parser, name)))
            return false;
    }
    return token != JSON_BAD || bad_json(parser);
}

/* ---- Statement ---- */

static const struct {
    struct span name;
    enum ELEMENT element;
    enum ELEMENT excludes;
} elements[] = {
    {S_INIT("Sid"), HAS_SID, 0},
    {S_INIT("Effect"), HAS_EFFECT, 0},
    {S_INIT("Action"), HAS_ACTION, HAS_NOT_ACTION},
    {S_INIT("NotAction"), HAS_NOT_ACTION, HAS_ACTION},
    {S_INIT("Resource"), HAS_RESOURCE, HAS_NOT_RESOURCE},
    {S_INIT("NotResource"), HAS_NOT_RESOURCE, HAS_RESOURCE},
    {S_INIT("Principal"), HAS_PRINCIPAL, HAS_NOT_PRINCIPAL},
    {S_INIT("NotPrincipal"), HAS_NOT_PRINCIPAL, HAS_PRINCIPAL},
    {S_INIT("Condition"), HAS_CONDITION, 0},
};

/* The element of that name, or 0 when it is unknown, there twice, or beside its opposite. */
static unsigned element_named(const struct policy_statement *statement, struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(elements); i++)
        if (span_eq(name, elements[i].name))
            return statement->has & (elements[i].element | elements[i].excludes)
                       ? 0
                       : (unsigned)elements[i].element;
    return 0;
}

static bool read_element(struct parser *parser, struct policy_statement *statement,
                         unsigned element)
{
    switch (element) {
    case HAS_SID:
        return read_string(parser, &statement->sid);
    case HAS_EFFECT:
        return read_string(parser, &statement->effect);
    case HAS_ACTION:
    case HAS_NOT_ACTION:
        return read_texts(parser, STRINGS_ONLY, &statement->actions);
    case HAS_RESOURCE:
    case HAS_NOT_RESOURCE:
        return read_texts(parser, STRINGS_ONLY, &statement->resources);
    case HAS_CONDITION:
        return read_conditions(parser, statement);
    default:
        return read_principals(parser, &statement->principals);
    }
}

/* The reader stands behind the opening brace. */
static bool read_statement(struct parser *parser)
{
    struct policy *policy = parser->policy;
    policy->statements = room_for_one(parser->arena, policy->statements, policy->statement_count,
                                      sizeof *policy->statements);
    struct policy_statement *statement = &policy->statements[policy->statement_count++];
    enum JSON_TOKEN token;
    while ((token = json_next(&parser->json)) == JSON_KEY) {
        unsigned element = element_named(statement, parser->json.text);
        if (!element)
            return bad_because(parser, arena_printf(parser->arena, "Unknown field %.*s",
                                                    SPAN_ARG(parser->json.text)));
        statement->has |= element;
        if (!read_element(parser, statement, element))
            return false;
    }
    if (token == JSON_BAD)
        return bad_json(parser);
    statement->deny = span_eq_nocase(statement->effect, S("Deny"));
    if (!(statement->has & HAS_EFFECT))
        return bad_because(parser, S("Missing required field Effect"));
    if (!statement->deny && !span_eq_nocase(statement->effect, S("Allow")))
        return bad_because(parser, arena_printf(parser->arena, "Invalid effect: %.*s",
                                                SPAN_ARG(statement->effect)));
    return true;
}

static bool read_statements(struct parser *parser)
{
    enum JSON_TOKEN token = json_next(&parser->json);
    if (token == JSON_OBJECT)
        return read_statement(parser);
    if (token != JSON_ARRAY)
        return token == JSON_BAD ? bad_json(parser) : bad_syntax(parser);
    while ((token = json_next(&parser->json)) == JSON_OBJECT)
        if (!read_statement(parser))
            return false;
    if (token == JSON_BAD)
        return bad_json(parser);
    if (token != JSON_ARRAY_END)
        return bad_syntax(parser);
    return parser->policy->statement_count != 0 ||
           bad_because(parser, S("Could not parse the policy: Statement is empty!"));
}

/* ---- document ---- */

static bool read_version(struct parser *parser)
{
    struct span version = SPAN_NONE;
    if (!read_string(parser, &version))
        return false;
    parser->policy->version = span_eq(version, S("2012-10-17")) ? POLICY_2012 : POLICY_2008;
    return parser->policy->version == POLICY_2012 || span_eq(version, S("2008-10-17")) ||
           bad_because(parser, S("The policy must contain a valid version string"));
}

static bool once(struct parser *parser, bool *seen)
{
    if (*seen)
        return bad_syntax(parser);
    return *seen = true;
}

static bool read_member(struct parser *parser)
{
    struct span name = parser->json.text, id;
    if (span_eq(name, S("Version")))
        return once(parser, &parser->has_version) && read_version(parser);
    if (span_eq(name, S("Id")))
        return once(parser, &parser->has_id) && read_string(parser, &id);
    if (span_eq(name, S("Statement")))
        return once(parser, &parser->has_statement) && read_statements(parser);
    return bad_because(parser, arena_printf(parser->arena, "Unknown field %.*s", SPAN_ARG(name)));
}

static bool read_document(struct parser *parser)
{
    if (json_next(&parser->json) != JSON_OBJECT)
        return bad_json(parser);
    enum JSON_TOKEN token;
    while ((token = json_next(&parser->json)) == JSON_KEY)
        if (!read_member(parser))
            return false;
    if (token == JSON_BAD || json_next(&parser->json) != JSON_END)
        return bad_json(parser);
    return parser->has_statement || bad_because(parser, S("Missing required field Statement"));
}

/* The newer parser tells bad JSON from bad policies wherever the fault stands. */
static bool is_json(struct arena *arena, struct span document)
{
    struct json_reader reader;
    json_reader_init(&reader, document, arena);
    enum JSON_TOKEN token;
    while ((token = json_next(&reader)) != JSON_END)
        if (token == JSON_BAD)
            return false;
    return true;
}

/* Without variables a text is compiled once and for all. */
static void compile_texts(struct parser *parser, struct policy_texts *texts, enum WILD wild,
                          bool variables)
{
    bool known = variables && parser->policy->version == POLICY_2012;
    for (size_t i = 0; i < texts->count; i++) {
        struct policy_text *text = &texts->at[i];
        text->written = text->text;
        text->variables = known && policy_has_variables(text->text);
        if (!text->variables)
            text->text = policy_compile(parser->arena, text->text, wild);
    }
}

static void compile_policy(struct parser *parser)
{
    for (size_t i = 0; i < parser->policy->statement_count; i++) {
        struct policy_statement *statement = &parser->policy->statements[i];
        compile_texts(parser, &statement->actions, WILD_TEXT, false);
        compile_texts(parser, &statement->resources, WILD_RESOURCE, true);
        for (struct policy_condition *c = statement->conditions; c; c = c->next)
            compile_texts(parser, &c->values, policy_operator_wild(c->operator),
                          policy_operator_takes_variables(c->operator));
    }
}

const struct policy *policy_parse(struct arena *arena, struct span document, enum POLICY_KIND kind,
                                  struct span *ret_why)
{
    struct parser parser = {.arena = arena, .kind = kind};
    parser.policy = ARENA_NEW(arena, struct policy);
    json_reader_init(&parser.json, document, arena);
    bool good = document.len <= POLICY_DOCUMENT_MAX && is_json(arena, document)
                    ? read_document(&parser)
                    : bad_json(&parser);
    if (good) {
        parser.why = policy_broken_rule(arena, parser.policy, kind);
        good = span_is_absent(parser.why);
    }
    if (!good) {
        if (ret_why)
            *ret_why = parser.why;
        return NULL;
    }
    compile_policy(&parser);
    return parser.policy;
}

size_t policy_counted_size(struct span document)
{
    size_t size = 0;
    bool quoted = false;
    for (size_t i = 0; i < document.len; i++) {
        char byte = document.at[i];
        if (quoted && byte == '\\' && i + 1 < document.len) {
            size += 2;
            i++;
            continue;
        }
        quoted ^= byte == '"';
        size += quoted || !memchr(" \t\r\n", byte, 4);
    }
    return size;
}
