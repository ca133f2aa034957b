// SPDX-License-Identifier: Apache-2.0
/* IPv6 addresses and blocks between texts and bytes. Pure. */
#include "services/ec2/cidr6.h"

#include <arpa/inet.h>

#define BITS 128

static void clear_host_bits(uint8_t *address, uint64_t prefix)
{
    for (uint64_t bit = prefix; bit < BITS; bit++)
        address[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

bool cidr6_read_address(struct span text, uint8_t ret[16])
{
    char written[INET6_ADDRSTRLEN] = {0};
    if (!text.len || text.len >= sizeof written || memchr(text.at, 0, text.len))
        return false;
    memcpy(written, text.at, text.len);
    return inet_pton(AF_INET6, written, ret) == 1;
}

struct span cidr6_address_text(struct arena *arena, const uint8_t address[16])
{
    char shown[INET6_ADDRSTRLEN];
    return inet_ntop(AF_INET6, address, shown, sizeof shown) ? arena_printf(arena, "%s", shown)
                                                             : SPAN_NONE;
}

bool cidr6_parse(struct span text, struct cidr6 *ret)
{
    uint64_t prefix;
    struct span written = span_cut(&text, '/');
    if (!text.at || text.len > 3 || !span_to_u64(text, &prefix) || prefix > BITS ||
        !cidr6_read_address(written, ret->address))
        return false;
    clear_host_bits(ret->address, prefix);
    ret->bits = (uint32_t)prefix;
    return true;
}

struct cidr6 cidr6_of(struct span text)
{
    struct cidr6 cidr;
    return cidr6_parse(text, &cidr) ? cidr : (struct cidr6){.bits = BITS};
}

struct span cidr6_text(struct arena *arena, const struct cidr6 *cidr)
{
    return arena_printf(arena, "%.*s/%u", SPAN_ARG(cidr6_address_text(arena, cidr->address)),
                        cidr->bits);
}

bool cidr6_read(struct arena *arena, struct span text, struct span *ret)
{
    struct cidr6 cidr;
    if (!cidr6_parse(text, &cidr))
        return false;
    *ret = cidr6_text(arena, &cidr);
    return true;
}

bool cidr6_has(const struct cidr6 *cidr, const uint8_t address[16])
{
    uint8_t first[16];
    memcpy(first, address, sizeof first);
    clear_host_bits(first, cidr->bits);
    return memcmp(first, cidr->address, sizeof first) == 0;
}
