// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the services answer when a JSON value has the wrong type. There are two dialects: DynamoDB's
 * ("NUMBER_VALUE cannot be converted to String") and everybody else's ("NUMBER_VALUE can not be
 * converted to a String"). One decoder per request.
 */
#include "base/json.h"
#include "base/text.h"
#include "wire/decoder.h"

struct json_decoder {
    struct decoder *d;
    struct json_reader reader;
    int in_list;    /* the value being read is an element of a list */
    bool only_body; /* of the outermost structure, members of other locations are not taken */
};

/* `token` began a value that the shape cannot take. */
RESULT json_fault(struct json_decoder *j, const struct shape *shape, enum JSON_TOKEN token);
/* `text` is no base64. */
RESULT json_fault_blob(struct json_decoder *j, struct span text);
