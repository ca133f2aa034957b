// SPDX-License-Identifier: Apache-2.0
/*
 * The free-space reserve: RocksDB must not meet a full disk, since a failed log write is final. The
 * flusher looks at most every 100 ms, and commits look earlier once they have written a good part
 * of the reserve. Below the reserve transactions that add data are refused; those that only delete
 * go on down to a quarter of it, so that room can be made. Any thread.
 */
#include "store/inside.h"

#include "base/time.h"

#include <errno.h>
#include <sys/statvfs.h>

/* Bytes. More than RocksDB flushes at once (128 MiB), beside the log that
 * stays until then. */
#define RESERVE_DEFAULT (192ULL << 20)

void space_look_now(struct store *store)
{
    struct space *space = &store->space;
    struct statvfs disk;
    atomic_store_explicit(&space->looked_us, clock_measure_us(), memory_order_relaxed);
    atomic_store_explicit(&space->written, 0, memory_order_relaxed);
    if (fstatvfs(store->dir_fd, &disk))
        return;
    uint64_t bytes_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    atomic_store_explicit(&space->bytes_free, bytes_free, memory_order_relaxed);
    enum SPACE level = bytes_free >= space->reserve       ? SPACE_ENOUGH
                       : bytes_free >= space->reserve / 4 ? SPACE_LOW
                                                          : SPACE_OUT;
    atomic_store_explicit(&space->level, level, memory_order_relaxed);
}

void space_init(struct store *store, uint64_t reserve)
{
    store->space.reserve = reserve ? reserve : RESERVE_DEFAULT;
    space_look_now(store);
}

void space_look(struct store *store)
{
    int64_t looked = atomic_load_explicit(&store->space.looked_us, memory_order_relaxed);
    if (clock_measure_us() - looked >= SPACE_LOOK_US)
        space_look_now(store);
}

void space_count(struct store *store, uint64_t bytes)
{
    uint64_t before = atomic_fetch_add_explicit(&store->space.written, bytes, memory_order_relaxed);
    if (before + bytes > store->space.reserve / 4)
        space_look_now(store);
}

int store_admit_bytes(struct store *store, uint64_t bytes)
{
    struct space *space = &store->space;
    space_count(store, bytes);
    uint64_t bytes_free = atomic_load_explicit(&space->bytes_free, memory_order_relaxed);
    return bytes_free < space->reserve + bytes ? -ENOSPC : 0;
}

int space_admit(const struct store *store, bool adds)
{
    int level = atomic_load_explicit(&store->space.level, memory_order_relaxed);
    return level == SPACE_ENOUGH || (level == SPACE_LOW && !adds) ? 0 : -ENOSPC;
}
