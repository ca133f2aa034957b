// SPDX-License-Identifier: Apache-2.0
/* IPv6 blocks between texts. Pure. */
#include "services/ec2/cidr6.h"

#include <arpa/inet.h>

#define BITS 128

static void clear_host_bits(uint8_t *address, uint64_t prefix)
{
    for (uint64_t bit = prefix; bit < BITS; bit++)
        address[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

bool cidr6_read(struct arena *arena, struct span text, struct span *ret)
{
    uint64_t prefix;
    uint8_t address[BITS / 8];
    char shown[INET6_ADDRSTRLEN];
    struct span written = span_cut(&text, '/');
    if (!text.at || text.len > 3 || !span_to_u64(text, &prefix) || prefix > BITS ||
        written.len >= sizeof shown ||
        inet_pton(AF_INET6, arena_cstr(arena, written), address) != 1)
        return false;
    clear_host_bits(address, prefix);
    if (!inet_ntop(AF_INET6, address, shown, sizeof shown))
        return false;
    *ret = arena_printf(arena, "%s/%u", shown, (unsigned)prefix);
    return true;
}
