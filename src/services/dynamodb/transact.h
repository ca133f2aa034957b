// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What both kinds of transactions share: reasons, and limits of a whole one. Any thread. */
#include "engines/kv/kv.h"
#include "services/dynamodb/dynamodb.api.h"
#include "wire/call.h"

#define TRANSACT_FACTOR 2 /* capacity of a transaction against that of a single operation */

/* Why an action cannot be; NULL: it can. In the order of the actions. */
struct transact_reasons {
    const struct refusal **at;
    size_t count;
};

/* Keeps what belongs into a reason, gives back what refuses the whole request. */
RESULT transact_keep(struct transact_reasons *reasons, size_t i, const struct refusal *refusal);
/* TransactionCanceledException when one is kept. */
RESULT transact_cancel(struct call *c, const struct transact_reasons *reasons);
/* Each item once; `keys` are the items of the actions. */
RESULT transact_check_keys(struct call *c, const struct kv_key *const *keys, size_t count);
/* Bytes of all items together. */
RESULT transact_check_size(struct call *c, size_t bytes);
