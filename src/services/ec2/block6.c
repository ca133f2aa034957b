// SPDX-License-Identifier: Apache-2.0
/* IPv6 blocks in use. A free one is looked for from a random place on, as with public addresses.
 * Control thread. */
#include "services/ec2/block6.h"

#include "base/id.h"
#include "services/ec2/ec2.api.h"
#include "services/ec2/ec2.h"
#include "services/ec2/stored.records.h"

#include <endian.h>
#include <errno.h>

#define BLOCK_BITS 56
#define FIRST 1 /* the pool's first address is the outside's */

/* The upper half of an address counts /64s: a /56 is 256 of them. */
static uint64_t upper_of(const struct cidr6 *cidr)
{
    uint64_t upper;
    memcpy(&upper, cidr->address, sizeof upper);
    return be64toh(upper);
}

static struct cidr6 block_of(const struct cidr6 *pool, uint64_t number)
{
    struct cidr6 block = {.bits = BLOCK_BITS};
    uint64_t upper = htobe64(upper_of(pool) + (number << (64 - BLOCK_BITS)));
    memcpy(block.address, &upper, sizeof upper);
    return block;
}

RESULT block6_take(struct call *c, struct span vpc, struct span *ret_cidr)
{
    struct cidr6 pool = ec2_public_pool6(c->cloud->ec2);
    uint64_t count = ((uint64_t)1 << (BLOCK_BITS - pool.bits)) - FIRST;
    uint64_t start = random_u64() % count;
    for (uint64_t i = 0; i < count; i++) {
        struct stored_block6 block = {.number = FIRST + (start + i) % count};
        int error = stored_block6_get(c->txn, c->arena, &block);
        if (error && error != -ENOENT)
            return refuse_errno(c, error, "reading an IPv6 block");
        if (!error)
            continue;
        block.account = c->account;
        block.region = c->region;
        block.vpc = vpc;
        stored_block6_put(c->txn, &block);
        struct cidr6 cidr = block_of(&pool, block.number);
        *ret_cidr = cidr6_text(c->arena, &cidr);
        return OK;
    }
    return refuse(c, &EC2_INSUFFICIENT_ADDRESS_CAPACITY,
                  "Not enough available addresses to satisfy your minimum request.");
}

void block6_give(struct call *c, struct span cidr)
{
    struct cidr6 pool = ec2_public_pool6(c->cloud->ec2), block = cidr6_of(cidr);
    struct stored_block6 record = {.number =
                                       (upper_of(&block) - upper_of(&pool)) >> (64 - BLOCK_BITS)};
    stored_block6_delete(c->txn, &record);
}
