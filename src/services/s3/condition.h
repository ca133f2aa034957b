// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Conditional requests. Reading and copying follow RFC 9110 section 13.2.2 with seconds of
 * precision; writing knows If-None-Match: * and If-Match with one tag only. Source: "Conditional
 * requests" in the S3 user guide.
 */
#include "wire/call.h"

struct condition {
    struct span if_match, if_none_match;            /* absent: not asked */
    int64_t if_modified_since, if_unmodified_since; /* ms, TIME_NONE: not asked */
};

enum CONDITION { CONDITION_MET, CONDITION_FAILED, CONDITION_NOT_MODIFIED };

/* How an object with this tag (in quotes) and time stands; *ret_which names the header that
 * decided. */
enum CONDITION condition_check(const struct condition *condition, struct span etag,
                               int64_t modified_ms, struct span *ret_which);
/* Does a header's list of tags (with or without quotes, or *) hold this one? Pure. */
bool condition_lists(struct span list, struct span etag);

/* For reading: OK, 304 or 412. */
RESULT condition_read(struct call *c, const struct condition *condition, struct span etag,
                      int64_t modified_ms);
/* For the source of a copy: OK or 412. */
RESULT condition_copy(struct call *c, const struct condition *condition, struct span etag,
                      int64_t modified_ms);

/* For writing: refuses what S3 does not accept, before anything is read. */
RESULT condition_write_check(struct call *c, struct span if_match, struct span if_none_match);
/* Against what is there now: `etag` is absent when there is no such object. */
RESULT condition_write(struct call *c, struct span if_match, struct span if_none_match,
                       struct span key, struct span etag);
