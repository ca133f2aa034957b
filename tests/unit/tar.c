// SPDX-License-Identifier: Apache-2.0
/* Headers as the formats write them, each field by itself. */
#include "test.h"

#include "engines/sandbox/tar.h"

#include <errno.h>
#include <stdio.h>

static struct tar_entry entry;
static struct tar_extended extended;

/* A header with these, its sum right. */
struct wish {
    const char *path, *prefix, *link, *size;
    char type;
};

static const unsigned char *header(const struct wish *wish)
{
    static unsigned char block[TAR_BLOCK];
    unsigned sum = 0;
    memset(block, 0, sizeof block);
    snprintf((char *)block, 101, "%s", wish->path);
    snprintf((char *)block + 100, 8, "0007755");
    snprintf((char *)block + 108, 8, "0000012");
    snprintf((char *)block + 116, 8, "    13 ");
    snprintf((char *)block + 124, 12, "%s", wish->size ? wish->size : "0");
    snprintf((char *)block + 136, 12, "17");
    block[156] = (unsigned char)wish->type;
    snprintf((char *)block + 157, 101, "%s", wish->link ? wish->link : "");
    snprintf((char *)block + 257, 6, "ustar");
    snprintf((char *)block + 345, 156, "%s", wish->prefix ? wish->prefix : "");
    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < sizeof block; i++)
        sum += block[i];
    snprintf((char *)block + 148, 8, "%06o", sum);
    return block;
}

static int read_one(struct wish wish)
{
    int result = tar_read_header(header(&wish), &entry);
    return result == 1 ? tar_finish(&extended, &entry) : result;
}

TEST(a_header_of_ustar)
{
    CHECK_INT(read_one((struct wish){"./b//c/", "a", .size = "144", .type = '0'}), 0);
    CHECK_SPAN(span_of_cstr(entry.path), S("/a/b/c"));
    CHECK_INT(entry.type, TAR_DIRECTORY);
    CHECK_INT(entry.size, 0);
    CHECK_INT(entry.mode, 07755);
    CHECK_INT(entry.uid, 10);
    CHECK_INT(entry.gid, 11);
    CHECK_INT(entry.mtime, 15);
    CHECK_INT(read_one((struct wish){"/f", .size = "144", .type = '\0'}), 0);
    CHECK_INT(entry.type, TAR_FILE);
    CHECK_INT(entry.size, 100);
    CHECK_INT(read_one((struct wish){"./", .type = '5'}), 0);
    CHECK_SPAN(span_of_cstr(entry.path), S("/"));
}

TEST(links)
{
    CHECK_INT(read_one((struct wish){"s", .link = "../../x", .type = '2'}), 0);
    CHECK_SPAN(span_of_cstr(entry.link), S("../../x"));
    CHECK_INT(read_one((struct wish){"h", .link = "./x", .type = '1'}), 0);
    CHECK_SPAN(span_of_cstr(entry.link), S("/x"));
    CHECK_INT(read_one((struct wish){"h", .link = "a/../x", .type = '1'}), -EBADMSG);
}

TEST(what_is_refused)
{
    unsigned char block[TAR_BLOCK];
    CHECK_INT(read_one((struct wish){"../x", .type = '0'}), -EBADMSG);
    CHECK_INT(read_one((struct wish){"a/..", .type = '5'}), -EBADMSG);
    CHECK_INT(read_one((struct wish){"sparse", .type = 'S'}), -EBADMSG);
    CHECK_INT(read_one((struct wish){"x", .size = "12x", .type = '0'}), -EBADMSG);
    memcpy(block, header(&(struct wish){"x", .type = '0'}), sizeof block);
    block[0]++; /* the sum is another */
    CHECK_INT(tar_read_header(block, &entry), -EBADMSG);
    memset(block, 0, sizeof block);
    CHECK_INT(tar_read_header(block, &entry), 0);
}

TEST(numbers_of_gnu)
{
    unsigned char block[TAR_BLOCK];
    unsigned sum = 0;
    memcpy(block, header(&(struct wish){"x", .type = '0'}), sizeof block);
    memset(block + 124, 0, 12);
    block[124] = 0x80;
    block[131] = 3; /* 3 << 32 */
    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < sizeof block; i++)
        sum += block[i];
    snprintf((char *)block + 148, 8, "%06o", sum);
    CHECK_INT(tar_read_header(block, &entry), 1);
    CHECK(entry.size == UINT64_C(3) << 32);
}

TEST(what_is_said_beforehand)
{
    struct span pax = S("14 path=a/./b\n12 mtime=9.75\n11 uid=7000\n12 size=99999\n"
                        "13 unknown=x\n");
    extended = (struct tar_extended){0};
    CHECK_INT(tar_read_extended(TAR_PAX, pax, &extended), -EBADMSG); /* the second length */
    pax = S("14 path=a/./b\n14 mtime=9.75\n12 uid=7000\n14 size=99999\n13 unknown=x\n");
    extended = (struct tar_extended){0};
    CHECK_INT(tar_read_extended(TAR_PAX, pax, &extended), 0);
    CHECK_INT(tar_read_extended(TAR_LONG_LINK, S("target\0rest"), &extended), 0);
    CHECK_INT(read_one((struct wish){"other", .link = "other", .type = '0'}), 0);
    CHECK_SPAN(span_of_cstr(entry.path), S("/a/b"));
    CHECK_SPAN(span_of_cstr(entry.link), S("target"));
    CHECK_INT(entry.mtime, 9);
    CHECK_INT(entry.uid, 7000);
    CHECK_INT(entry.gid, 11);
    CHECK_INT(entry.size, 99999);
    CHECK_INT(tar_read_extended(TAR_PAX, S("22 GNU.sparse.major=1\n"), &extended), -EBADMSG);
    CHECK_INT(tar_read_extended(TAR_PAX, S("9 size=-\n"), &extended), -EBADMSG);
    CHECK_INT(tar_read_extended(TAR_PAX, S("99 a=b\n"), &extended), -EBADMSG);
    extended = (struct tar_extended){0};
    CHECK_INT(tar_read_extended(TAR_LONG_PATH, S("/long/path"), &extended), 0);
    CHECK_INT(read_one((struct wish){"short", .type = '0'}), 0);
    CHECK_SPAN(span_of_cstr(entry.path), S("/long/path"));
    extended = (struct tar_extended){0};
}
