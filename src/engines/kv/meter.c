// SPDX-License-Identifier: Apache-2.0
/*
 * Meters of tables and indexes: one number each, the moment until which it is empty, moved on by
 * what is taken; so taking is one exchange without a lock. Rates are in the tables' records and
 * change on the tables' thread.
 */
#include "engines/kv/inside.h"

#include "base/scope.h"
#include "base/time.h"
#include "engines/kv/kv.records.h"

#include <errno.h>

#define SECOND_US 1000000
#define HALF_HOUR_S 1800

static const struct meter *meter_of(const struct kv_table *table, const struct kv_index *index,
                                    enum KV_METER which)
{
    return index ? &index->meters[which] : &table->meters[which];
}

static bool has(const struct kv_access *access, const struct meter *meter)
{
    if (!atomic_load_explicit(&meter->rate, memory_order_relaxed) || access->kv->unlimited)
        return true;
    return atomic_load_explicit(&meter->empty_until, memory_order_relaxed) < clock_now_us();
}

/* Of those who see the same moment pass one does what there is to do. */
static bool passes(_Atomic int64_t *moment, int64_t now_s, int64_t every_s)
{
    int64_t old = atomic_load_explicit(moment, memory_order_relaxed);
    return now_s - old >= every_s && atomic_compare_exchange_strong(moment, &old, now_s);
}

static void grow(struct meter *meter, double units)
{
    int64_t now_s = clock_now_us() / SECOND_US;
    if (passes(&meter->second, now_s, 1)) {
        uint64_t used = atomic_exchange(&meter->used, 0);
        if (used > atomic_load(&meter->peak))
            atomic_store(&meter->peak, used);
        if (passes(&meter->half_hour, now_s, HALF_HOUR_S)) {
            uint64_t twice = atomic_exchange(&meter->peak, 0); /* of half units */
            if (twice > atomic_load(&meter->rate))
                atomic_store(&meter->rate, twice);
        }
    }
    atomic_fetch_add_explicit(&meter->used, (uint64_t)(units * 2), memory_order_relaxed);
}

static void take(const struct kv_access *access, struct meter *meter, double units)
{
    uint64_t rate = atomic_load_explicit(&meter->rate, memory_order_relaxed);
    if (!rate || access->kv->unlimited)
        return;
    if (atomic_load_explicit(&meter->grow, memory_order_relaxed))
        grow(meter, units);
    int64_t full = clock_now_us() - (int64_t)KV_BURST_S * SECOND_US;
    int64_t taken = (int64_t)(units * SECOND_US / (double)rate);
    int64_t old = atomic_load_explicit(&meter->empty_until, memory_order_relaxed), new;
    do
        new = (old > full ? old : full) + taken;
    while (!atomic_compare_exchange_weak(&meter->empty_until, &old, new));
}

bool kv_meter_has(const struct kv_access *access, const struct kv_table *table,
                  const struct kv_index *index, enum KV_METER which)
{
    return has(access, meter_of(table, index, which));
}

void kv_meter_take(const struct kv_access *access, struct kv_table *table,
                   const struct kv_index *index, enum KV_METER which, double units)
{
    /* A caller has indexes only to look at; their meters are as much the table's as its own. */
    struct meter *meter = (struct meter *)(uintptr_t)meter_of(table, index, which);
    if (atomic_load_explicit(&meter->rate, memory_order_relaxed))
        atomic_fetch_add_explicit(&meter->taken, (uint64_t)(units * 2), memory_order_relaxed);
    take(access, meter, units);
}

static const struct meter *part_of(const struct kv_part *part, enum KV_METER which)
{
    unsigned shard = kv_shard_of(part->key);
    return part->index ? &part->index->parts[shard][which] : &part->table->parts[shard][which];
}

bool kv_part_has(const struct kv_access *access, const struct kv_part *part, enum KV_METER which)
{
    return has(access, part_of(part, which));
}

void kv_part_take(const struct kv_access *access, const struct kv_part *part, enum KV_METER which,
                  double units)
{
    take(access, (struct meter *)(uintptr_t)part_of(part, which), units);
}

