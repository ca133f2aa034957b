// SPDX-License-Identifier: Apache-2.0
/*
 * Condition operators: a table of name, comparison and negation; one rule for missing keys, for
 * several values and for ForAllValues/ForAnyValue over all of them. A request value that cannot be
 * read as the operator's type matches nothing. Pure, any thread.
 * Source: "IAM JSON policy elements: Condition operators", "Set operators for multivalued keys".
 */
#include "auth/policy_tree.h"
#include "base/time.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum RELATION { EQUAL, LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL };
enum NEGATION { PLAIN, NEGATED };
enum VARIABLES { NO_VARIABLES, VARIABLES };

struct condition_operator {
    struct span name;
    bool (*matches)(struct span have, struct span want, enum RELATION relation);
    enum WILD wild;
    enum RELATION relation;
    enum NEGATION negation;
    enum VARIABLES variables;
};

static bool text_equal(struct span have, struct span want, enum RELATION relation)
{
    return span_eq(have, want);
}

static bool text_equal_nocase(struct span have, struct span want, enum RELATION relation)
{
    return span_eq_nocase(have, want);
}

static bool text_like(struct span have, struct span want, enum RELATION relation)
{
    return policy_matches(want, have, LETTERS_EXACT);
}

static bool related(double have, double want, enum RELATION relation)
{
    switch (relation) {
    case EQUAL:
        return have <= want && have >= want;
    case LESS:
        return have < want;
    case LESS_OR_EQUAL:
        return have <= want;
    case GREATER:
        return have > want;
    case GREATER_OR_EQUAL:
        return have >= want;
    }
    return false;
}

static bool number_of(struct span text, double *out)
{
    char digits[64];
    if (text.len == 0 || text.len >= sizeof digits)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!memchr("0123456789+-.eE", text.at[i], 15))
            return false;
    memcpy(digits, text.at, text.len);
    digits[text.len] = 0;
    char *end;
    *out = strtod(digits, &end);
    return *end == 0;
}

static bool number_related(struct span have, struct span want, enum RELATION relation)
{
    double a, b;
    return number_of(have, &a) && number_of(want, &b) && related(a, b, relation);
}

/* The W3C profile of ISO 8601 also has dates without a time. */
static int64_t date_alone(struct span text)
{
    char whole[] = "0000-00-00T00:00:00Z";
    if (text.len != 10)
        return TIME_NONE;
    memcpy(whole, text.at, 10);
    return time_parse_iso8601(span_of_cstr(whole));
}

int64_t policy_date(struct span text)
{
    int64_t ms = time_parse_iso8601(text);
    if (ms == TIME_NONE)
        ms = date_alone(text);
    return ms == TIME_NONE ? time_parse_epoch(text) : ms;
}

static bool date_related(struct span have, struct span want, enum RELATION relation)
{
    int64_t a = policy_date(have), b = policy_date(want);
    return a != TIME_NONE && b != TIME_NONE && related((double)a, (double)b, relation);
}

static bool bool_equal(struct span have, struct span want, enum RELATION relation)
{
    bool known = span_eq_nocase(have, S("true")) || span_eq_nocase(have, S("false"));
    return known && span_eq_nocase(have, want);
}

struct address {
    unsigned char bytes[16];
    int bits; /* 32 or 128 */
};

static bool address_of(struct span text, struct address *out)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = 0;
    if (inet_pton(AF_INET, copy, out->bytes) == 1) {
        out->bits = 32;
        return true;
    }
    if (inet_pton(AF_INET6, copy, out->bytes) != 1)
        return false;
    out->bits = 128;
    if (memcmp(out->bytes, mapped, sizeof mapped) == 0) {
        memmove(out->bytes, out->bytes + 12, 4);
        out->bits = 32;
    }
    return true;
}

