// SPDX-License-Identifier: Apache-2.0
/*
 * The canonical request of Signature Version 4. It is built once, in one piece of arena memory
 * whose size is bounded beforehand, so that the usual case costs one allocation and one digest; the
 * same text is what a mismatch quotes. Invariant: the bound in canonical_size() covers everything
 * that the put functions write; they assert it. Pure, any thread.
 */
#include "wire/sigv4.h"

#include <assert.h>
#include <stdlib.h>

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct text {
    char *at, *end;
};

static void put(struct text *to, struct span s)
{
    assert(s.len <= (size_t)(to->end - to->at));
    if (s.len)
        to->at = mempcpy(to->at, s.at, s.len);
}

static void put_byte(struct text *to, char byte)
{
    assert(to->at < to->end);
    *to->at++ = byte;
}

/* RFC 3986's unreserved characters, the only ones that stand for themselves. */
static const bool unreserved[256] = {
    ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['0' ... '9'] = true, ['-'] = true,
    ['_'] = true,         ['.'] = true,         ['~'] = true,
};

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The byte that %XX at `at` stands for, or -1. */
static int coded_byte(struct span text, size_t at)
{
    if (text.len - at < 3)
        return -1;
    int high = hex_value(text.at[at + 1]), low = hex_value(text.at[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

enum CODING {
    CODING_AGAIN, /* every byte once more, '%' too; '/' is kept */
    CODING_PATH,  /* what is coded stays coded, in AWS's spelling; '/' is kept */
    CODING_QUERY, /* the same, '/' is coded and '+' is a blank */
};

static void put_coded(struct text *to, struct span text, enum CODING coding)
{
    static const char hex[] = "0123456789ABCDEF";
    assert(text.len <= (size_t)(to->end - to->at) / 3);
    char *at = to->at;
    for (size_t i = 0; i < text.len; i++) {
        int byte = (unsigned char)text.at[i];
        if (unreserved[byte] || (byte == '/' && coding != CODING_QUERY)) {
            *at++ = (char)byte;
            continue;
        }
        int coded = byte == '%' && coding != CODING_AGAIN ? coded_byte(text, i) : -1;
        if (coded >= 0) {
            byte = coded;
            i += 2;
        } else if (byte == '+' && coding == CODING_QUERY) {
            byte = ' ';
        }
        if (unreserved[byte]) {
            *at++ = (char)byte;
        } else {
            *at++ = '%';
            *at++ = hex[byte >> 4];
            *at++ = hex[byte & 15];
        }
    }
    to->at = at;
}

/* Drops empty and "." segments, lets ".." take its parent away. "Each path segment must be URI-
 * encoded twice, except for Amazon S3, which does not normalise either" (SigV4, create a canonical
 * request). */
static void put_normal_path(struct text *to, struct span path)
{
    char *first = to->at;
    struct span rest = path;
    while (!span_is_absent(rest)) {
        struct span segment = span_cut(&rest, '/');
        if (span_is_empty(segment) || span_eq(segment, S(".")))
            continue;
        if (!span_eq(segment, S(".."))) {
            put_byte(to, '/');
            put_coded(to, segment, CODING_AGAIN);
            continue;
        }
        while (to->at > first && *--to->at != '/')
            ;
    }
    if (to->at == first || span_ends(path, S("/")))
        put_byte(to, '/');
}

static void put_path(struct text *to, const struct sigv4_request *request)
{
    if (!request->s3)
        put_normal_path(to, request->path);
    else if (span_is_empty(request->path))
        put_byte(to, '/');
    else
        put_coded(to, request->path, CODING_PATH);
}

/* Coded name and value of a query parameter, as places in one text: half the memory of spans, since
 * a client chooses how many there are. */
struct parameter {
    uint32_t name, name_len, value_len; /* the value stands behind the name */
};

static struct span parameter_name(const struct parameter *parameter, const char *text)
{
    return span_of(text + parameter->name, parameter->name_len);
}

static struct span parameter_value(const struct parameter *parameter, const char *text)
{
    return span_of(text + parameter->name + parameter->name_len, parameter->value_len);
}

static int compare_parameters(const void *a, const void *b, void *text)
{
    const struct parameter *first = a, *second = b;
    int order = span_compare(parameter_name(first, text), parameter_name(second, text));
    return order ? order
                 : span_compare(parameter_value(first, text), parameter_value(second, text));
}

static void put_parameter(struct text *to, const struct parameter *parameter, const char *text)
{
    put(to, parameter_name(parameter, text));
    put_byte(to, '=');
    put(to, parameter_value(parameter, text));
}

static size_t count_parameters(struct span query)
{
    size_t count = 1;
    for (size_t i = 0; i < query.len; i++)
        count += query.at[i] == '&';
    return count;
}

/* Sorted by coded name, then by coded value; the signature itself is left out. */
static void put_query(struct text *to, struct arena *arena, struct span query, bool presigned)
{
    if (span_is_empty(query))
        return;
    assert(query.len < UINT32_MAX / 4);
    struct parameter *parameters = ARENA_ARRAY(arena, struct parameter, count_parameters(query));
    char *text = arena_alloc(arena, query.len * 3);
    struct text coded = {text, text + query.len * 3};
    size_t count = 0;

    for (struct span rest = query; !span_is_absent(rest);) {
        struct span value = span_cut(&rest, '&');
        if (span_is_empty(value))
            continue;
        struct parameter *parameter = &parameters[count];
        parameter->name = (uint32_t)(coded.at - text);
        put_coded(&coded, span_cut(&value, '='), CODING_QUERY);
        parameter->name_len = (uint32_t)(coded.at - text) - parameter->name;
        put_coded(&coded, value, CODING_QUERY);
        parameter->value_len = (uint32_t)(coded.at - text) - parameter->name - parameter->name_len;
        count += !presigned || !span_eq(parameter_name(parameter, text), S("X-Amz-Signature"));
    }
    if (count > 1)
        qsort_r(parameters, count, sizeof *parameters, compare_parameters, text);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            put_byte(to, '&');
        put_parameter(to, &parameters[i], text);
    }
}

/* What stands before the first blank or tab: mostly all. */
static size_t plain_len(struct span value)
{
    size_t len = span_find_byte(value, ' ');
    size_t tab = span_find_byte(value, '\t');
    len = tab < len ? tab : len;
    return len < value.len ? len : value.len;
}

/* Without blanks at the ends, and one blank for each run of them. */
static void put_header_value(struct text *to, struct span value)
{
    value = span_trim(value);
    size_t plain = plain_len(value);
    char before = 0;
    put(to, span_first(value, plain));
    for (size_t i = plain; i < value.len; i++) {
        char byte = value.at[i] == '\t' ? ' ' : value.at[i];
        if (byte != ' ' || before != ' ')
            put_byte(to, byte);
        before = byte;
    }
}

static void put_header(struct text *to, struct headers headers, struct span name)
{
    bool again = false;
    put(to, name);
    put_byte(to, ':');
    for (size_t i = 0; i < headers.count; i++) {
        if (!span_eq(headers.at[i].name, name))
            continue;
        if (again)
            put_byte(to, ',');
        put_header_value(to, headers.at[i].value);
        again = true;
    }
    put_byte(to, '\n');
}

static struct span payload_line(const struct sigv4_request *request,
                                const struct sigv4_claim *claim, struct span body_sha256)
{
    if (!span_is_absent(claim->content_sha256))
        return claim->content_sha256;
    if (claim->payload == PAYLOAD_UNSIGNED)
        return S("UNSIGNED-PAYLOAD");
    return span_is_absent(body_sha256) ? S(EMPTY_SHA256) : body_sha256;
}

/* At most three bytes for one in path and query, and '=' behind each parameter. The signed headers'
 * names stand there twice, with a ':' and a line's end; their values once. */
static size_t canonical_size(const struct sigv4_request *request, const struct sigv4_claim *claim,
                             struct span payload)
{
    size_t size = request->method.len + 3 * request->path.len + 4 * request->query.len +
                  4 * claim->signed_headers.len + payload.len + 16;
    for (size_t i = 0; i < request->headers.count; i++)
        size += request->headers.at[i].value.len + 1;
    return size;
}

struct span sigv4_canonical(struct arena *arena, const struct sigv4_request *request,
                            const struct sigv4_claim *claim, struct span body_sha256)
{
    struct span payload = payload_line(request, claim, body_sha256);
    size_t size = canonical_size(request, claim, payload);
    char *begin = arena_alloc(arena, size);
    struct text to = {begin, begin + size};

    put(&to, request->method);
    put_byte(&to, '\n');
    put_path(&to, request);
    put_byte(&to, '\n');
    put_query(&to, arena, request->query, claim->presigned);
    put_byte(&to, '\n');
    struct span names = claim->signed_headers;
    while (!span_is_empty(names))
        put_header(&to, request->headers, span_cut(&names, ';'));
    put_byte(&to, '\n');
    put(&to, claim->signed_headers);
    put_byte(&to, '\n');
    put(&to, payload);
    return span_of(begin, (size_t)(to.at - begin));
}
