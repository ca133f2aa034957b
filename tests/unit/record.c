// SPDX-License-Identifier: Apache-2.0
/* Cases for store/record and the code that tools/gen_records.py writes. */
#include "store_helper.h"

#include "shop.records.h"

#include <errno.h>

static struct arena arena;
static struct buf bytes;

static void begin(void)
{
    arena_done(&arena);
    arena_init(&arena, 1024, 256 << 20);
    buf_done(&bytes);
    buf_init(&bytes, 1 << 20);
}

static struct shop_order full_order(void)
{
    static struct shop_tag tags[] = {{S_INIT("a"), S_INIT("1")}, {S_INIT("b"), {NULL, 0}}};
    static struct span lines[] = {S_INIT("one"), S_INIT(""), S_INIT("three")};
    static uint64_t parcels[] = {0, 1, UINT64_MAX};
    static struct shop_address billing = {.street = S_INIT("Elm")};
    static struct shop_address address = {S_INIT("Oak"), &billing, {tags, 1}};
    return (struct shop_order){
        .shop = S("s\0p"),
        .id = 9,
        .buyer = S("ann"),
        .note = S(""),
        .amount = UINT64_MAX,
        .change = -1,
        .paid = true,
        .created = INT64_MIN,
        .ship_to = &address,
        .tags = {tags, 2},
        .lines = {lines, 3},
        .parcels = {parcels, 3},
        .linux_ = S("x"),
    };
}

static void check_full(const struct shop_order *have)
{
    CHECK_SPAN(have->buyer, S("ann"));
    CHECK(have->note.at && have->note.len == 0);
    CHECK(have->amount == UINT64_MAX && have->change == -1 && have->paid);
    CHECK(have->created == INT64_MIN);
    CHECK_SPAN(have->ship_to->street, S("Oak"));
    CHECK_SPAN(have->ship_to->billing->street, S("Elm"));
    CHECK(!have->ship_to->billing->billing);
    CHECK_INT(have->ship_to->tags.count, 1);
    CHECK_INT(have->tags.count, 2);
    CHECK_SPAN(have->tags.at[1].key, S("b"));
    CHECK(span_is_absent(have->tags.at[1].value));
    CHECK_INT(have->lines.count, 3);
    CHECK_SPAN(have->lines.at[2], S("three"));
    CHECK_INT(have->parcels.count, 3);
    CHECK(have->parcels.at[0] == 0 && have->parcels.at[2] == UINT64_MAX);
    CHECK_SPAN(have->linux_, S("x"));
}

TEST(every_type_comes_back)
{
    begin();
    struct shop_order order = full_order(), have = {0};
    record_encode(&shop_order_table, &order, &bytes);
    CHECK(record_decode(&shop_order_table, buf_span(&bytes), &arena, &have));
    check_full(&have);
}

TEST(known_bytes)
{
    begin();
    struct shop_order order = {.buyer = S("ann"), .amount = 300, .change = -2, .paid = true};
    record_encode(&shop_order_table, &order, &bytes);
    /* version; 1 bytes, 3, "ann"; 3 number 300; 4 number zigzag(-2) = 3; 5 number 1 */
    CHECK_SPAN(buf_span(&bytes), S("\x01\x05\x03"
                                   "ann"
                                   "\x0c\xac\x02"
                                   "\x10\x03"
                                   "\x14\x01"));
}

TEST(an_empty_record_is_its_version)
{
    begin();
    struct shop_order order = {0}, have = {.amount = 7};
    record_encode(&shop_order_table, &order, &bytes);
    CHECK_SPAN(buf_span(&bytes), S("\1"));
    CHECK(record_decode(&shop_order_table, buf_span(&bytes), &arena, &have));
    CHECK_INT(have.amount, 7);
}

TEST(unknown_fields_are_passed_over)
{
    begin();
    struct shop_order order = full_order();
    struct shop_old_order old = {0};
    record_encode(&shop_order_table, &order, &bytes);
    CHECK(record_decode(&shop_old_order_table, buf_span(&bytes), &arena, &old));
    CHECK_SPAN(old.buyer, S("ann"));
    CHECK(old.created == INT64_MIN);
}

