// SPDX-License-Identifier: Apache-2.0
/* Public addresses in use. A free one is looked for from a random place on, so that one which was
 * given back does not come again at once. Control thread. */
#include "services/ec2/public_lease.h"

#include "base/id.h"
#include "services/ec2/cidr.h"
#include "services/ec2/ec2.api.h"
#include "services/ec2/ec2.h"
#include "services/ec2/stored.records.h"

#include <errno.h>

/* The network itself and the first address, which is the outside's; the broadcast. */
#define RESERVED_FIRST 2
#define RESERVED_LAST 1

static RESULT is_free(struct call *c, uint32_t address, bool *ret)
{
    struct stored_public_lease lease = {.address = address};
    int error = stored_public_lease_get(c->txn, c->arena, &lease);
    *ret = error == -ENOENT;
    return error && error != -ENOENT ? refuse_errno(c, error, "reading a public address") : OK;
}

static RESULT find(struct call *c, struct cidr pool, uint32_t wanted, uint32_t *ret)
{
    bool found = false;
    uint32_t first = pool.address + RESERVED_FIRST;
    uint32_t size = cidr_last(pool) - RESERVED_LAST - first + 1;
    uint32_t start = (uint32_t)(random_u64() % size);
    if (wanted && (wanted < first || wanted - first >= size))
        return OK;
    for (uint32_t i = 0; i < (wanted ? 1 : size) && !found; i++) {
        *ret = wanted ? wanted : first + (start + i) % size;
        TRY(is_free(c, *ret, &found));
    }
    *ret = found ? *ret : 0;
    return OK;
}

RESULT public_lease_take(struct call *c, uint32_t wanted, struct span holder, uint32_t *ret)
{
    *ret = 0;
    TRY(find(c, ec2_public_pool(c->cloud->ec2), wanted, ret));
    if (!*ret && wanted)
        return refuse(c, &EC2_INVALID_ADDRESS_NOT_FOUND, "Address '%.*s' not found.",
                      SPAN_ARG(cidr_address_text(c->arena, wanted)));
    if (!*ret)
        return refuse(c, &EC2_INSUFFICIENT_ADDRESS_CAPACITY,
                      "Not enough available addresses to satisfy your minimum request.");
    struct stored_public_lease lease = {
        .address = *ret, .account = c->account, .region = c->region, .holder = holder};
    stored_public_lease_put(c->txn, &lease);
    return OK;
}

void public_lease_end(struct call *c, uint32_t address)
{
    struct stored_public_lease lease = {.address = address};
    stored_public_lease_delete(c->txn, &lease);
}
