// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Attribute values between the wire's structs and the engine's values: checked, normalised and put
 * in order on the way in. Everything lives in the call's arena; bytes are borrowed. Any thread.
 */
#include "engines/kv/kv.h"
#include "services/dynamodb/dynamodb.api.h"
#include "wire/call.h"

/* Writing operations wrap what they say about a value: "1 validation error detected: …". */
enum ATTRIBUTE_WORDS { ATTRIBUTE_PLAIN, ATTRIBUTE_WRAPPED };

/* The generated maps from names to values have one layout and many names. */
struct attribute_pairs {
    const void *at; /* struct dynamodb_attribute_map_pair */
    size_t count;
};
#define ATTRIBUTE_PAIRS(map) ((struct attribute_pairs){(map).at, (map).count})

RESULT attribute_read_map(struct call *c, enum ATTRIBUTE_WORDS words, struct attribute_pairs pairs,
                          struct kv_map *ret);
RESULT attribute_read(struct call *c, enum ATTRIBUTE_WORDS words,
                      const struct dynamodb_attribute_value *value, struct kv_value *ret);

void attribute_show(struct call *c, const struct kv_value *value,
                    struct dynamodb_attribute_value *ret);
struct dynamodb_attribute_map attribute_show_map(struct call *c, const struct kv_map *map);

/* The same as JSON. */
RESULT attribute_read_json(struct call *c, struct span json, struct kv_map *ret);
struct span attribute_json(struct call *c, const struct kv_map *map);
/* The members of a put as JSON; what is missing is absent. */
RESULT attribute_read_put(struct call *c, struct span json, struct dynamodb_put *ret);

/* "S", "N", … */
struct span attribute_type_name(enum KV_TYPE type);
/* Of a key: S, N or B, which the model has checked. */
enum KV_TYPE attribute_key_type(struct span name);
