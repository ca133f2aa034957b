// SPDX-License-Identifier: Apache-2.0
/*
 * Two passes: http_head_find only looks for line ends, so that a head which comes in pieces is not
 * read again and again; http_head_parse then sees all of it at once, and so cannot depend on how it
 * was cut. Pure, any thread.
 */
#include "http/head.h"

#include "http/octets.h"

size_t http_head_blank(struct span bytes)
{
    size_t len = 0;
    while (len + 2 <= bytes.len && bytes.at[len] == '\r' && bytes.at[len + 1] == '\n')
        len += 2;
    return len;
}

int64_t http_head_find(struct http_head_scan *scan, struct span bytes)
{
    if (span_eq(bytes, S("\r")))
        return 0;
    /* What begins with no method is refused without waiting for a line: TLS on a plain port. */
    if (bytes.len && !http_token_octets[(unsigned char)bytes.at[0]])
        return -400;
    for (;;) {
        size_t lf = span_find_byte(span_from(bytes, scan->at), '\n');
        if (lf == SPAN_NOT_FOUND)
            return 0;
        if (lf == 0 || bytes.at[scan->at + lf - 1] != '\r')
            return -400;
        scan->at += lf + 1;
        if (lf == 1)
            return (int64_t)scan->at;
        if (scan->lines++ == 0)
            scan->request_line = scan->at;
    }
}

/* What the fields that frame a message said; see finish_fields. */
struct framing {
    struct span host, content_length, transfer_encoding, expect;
    bool close, keep_alive;
    bool repeated; /* a field came twice that must not */
};

/* The next line without its CR LF. The head ends with an empty one. */
static struct span next_line(struct span *rest)
{
    size_t lf = (size_t)((const char *)memchr(rest->at, '\n', rest->len) - rest->at);
    struct span line = span_first(*rest, lf - 1);
    *rest = span_from(*rest, lf + 1);
    return line;
}

static int parse_version(struct http_head *head, struct span version)
{
    if (version.len != 8 || !span_starts(version, S("HTTP/")) || version.at[6] != '.')
        return 400;
    char major = version.at[5], minor = version.at[7];
    if (major < '0' || major > '9' || minor < '0' || minor > '9')
        return 400;
    head->minor = minor != '0';
    return major == '1' ? 0 : 505;
}

/* absolute-form: the authority replaces the Host field (RFC 9112 section 3.2.2). */
static int parse_absolute_target(struct http_head *head)
{
    struct span rest = head->target;
    size_t scheme = span_starts_nocase(rest, S("http://"))    ? 7
                    : span_starts_nocase(rest, S("https://")) ? 8
                                                              : 0;
    if (!scheme)
        return 400;
    rest = span_from(rest, scheme);
    size_t end = 0;
    while (end < rest.len && rest.at[end] != '/' && rest.at[end] != '?')
        end++;
    head->host = span_first(rest, end);
    head->path = span_from(rest, end);
    return end && http_is_host(head->host) ? 0 : 400;
}

static int parse_target(struct http_head *head)
{
    if (!http_is_target(head->target))
        return 400;
    if (span_eq(head->method, S("CONNECT")))
        return 501;
    head->path = head->target;
    if (span_eq(head->target, S("*")))
        return span_eq(head->method, S("OPTIONS")) ? 0 : 400;
    if (head->target.at[0] != '/') {
        int status = parse_absolute_target(head);
        if (status)
            return status;
    }
    size_t mark = span_find_byte(head->path, '?');
    if (mark != SPAN_NOT_FOUND) {
        head->query = span_from(head->path, mark + 1);
        head->path = span_first(head->path, mark);
    }
    if (!head->path.len)
        head->path = S("/");
    return 0;
}

static int parse_request_line(struct http_head *head, struct span line)
{
    head->method = span_cut(&line, ' ');
    head->target = span_cut(&line, ' ');
    if (!http_is_token(head->method) || span_is_absent(line))
        return 400;
    int status = parse_version(head, line);
    return status ? status : parse_target(head);
}

static void note_once(struct framing *framing, struct span *at, struct span value)
{
    if (!span_is_absent(*at))
        framing->repeated = true;
    *at = value;
}

static void note_content_length(struct framing *framing, struct span value)
{
    /* The same length twice is allowed (RFC 9110 section 8.6); two lengths are an attack. */
    if (span_is_absent(framing->content_length) || !span_eq(framing->content_length, value))
        note_once(framing, &framing->content_length, value);
}

