// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * S3's condition keys beyond those that a member of the input tells by itself (s3.ops). Any thread,
 * in the call's transaction. Source: "Actions, resources, and condition keys for Amazon S3".
 */
#include "wire/call.h"

/* The version that the request names, or absent. */
struct span condition_key_version(struct call *c);
/* Those with several values, and those that stand in a body: tags, locks. */
RESULT condition_keys_note(struct call *c, const void *in);
