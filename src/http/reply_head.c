// SPDX-License-Identifier: Apache-2.0
/*
 * The size is added up first, then the bytes are written into one block. Field values come from
 * clients too (S3 echoes what a query parameter asks for), so bytes that could end a field are
 * blanked here, at the one place through which all of them pass. Pure, any thread.
 */
#include "http/reply_head.h"

#include "http/octets.h"

#define STATUS_LINE(status, reason) [(status)-100] = S_INIT("HTTP/1.1 " #status " " reason "\r\n")

static const struct span status_lines[] = {
    STATUS_LINE(200, "OK"),
    STATUS_LINE(201, "Created"),
    STATUS_LINE(202, "Accepted"),
    STATUS_LINE(204, "No Content"),
    STATUS_LINE(206, "Partial Content"),
    STATUS_LINE(301, "Moved Permanently"),
    STATUS_LINE(302, "Found"),
    STATUS_LINE(303, "See Other"),
    STATUS_LINE(304, "Not Modified"),
    STATUS_LINE(307, "Temporary Redirect"),
    STATUS_LINE(308, "Permanent Redirect"),
    STATUS_LINE(400, "Bad Request"),
    STATUS_LINE(401, "Unauthorized"),
    STATUS_LINE(402, "Payment Required"),
    STATUS_LINE(403, "Forbidden"),
    STATUS_LINE(404, "Not Found"),
    STATUS_LINE(405, "Method Not Allowed"),
    STATUS_LINE(406, "Not Acceptable"),
    STATUS_LINE(408, "Request Timeout"),
    STATUS_LINE(409, "Conflict"),
    STATUS_LINE(410, "Gone"),
    STATUS_LINE(411, "Length Required"),
    STATUS_LINE(412, "Precondition Failed"),
    STATUS_LINE(413, "Content Too Large"),
    STATUS_LINE(414, "URI Too Long"),
    STATUS_LINE(415, "Unsupported Media Type"),
    STATUS_LINE(416, "Range Not Satisfiable"),
    STATUS_LINE(417, "Expectation Failed"),
    STATUS_LINE(422, "Unprocessable Content"),
    STATUS_LINE(424, "Failed Dependency"),
    STATUS_LINE(426, "Upgrade Required"),
    STATUS_LINE(429, "Too Many Requests"),
    STATUS_LINE(431, "Request Header Fields Too Large"),
    STATUS_LINE(500, "Internal Server Error"),
    STATUS_LINE(501, "Not Implemented"),
    STATUS_LINE(502, "Bad Gateway"),
    STATUS_LINE(503, "Service Unavailable"),
    STATUS_LINE(504, "Gateway Timeout"),
    STATUS_LINE(505, "HTTP Version Not Supported"),
    STATUS_LINE(507, "Insufficient Storage"),
    STATUS_LINE(509, "Bandwidth Limit Exceeded"),
};

#define PLAIN_LINE "HTTP/1.1 xxx \r\n" /* the reason may be empty (RFC 9112 section 4) */

bool reply_is_bodiless(int status)
{
    return status == 204 || status == 304;
}

static struct span status_line(int status, char plain[sizeof PLAIN_LINE])
{
    size_t index = (size_t)status - 100;
    if (index < ARRAY_LEN(status_lines) && status_lines[index].len)
        return status_lines[index];
    memcpy(plain, PLAIN_LINE, sizeof PLAIN_LINE);
    for (int i = 11; i >= 9; i--, status /= 10)
        plain[i] = (char)('0' + status % 10);
    return span_of(plain, sizeof PLAIN_LINE - 1);
}

static char *put(char *to, struct span s)
{
    return s.len ? mempcpy(to, s.at, s.len) : to;
}

static char *put_value(char *to, struct span value)
{
    char *end = put(to, value);
    if (!http_is_value(value))
        for (; to < end; to++)
            if (!http_is_value_octet(*to))
                *to = ' ';
    return end;
}

static char *put_decimal(char *to, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    return put(to, span_of(digits + at, sizeof digits - at));
}

#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define LENGTH "Content-Length: "
#define CONNECTION "Connection: "
#define DATE "Date: "

struct span reply_head_encode(struct arena *arena, const struct reply_head *head)
{
    char plain[sizeof PLAIN_LINE];
    struct span line = status_line(head->status, plain);
    size_t size = line.len + sizeof DATE + head->date.len + sizeof CHUNKED + sizeof LENGTH + 20 +
                  sizeof CONNECTION + head->connection.len + 4 * 2;
    for (size_t i = 0; i < head->headers.count; i++)
        size += head->headers.at[i].name.len + head->headers.at[i].value.len + 4;

    char *text = arena_alloc(arena, size), *at = put(text, line);
    at = put(put(put(at, S(DATE)), head->date), S("\r\n"));
    for (size_t i = 0; i < head->headers.count; i++) {
        at = put(put_value(at, head->headers.at[i].name), S(": "));
        at = put(put_value(at, head->headers.at[i].value), S("\r\n"));
    }
    if (head->framing == REPLY_CHUNKED)
        at = put(at, S(CHUNKED));
    else if (head->framing == REPLY_LENGTH)
        at = put(put_decimal(put(at, S(LENGTH)), head->content_length), S("\r\n"));
    if (!span_is_absent(head->connection))
        at = put(put(put(at, S(CONNECTION)), head->connection), S("\r\n"));
    at = put(at, S("\r\n"));
    return span_of(text, (size_t)(at - text));
}