static bool in_network(struct span have, struct span want, enum RELATION relation)
{
    struct address host, net;
    struct span length = want;
    struct span base = span_cut(&length, '/');
    if (!address_of(have, &host) || !address_of(base, &net) || host.bits != net.bits)
        return false;
    uint64_t bits = (uint64_t)net.bits;
    if (!span_is_absent(length) && (!span_to_u64(length, &bits) || bits > (uint64_t)net.bits))
        return false;
    size_t whole = (size_t)bits / 8;
    if (memcmp(host.bytes, net.bytes, whole) != 0)
        return false;
    int rest = (int)bits % 8;
    return rest == 0 || (host.bytes[whole] ^ net.bytes[whole]) >> (8 - rest) == 0;
}

static int colons_in(struct span text)
{
    int count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == ':';
    return count;
}

/* Each of the six parts of an ARN is compared by itself; what is no ARN does not match. */
static bool arn_like(struct span have, struct span want, enum RELATION relation)
{
    if (colons_in(have) < 5)
        return false;
    bool anything = want.len == 1 && (unsigned char)want.at[0] == MARK_RUN_IN_SEGMENT;
    return anything || (colons_in(want) >= 5 && policy_matches(want, have, LETTERS_EXACT));
}

/* Null is about the key, not its values: policy_condition_holds looks at it first. */
static bool null_never(struct span have, struct span want, enum RELATION relation)
{
    return false;
}

#define TEXT_ROW(name, fn, negation)                                                               \
    {                                                                                              \
        S_INIT(name), fn, WILD_LITERAL, EQUAL, negation, VARIABLES                                 \
    }
#define LIKE_ROW(name, fn, wild, negation)                                                         \
    {                                                                                              \
        S_INIT(name), fn, wild, EQUAL, negation, VARIABLES                                         \
    }
#define ORDER_ROWS(type, fn)                                                                       \
    {S_INIT(type "Equals"), fn, WILD_LITERAL, EQUAL, PLAIN, NO_VARIABLES},                         \
        {S_INIT(type "NotEquals"), fn, WILD_LITERAL, EQUAL, NEGATED, NO_VARIABLES},                \
        {S_INIT(type "LessThan"), fn, WILD_LITERAL, LESS, PLAIN, NO_VARIABLES},                    \
        {S_INIT(type "LessThanEquals"), fn, WILD_LITERAL, LESS_OR_EQUAL, PLAIN, NO_VARIABLES},     \
        {S_INIT(type "GreaterThan"), fn, WILD_LITERAL, GREATER, PLAIN, NO_VARIABLES},              \
    {                                                                                              \
        S_INIT(type "GreaterThanEquals"), fn, WILD_LITERAL, GREATER_OR_EQUAL, PLAIN, NO_VARIABLES  \
    }

static const struct condition_operator operators[] = {
    TEXT_ROW("StringEquals", text_equal, PLAIN),
    TEXT_ROW("StringNotEquals", text_equal, NEGATED),
    TEXT_ROW("StringEqualsIgnoreCase", text_equal_nocase, PLAIN),
    TEXT_ROW("StringNotEqualsIgnoreCase", text_equal_nocase, NEGATED),
    LIKE_ROW("StringLike", text_like, WILD_TEXT, PLAIN),
    LIKE_ROW("StringNotLike", text_like, WILD_TEXT, NEGATED),
    ORDER_ROWS("Numeric", number_related),
    ORDER_ROWS("Date", date_related),
    TEXT_ROW("Bool", bool_equal, PLAIN),
    {S_INIT("BinaryEquals"), text_equal, WILD_LITERAL, EQUAL, PLAIN, NO_VARIABLES},
    {S_INIT("IpAddress"), in_network, WILD_LITERAL, EQUAL, PLAIN, NO_VARIABLES},
    {S_INIT("NotIpAddress"), in_network, WILD_LITERAL, EQUAL, NEGATED, NO_VARIABLES},
    LIKE_ROW("ArnEquals", arn_like, WILD_ARN, PLAIN),
    LIKE_ROW("ArnNotEquals", arn_like, WILD_ARN, NEGATED),
    LIKE_ROW("ArnLike", arn_like, WILD_ARN, PLAIN),
    LIKE_ROW("ArnNotLike", arn_like, WILD_ARN, NEGATED),
    {S_INIT("Null"), null_never, WILD_LITERAL, EQUAL, PLAIN, NO_VARIABLES},
};

