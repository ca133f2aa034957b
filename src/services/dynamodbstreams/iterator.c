// SPDX-License-Identifier: Apache-2.0
/* ARN|shard|sequence|time|code, as the real service begins its iterators with the ARN, too. Pure.
 */
#include "services/dynamodbstreams/iterator.h"

#include "base/text.h"

#define CODE_SIZE 16     /* bytes */
#define ZEROS S("00000") /* behind a number, to make 21 digits of the 16 */

static struct span code_of(struct arena *arena, const struct hmac_key *key, struct span text)
{
    uint8_t mac[SHA256_SIZE];
    hmac_sign(key, text, mac);
    return hex_of(arena, span_of(mac, CODE_SIZE));
}

struct span iterator_print(struct arena *arena, const struct hmac_key *key,
                           const struct iterator *iterator)
{
    struct span text =
        arena_printf(arena, "%.*s|%llu|%llu|%lld", SPAN_ARG(iterator->stream_arn),
                     (unsigned long long)iterator->shard, (unsigned long long)iterator->sequence,
                     (long long)iterator->made_ms);
    return arena_printf(arena, "%.*s|%.*s", SPAN_ARG(text), SPAN_ARG(code_of(arena, key, text)));
}

bool iterator_read(struct arena *arena, const struct hmac_key *key, struct span text,
                   struct iterator *ret)
{
    size_t end = span_find_last_byte(text, '|');
    if (end == SPAN_NOT_FOUND)
        return false;
    struct span code = span_from(text, end + 1);
    text = span_first(text, end);
    if (code.len != 2 * CODE_SIZE || !hash_eq(code.at, code_of(arena, key, text).at, 2 * CODE_SIZE))
        return false;
    ret->stream_arn = span_cut(&text, '|');
    return span_to_u64(span_cut(&text, '|'), &ret->shard) &&
           span_to_u64(span_cut(&text, '|'), &ret->sequence) && span_to_i64(text, &ret->made_ms);
}

struct span iterator_sequence_print(struct call *c, uint64_t sequence)
{
    return arena_printf(c->arena, "%016llu%.*s", (unsigned long long)sequence, SPAN_ARG(ZEROS));
}

bool iterator_sequence_read(struct span text, uint64_t *ret)
{
    return span_ends(text, ZEROS) && span_to_u64(span_first(text, text.len - ZEROS.len), ret);
}
