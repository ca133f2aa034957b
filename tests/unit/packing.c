// SPDX-License-Identifier: Apache-2.0
/* Cases for base/packing.h: round trips in small pieces, members behind one another, what is
 * malformed. */
#include "base/packing.h"
#include "test.h"

#include <zstd.h>

static struct buf packed, plain;

static void begin(void)
{
    buf_init(&packed, 8 << 20);
    buf_init(&plain, 8 << 20);
}

static void end(void)
{
    buf_done(&packed);
    buf_done(&plain);
}

static void pack(struct span text, size_t piece)
{
    struct packer *packer = packing_begin(PACKING_GZIP);
    for (; text.len; text = span_from(text, piece))
        packing_feed(packer, span_first(text, piece), &packed);
    packing_end(packer, &packed);
    packing_free(packer);
}

/* At most `most` bytes at a time; what is whole ends complete. */
static bool unpack(enum PACKING packing, size_t piece, size_t most)
{
    struct unpacker *unpacker = packing_open(packing);
    bool good = true;
    for (struct span rest = buf_span(&packed); rest.len && good; rest = span_from(rest, piece)) {
        struct span now = span_first(rest, piece);
        size_t before;
        do {
            before = plain.len;
            good = packing_take(unpacker, &now, most, &plain);
            CHECK(plain.len - before <= most);
        } while (good && (now.len || plain.len - before == most));
    }
    good = good && packing_is_whole(unpacker);
    packing_close(unpacker);
    return good;
}

TEST(round_trip_in_pieces)
{
    static char text[300000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * i / 977 % 23);
    const size_t pieces[] = {1, 777, sizeof text};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        begin();
        pack(span_of(text, sizeof text), pieces[i]);
        CHECK(unpack(PACKING_GZIP, i ? pieces[i] : 13, i == 1 ? 100 : sizeof text));
        CHECK_SPAN(buf_span(&plain), span_of(text, sizeof text));
        end();
    }
}

TEST(members_follow_one_another)
{
    begin();
    pack(S("one,"), 4);
    pack(S("two"), 1);
    CHECK(unpack(PACKING_GZIP, 5, 2));
    CHECK_SPAN(buf_span(&plain), S("one,two"));
    end();
}

TEST(nothing_is_nothing)
{
    begin();
    pack(S(""), 1);
    CHECK(unpack(PACKING_GZIP, 100, 100));
    CHECK_INT(plain.len, 0);
    buf_clear(&packed);
    CHECK(unpack(PACKING_GZIP, 100, 100));
    end();
}

TEST(zstandard)
{
    char room[1000];
    begin();
    for (int i = 0; i < 2; i++)
        buf_append(&packed, span_of(room, ZSTD_compress(room, sizeof room, "some text", 9, 3)));
    CHECK(unpack(PACKING_ZSTD, 3, 4));
    CHECK_SPAN(buf_span(&plain), S("some textsome text"));
    end();
}

TEST(zstandard_out)
{
    static char text[300000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * i / 977 % 23);
    const size_t pieces[] = {1, 777, sizeof text};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        struct packer *packer = packing_begin(PACKING_ZSTD);
        begin();
        for (struct span rest = span_of(text, sizeof text); rest.len;
             rest = span_from(rest, pieces[i]))
            packing_feed(packer, span_first(rest, pieces[i]), &packed);
        packing_end(packer, &packed);
        packing_free(packer);
        CHECK(packed.len < sizeof text / 10);
        CHECK(unpack(PACKING_ZSTD, 1000, sizeof text));
        CHECK_SPAN(buf_span(&plain), span_of(text, sizeof text));
        end();
    }
}

TEST(what_is_malformed)
{
    begin();
    buf_append(&packed, S("no gzip at all"));
    CHECK(!unpack(PACKING_GZIP, 100, 100));
    CHECK(!unpack(PACKING_ZSTD, 100, 100));
    buf_clear(&packed);
    pack(S("cut off before its end"), 100);
    buf_drop(&packed, 9);
    CHECK(!unpack(PACKING_GZIP, 100, 100));
    end();
}
