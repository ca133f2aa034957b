// SPDX-License-Identifier: Apache-2.0
/* Blocks of addresses as EC2 tells them. */
#include "test.h"

#include "services/ec2/cidr.h"
#include "services/ec2/cidr6.h"

static struct arena arena;

__attribute__((constructor)) static void make_arena(void)
{
    arena_init(&arena, 64 * 1024, 64 << 20);
}

static struct span four(struct span text)
{
    struct cidr cidr;
    return cidr_read(text, &cidr) ? cidr_text(&arena, cidr) : S("none");
}

static struct span six(struct span text)
{
    struct span block;
    return cidr6_read(&arena, text, &block) ? block : S("none");
}

TEST(bits_beyond_the_prefix_are_dropped)
{
    CHECK_SPAN(four(S("100.68.0.18/18")), S("100.68.0.0/18"));
    CHECK_SPAN(four(S("10.1.2.3/0")), S("0.0.0.0/0"));
    CHECK_SPAN(four(S("10.1.2.3/32")), S("10.1.2.3/32"));
    CHECK_SPAN(six(S("2001:DB8:0:0::1/33")), S("2001:db8::/33"));
    CHECK_SPAN(six(S("2001:db8:ffff::/33")), S("2001:db8:8000::/33"));
    CHECK_SPAN(six(S("1:2:3:4:5:6:7:8/0")), S("::/0"));
    CHECK_SPAN(six(S("1:2:3:4:5:6:7:8/127")), S("1:2:3:4:5:6:7:8/127"));
    CHECK_SPAN(six(S("1:2:3:4:5:6:7:9/127")), S("1:2:3:4:5:6:7:8/127"));
}

TEST(what_is_no_block)
{
    const struct span none[] = {S(""),          S("/"),
                                S("10.0.0.0"),  S("10.0.0.0/33"),
                                S("10.0.0.0/"), S("10.0.0.00/8"),
                                S("10.0.0/8"),  S("10.0.0.256/8"),
                                S("::/129"),    S("::"),
                                S("1::2::3/8"), S("::/+1"),
                                S("::/0001"),   S("fe80::1%lo/64")};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        CHECK_SPAN(four(none[i]), S("none"));
        CHECK_SPAN(six(none[i]), S("none"));
    }
}
