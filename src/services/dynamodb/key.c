// SPDX-License-Identifier: Apache-2.0
/*
 * What may be a key value: the schema's type, not empty, at most 2,048 and 1,024 bytes ("Naming
 * rules and data types", "Quotas"). The texts are the real service's, its missing blank too.
 */
#include "services/dynamodb/key.h"

#include "services/dynamodb/attribute.h"
#include "services/dynamodb/vector.h"

static RESULT check_content(struct call *c, const struct kv_key_part *part,
                            const struct kv_value *value)
{
    if (value->bytes.len || part->type == KV_NUMBER)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "One or more parameter values are not valid. The AttributeValue for a key "
                  "attribute cannot contain an empty %s value. Key: %.*s",
                  part->type == KV_STRING ? "string" : "binary", SPAN_ARG(part->name));
}

static RESULT check_length(struct call *c, enum KEY_KIND kind, size_t len)
{
    if (kind == KEY_HASH && len > KV_HASH_KEY_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: Size of hashkey has exceeded the "
                      "maximum size limit of2048 bytes");
    if (kind == KEY_RANGE && len > KV_RANGE_KEY_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: Aggregated size of all range "
                      "keys has exceeded the size limit of 1024 bytes");
    return OK;
}

RESULT key_check_value(struct call *c, enum KEY_KIND kind, const struct kv_key_part *part,
                       const struct kv_value *value)
{
    TRY(check_content(c, part, value));
    return check_length(c, kind, value->bytes.len);
}

static RESULT make(struct call *c, const struct kv_table *table, const struct kv_value *hash,
                   const struct kv_value *range, struct kv_key *ret)
{
    const struct kv_schema *schema = kv_table_schema(table);
    TRY(check_content(c, &schema->hash, hash));
    if (range)
        TRY(check_content(c, &schema->range, range));
    TRY(check_length(c, KEY_HASH, hash->bytes.len));
    if (range)
        TRY(check_length(c, KEY_RANGE, range->bytes.len));
    kv_key_make(table, hash->bytes, range ? range->bytes : SPAN_NONE, ret);
    return OK;
}

static RESULT part_of_item(struct call *c, const struct kv_key_part *part,
                           const struct kv_map *item, const struct kv_value **ret)
{
    *ret = kv_map_get(item, part->name);
    if (!*ret)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: Missing the key %.*s in the item",
                      SPAN_ARG(part->name));
    if ((*ret)->type == part->type)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "One or more parameter values were invalid: Type mismatch for key %.*s expected: "
                  "%.*s actual: %.*s",
                  SPAN_ARG(part->name), SPAN_ARG(attribute_type_name(part->type)),
                  SPAN_ARG(attribute_type_name((*ret)->type)));
}

/* ---- keys of indexes ------------------------------------------------------------------------ */

static RESULT check_index_part(struct call *c, const struct kv_index_schema *index,
                               const struct kv_key_part *part, const struct kv_value *value)
{
    if (value->type != part->type)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: Type mismatch for Index Key "
                      "%.*s Expected: %.*s Actual: %.*s IndexName: %.*s",
                      SPAN_ARG(part->name), SPAN_ARG(attribute_type_name(part->type)),
                      SPAN_ARG(attribute_type_name(value->type)), SPAN_ARG(index->name));
    if (!value->bytes.len)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values are not valid. A value specified for a "
                      "secondary index key is not supported. The AttributeValue for a key "
                      "attribute cannot contain an empty %s value. IndexName: %.*s, IndexKey: "
                      "%.*s",
                      part->type == KV_STRING ? "string" : "binary", SPAN_ARG(index->name),
                      SPAN_ARG(part->name));
    return OK;
}

static RESULT check_index_parts(struct call *c, const struct kv_index_schema *index,
                                const struct kv_key_part *parts, size_t count,
                                const struct kv_map *item)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        const struct kv_value *value = kv_map_get(item, parts[i].name);
        if (!value)
            continue;
        TRY(check_index_part(c, index, &parts[i], value));
        len += value->bytes.len;
    }
    return check_length(c, parts == index->hash ? KEY_HASH : KEY_RANGE, len);
}

RESULT key_check_indexes(struct call *c, const struct kv_table *table, const struct kv_map *item)
{
    const struct kv_index *index;
    for (size_t at = 0; (index = kv_index_next(table, &at));) {
        const struct kv_index_schema *schema = kv_index_schema(index);
        TRY(check_index_parts(c, schema, schema->hash, schema->hash_count, item));
        TRY(check_index_parts(c, schema, schema->range, schema->range_count, item));
    }
    return OK;
}

/* ---- keys of tables ------------------------------------------------------------------------- */

RESULT key_of_item(struct call *c, const struct kv_table *table, const struct kv_map *item,
                   struct kv_key *ret)
{
    const struct kv_schema *schema = kv_table_schema(table);
    const struct kv_value *hash, *range = NULL;
    TRY(part_of_item(c, &schema->hash, item, &hash));
    if (schema->range.name.at)
        TRY(part_of_item(c, &schema->range, item, &range));
    TRY(make(c, table, hash, range, ret));
    TRY(vector_check_item(c, table, item, NULL));
    return key_check_indexes(c, table, item);
}

static bool part_fits(const struct kv_key_part *part, const struct kv_map *item)
{
    const struct kv_value *value = kv_map_get(item, part->name);
    return value && value->type == part->type;
}

RESULT key_of_batch_item(struct call *c, const struct kv_table *table, const struct kv_map *item,
                         struct kv_key *ret)
{
    const struct kv_schema *schema = kv_table_schema(table);
    if (!part_fits(&schema->hash, item) ||
        (schema->range.name.at && !part_fits(&schema->range, item)))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "The provided key element does not match the schema");
    return key_of_item(c, table, item, ret);
}

RESULT key_of_request(struct call *c, const struct kv_table *table, const struct kv_map *key,
                      struct kv_key *ret)
{
    const struct kv_schema *schema = kv_table_schema(table);
    bool ranged = schema->range.name.at != NULL;
    const struct kv_value *hash = kv_map_get(key, schema->hash.name);
    const struct kv_value *range = ranged ? kv_map_get(key, schema->range.name) : NULL;
    bool fits = key->count == (ranged ? 2 : 1) && hash && hash->type == schema->hash.type &&
                (!ranged || (range && range->type == schema->range.type));
    if (!fits)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "The provided key element does not match the schema");
    return make(c, table, hash, range, ret);
}
