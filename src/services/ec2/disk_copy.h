// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The disks of images, in the data directory, and the work of workers on them: copies of disks of
 * instances and of other images, and disks made of archives. What is known of such work is not
 * kept: after a start it is done again. Control thread, but for disk_copy_path's result.
 */
#include "engines/sandbox/sandbox.h"
#include "services/ec2/ec2.h"
#include "wire/call.h"

struct disk_copies;
struct steps;

struct disk_copies *disk_copies_new(struct cloud *cloud, struct steps *steps);
/* What reads archives ends, so that workers can be ended. After the control thread has. */
void disk_copies_stop(struct disk_copies *copies);
void disk_copies_free(struct disk_copies *copies);
struct disk_copies *ec2_disk_copies(struct ec2 *ec2);

enum DISK_COPY { DISK_COPY_NONE, DISK_COPY_WORKING, DISK_COPY_DONE, DISK_COPY_FAILED };
/* By the resource that waits for it; why it failed, for people, in *ret_why. */
enum DISK_COPY disk_copy_state(struct call *c, struct span waiting, struct span *ret_why);
/* Of an archive: how much of it was read, in percent. */
unsigned disk_copy_percent(struct call *c, struct span waiting);

/* An object of S3 that a role of the caller's account reads. */
struct disk_archive {
    struct span bucket, key, role;
};
struct disk_copy_wish {
    struct span waiting; /* the resource that takes its step when it is done */
    struct span image;   /* whose disk it becomes */
    /* One of these is there. */
    const struct disk_archive *archive;
    struct span incoming; /* a folder beside the disks with one */
    struct span instance, source_image;
    enum SANDBOX_SAVE how; /* of an instance that runs */
};
/* -EAGAIN: later. */
MUST_CHECK int disk_copy_begin(struct call *c, const struct disk_copy_wish *wish);
/* Of an archive that is being read: it fails soon. */
void disk_copy_cancel(struct call *c, struct span waiting);
void disk_copy_forget(struct call *c, struct span waiting);
/* Deletes the disk of an image. */
void disk_copy_drop(struct call *c, struct span image);
/* In the arena. */
const char *disk_copy_path(struct call *c, struct span image);
/* How large the disk of an image is; 0: there is none. */
uint64_t disk_copy_gib(struct call *c, struct span image);
