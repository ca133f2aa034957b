// SPDX-License-Identifier: Apache-2.0
/*
 * Raw frames into the decision core, several per input: a byte for the interface and one for the
 * length before each. Whatever is forwarded keeps a right sum right, goes where somebody is, and
 * its answer, made from what came out, is never taken for another conversation's.
 */
#include "engines/fabric/decide/host.h"

#include "../unit/fabric_world6.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int sums_are_right(const uint8_t *ip, size_t room)
{
    size_t len = get16(ip + 2);
    if (len < 28 || len > room || sum_of(ip, 20, 0) != 0)
        return 0;
    if (ip[9] == FAB_UDP && get16(ip + 26) == 0)
        return 0; /* none is sent, so none is kept */
    return l4_sum(ip, len) == 0;
}

static void check_answer(const struct tuple *first, const struct world_frame *sent,
                         const struct fab_verdict *verdict)
{
    static struct world_frame back;
    struct fab_verdict answer;
    struct tuple t = answer_of(&sent->frame, verdict->to);
    if (t.protocol == FAB_TCP)
        t.flags = FAB_TCP_ACK;
    write_frame(&back, &t);
    if (!host_pass(&back.frame, t.at, &answer))
        return; /* the rules may say no */
    struct tuple home = answer_of(&back.frame, answer.to);
    if (answer.to != first->at || home.source != first->source || home.target != first->target ||
        home.source_port != first->source_port || home.target_port != first->target_port)
        abort();
}

static void one(uint32_t at, const uint8_t *bytes, size_t len)
{
    static struct world_frame frame;
    struct fab_verdict verdict;
    frame.frame = (struct host_frame){frame.room + 2, (uint32_t)len};
    memset(frame.room, 0, sizeof frame.room);
    memcpy(frame.frame.at, bytes, len);
    uint8_t *ip = frame.frame.at + 14;
    int right = len >= 42 && sums_are_right(ip, len - 14);
    int plain = ip[9] != FAB_ICMP || ip[20] == 8 || ip[20] == 0;
    struct tuple first = answer_of(&frame.frame, at);
    static uint8_t before[sizeof frame.room];
    memcpy(before, bytes, len);
    uint32_t device = host_pass(&frame.frame, at, &verdict);
    if (!device || verdict.action != FAB_FORWARD)
        return;
    if (get16(before + 12) == 0x86dd) {
        if (frame.frame.len != len || memcmp(before + 12, frame.frame.at + 12, len - 12) != 0)
            abort(); /* nothing of IPv6 is ever changed but MACs */
        return;
    }
    if (verdict.to != FAB_EDGE && verdict.to != FAB_SERVICE && !fab_interfaces[verdict.to].ifindex)
        abort();
    if (right && !sums_are_right(ip, len - 14))
        abort();
    struct tuple sent = {
        at, first.protocol, 0, first.target, first.source, first.target_port, first.source_port};
    if (plain && (first.protocol == FAB_TCP || first.protocol == FAB_UDP))
        check_answer(&sent, &frame, &verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    world_open_all6(64);
    while (len > 2) {
        uint32_t at = bytes[0] % 7 < 6 ? bytes[0] % 7 : FAB_SERVICE;
        size_t size = bytes[1] < len - 2 ? bytes[1] : len - 2;
        one(at, bytes + 2, size);
        if (bytes[0] & 0x80)
            world_changed();
        bytes += 2 + size;
        len -= 2 + size;
    }
    host_close();
    return 0;
}
