// SPDX-License-Identifier: Apache-2.0
/* Addresses and blocks between texts and numbers. Pure. */
#include "services/ec2/cidr.h"

static bool read_part(struct span text, uint64_t highest, uint64_t *ret)
{
    bool leading_zero = text.len > 1 && text.at[0] == '0';
    return !leading_zero && span_to_u64(text, ret) && *ret <= highest;
}

bool cidr_read_address(struct span text, uint32_t *ret)
{
    uint64_t part;
    *ret = 0;
    for (int i = 0; i < 4; i++) {
        if (!text.at || !read_part(span_cut(&text, '.'), UINT8_MAX, &part))
            return false;
        *ret = *ret << 8 | (uint32_t)part;
    }
    return !text.at;
}

uint32_t cidr_address(struct span text)
{
    uint32_t address;
    return cidr_read_address(text, &address) ? address : 0;
}

struct span cidr_address_text(struct arena *arena, uint32_t address)
{
    return arena_printf(arena, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
                        address >> 8 & 255, address & 255);
}

bool cidr_read(struct span text, struct cidr *ret)
{
    uint64_t bits;
    struct span address = span_cut(&text, '/');
    if (!text.at || !cidr_read_address(address, &ret->address) || !read_part(text, 32, &bits))
        return false;
    ret->bits = (uint32_t)bits;
    ret->address &= cidr_mask(ret->bits);
    return true;
}

struct cidr cidr_of(struct span text)
{
    struct cidr cidr;
    return cidr_read(text, &cidr) ? cidr : (struct cidr){.bits = 32};
}

struct span cidr_text(struct arena *arena, struct cidr cidr)
{
    return arena_printf(arena, "%.*s/%u", SPAN_ARG(cidr_address_text(arena, cidr.address)),
                        cidr.bits);
}
