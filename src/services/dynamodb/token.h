// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * ClientRequestToken of TransactWriteItems: what was done under a token is not done again for ten
 * minutes, and the token is refused for anything else. Any thread.
 */
#include "wire/call.h"

enum TOKEN { TOKEN_NEW, TOKEN_DONE };

/* The name to lock before the next two; absent without a token. */
struct span token_lock_name(struct call *c, struct span token);
/* IdempotentParameterMismatchException when `asked` is not what was done under it. */
RESULT token_look(struct call *c, struct span token, struct span asked, enum TOKEN *ret);
/* With the writes, in their transaction. */
RESULT token_keep(struct call *c, struct span token, struct span asked);
