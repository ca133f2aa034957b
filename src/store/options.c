// SPDX-License-Identifier: Apache-2.0
/*
 * How RocksDB is set up. Small while idle, since an empty store must open in milliseconds; grows
 * with use: at most 4 x 32 MiB of write buffers and 128 MiB of block cache. Its own log is not
 * used. Called once at open.
 */
#include "store/inside.h"

#include "base/log.h"

#define MIB (1024 * 1024)

enum { LOG_LEVEL_HEADER = 5 };

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
    rocksdb_options_set_max_write_buffer_number(options, 4);
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
    /* A stalled write holds up the settler, and a cursor with it: let compaction fall behind a good
     * deal first. */
    rocksdb_options_set_level0_slowdown_writes_trigger(options, 40);
    rocksdb_options_set_level0_stop_writes_trigger(options, 80);
    rocksdb_options_set_bytes_per_sync(options, MIB);
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

/*
 * A filter over whole keys for each write buffer: a key that is not there, as that of every new
 * item, was looked for in all of them, an eighth of the processor time of loading a large table.
 * RocksDB's C interface has no function for the first of the two.
 */
static rocksdb_options_t *with_buffer_filter(rocksdb_options_t *options)
{
    rocksdb_options_t *filtered = rocksdb_options_create();
    char *message = NULL;
    rocksdb_get_options_from_string(
        options, "memtable_whole_key_filtering=true;memtable_prefix_bloom_size_ratio=0.02",
        filtered, &message);
    if (message)
        log_fatal("RocksDB does not know its own options: %s", message);
    rocksdb_options_destroy(options);
    return filtered;
}

rocksdb_options_t *options_new(void)
{
    rocksdb_options_t *options = rocksdb_options_create();
    set_table(options);
    set_memory(options);
    set_compaction(options);
    set_quiet(options);
    return with_buffer_filter(options);
}
