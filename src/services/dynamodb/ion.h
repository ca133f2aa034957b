// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Items as Amazon Ion text, as exports write them and imports and bulk operations read them
 * ("DynamoDB table export output format"): a number is a decimal, a set a list with an annotation.
 * Pure.
 */
#include "engines/kv/kv.h"

/* {Item:{…}} behind the version marker, and the end of the line. */
void ion_put_item(const struct kv_map *item, struct buf *out);

/* The length of the first top-level value of the text, with what is before it, or SPAN_NOT_FOUND
 * when it does not end there. What begins no struct ends with its line. */
size_t ion_value_len(struct span text);
/* Whether there is no value in it. */
bool ion_is_blank(struct span text);
/* A record of {Item:…}, and of the members that a put may have beside it, as the JSON of the API.
 * False when it is none; what values are is not checked. `scratch` is used meanwhile. */
MUST_CHECK bool ion_to_json(struct span record, struct arena *scratch, struct buf *json);