TEST(every_cut_is_refused_or_ends_between_fields)
{
    begin();
    struct shop_order order = full_order();
    record_encode(&shop_order_table, &order, &bytes);
    int accepted = 0;
    for (size_t len = 0; len < bytes.len; len++) {
        struct shop_order have = {0};
        accepted +=
            record_decode(&shop_order_table, span_first(buf_span(&bytes), len), &arena, &have);
    }
    CHECK_INT(accepted, 11); /* after the version and after each field but the last */
}

TEST(malformed_records_are_refused)
{
    static const struct span bad[] = {
        S_INIT(""),
        S_INIT("\2"), /* another version */
        S_INIT("\1\x05\x04"
               "ann"),                                            /* longer than there is */
        S_INIT("\1\x07\x00"),                                     /* form 3 */
        S_INIT("\1\x04\x00"),                                     /* text as a number */
        S_INIT("\1\x0d\x01x"),                                    /* number as text */
        S_INIT("\1\x21\x00"),                                     /* list as text */
        S_INIT("\1\x06\x00"),                                     /* text as list */
        S_INIT("\1\x14\x02"),                                     /* bool 2 */
        S_INIT("\1\x0c\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), /* above 64 bits */
        S_INIT("\1\x0c\xff"),                                     /* no end */
        S_INIT("\1\x22\x02\x05x"), /* an element longer than its list */
        S_INIT("\1\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x"), /* a length near 2^64 */
    };
    begin();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct shop_order have = {0};
        if (record_decode(&shop_order_table, bad[i], &arena, &have))
            test_fail(__FILE__, __LINE__, "case %zu was accepted", i);
    }
}

TEST(nesting_is_bounded)
{
    begin();
    struct shop_address deep[40] = {0};
    for (int i = 0; i < 39; i++)
        deep[i].billing = &deep[i + 1];
    struct shop_order order = {.ship_to = &deep[30]}, have = {0};
    record_encode(&shop_order_table, &order, &bytes);
    CHECK(record_decode(&shop_order_table, buf_span(&bytes), &arena, &have));
    buf_clear(&bytes);
    order.ship_to = deep;
    record_encode(&shop_order_table, &order, &bytes);
    CHECK(!record_decode(&shop_order_table, buf_span(&bytes), &arena, &have));
}

static uint64_t seen[8];
static int seen_count;

static int see(void *user, struct shop_order *order)
{
    CHECK_SPAN(order->shop, S("b"));
    CHECK_SPAN(order->buyer, S("ann"));
    seen[seen_count++] = order->id;
    return seen_count == *(int *)user;
}

static void put(struct txn *txn, struct span shop, uint64_t id)
{
    struct shop_order order = {.shop = shop, .id = id, .buyer = S("ann")};
    shop_order_put(txn, &order);
}

TEST(records_in_a_store)
{
    begin();
    struct store *store = test_store_new();
    struct txn *txn = txn_begin(store);
    uint64_t ticket;
    struct shop_order order = full_order(), have = {.shop = order.shop, .id = order.id};
    CHECK_INT(shop_order_get(txn, &arena, &have), -ENOENT);
    shop_order_put(txn, &order);
    put(txn, S("a"), 1);
    put(txn, S("b"), 256);
    put(txn, S("b"), 3);
    put(txn, S("b"), 255);
    put(txn, S("b\0"), 4);
    CHECK_INT(txn_commit(txn, &ticket), 0);

    txn = txn_begin(store);
    CHECK_INT(shop_order_get(txn, &arena, &have), 0);
    check_full(&have);
    struct shop_order from = {.shop = S("b")};
    int stop = 0;
    seen_count = 0;
    CHECK_INT(shop_order_each(txn, &from, 1, &arena, see, &stop), 0);
    CHECK_INT(seen_count, 3);
    CHECK(seen[0] == 3 && seen[1] == 255 && seen[2] == 256);
    from.id = 4;
    stop = 1;
    seen_count = 0;
    CHECK_INT(shop_order_each(txn, &from, 1, &arena, see, &stop), 0);
    CHECK(seen_count == 1 && seen[0] == 255);
    from = (struct shop_order){.shop = S("b"), .id = 255};
    shop_order_delete(txn, &from);
    CHECK_INT(shop_order_get(txn, &arena, &from), -ENOENT);
    CHECK_INT(txn_commit(txn, &ticket), 0);
    store_close(store);
}
