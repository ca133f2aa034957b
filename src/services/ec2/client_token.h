// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Client tokens: a call that comes again with the same token and the same input makes nothing new
 * ("Ensuring idempotency in Amazon EC2 API requests"). Control thread.
 */
#include "wire/call.h"

/* The id of what the token made, or absent: then the caller makes it and calls client_token_keep.
 * IdempotentParameterMismatch when the token came with another input. `token` may be absent. */
RESULT client_token_find(struct call *c, const void *in, struct span token, struct span *ret_made);
void client_token_keep(struct call *c, const void *in, struct span token, struct span made);
