// SPDX-License-Identifier: Apache-2.0
/*
 * Compiled expressions live in an open-addressed table of atomic pointers that only grows: readers
 * take no lock, two threads that compile the same one agree by compare-and-swap. Any thread.
 */
#include "wire/pattern.h"

#include "base/buf.h"
#include "base/log.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdatomic.h>
#include <stdlib.h>

#define PLACES 16384 /* power of two; all models together have some thousand patterns */
#define MATCH_LIMIT 100000

struct pattern {
    const char *key;
    pcre2_code *code; /* NULL: PCRE2 does not know this expression */
};

static _Atomic(struct pattern *) places[PLACES];

/*
 * What Java writes in another way than PCRE2, everything else is passed on:
 *   [\w-.]           a hyphen behind a character type stands for itself: PCRE2 wants \-
 *   \u0020           \x{0020}; two of them that are surrogates are one code point
 *   \p{Print}        POSIX classes
 */
struct translation {
    struct span in;
    size_t at;
    struct buf out;
    bool in_class;   /* between [ and ] */
    bool after_type; /* in a class, behind \w and its kind */
};

static const struct {
    struct span java, posix;
} posix_classes[] = {
    {S_INIT("Alnum}"), S_INIT("[:alnum:]")},   {S_INIT("Alpha}"), S_INIT("[:alpha:]")},
    {S_INIT("ASCII}"), S_INIT("[:ascii:]")},   {S_INIT("Blank}"), S_INIT("[:blank:]")},
    {S_INIT("Cntrl}"), S_INIT("[:cntrl:]")},   {S_INIT("Digit}"), S_INIT("[:digit:]")},
    {S_INIT("Graph}"), S_INIT("[:graph:]")},   {S_INIT("Lower}"), S_INIT("[:lower:]")},
    {S_INIT("Print}"), S_INIT("[:print:]")},   {S_INIT("Punct}"), S_INIT("[:punct:]")},
    {S_INIT("Space}"), S_INIT("[:space:]")},   {S_INIT("Upper}"), S_INIT("[:upper:]")},
    {S_INIT("XDigit}"), S_INIT("[:xdigit:]")},
};

/* Takes \uXXXX off the front; false when there is none. */
static bool take_unit(struct translation *t, uint32_t *out)
{
    struct span rest = span_from(t->in, t->at);
    if (rest.len < 6 || rest.at[0] != '\\' || rest.at[1] != 'u')
        return false;
    *out = 0;
    for (size_t i = 2; i < 6; i++) {
        int digit = rest.at[i] <= '9' ? rest.at[i] - '0' : (rest.at[i] | 0x20) - 'a' + 10;
        if (digit < 0 || digit > 15)
            return false;
        *out = *out << 4 | (uint32_t)digit;
    }
    t->at += 6;
    return true;
}

static bool take_code_point(struct translation *t)
{
    uint32_t unit, low;
    if (!take_unit(t, &unit))
        return false;
    size_t behind = t->at;
    if (unit >= 0xd800 && unit < 0xdc00 && take_unit(t, &low)) {
        if (low >= 0xdc00 && low < 0xe000)
            unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        else
            t->at = behind;
    }
    buf_printf(&t->out, "\\x{%x}", unit);
    return true;
}

static bool take_posix_class(struct translation *t)
{
    struct span rest = span_from(t->in, t->at);
    if (!span_starts(rest, S("\\p{")))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(posix_classes); i++) {
        if (!span_starts(span_from(rest, 3), posix_classes[i].java))
            continue;
        buf_append(&t->out, t->in_class ? S("") : S("["));
        buf_append(&t->out, posix_classes[i].posix);
        buf_append(&t->out, t->in_class ? S("") : S("]"));
        t->at += 3 + posix_classes[i].java.len;
        t->after_type = t->in_class;
        return true;
    }
    return false;
}

static void take_escape(struct translation *t)
{
    t->after_type = false;
    if (take_code_point(t) || take_posix_class(t))
        return;
    struct span rest = span_from(t->in, t->at);
    size_t len = rest.len < 2 ? rest.len : 2;
    if (len == 2 && (rest.at[1] | 0x20) == 'p') {
        size_t close = span_find_byte(rest, '}');
        len = close == SPAN_NOT_FOUND ? 2 : close + 1;
    }
    t->after_type = t->in_class && len >= 2 && strchr("wdsWDSpP", rest.at[1]) != NULL;
    buf_append(&t->out, span_first(rest, len));
    t->at += len;
}

static void translate(struct translation *t)
{
    while (t->at < t->in.len) {
        char byte = t->in.at[t->at];
        if (byte == '\\') {
            take_escape(t);
            continue;
        }
        if (byte == '-' && t->after_type)
            buf_append_byte(&t->out, '\\');
        t->after_type = false;
        t->in_class = byte == '[' || (t->in_class && byte != ']');
        buf_append_byte(&t->out, byte);
        t->at++;
    }
}

static struct pattern *compile(struct span pattern)
{
    struct pattern *made = malloc(sizeof *made);
    if (!made)
        log_fatal("out of memory (%zu bytes)", sizeof *made);
    *made = (struct pattern){.key = pattern.at};
    struct translation t = {.in = pattern};
    buf_init(&t.out, 1 << 20);
    translate(&t);
    int error;
    PCRE2_SIZE at;
    made->code = pcre2_compile(
        (PCRE2_SPTR)t.out.at, t.out.len,
        PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY, &error, &at, NULL);
    if (!made->code)
        log_debug("pattern %.*s: error %d at %zu", SPAN_ARG(pattern), error, (size_t)at);
    else if (pcre2_jit_compile(made->code, PCRE2_JIT_COMPLETE) != 0)
        log_debug("pattern %.*s: no machine code", SPAN_ARG(pattern));
    buf_done(&t.out);
    return made;
}

static void pattern_free(struct pattern *pattern)
{
    pcre2_code_free(pattern->code);
    free(pattern);
}

static const struct pattern *pattern_of(struct span pattern)
{
    size_t hash = (size_t)(((uintptr_t)pattern.at * 0x9e3779b97f4a7c15ULL) >> 40);
    for (size_t tried = 0; tried < PLACES; tried++) {
        _Atomic(struct pattern *) *place = &places[(hash + tried) & (PLACES - 1)];
        struct pattern *there = atomic_load_explicit(place, memory_order_acquire);
        if (!there) {
            struct pattern *made = compile(pattern);
            if (atomic_compare_exchange_strong(place, &there, made))
                return made;
            pattern_free(made);
        }
        if (there->key == pattern.at)
            return there;
    }
    log_fatal("more than %d patterns", PLACES);
}

bool pattern_matches(struct span pattern, struct span text)
{
    const struct pattern *compiled = pattern_of(pattern);
    if (!compiled->code)
        return true;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    if (!data || !context)
        log_fatal("out of memory for a match");
    pcre2_set_match_limit(context, MATCH_LIMIT);
    int result = pcre2_match(compiled->code, (PCRE2_SPTR)(text.at ? text.at : ""), text.len, 0, 0,
                             data, context);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    return result >= 0;
}

bool pattern_is_known(struct span pattern)
{
    return pattern_of(pattern)->code != NULL;
}
