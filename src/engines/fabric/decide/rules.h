// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Lists of rules: stateless ones are ordered and the first match decides; groups hold only rules
 * that allow. Both are runs of one array. */
#include "engines/fabric/decide/frame.h"

enum FAB_ASK { FAB_ASK_ORDERED, FAB_ASK_GROUP };

/* What is asked of a list, and its answer. */
struct fab_question {
    struct fab_list list;
    uint32_t address;   /* of the other side */
    uint32_t more[3];   /* the rest of one of IPv6 */
    uint16_t low, high; /* destination port twice, or ICMP type and code; host order */
    uint8_t protocol, ask;
    uint8_t allowed, wide; /* wide: by a rule that is open to every address */
};

FAB_INLINE int fab_rule_matches(const struct fab_rule *rule, const struct fab_question *q)
{
    if ((q->address & rule->mask) != rule->address)
        return 0;
    for (int i = 0; i < 3; i++)
        if ((q->more[i] & rule->more_mask[i]) != rule->more[i])
            return 0;
    if (rule->protocol == FAB_ANY_PROTOCOL)
        return 1;
    if (rule->protocol != q->protocol)
        return 0;
    if (q->protocol == FAB_ICMP || q->protocol == FAB_ICMP6)
        return (rule->low == FAB_ANY_ICMP || rule->low == q->low) &&
               (rule->high == FAB_ANY_ICMP || rule->high == q->high);
    if (q->protocol != FAB_TCP && q->protocol != FAB_UDP)
        return 1;
    return q->low >= rule->low && q->low <= rule->high;
}

/* 1 ends the walk. A group is walked on for a wide rule, since that decides about tracking. */
static FAB_NOINLINE long fab_ask_rule(uint32_t i, struct fab_question *q)
{
    const struct fab_rule *rule = FAB_AT(fab_rules, q->list.first + i);
    if (!rule || !fab_rule_matches(rule, q))
        return 0;
    q->allowed = rule->allow;
    q->wide = rule->mask == 0;
    return q->ask == FAB_ASK_ORDERED || q->wide;
}

/* Whether a group lets everybody in (or out) at every port of a protocol. */
static FAB_NOINLINE long fab_ask_open(uint32_t i, struct fab_question *q)
{
    const struct fab_rule *rule = FAB_AT(fab_rules, q->list.first + i);
    if (!rule || rule->mask != 0)
        return 0;
    if (rule->protocol != FAB_ANY_PROTOCOL &&
        !(rule->protocol == q->protocol && rule->low == 0 && rule->high == 0xffff))
        return 0;
    q->allowed = 1;
    return 1;
}

FAB_ONCE int fab_open_to_all(const struct fab_list *list, uint8_t protocol)
{
    if (!list)
        return 0;
    struct fab_question q = {.list = *list, .protocol = protocol};
    FAB_REPEAT(list->count, fab_ask_open, &q);
    return q.allowed;
}