static void note_connection(struct framing *framing, struct span list)
{
    while (!span_is_absent(list)) {
        struct span option = span_trim(span_cut(&list, ','));
        framing->close |= span_eq_nocase(option, S("close"));
        framing->keep_alive |= span_eq_nocase(option, S("keep-alive"));
    }
}

static void note_field(struct framing *framing, const struct header *field)
{
    switch (field->name.len) {
    case 4:
        if (span_eq(field->name, S("host")))
            note_once(framing, &framing->host, field->value);
        break;
    case 6:
        if (span_eq(field->name, S("expect")))
            note_once(framing, &framing->expect, field->value);
        break;
    case 10:
        if (span_eq(field->name, S("connection")))
            note_connection(framing, field->value);
        break;
    case 14:
        if (span_eq(field->name, S("content-length")))
            note_content_length(framing, field->value);
        break;
    case 17:
        if (span_eq(field->name, S("transfer-encoding")))
            note_once(framing, &framing->transfer_encoding, field->value);
        break;
    default:
        break;
    }
}

/* `line` is in `bytes`, which may be written: the name becomes lower case. */
static int parse_field(struct header *field, char *bytes, size_t len)
{
    size_t i = 0;
    for (uint8_t lower; i < len && (lower = http_token_octets[(unsigned char)bytes[i]]); i++)
        bytes[i] = (char)lower;
    if (i == 0 || i == len || bytes[i] != ':')
        return 400; /* a folded line too: it begins with a blank */
    field->name = span_of(bytes, i);
    field->value = span_trim(span_of(bytes + i + 1, len - i - 1));
    return http_is_value(field->value) ? 0 : 400;
}

/* A list that ends with "chunked" once and knows no other coding (RFC 9112 section 6.1). */
static int parse_transfer_encoding(struct http_head *head, struct span list)
{
    bool unknown = false;
    while (!span_is_absent(list)) {
        struct span coding = span_trim(span_cut(&list, ','));
        if (!coding.len || head->chunked)
            return 400;
        head->chunked = span_eq_nocase(coding, S("chunked"));
        unknown |= !head->chunked;
    }
    return unknown ? 501 : 0;
}

static int finish_body(struct http_head *head, const struct framing *framing)
{
    bool coded = !span_is_absent(framing->transfer_encoding);
    if (coded && (!span_is_absent(framing->content_length) || head->minor == 0))
        return 400;
    if (coded)
        return parse_transfer_encoding(head, framing->transfer_encoding);
    if (span_is_absent(framing->content_length))
        return 0;
    if (!span_to_u64(framing->content_length, &head->content_length))
        return 400;
    return head->content_length <= INT64_MAX ? 0 : 400;
}

static int finish_host(struct http_head *head, const struct framing *framing)
{
    if (span_is_absent(framing->host))
        return head->minor ? 400 : 0;
    if (!http_is_host(framing->host))
        return 400;
    if (span_is_absent(head->host))
        head->host = framing->host;
    return 0;
}

static int finish_fields(struct http_head *head, const struct framing *framing)
{
    if (framing->repeated)
        return 400;
    int status = finish_host(head, framing);
    if (!status)
        status = finish_body(head, framing);
    if (status)
        return status;
    head->keep_alive = !framing->close && (head->minor || framing->keep_alive);
    if (span_is_absent(framing->expect))
        return 0;
    if (!span_eq_nocase(framing->expect, S("100-continue")))
        return 417;
    /* HTTP/1.0 clients do not know 100. An empty body is waited with all the same: botocore takes a
     * final status in place of the 100 for that of its next request on the connection too, and S3
     * sends it. */
    head->expects_continue = head->minor;
    return 0;
}

int http_head_parse(struct http_head *head, char *bytes, size_t len, struct header *fields)
{
    struct framing framing = {0};
    struct span rest = span_of(bytes, len);
    *head = (struct http_head){.headers.at = fields};
    int status = parse_request_line(head, next_line(&rest));
    if (status)
        return status;
    for (struct span line; (line = next_line(&rest)).len;) {
        struct header *field = &fields[head->headers.count++];
        status = parse_field(field, bytes + (line.at - bytes), line.len);
        if (status)
            return status;
        note_field(&framing, field);
    }
    return finish_fields(head, &framing);
}

int http_head_check(struct http_head *head)
{
    struct framing framing = {0};
    if (!http_is_token(head->method))
        return 400;
    int status = parse_target(head);
    for (size_t i = 0; !status && i < head->headers.count; i++) {
        status = http_is_value(head->headers.at[i].value) ? 0 : 400;
        note_field(&framing, &head->headers.at[i]);
    }
    return status ? status : finish_fields(head, &framing);
}