void meter_set_parts(struct meter parts[KV_SHARDS][2])
{
    for (size_t i = 0; i < KV_SHARDS; i++) {
        atomic_init(&parts[i][KV_METER_READ].rate, KV_PART_READS);
        atomic_init(&parts[i][KV_METER_WRITE].rate, KV_PART_WRITES);
    }
}

bool kv_meter_grows(const struct kv_table *table, const struct kv_index *index, enum KV_METER which)
{
    return atomic_load_explicit(&meter_of(table, index, which)->grow, memory_order_relaxed);
}

uint64_t kv_meter_taken(const struct kv_access *access, struct span table, struct span index,
                        enum KV_METER which)
{
    GUARD(&access->kv->mutex);
    const struct kv_table *found = map_get(&access->kv->tables, table);
    const struct kv_index *of = NULL;
    if (found && !span_is_absent(index))
        of = kv_index_find(found, index);
    if (!found || (!of && !span_is_absent(index)))
        return 0;
    return atomic_load_explicit(&meter_of(found, of, which)->taken, memory_order_relaxed);
}

uint64_t kv_rates_kind(const struct kv_table *table)
{
    return atomic_load_explicit(&table->rates_kind, memory_order_relaxed);
}

void kv_lift_limits(struct kv *kv)
{
    kv->unlimited = true;
}

/* ---- rates ---------------------------------------------------------------------------------- */

void meter_set(struct meter *meter, const struct meter_rate *to)
{
    bool grown = to->grows && atomic_load(&meter->grow) && atomic_load(&meter->rate) > to->rate;
    atomic_store(&meter->grow, to->grows);
    atomic_store(&meter->half_hour, clock_now_us() / SECOND_US);
    if (!grown)
        atomic_store(&meter->rate, to->rate);
}

/* Of a table in the cache, once the record that says so is visible. In the caller's arena. */
struct setting {
    struct kv *kv;
    struct span table, index;
    struct kv_rates rates;
};

static void set_now(void *thing, enum TXN_END end)
{
    const struct setting *setting = thing;
    if (end != TXN_COMMITTED)
        return;
    GUARD(&setting->kv->mutex);
    struct kv_table *table = kv_table_changed(setting->kv, setting->table);
    if (!table)
        return;
    bool whole = span_is_absent(setting->index);
    struct kv_index *index = kv_index_named(table, setting->index);
    if (!whole && !index)
        return;
    if (whole)
        atomic_store(&table->rates_kind, setting->rates.kind);
    struct meter *meters = whole ? table->meters : index->meters;
    meter_set(&meters[KV_METER_READ],
              &(struct meter_rate){setting->rates.read, setting->rates.read_grows});
    meter_set(&meters[KV_METER_WRITE],
              &(struct meter_rate){setting->rates.write, setting->rates.write_grows});
}

static bool keep(struct kv_table_record *record, const struct setting *setting)
{
    if (span_is_absent(setting->index)) {
        record->read_rate = setting->rates.read;
        record->write_rate = setting->rates.write;
        record->rates_kind = setting->rates.kind;
        record->read_grows = setting->rates.read_grows;
        record->write_grows = setting->rates.write_grows;
        return true;
    }
    for (size_t i = 0; i < record->indexes.count; i++) {
        struct kv_index_record *index = &record->indexes.at[i];
        if (!span_eq(index->name, setting->index))
            continue;
        index->read_rate = setting->rates.read;
        index->write_rate = setting->rates.write;
        index->read_grows = setting->rates.read_grows;
        index->write_grows = setting->rates.write_grows;
        return true;
    }
    return false;
}

int kv_rates_set(const struct kv_access *access, struct span table, struct span index,
                 const struct kv_rates *rates)
{
    struct kv_table_record record = {.name = table};
    int error = kv_table_record_get(access->txn, access->arena, &record);
    if (error < 0)
        return error;
    struct setting *setting = ARENA_NEW(access->arena, struct setting);
    *setting = (struct setting){access->kv, arena_copy(access->arena, table),
                                arena_copy(access->arena, index), *rates};
    if (!keep(&record, setting))
        return -ENOENT;
    kv_table_record_put(access->txn, &record);
    txn_at_end(access->txn, set_now, setting);
    return 0;
}
