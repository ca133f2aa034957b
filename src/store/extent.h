// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Large bytes: extents in segment files under DATA/extents. An extent is written once, synced
 * before the commit that refers to it, and reference-counted in the store, so that a copy is
 * metadata. Space of an extent whose last reference went is given back (hole punched, dead segment
 * files removed) after that transaction is durable. What a crash leaves without references is found
 * and given back at the next start.
 *
 * A sealed extent (base/seal.h) is a run of frames under a key of its own, which belongs to the
 * bytes: whoever refers to them keeps it, wrapped as he likes. Lengths, checksums and references
 * are those of the stored bytes, so everything but reading is the same for both kinds.
 */
#include "base/seal.h"
#include "store/txn.h"

#define EXTENT_MAX (8 * 1024 * 1024) /* bytes of content */
#define EXTENT_STORED_MAX (EXTENT_MAX + EXTENT_MAX / (64 * 1024) * SEAL_TAG_SIZE)

struct extent {
    uint64_t offset;  /* bytes into the segment file */
    uint32_t segment; /* file number */
    uint32_t len;     /* bytes used */
    uint32_t crc32c;  /* of those bytes */
    struct sealing sealing;
};

enum EXTENT_KIND { EXTENT_PLAIN, EXTENT_SEALED };

/* Bytes of content. */
static inline uint32_t extent_size(const struct extent *extent)
{
    return extent->sealing.sealed ? (uint32_t)seal_plain_len(extent->len) : extent->len;
}

/* Adds one reference to each, within the transaction; the commit fails (-ENOENT) when one has none
 * already. To put an extent in its own place, ref before unref. */
void extent_ref(struct txn *txn, const struct extent *extents, size_t count);
/* Drops one reference from each; those at 0 are reclaimed once durable. 0, -ENOENT when there was
 * none, or another negative errno. */
MUST_CHECK int extent_unref(struct txn *txn, const struct extent *extents, size_t count);
/* A descriptor for the segment, shared; not to be closed. Valid while an extent in it is pinned or
 * referenced. -errno. Any thread. */
MUST_CHECK int extent_open(struct store *store, uint32_t segment);
/* Readers in progress keep the bytes: between pin and unpin nothing of these is reclaimed. To be
 * called before the transaction ends that read the extents. Any thread. */
void extent_pin(struct store *store, const struct extent *extents, size_t count);
void extent_unpin(struct store *store, const struct extent *extents, size_t count);
/* Reads what is stored and checks the CRC, for scrubbing. 0, -EIO on a checksum mismatch. Blocks.
 */
MUST_CHECK int extent_read(struct store *store, const struct extent *extent, char *to);

/* A part of an extent's content, opened. 0, -EIO when it is damaged, -ENOKEY when its key is not
 * known. Blocks. */
struct extent_part {
    struct extent extent;
    uint32_t skip, len; /* bytes of content */
};
MUST_CHECK int extent_fetch(struct store *store, const struct extent_part *part, char *to);

/* Writes 1 to EXTENT_MAX bytes as an extent of their own, synced, which gets its first reference in
 * this transaction and is reclaimed if that one is not committed. 0, -ENOSPC, -EIO. Blocks. */
MUST_CHECK int extent_write(struct txn *txn, struct span bytes, enum EXTENT_KIND kind,
                            struct extent *ret);

/* The binary form inside records: 20 bytes an extent. */
struct span extents_encode(struct arena *arena, const struct extent *extents, size_t count);
MUST_CHECK bool extents_decode(struct span bytes, struct arena *arena, struct extent **ret,
                               size_t *ret_count);
