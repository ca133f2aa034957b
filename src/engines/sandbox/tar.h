// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Headers of tar archives: those of Unix version 7, POSIX (ustar, pax) and GNU, as pax(1) and
 * GNU's "Basic Tar Format" have them. Pure: blocks in, entries out; what is too long or leads out
 * of the archive's own root is refused. -EBADMSG: it is no such header, or damaged.
 */
#include "base/span.h"

#define TAR_BLOCK 512
#define TAR_PATH 4096       /* with its NUL */
#define TAR_CAPABILITY 24   /* bytes of security.capability */
#define TAR_EXTENDED 131072 /* bytes of a header that speaks of the next entry */

enum TAR {
    TAR_FILE,
    TAR_HARD_LINK,
    TAR_SYMLINK,
    TAR_DIRECTORY,
    TAR_FIFO,
    TAR_DEVICE,
    TAR_LONG_PATH, /* what follows up to TAR_OTHER is of the next entry: tar_read_extended */
    TAR_LONG_LINK,
    TAR_PAX,
    TAR_OTHER, /* nothing to unpack */
};

struct tar_entry {
    enum TAR type;
    char path[TAR_PATH]; /* from the root, "/" itself included: "/bin/sh" */
    char link[TAR_PATH]; /* of a hard link the same; of a symlink as it is */
    uint64_t size;       /* of the bytes that follow, without their padding */
    int64_t mtime;       /* s since 1970 */
    uint32_t mode;       /* permissions only */
    uint32_t uid, gid;
    char capability[TAR_CAPABILITY];
    size_t capability_len; /* 0: none */
};

/* What headers before an entry say of it; all zero: nothing. */
struct tar_extended {
    struct tar_entry entry;
    bool has_path, has_link, has_size, has_mtime, has_uid, has_gid;
};

/* The next header: 1, and the entry without regard to what was said before; 0: the block is the
 * end. */
MUST_CHECK int tar_read_header(const unsigned char block[TAR_BLOCK], struct tar_entry *ret);
/* The bytes behind a header of such a type. */
MUST_CHECK int tar_read_extended(enum TAR type, struct span bytes, struct tar_extended *to);
/* The entry as it is in the end: paths are clean afterwards. */
MUST_CHECK int tar_finish(const struct tar_extended *extended, struct tar_entry *entry);
