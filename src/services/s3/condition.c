// SPDX-License-Identifier: Apache-2.0
/* Preconditions of reads, copies and writes. Any thread. */
#include "services/s3/condition.h"

#include "base/time.h"
#include "services/s3/s3.api.h"

static struct span unquoted(struct span tag)
{
    tag = span_trim(tag);
    if (tag.len >= 2 && tag.at[0] == '"' && tag.at[tag.len - 1] == '"')
        return span_of(tag.at + 1, tag.len - 2);
    return tag;
}

bool condition_lists(struct span list, struct span etag)
{
    struct span rest = list;
    etag = unquoted(etag);
    while (!span_is_absent(rest)) {
        struct span tag = unquoted(span_cut(&rest, ','));
        if (span_eq(tag, S("*")) || span_eq(tag, etag))
            return true;
    }
    return false;
}

/* Compares as HTTP dates do, in whole seconds. */
static bool is_after(int64_t a_ms, int64_t b_ms)
{
    return a_ms / 1000 > b_ms / 1000;
}

enum CONDITION condition_check(const struct condition *condition, struct span etag,
                               int64_t modified_ms, struct span *ret_which)
{
    if (!span_is_absent(condition->if_match)) {
        *ret_which = S("If-Match");
        if (!condition_lists(condition->if_match, etag))
            return CONDITION_FAILED;
    } else if (condition->if_unmodified_since != TIME_NONE &&
               is_after(modified_ms, condition->if_unmodified_since)) {
        *ret_which = S("If-Unmodified-Since");
        return CONDITION_FAILED;
    }
    if (!span_is_absent(condition->if_none_match)) {
        *ret_which = S("If-None-Match");
        if (condition_lists(condition->if_none_match, etag))
            return CONDITION_NOT_MODIFIED;
    } else if (condition->if_modified_since != TIME_NONE &&
               !is_after(modified_ms, condition->if_modified_since)) {
        *ret_which = S("If-Modified-Since");
        return CONDITION_NOT_MODIFIED;
    }
    return CONDITION_MET;
}

static RESULT refuse_failed(struct call *c, struct span which)
{
    return refuse_with(c, &S3_PRECONDITION_FAILED, S("Condition"), which,
                       "At least one of the pre-conditions you specified did not hold");
}

RESULT condition_read(struct call *c, const struct condition *condition, struct span etag,
                      int64_t modified_ms)
{
    struct span which;
    struct condition now = *condition;
    if (now.if_modified_since != TIME_NONE && is_after(now.if_modified_since, c->now_ms))
        now.if_modified_since = TIME_NONE; /* a date to come is no condition (RFC 9110, 13.1.3) */
    switch (condition_check(&now, etag, modified_ms, &which)) {
    case CONDITION_MET:
        return OK;
    case CONDITION_NOT_MODIFIED:
        call_add_header(c, S("ETag"), etag);
        char date[TIME_TEXT_SIZE];
        call_add_header(c, S("Last-Modified"),
                        arena_copy(c->arena, time_http_date(modified_ms, date)));
        return refuse(c, &S3_NOT_MODIFIED, "Not Modified");
    case CONDITION_FAILED:
        break;
    }
    return refuse_failed(c, which);
}

RESULT condition_copy(struct call *c, const struct condition *condition, struct span etag,
                      int64_t modified_ms)
{
    struct span which;
    if (condition_check(condition, etag, modified_ms, &which) == CONDITION_MET)
        return OK;
    return refuse_failed(c, arena_printf(c->arena, "x-amz-copy-source-%.*s", SPAN_ARG(which)));
}

static RESULT refuse_header(struct call *c, struct span header, struct span more)
{
    const struct refusal *refusal =
        refuse_with(c, &S3_NOT_IMPLEMENTED, S("Header"), header,
                    "A header you provided implies functionality that is not implemented");
    return refusal_add(c, refusal, S("additionalMessage"), more);
}

RESULT condition_write_check(struct call *c, struct span if_match, struct span if_none_match)
{
    if (!span_is_absent(if_match) && !span_is_absent(if_none_match))
        return refuse_header(c, S("If-Match,If-None-Match"),
                             S("Multiple conditional request headers present in the request"));
    if (!span_is_absent(if_none_match) && !span_eq(if_none_match, S("*")))
        return refuse_header(
            c, S("If-None-Match"),
            S("We don't accept the provided value of If-None-Match header for this API"));
    if (span_eq(if_match, S("*")))
        return refuse_header(
            c, S("If-Match"),
            S("We don't accept the provided value of If-Match header for this API"));
    return OK;
}

RESULT condition_write(struct call *c, struct span if_match, struct span if_none_match,
                       struct span key, struct span etag)
{
    if (!span_is_absent(if_none_match) && !span_is_absent(etag))
        return refuse_failed(c, S("If-None-Match"));
    if (span_is_absent(if_match))
        return OK;
    if (span_is_absent(etag))
        return refuse_with(c, &S3_NO_SUCH_KEY, S("Key"), key, "The specified key does not exist.");
    if (!span_eq(unquoted(if_match), unquoted(etag)))
        return refuse_failed(c, S("If-Match"));
    return OK;
}
