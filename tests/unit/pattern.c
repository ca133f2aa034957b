// SPDX-License-Identifier: Apache-2.0
/* Cases for the models' regular expressions: the whole value, Java's dialect, bounded effort. */
#include "test.h"

#include "wire/pattern.h"

static const struct {
    struct span pattern, text;
    bool matches;
} cases[] = {
    {S_INIT("[a-z]+"), S_INIT("abc"), true},
    {S_INIT("[a-z]+"), S_INIT("abc1"), false},
    {S_INIT("[a-z]+"), S_INIT("1abc"), false},
    {S_INIT("[a-z]+"), S_INIT("abc\n"), false},
    {S_INIT("^[a-z]+$"), S_INIT("abc\n"), false},
    {S_INIT("a|ab"), S_INIT("ab"), true},
    {S_INIT("[a-z]*"), S_INIT(""), true},
    {S_INIT("[\\w-.]+"), S_INIT("a-b.c"), true},
    {S_INIT("[\\w-.]+"), S_INIT("a/b"), false},
    {S_INIT("[\\w+=,.@-]+"), S_INIT("a@b-c"), true},
    {S_INIT("[\\p{L}\\p{N}-_]+"), S_INIT("\xc3\xa9-1_"), true},
    {S_INIT("[\\u0020-\\u00FF]+"), S_INIT("a \xc3\xbf"), true},
    {S_INIT("[\\u0020-\\u00FF]+"), S_INIT("\xc4\x80"), false},
    {S_INIT("[\\uD800\\uDC00-\\uDBFF\\uDFFF]"), S_INIT("\xf0\x9f\x98\xb9"), true},
    {S_INIT("\\u002F[\\u0021-\\u007F]*"), S_INIT("/a/b"), true},
    {S_INIT("\\p{Print}+"), S_INIT("a b"), true},
    {S_INIT("\\p{Print}+"), S_INIT("a\tb"), false},
    {S_INIT("[\\p{Alnum}\\p{Punct}]+"), S_INIT("a1!"), true},
    {S_INIT("(?!^[0-9]+$)([a-zA-Z0-9-_]+)"), S_INIT("2024"), false},
    {S_INIT("(?!^[0-9]+$)([a-zA-Z0-9-_]+)"), S_INIT("2024a"), true},
    {S_INIT("(a+)+b"), S_INIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"), false},
    {S_INIT(".*"), S_INIT("\xff"), false},
};

TEST(values_match_as_a_whole)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int again = 0; again < 2; again++)
            if (pattern_matches(cases[i].pattern, cases[i].text) != cases[i].matches)
                test_fail(__FILE__, __LINE__, "%.*s on %.*s", SPAN_ARG(cases[i].pattern),
                          SPAN_ARG(cases[i].text));
}

TEST(what_is_not_known_refuses_nothing)
{
    struct span unknown = S("[a-z");
    CHECK(!pattern_is_known(unknown));
    CHECK(pattern_matches(unknown, S("1")));
}
