// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The disks of images, in the data directory, and the copies that workers make of them and of
 * instances' disks. What is known of a copy is not kept: after a start it is made again. Control
 * thread, but for disk_copy_path's result.
 */
#include "engines/sandbox/sandbox.h"
#include "services/ec2/ec2.h"
#include "wire/call.h"

struct disk_copies;
struct steps;

struct disk_copies *disk_copies_new(struct cloud *cloud, struct steps *steps);
void disk_copies_free(struct disk_copies *copies);
struct disk_copies *ec2_disk_copies(struct ec2 *ec2);

enum DISK_COPY { DISK_COPY_NONE, DISK_COPY_WORKING, DISK_COPY_DONE, DISK_COPY_FAILED };
/* Of an image; why it failed, for people, in *ret_why. */
enum DISK_COPY disk_copy_state(struct call *c, struct span image, struct span *ret_why);

struct disk_copy_wish {
    struct span image;
    struct span instance, source_image; /* one of them is there */
    enum SANDBOX_SAVE how;              /* of an instance that runs */
};
/* The image takes its step when it is done. -EAGAIN: later. */
MUST_CHECK int disk_copy_begin(struct call *c, const struct disk_copy_wish *wish);
void disk_copy_forget(struct call *c, struct span image);
/* Deletes the disk of an image. */
void disk_copy_drop(struct call *c, struct span image);
/* In the arena. */
const char *disk_copy_path(struct call *c, struct span image);
