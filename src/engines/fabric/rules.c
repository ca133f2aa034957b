// SPDX-License-Identifier: Apache-2.0
/*
 * Where lists of rules stand in the array of rules. A new version of a list gets a fresh range; the
 * old one is given out again only after the cursor has gone round and every packet that could read
 * it is through (membarrier waits for that).
 */
#include "engines/fabric/inside.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCKS (FAB_RULES / FABRIC_RULE_BLOCK)

static uint32_t blocks_of(size_t rules)
{
    return (uint32_t)((rules + FABRIC_RULE_BLOCK - 1) / FABRIC_RULE_BLOCK);
}

static void mark(struct fabric *fabric, struct fab_list list, uint8_t used)
{
    uint32_t first = list.first / FABRIC_RULE_BLOCK;
    for (uint32_t i = 0; i < blocks_of(list.count) && first + i < BLOCKS; i++)
        fabric->rules_used[first + i] = used;
}

int fabric_rules_find(struct fabric *fabric)
{
    for (uint32_t i = 1; i < FAB_SUBNETS; i++) {
        struct fab_subnet subnet;
        int error = fabric_get(fabric, FABRIC_SUBNETS, &i, &subnet);
        if (error < 0)
            return error;
        mark(fabric, subnet.list_out, 1);
        mark(fabric, subnet.list_in, 1);
        mark(fabric, subnet.list6_out, 1);
        mark(fabric, subnet.list6_in, 1);
    }
    for (uint32_t i = 1; i < FAB_INTERFACES; i++) {
        struct fab_interface interface;
        int error = fabric_get(fabric, FABRIC_INTERFACES, &i, &interface);
        if (error < 0)
            return error;
        mark(fabric, interface.group_out, 1);
        mark(fabric, interface.group_in, 1);
        mark(fabric, interface.group6_out, 1);
        mark(fabric, interface.group6_in, 1);
    }
    return 0;
}

/* The first block of a free run, from the cursor on; BLOCKS when there is none. */
static uint32_t run_of(struct fabric *fabric, uint32_t from, uint32_t blocks)
{
    uint32_t run = 0;
    for (uint32_t at = from; at < BLOCKS; at++) {
        run = fabric->rules_used[at] ? 0 : run + 1;
        if (run == blocks)
            return at + 1 - blocks;
    }
    return BLOCKS;
}

int fabric_rules_put(struct fabric *fabric, struct fabric_rules rules, struct fab_list *ret)
{
    uint32_t blocks = blocks_of(rules.count);
    *ret = (struct fab_list){0, 0};
    if (!rules.count)
        return 0;
    uint32_t at = run_of(fabric, fabric->rules_next, blocks);
    if (at == BLOCKS) {
        if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
            return -errno;
        at = run_of(fabric, 0, blocks);
    }
    if (at == BLOCKS)
        return -ENOSPC;
    *ret = (struct fab_list){at * FABRIC_RULE_BLOCK, (uint32_t)rules.count};
    for (size_t i = 0; i < rules.count; i++) {
        uint32_t number = ret->first + (uint32_t)i;
        int error = fabric_set(fabric, FABRIC_RULES, &number, &rules.at[i]);
        if (error < 0)
            return error;
    }
    mark(fabric, *ret, 1);
    fabric->rules_next = at + blocks;
    return 0;
}

void fabric_rules_free(struct fabric *fabric, struct fab_list list)
{
    mark(fabric, list, 0);
}
