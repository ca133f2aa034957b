// SPDX-License-Identifier: Apache-2.0
/* base/map against a plain array that says what must be in it. */
#include "test.h"

#include "base/id.h"
#include "base/map.h"

#define KEYS 5000

static uint64_t names[KEYS];
static int values[2];
static void *expected[KEYS];

static struct span name_of(size_t i)
{
    names[i] = i * 0x10001;
    return span_of(&names[i], sizeof names[i]);
}

TEST(an_empty_map_holds_nothing)
{
    struct map map = {0};
    size_t at = 0;
    struct span key;
    void *value;
    CHECK(!map_get(&map, S("a")));
    CHECK(!map_remove(&map, S("a")));
    CHECK(!map_next(&map, &at, &key, &value));
    map_done(&map);
}

TEST(keys_are_compared_whole)
{
    struct map map = {0};
    CHECK(!map_set(&map, S("a"), &values[0]));
    CHECK(!map_set(&map, S(""), &values[1]));
    CHECK(!map_get(&map, S("ab")));
    CHECK(!map_get(&map, S("a\0")));
    CHECK(map_get(&map, S("")) == &values[1]);
    CHECK(map_get(&map, SPAN_NONE) == &values[1]);
    CHECK(map_set(&map, S("a"), &values[1]) == &values[0]);
    CHECK(map_get(&map, S("a")) == &values[1]);
    CHECK_INT(map.count, 2);
    map_done(&map);
    CHECK(!map_get(&map, S("a")));
}

static void check_all(const struct map *map)
{
    size_t count = 0, visited = 0, at = 0;
    struct span key;
    void *value;
    for (size_t i = 0; i < KEYS; i++) {
        CHECK(map_get(map, name_of(i)) == expected[i]);
        count += expected[i] != NULL;
    }
    while (map_next(map, &at, &key, &value)) {
        uint64_t name;
        memcpy(&name, key.at, sizeof name);
        CHECK(expected[name / 0x10001] == value);
        visited++;
    }
    CHECK_INT(visited, count);
    CHECK_INT(map->count, count);
}

TEST(thousands_of_keys_come_and_go)
{
    struct map map = {0};
    memset(expected, 0, sizeof expected);
    for (int round = 0; round < 60000; round++) {
        size_t i = random_u64() % KEYS;
        void *before = expected[i];
        bool remove = round % 20000 > 10000 ? round % 4 != 0 : round % 4 == 0;
        expected[i] = remove ? NULL : &values[round % 2];
        CHECK((remove ? map_remove(&map, name_of(i)) : map_set(&map, name_of(i), expected[i])) ==
              before);
        if (round % 6000 == 0)
            check_all(&map);
    }
    check_all(&map);
    for (size_t i = 0; i < KEYS; i++)
        CHECK(map_remove(&map, name_of(i)) == expected[i]);
    CHECK_INT(map.count, 0);
    map_done(&map);
}
