// SPDX-License-Identifier: Apache-2.0
/* ARN|shard|sequence|time, as the real service begins its iterators with the ARN, too. Pure. */
#include "services/dynamodbstreams/iterator.h"

#include "base/arena.h"

#define ZEROS S("00000") /* behind a number, to make 21 digits of the 16 */

struct span iterator_print(struct call *c, const struct iterator *iterator)
{
    return arena_printf(c->arena, "%.*s|%llu|%llu|%lld", SPAN_ARG(iterator->stream_arn),
                        (unsigned long long)iterator->shard, (unsigned long long)iterator->sequence,
                        (long long)iterator->made_ms);
}

bool iterator_read(struct span text, struct iterator *ret)
{
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
