// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The head of an HTTP/1 request: request line and fields (RFC 9112 sections 2 to 6). Strict, since
 * every leniency about framing is a way to smuggle a request: no folded lines, no bare CR or LF, no
 * NUL, no blank before a colon, no Content-Length beside Transfer-Encoding. Pure, any thread.
 */
#include "base/header.h"

/* A search for the end of a head that goes on where it stopped; zeroed to begin. */
struct http_head_scan {
    size_t at;           /* bytes already looked at: whole lines */
    size_t lines;        /* lines found: the request line and the fields */
    size_t request_line; /* its length with CR LF, once found */
};

/*
 * The bytes of empty lines before a request, which are skipped (RFC 9112 section 2.2); a CR alone
 * may become one and is not counted.
 */
size_t http_head_blank(struct span bytes);

/*
 * Looks for the empty line that ends the head which begins at bytes.at. The same bytes, and more,
 * are given again until it is found. Returns the length of the head with its empty line, 0 when
 * there is more to come, or -400 for what can be no head.
 */
MUST_CHECK int64_t http_head_find(struct http_head_scan *scan, struct span bytes);

struct http_head {
    struct span method, target;
    struct span path, query; /* query absent without '?' */
    struct span host;        /* of an absolute-form target, else of the Host field; maybe absent */
    struct headers headers;  /* names in lower case, values without blanks around them */
    uint64_t content_length; /* 0 when chunked */
    bool chunked;
    bool keep_alive;       /* as the request wishes: by version and Connection */
    bool expects_continue; /* and a body follows */
    int minor;             /* HTTP/1.0 or, for anything newer, HTTP/1.1 */
};

/*
 * Reads a whole head as found by http_head_find, lower-casing field names in place; spans point
 * into `bytes`. `fields` has room for `lines` - 1. Returns 0, or the status to refuse it with: 400,
 * 417, 501 or 505.
 */
MUST_CHECK int http_head_parse(struct http_head *head, char *bytes, size_t len,
                               struct header *fields);

/* The same for a head that came as fields: method, target, minor and headers are set and hold only
 * what they may; finds out the rest, Host being among the headers. */
MUST_CHECK int http_head_check(struct http_head *head);
