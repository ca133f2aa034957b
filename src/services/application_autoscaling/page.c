// SPDX-License-Identifier: Apache-2.0
/*
 * A token is the position of the last thing on the page, in hex: texts with a zero byte behind
 * each, which order as the records do. Pages of 1 to 50 (DescribeScalableTargets). Pure.
 */
#include "services/application_autoscaling/page.h"

#include "base/text.h"
#include "services/application_autoscaling/application_autoscaling.api.h"

#define RESULTS_MAX 50
#define POSITION_MAX 8192

RESULT page_begin(struct call *c, struct span token, const int32_t *max_results, struct page *ret)
{
    *ret = (struct page){.limit = RESULTS_MAX};
    if (max_results && (*max_results < 1 || *max_results > RESULTS_MAX))
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "MaxResults must be between 1 and %d", RESULTS_MAX);
    if (max_results)
        ret->limit = (size_t)*max_results;
    if (span_is_absent(token))
        return OK;
    ret->after = hex_decode(c->arena, token);
    if (!ret->after.len || ret->after.at[ret->after.len - 1] != '\0')
        return refuse(c, &APPLICATION_AUTOSCALING_INVALID_NEXT_TOKEN_EXCEPTION,
                      "Invalid NextToken: %.*s", SPAN_ARG(token));
    return OK;
}

bool page_takes(struct call *c, struct page *page, const struct span *position, size_t parts)
{
    struct buf *at = arena_buf(c->arena, POSITION_MAX);
    for (size_t i = 0; i < parts; i++)
        buf_printf(at, "%.*s%c", SPAN_ARG(position[i]), '\0');
    if (page->after.len && span_compare(buf_span(at), page->after) <= 0)
        return false;
    if (page->count == page->limit) {
        page->next_token = hex_of(c->arena, page->last);
        return false;
    }
    page->count++;
    page->last = buf_span(at);
    return true;
}
