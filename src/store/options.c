// SPDX-License-Identifier: Apache-2.0
/*
 * How RocksDB is set up. Small while idle, since an empty store must open in milliseconds; grows
 * with use: at most 3 x 32 MiB of write buffers a family and 256 MiB together, 128 MiB of block
 * cache. Called once at open.
 */
#include "store/inside.h"

#define MIB (1024 * 1024)

enum { POINT_IN_TIME_RECOVERY = 2, LOG_LEVEL_HEADER = 5 };

static void set_table(rocksdb_options_t *options)
{
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_cache_t *cache = rocksdb_cache_create_lru(128 * MIB);
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_block_size(table, 8 * 1024);
    rocksdb_block_based_options_set_filter_policy(table,
                                                  rocksdb_filterpolicy_create_bloom_full(10));
    /* Index and filters count against the cache, so memory stays bounded with big data. */
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
    rocksdb_block_based_options_set_format_version(table, 5);
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    rocksdb_cache_destroy(cache);
}

static void set_memory(rocksdb_options_t *options)
{
    rocksdb_options_set_write_buffer_size(options, 32 * MIB);
    rocksdb_options_set_max_write_buffer_number(options, 3);
    rocksdb_options_set_db_write_buffer_size(options, 256 * MIB);
    rocksdb_options_set_max_open_files(options, 512);
    rocksdb_options_set_max_file_opening_threads(options, 2); /* 16 cost a millisecond */
}

static void set_compaction(rocksdb_options_t *options)
{
    static const int levels[] = {rocksdb_no_compression,  rocksdb_no_compression,
                                 rocksdb_lz4_compression, rocksdb_lz4_compression,
                                 rocksdb_lz4_compression, rocksdb_lz4_compression,
                                 rocksdb_lz4_compression};
    rocksdb_options_set_compression_per_level(options, levels, ARRAY_LEN(levels));
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_options_set_max_background_jobs(options, 3);
    /* A stalled write blocks a loop: let compaction fall behind a good deal first. */
    rocksdb_options_set_level0_slowdown_writes_trigger(options, 40);
    rocksdb_options_set_level0_stop_writes_trigger(options, 80);
    rocksdb_options_set_bytes_per_sync(options, MIB);
}

/*
 * Appends stay in memory until the flusher writes and syncs them, which saves a system call a
 * commit; nobody has been told about them before. Recovery stops at the first damaged record:
 * behind a power cut the unsynced tail may have holes, which the stricter modes refuse to open and
 * the laxer one could read past. That the damage does not lie before the acknowledged end is
 * checked afterwards, against the noted durable mark (store.c). What recovery finds is flushed to
 * tables, synced, before the open returns (RocksDB's default), so it counts as durable.
 */
static void set_log(rocksdb_options_t *options)
{
    /* All families go to tables together: after a failed log write RocksDB may flush memory by
     * itself, and a transaction over two families must not come out by halves then. */
    rocksdb_options_set_atomic_flush(options, 1);
    rocksdb_options_set_manual_wal_flush(options, 1);
    rocksdb_options_set_wal_recovery_mode(options, POINT_IN_TIME_RECOVERY);
    rocksdb_options_set_max_total_wal_size(options, 256 * MIB);
}

/*
 * Not a line into RocksDB's own log file: its writer aborts the process when a line is to be
 * appended after an append failed (an assertion that Debian's build keeps), so a full disk would
 * end the program from a log line. The highest level still lets the header lines of an open
 * through; one above it lets nothing through. That level has no name, so RocksDB does not finish
 * its OPTIONS file either, which nobody reads: directory.c removes what is left of it.
 */
static void set_quiet(rocksdb_options_t *options)
{
    rocksdb_options_set_info_log_level(options, LOG_LEVEL_HEADER + 1);
    rocksdb_options_set_keep_log_file_num(options, 1);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    rocksdb_options_set_skip_stats_update_on_db_open(options, 1);
    rocksdb_options_set_avoid_unnecessary_blocking_io(options, 1);
}

rocksdb_options_t *options_new(void)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_missing_column_families(options, 1);
    set_table(options);
    set_memory(options);
    set_compaction(options);
    set_log(options);
    set_quiet(options);
    return options;
}
