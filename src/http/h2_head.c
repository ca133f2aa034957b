// SPDX-License-Identifier: Apache-2.0
/*
 * nghttp2 has refused what RFC 9113 section 8 calls malformed (upper case, fields of connections,
 * pseudo fields missing or out of order, a body that is not as long as announced); what is left to
 * check is the same as for HTTP/1.1, and is done by the same function. Pure, any thread.
 */
#include "http/h2_head.h"

#include "http/octets.h"

#define FIELD_EXTRA 32 /* bytes that RFC 9113 counts for each field */
#define ROOM_FIRST 32

static void append(struct arena *arena, struct h2_head *head, struct header field)
{
    if (head->fields.count == head->room) {
        size_t room = head->room ? 2 * head->room : ROOM_FIRST;
        struct header *at = arena_alloc(arena, room * sizeof *at);
        if (head->fields.count)
            memcpy(at, head->fields.at, head->fields.count * sizeof *at);
        head->fields.at = at;
        head->room = room;
    }
    head->fields.at[head->fields.count++] = field;
}

void h2_head_note(struct arena *arena, struct h2_head *head, struct span name, struct span value)
{
    head->size += name.len + value.len + FIELD_EXTRA;
    value = arena_copy(arena, value);
    if (span_eq(name, S(":method")))
        head->method = value;
    else if (span_eq(name, S(":path")))
        head->path = value;
    else if (span_eq(name, S(":authority")))
        head->authority = value;
    else if (!span_starts(name, S(":")))
        append(arena, head, (struct header){arena_copy(arena, name), span_trim(value)});
}

int h2_head_parse(struct arena *arena, struct h2_head *from, struct http_head *ret)
{
    struct span host = header_get(from->fields, S("host"));
    if (from->authority.len && !span_is_absent(host) && !span_eq_nocase(host, from->authority))
        return 400;
    if (from->authority.len)
        append(arena, from, (struct header){S(":authority"), from->authority});
    if (from->authority.len && span_is_absent(host))
        append(arena, from, (struct header){S("host"), from->authority});
    *ret = (struct http_head){
        .method = from->method, .target = from->path, .headers = from->fields, .minor = 1};
    return http_head_check(ret);
}

static nghttp2_nv pair(struct span name, struct span value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name.at, (uint8_t *)(uintptr_t)value.at, name.len,
                        value.len, NGHTTP2_NV_FLAG_NONE};
}

static struct span lower_name(struct arena *arena, struct span name)
{
    char *lower = arena_alloc(arena, name.len);
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = http_token_octets[(unsigned char)name.at[i]];
        lower[i] = c ? (char)c : '-';
    }
    return span_of(lower, name.len);
}

/* As in HTTP/1.1, bytes that no field may hold become blanks. */
static struct span clean_value(struct arena *arena, struct span value)
{
    if (!http_is_value(value)) {
        value = arena_copy(arena, value);
        char *at = (char *)(uintptr_t)value.at;
        for (size_t i = 0; i < value.len; i++)
            if (!http_is_value_octet(at[i]))
                at[i] = ' ';
    }
    return span_trim(value);
}

nghttp2_nv *h2_head_encode(struct arena *arena, const struct reply_head *head, size_t *ret_count)
{
    nghttp2_nv *pairs = arena_alloc(arena, (head->headers.count + 3) * sizeof *pairs);
    size_t count = 0;
    pairs[count++] = pair(S(":status"), arena_printf(arena, "%d", head->status));
    pairs[count++] = pair(S("date"), arena_copy(arena, head->date));
    for (size_t i = 0; i < head->headers.count; i++)
        pairs[count++] = pair(lower_name(arena, head->headers.at[i].name),
                              clean_value(arena, head->headers.at[i].value));
    if (head->framing == REPLY_LENGTH)
        pairs[count++] =
            pair(S("content-length"),
                 arena_printf(arena, "%llu", (unsigned long long)head->content_length));
    *ret_count = count;
    return pairs;
}
