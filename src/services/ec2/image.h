// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Images that instances are made from: the one that is the host's own system, and those that were
 * made of instances (the host's system under what such an instance had written) or of archives.
 * Control thread.
 */
#include "services/ec2/resource.h"

#define IMAGE_ROOT_DEVICE S("/dev/xvda")
#define IMAGE_DISK_GIB 8 /* of the host's */

/* Deregistered ones are seen by nobody and go once nothing is being made of their disk. */
enum IMAGE_STATE {
    IMAGE_PENDING = 1,
    IMAGE_AVAILABLE,
    IMAGE_FAILED,
    IMAGE_DEREGISTERED,
    IMAGE_DISABLED,
};

extern const struct resource_kind image_kind;

/* One that the caller sees: the host's, its own, or one that it may launch. Refused when the id is
 * malformed or that of none. The host's has no id in its record. */
RESULT image_find(struct call *c, struct span id, struct stored_image *ret);
/* The same of one's own, which may be changed. */
RESULT image_own(struct call *c, struct span id, struct stored_image *ret);
/* Whether images of the account may become public (image_sharing.c). */
RESULT image_check_publication(struct call *c);
/* One that can be launched, and how large its disk is. */
RESULT image_check(struct call *c, struct span id, struct stored_image *ret);
/* "disabled", "enabled-without-cooldown" */
struct span image_protection(const struct stored_image *image);
bool image_is_host(const struct stored_image *image);
/* Whether an instance or another image is about to be made of its disk, in any account. */
RESULT image_is_awaited(struct call *c, struct span id, bool *ret);
/* Of one's own, or absent. */
RESULT image_named(struct call *c, struct span name, struct span *ret_id);
