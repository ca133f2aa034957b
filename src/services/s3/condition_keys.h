// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * S3's condition keys beyond those that a member of the input tells by itself (s3.ops). Any thread,
 * in the call's transaction. Source: "Actions, resources, and condition keys for Amazon S3".
 */
#include "wire/call.h"

/* For the gate: a key of the request or of the object that is asked for; absent without it. */
struct span condition_key_read(struct call *c, struct span key, struct arena *arena);
/* Those with several values: tags of the request, from the header or a body of tags. */
RESULT condition_keys_note(struct call *c, const void *in);
