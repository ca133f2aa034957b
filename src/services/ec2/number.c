// SPDX-License-Identifier: Apache-2.0
/* Numbers of the fabric. The next one is looked for behind the highest, then from the beginning.
 * Control thread. */
#include "services/ec2/number.h"

#include "engines/fabric/bpf/sizes.h"

#include <errno.h>

static const uint32_t sizes[] = {
    [NUMBER_NETWORK] = FAB_NETWORKS,     [NUMBER_SUBNET] = FAB_SUBNETS,
    [NUMBER_INTERFACE] = FAB_INTERFACES, [NUMBER_GATEWAY] = FAB_GATEWAYS,
    [NUMBER_SERVICE] = FAB_SERVICES,
};

RESULT number_find(struct call *c, struct span id, uint32_t *ret)
{
    struct stored_number number = {.id = id};
    int error = stored_number_get(c->txn, c->arena, &number);
    *ret = error ? 0 : (uint32_t)number.number;
    return error && error != -ENOENT ? refuse_errno(c, error, "reading a number") : OK;
}

static RESULT is_taken(struct call *c, enum NUMBER kind, uint64_t number, bool *ret)
{
    *ret = false;
    for (uint64_t list = kind; list <= kind + NUMBER_GONE && !*ret; list += NUMBER_GONE) {
        struct stored_number_taken taken = {.kind = list, .number = number};
        int error = stored_number_taken_get(c->txn, c->arena, &taken);
        if (error && error != -ENOENT)
            return refuse_errno(c, error, "reading a number");
        *ret = !error;
    }
    return OK;
}

static int find_highest(void *user, struct stored_number_taken *taken)
{
    *(uint64_t *)user = taken->number;
    return 0;
}

static RESULT choose(struct call *c, enum NUMBER kind, uint64_t *ret)
{
    uint64_t highest = 0;
    bool taken = true;
    struct stored_number_taken from = {.kind = kind};
    struct arena_mark mark = arena_mark(c->arena);
    int error = stored_number_taken_each(c->txn, &from, 1, c->arena, find_highest, &highest);
    arena_rewind(c->arena, mark);
    if (error < 0)
        return refuse_errno(c, error, "looking for a number");
    for (uint32_t tried = 1; tried < sizes[kind] && taken; tried++) {
        *ret = 1 + (highest + tried - 1) % (sizes[kind] - 1);
        TRY(is_taken(c, kind, *ret, &taken));
    }
    if (taken)
        return refuse(c, &EC2_INSUFFICIENT_CAPACITY,
                      "There is not enough capacity in the network of this machine to fulfil your "
                      "request.");
    return OK;
}

RESULT number_take(struct call *c, enum NUMBER kind, struct span id)
{
    uint32_t have;
    uint64_t number;
    TRY(number_find(c, id, &have));
    if (have)
        return OK;
    TRY(choose(c, kind, &number));
    stored_number_put(c->txn, &(struct stored_number){.id = id, .kind = kind, .number = number});
    stored_number_taken_put(
        c->txn,
        &(struct stored_number_taken){
            .kind = kind, .number = number, .id = id, .account = c->account, .region = c->region});
    return OK;
}

RESULT number_drop(struct call *c, struct span id)
{
    struct stored_number number = {.id = id};
    int error = stored_number_get(c->txn, c->arena, &number);
    if (error)
        return error == -ENOENT ? OK : refuse_errno(c, error, "reading a number");
    stored_number_delete(c->txn, &number);
    stored_number_taken_delete(
        c->txn, &(struct stored_number_taken){.kind = number.kind, .number = number.number});
    stored_number_taken_put(c->txn, &(struct stored_number_taken){.kind = number.kind + NUMBER_GONE,
                                                                  .number = number.number,
                                                                  .id = id,
                                                                  .account = c->account,
                                                                  .region = c->region});
    return OK;
}
