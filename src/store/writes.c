// SPDX-License-Identifier: Apache-2.0
/*
 * The writes of one transaction. Bytes lie only once, in the form that goes into the log: a head,
 * the key (which begins with its family), the value. The index is a chained hash table over them;
 * an overwrite leaves the older one behind the newer. The transaction's thread.
 */
#include "store/inside.h"

#include "base/log.h"

#include <stdlib.h>

#define FIRST_HEADS 16
#define KEPT_BYTES (1 << 20) /* a recycled transaction keeps at most this */
#define KEPT_WRITES 4096

void writes_init(struct writes *writes)
{
    *writes = (struct writes){.head_count = FIRST_HEADS};
    buf_init(&writes->bytes, UINT32_MAX);
    writes->heads = store_alloc(FIRST_HEADS * sizeof *writes->heads);
    memset(writes->heads, 0, FIRST_HEADS * sizeof *writes->heads);
}

void writes_done(struct writes *writes)
{
    buf_done(&writes->bytes);
    free(writes->at);
    free(writes->heads);
}

void writes_clear(struct writes *writes)
{
    if (!writes->count)
        return;
    if (writes->cap > KEPT_WRITES || writes->bytes.cap > KEPT_BYTES) {
        writes_done(writes);
        writes_init(writes);
        return;
    }
    buf_clear(&writes->bytes);
    memset(writes->heads, 0, writes->head_count * sizeof *writes->heads);
    writes->count = writes->put_count = 0;
}

static void chain(struct writes *writes, uint32_t index)
{
    uint32_t *head = &writes->heads[writes->at[index].hash & (writes->head_count - 1)];
    writes->at[index].older = *head;
    *head = index + 1;
}

static void grow(struct writes *writes)
{
    writes->cap = writes->cap ? writes->cap * 2 : FIRST_HEADS;
    writes->at = store_grow(writes->at, writes->cap * sizeof *writes->at);
    if (writes->cap <= writes->head_count)
        return;
    writes->head_count = writes->cap;
    writes->heads = store_grow(writes->heads, writes->head_count * sizeof *writes->heads);
    memset(writes->heads, 0, writes->head_count * sizeof *writes->heads);
    for (uint32_t i = 0; i < writes->count; i++)
        chain(writes, i);
}

static void add(struct writes *writes, const struct write_head *head, const struct write_key *key,
                struct span value)
{
    uint32_t begin = (uint32_t)writes->bytes.len;
    char *to = buf_room(&writes->bytes, sizeof *head + head->key_len + value.len);
    if (!to)
        log_fatal("a transaction of more than 4 GiB");
    to = mempcpy(to, head, sizeof *head);
    to = mempcpy(to, key->bytes, key->len);
    if (value.len)
        memcpy(to, value.at, value.len);
    writes->bytes.len += sizeof *head + key->len + value.len;
    if (writes->count == writes->cap)
        grow(writes);
    writes->at[writes->count] = (struct write){.hash = key->hash, .begin = begin};
    chain(writes, writes->count++);
}

void writes_put(struct writes *writes, const struct write_key *key, struct span value)
{
    if (value.len > UINT32_MAX)
        log_fatal("a value of more than 4 GiB");
    add(writes, &(struct write_head){.key_len = key->len, .value_len = (uint32_t)value.len}, key,
        value);
    writes->put_count++;
}

void writes_delete(struct writes *writes, const struct write_key *key)
{
    add(writes, &(struct write_head){.key_len = key->len, .deleted = true}, key, SPAN_NONE);
}

struct write_parts writes_at(const struct writes *writes, uint32_t index)
{
    return write_at(writes->bytes.at + writes->at[index].begin);
}

bool writes_is_newest(const struct writes *writes, uint32_t index)
{
    const struct write *write = &writes->at[index];
    uint32_t at = writes->heads[write->hash & (writes->head_count - 1)];
    while (at - 1 != index &&
           (writes->at[at - 1].hash != write->hash ||
            !span_eq(writes_at(writes, at - 1).key, writes_at(writes, index).key)))
        at = writes->at[at - 1].older;
    return at - 1 == index;
}

const struct write *writes_find(const struct writes *writes, const struct write_key *key)
{
    if (!writes->count)
        return NULL;
    for (uint32_t at = writes->heads[key->hash & (writes->head_count - 1)]; at;
         at = writes->at[at - 1].older)
        if (writes->at[at - 1].hash == key->hash &&
            span_eq(writes_at(writes, at - 1).key, write_key_span(key)))
            return &writes->at[at - 1];
    return NULL;
}

bool write_is_carried(const char *at)
{
    struct write_head head;
    memcpy(&head, at, sizeof head);
    return !head.deleted && at[sizeof head] == FAMILY_CARRIED;
}

struct write_parts write_at(const char *at)
{
    struct write_head head;
    memcpy(&head, at, sizeof head);
    at += sizeof head;
    return (struct write_parts){
        .key = span_of(at, head.key_len),
        .value = span_of(at + head.key_len, head.value_len),
        .deleted = head.deleted,
        .end = at + head.key_len + head.value_len,
    };
}

bool write_read(struct span *rest, struct write_parts *out)
{
    struct write_head head;
    if (rest->len < sizeof head)
        return false;
    memcpy(&head, rest->at, sizeof head);
    size_t len = sizeof head + head.key_len + (size_t)head.value_len;
    if (rest->len < len || head.key_len == 0)
        return false;
    *out = write_at(rest->at);
    *rest = span_from(*rest, len);
    return true;
}

void write_key_make(struct write_key *full, enum FAMILY family, struct span key)
{
    if (key.len > sizeof full->bytes - 1)
        log_fatal("a key of %zu bytes", key.len);
    full->bytes[0] = (char)family;
    memcpy(full->bytes + 1, key.at, key.len);
    full->len = (uint16_t)(key.len + 1);
    full->hash = span_hash(write_key_span(full));
}
