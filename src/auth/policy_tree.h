// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What a parsed policy looks like inside: private to src/auth. Immutable once parsed. Patterns are
 * compiled: their wildcards are the bytes below, which UTF-8 never has, so that a literal '*' (from
 * ${*} or a variable's value) is no wildcard.
 */
#include "auth/policy.h"

enum MARK {
    MARK_ONE_IN_SEGMENT = 0xFC, /* one character but ':' */
    MARK_RUN_IN_SEGMENT = 0xFD, /* any run without ':' */
    MARK_ONE = 0xFE,
    MARK_RUN = 0xFF,
};

/* What '*' and '?' mean where a text stands. */
enum WILD {
    WILD_LITERAL,  /* nothing */
    WILD_TEXT,     /* actions, StringLike */
    WILD_RESOURCE, /* within a segment of an ARN, but beyond it as a segment's last character */
    WILD_ARN,      /* ArnLike: strictly within each of the first five segments */
};

/* A value that may hold variables; without them `text` is compiled already. */
struct policy_text {
    struct span text;
    struct span written;
    bool variables;
};

struct policy_texts {
    struct policy_text *at;
    size_t count;
};

enum PRINCIPAL {
    PRINCIPAL_ANYONE,
    PRINCIPAL_ACCOUNT, /* value is the 12 digits */
    PRINCIPAL_ARN,
    PRINCIPAL_ID,
    PRINCIPAL_SERVICE,
    PRINCIPAL_FEDERATED,
    PRINCIPAL_CANONICAL,
};

struct policy_principal {
    enum PRINCIPAL type;
    struct span value;
    struct span written_type, written;
};

struct policy_principals {
    struct policy_principal *at;
    size_t count;
};

struct condition_operator;
enum CONDITION_SET { SET_NONE, SET_ALL_VALUES, SET_ANY_VALUE };

struct policy_condition {
    const struct condition_operator *operator;
    enum CONDITION_SET set;
    bool if_exists;
    struct span key; /* lower-case */
    struct policy_texts values;
    struct policy_condition *next;
};

/* Which elements a statement has; Not… stands beside its plain form. */
enum ELEMENT {
    HAS_SID = 1 << 0,
    HAS_EFFECT = 1 << 1,
    HAS_ACTION = 1 << 2,
    HAS_NOT_ACTION = 1 << 3,
    HAS_RESOURCE = 1 << 4,
    HAS_NOT_RESOURCE = 1 << 5,
    HAS_PRINCIPAL = 1 << 6,
    HAS_NOT_PRINCIPAL = 1 << 7,
    HAS_CONDITION = 1 << 8,
};

struct policy_statement {
    unsigned has; /* ELEMENT */
    bool deny;
    struct span sid, effect;
    struct policy_texts actions;
    struct policy_texts resources;
    struct policy_principals principals;
    struct policy_condition *conditions;
};

struct policy {
    enum POLICY_VERSION version;
    struct policy_statement *statements;
    size_t statement_count;
};

/* policy_match.c: a compiled pattern against a text. */
enum LETTERS { LETTERS_EXACT, LETTERS_FOLDED };
bool policy_matches(struct span compiled, struct span text, enum LETTERS letters);

/* policy_variable.c */
bool policy_has_variables(struct span text);
/* The pattern of a text without variables. */
struct span policy_compile(struct arena *arena, struct span text, enum WILD wild);
/* The pattern with variables filled in from the request; false when one cannot be resolved. */
MUST_CHECK bool policy_resolve(const struct policy_text *text, enum WILD wild,
                               const struct policy_request *request, struct span *ret_pattern);

/* policy_condition.c */
/* Reads e.g. ForAnyValue:StringLikeIfExists; false when there is no such operator. */
MUST_CHECK bool policy_operator_named(struct span name, struct policy_condition *out);
enum WILD policy_operator_wild(const struct condition_operator *operator);
/* Texts, ARNs and networks that must be among the values. */
bool policy_operator_is_positive(const struct condition_operator *operator);
bool policy_operator_is_date(const struct condition_operator *operator);
bool policy_operator_takes_variables(const struct condition_operator *operator);
/* Milliseconds of a date in a policy or a request: ISO 8601, a date alone, or epoch seconds. */
int64_t policy_date(struct span text);
bool policy_condition_holds(const struct policy_condition *condition,
                            const struct policy_request *request, bool deny);
