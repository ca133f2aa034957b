// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A disk that lies ready in the data directory becomes an image, for `kintoun image import`: who
 * may write there owns what is there, so no permission is asked for. Control thread, by mail.
 */
#include "base/arena.h"
#include "loop/loop.h"
#include "services/cloud.h"

/* Folder of the data directory with the disks of images, by their ids. */
#define EC2_IMAGES "images"
/* How names of folders in it begin that have a disk (sandbox_make_disk_from) to be taken. */
#define EC2_INCOMING "incoming-"

/* How large a disk is made for the root of an archive of this size. */
uint64_t ec2_image_gib(uint64_t archive_bytes);

struct ec2_image_take {
    struct span account, region;
    struct span folder, name, description; /* of the folder: its name only */
    struct arena *arena;
    struct cloud *cloud;
    struct loop *home;
    void (*taken)(struct ec2_image_take *take); /* on `home` */
    struct span id;                             /* of the image, durable; or … */
    struct span why;                            /* … why there is none, for people */

    struct mail mail; /* private */
};

/* From now until `taken` it and what it points to are not the caller's. The image is available a
 * moment later, when the folder has gone. */
void ec2_image_take(struct ec2_image_take *take);