bool policy_operator_named(struct span name, struct policy_condition *out)
{
    static const struct {
        struct span prefix;
        enum CONDITION_SET set;
    } sets[] = {{S_INIT("ForAllValues:"), SET_ALL_VALUES}, {S_INIT("ForAnyValue:"), SET_ANY_VALUE}};
    for (size_t i = 0; i < ARRAY_LEN(sets); i++)
        if (span_starts_nocase(name, sets[i].prefix)) {
            out->set = sets[i].set;
            name = span_from(name, sets[i].prefix.len);
            break;
        }
    struct span suffix = S("IfExists");
    if (name.len > suffix.len && span_eq_nocase(span_from(name, name.len - suffix.len), suffix)) {
        out->if_exists = true;
        name = span_first(name, name.len - suffix.len);
    }
    for (size_t i = 0; i < ARRAY_LEN(operators); i++)
        if (span_eq_nocase(name, operators[i].name)) {
            out->operator= & operators[i];
            return true;
        }
    return false;
}

enum WILD policy_operator_wild(const struct condition_operator *operator)
{
    return operator->wild;
}

bool policy_operator_is_positive(const struct condition_operator *operator)
{
    bool compares_places = operator->matches == text_equal ||
                           operator->matches == text_equal_nocase ||
                           operator->matches == text_like ||
                           operator->matches == arn_like ||
                           operator->matches == in_network;
    return compares_places && operator->negation == PLAIN;
}

bool policy_operator_is_date(const struct condition_operator *operator)
{
    return operator->matches == date_related;
}

bool policy_operator_takes_variables(const struct condition_operator *operator)
{
    return operator->variables == VARIABLES;
}

struct request_values {
    const struct span *at;
    size_t count;
};

static struct request_values values_of(const struct policy_request *request, struct span key)
{
    struct request_values values = {0};
    if (!request->lookup ||
        !request->lookup(request->user, key, request->scratch, &values.at, &values.count))
        values.count = 0;
    return values;
}

static bool null_holds(const struct policy_condition *condition, bool missing)
{
    for (size_t i = 0; i < condition->values.count; i++)
        if (span_eq_nocase(condition->values.at[i].text, missing ? S("true") : S("false")))
            return true;
    return false;
}

static bool missing_holds(const struct policy_condition *condition)
{
    if (condition->if_exists || condition->set == SET_ALL_VALUES)
        return true;
    return condition->set == SET_NONE && condition->operator->negation == NEGATED;
}

static bool any_matches(const struct condition_operator *operator, struct span have,
                        const struct span *wants, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!span_is_absent(wants[i]) && operator->matches(have, wants[i], operator->relation))
            return true;
    return false;
}

/* The policy's values with variables filled in; one that cannot be resolved stays absent. */
static bool wanted(const struct policy_condition *condition, const struct policy_request *request,
                   struct span *wants)
{
    bool all = true;
    for (size_t i = 0; i < condition->values.count; i++)
        if (!policy_resolve(&condition->values.at[i], condition->operator->wild, request,
                            &wants[i])) {
            wants[i] = SPAN_NONE;
            all = false;
        }
    return all;
}

bool policy_condition_holds(const struct policy_condition *condition,
                            const struct policy_request *request, bool deny)
{
    const struct condition_operator *operator= condition->operator;
    struct request_values values = values_of(request, condition->key);
    if (operator->matches == null_never)
        return null_holds(condition, values.count == 0);
    if (values.count == 0)
        return missing_holds(condition);
    struct span *wants = ARENA_ARRAY(request->scratch, struct span, condition->values.count);
    if (!wanted(condition, request, wants) && !deny)
        return false;
    /* Without a set operator: one value that matches is enough, and for a negated operator one is
     * too much. */
    bool negated = operator->negation == NEGATED;
    bool need_all = condition->set == SET_ALL_VALUES || (condition->set == SET_NONE && negated);
    for (size_t i = 0; i < values.count; i++) {
        bool matches = any_matches(operator, values.at[i], wants, condition->values.count);
        if ((matches != negated) != need_all)
            return !need_all;
    }
    return need_all;
}
