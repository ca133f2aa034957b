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
 * Java takes `[\w-.]` for a word character, a hyphen or a dot; PCRE2 asks for a backslash before
 * that hyphen. Everything else is passed on.
 */
static void translate(struct span pattern, struct buf *out)
{
    bool in_class = false, after_type = false;
    for (size_t i = 0; i < pattern.len; i++) {
        char byte = pattern.at[i];
        if (byte == '\\' && i + 1 < pattern.len) {
            buf_append(out, span_of(pattern.at + i, 2));
            i++;
            after_type = in_class && strchr("wdsWDSpP", pattern.at[i]) != NULL;
            if ((pattern.at[i] | 0x20) == 'p')
                while (i + 1 < pattern.len && pattern.at[i] != '}')
                    buf_append_byte(out, pattern.at[++i]);
            continue;
        }
        if (byte == '-' && after_type)
            buf_append_byte(out, '\\');
        after_type = false;
        if (byte == '[')
            in_class = true;
        else if (byte == ']')
            in_class = false;
        buf_append_byte(out, byte);
    }
}

static struct pattern *compile(struct span pattern)
{
    struct pattern *made = malloc(sizeof *made);
    if (!made)
        log_fatal("out of memory (%zu bytes)", sizeof *made);
    *made = (struct pattern){.key = pattern.at};
    struct buf text;
    buf_init(&text, 1 << 20);
    translate(pattern, &text);
    int error;
    PCRE2_SIZE at;
    made->code = pcre2_compile(
        (PCRE2_SPTR)text.at, text.len,
        PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY, &error, &at, NULL);
    if (!made->code)
        log_debug("pattern %.*s: error %d at %zu", SPAN_ARG(pattern), error, (size_t)at);
    else if (pcre2_jit_compile(made->code, PCRE2_JIT_COMPLETE) != 0)
        log_debug("pattern %.*s: no machine code", SPAN_ARG(pattern));
    buf_done(&text);
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
