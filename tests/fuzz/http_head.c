// SPDX-License-Identifier: Apache-2.0
/* Whatever a head is, it does not matter where its bytes are cut; and what is accepted keeps what
 * http/head.h promises. */
#include "http/head.h"

#include "http/octets.h"

#include <stdlib.h>

static void demand(bool condition)
{
    if (!condition)
        abort();
}

/* Byte by byte up to the result, or 0. */
static int64_t find_slowly(struct http_head_scan *scan, struct span input)
{
    for (size_t len = 1; len <= input.len; len++) {
        int64_t found = http_head_find(scan, span_first(input, len));
        if (found)
            return found;
    }
    return 0;
}

static void demand_accepted(const struct http_head *head)
{
    demand(http_is_token(head->method) && http_is_target(head->target) && head->path.len);
    demand(!head->chunked || !head->content_length);
    demand(head->minor || (!head->chunked && !head->expects_continue));
    demand(!head->minor || !span_is_absent(head->host));
    demand(span_is_absent(head->host) || http_is_host(head->host));
    for (size_t i = 0; i < head->headers.count; i++) {
        struct header field = head->headers.at[i];
        demand(http_is_token(field.name) && http_is_value(field.value));
        demand(span_eq(span_trim(field.value), field.value));
        for (size_t j = 0; j < field.name.len; j++)
            demand(field.name.at[j] < 'A' || field.name.at[j] > 'Z');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct span input = span_of(bytes, len);
    struct http_head_scan scan = {0}, slow = {0};
    input = span_from(input, http_head_blank(input));
    int64_t found = http_head_find(&scan, input);
    demand(find_slowly(&slow, input) == found);
    if (found <= 0)
        return 0;
    demand(slow.lines == scan.lines && slow.request_line == scan.request_line);
    char *copy = malloc((size_t)found);
    struct header *fields = calloc(scan.lines, sizeof *fields);
    struct http_head head;
    demand(copy && fields);
    memcpy(copy, input.at, (size_t)found);
    int status = http_head_parse(&head, copy, (size_t)found, fields);
    demand(status == 0 || status == 400 || status == 417 || status == 501 || status == 505);
    demand(head.headers.count <= scan.lines - 1);
    if (!status)
        demand_accepted(&head);
    free(fields);
    free(copy);
    return 0;
}
