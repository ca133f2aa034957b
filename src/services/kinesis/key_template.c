// SPDX-License-Identifier: Apache-2.0
/* One pass over the template, from placeholder to placeholder. Pure. */
#include "services/kinesis/key_template.h"

#include "base/buf.h"
#include "base/time.h"

#define KEY_CEILING 65536 /* above what any template of the API's length can become */

static bool is_open(struct span rest)
{
    return rest.len >= 2 && rest.at[0] == '!' && rest.at[1] == '{';
}

/* The name in the placeholder at the front of *rest, which moves behind it. */
static bool take(struct span *rest, struct span *ret_name)
{
    size_t end = span_find_byte(*rest, '}');
    if (end == SPAN_NOT_FOUND)
        return false;
    *ret_name = span_first(span_from(*rest, 2), end - 2);
    *rest = span_from(*rest, end + 1);
    return true;
}

static bool is_extension(struct span name)
{
    return span_eq(name, S("extension")) || span_starts(name, S("extension:."));
}

struct filling {
    struct arena *arena;
    const struct key_template_values *values;
    struct civil at;
};

static struct span time_of(const struct filling *filling, struct span name)
{
    const struct civil *at = &filling->at;
    const struct {
        struct span name;
        int value, digits;
    } parts[] = {{S_INIT("yyyy"), at->year, 4}, {S_INIT("yy"), at->year % 100, 2},
                 {S_INIT("MM"), at->month, 2},  {S_INIT("dd"), at->day, 2},
                 {S_INIT("HH"), at->hour, 2},   {S_INIT("mm"), at->minute, 2}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (span_eq(name, parts[i].name))
            return arena_printf(filling->arena, "%0*d", parts[i].digits, parts[i].value);
    return SPAN_NONE;
}

/* Absent: there is no such placeholder. */
static struct span value_of(const struct filling *filling, struct span name)
{
    const struct key_template_values *values = filling->values;
    const struct {
        struct span name, value;
    } texts[] = {{S_INIT("channel-name"), values->channel_name},
                 {S_INIT("channel-id"), values->channel_id},
                 {S_INIT("stream-name"), values->stream_name},
                 {S_INIT("extension"), values->extension}};
    if (span_starts(name, S("extension:.")))
        return span_from(name, span_find_byte(name, ':') + 1);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (span_eq(name, texts[i].name))
            return texts[i].value;
    return time_of(filling, name);
}

struct span key_template_fill(struct arena *arena, struct span template,
                              const struct key_template_values *values)
{
    struct filling filling = {arena, values, time_civil(values->now_ms)};
    struct buf *out = arena_buf(arena, KEY_CEILING);
    struct span rest = template, name = SPAN_NONE;
    bool unique = false;
    while (rest.len) {
        if (!is_open(rest)) {
            buf_append_byte(out, *rest.at);
            rest = span_from(rest, 1);
            continue;
        }
        if (!take(&rest, &name))
            return SPAN_NONE;
        struct span value = value_of(&filling, name);
        if (span_is_absent(value))
            return SPAN_NONE;
        unique = !rest.len && is_extension(name);
        if (unique)
            buf_append(out, values->unique);
        buf_append(out, value);
    }
    if (!unique)
        buf_append(out, values->unique);
    return buf_span(out);
}

bool key_template_ends_with_extension(struct span template)
{
    struct span name = SPAN_NONE;
    bool last = false;
    while (template.len) {
        bool taken = is_open(template) && take(&template, &name);
        last = taken && is_extension(name);
        if (!taken)
            template = span_from(template, 1);
    }
    return last;
}
