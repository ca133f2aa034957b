// SPDX-License-Identifier: Apache-2.0
/*
 * Cases for attribute values of DynamoDB: from JSON through the engine's bytes and back, and what a
 * call is charged.
 */
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/capacity.h"
#include "test.h"
#include "wire/codec.h"

#include <stdlib.h>

static struct arena arena;
static struct call call;

static struct call *begin(void)
{
    if (!arena.ceiling)
        arena_init(&arena, 65536, 256 << 20);
    arena_reset(&arena);
    call = (struct call){.arena = &arena, .service = &dynamodb_service, .protocol = PROTOCOL_JSON};
    return &call;
}

static uint16_t shape_named(const char *name)
{
    for (size_t i = 0; i < dynamodb_service.shape_count; i++)
        if (span_eq(service_text(&dynamodb_service, dynamodb_service.shapes[i].name),
                    span_of_cstr(name)))
            return (uint16_t)i;
    test_fail(__FILE__, __LINE__, "there is no shape %s", name);
}

static struct dynamodb_attribute_map parse(struct call *c, const char *json)
{
    struct dynamodb_attribute_map map = {NULL, 0};
    CHECK(!wire_json_read(c, &dynamodb_service, shape_named("AttributeMap"), span_of_cstr(json),
                          &map));
    return map;
}

static struct span print(const struct dynamodb_attribute_map *map)
{
    struct buf out;
    buf_init(&out, 1 << 22);
    wire_json_write(&dynamodb_service, shape_named("AttributeMap"), map, &out);
    struct span text = arena_copy(&arena, buf_span(&out));
    buf_done(&out);
    return text;
}

/* JSON to values to bytes to values to JSON. */
static void check_stored(const char *json, const char *want)
{
    struct call *c = begin();
    struct dynamodb_attribute_map in = parse(c, json), out;
    struct kv_map map, back;
    struct buf bytes;
    const struct refusal *refusal =
        attribute_read_map(c, ATTRIBUTE_PLAIN, ATTRIBUTE_PAIRS(in), &map);
    if (refusal)
        test_fail(__FILE__, __LINE__, "%s: %.*s", json, SPAN_ARG(refusal->message));
    buf_init(&bytes, 1 << 22);
    kv_item_encode(&map, &bytes);
    CHECK(kv_item_decode(arena_copy(&arena, buf_span(&bytes)), &arena, &back));
    buf_done(&bytes);
    out = attribute_show_map(c, &back);
    CHECK_SPAN(print(&out), span_of_cstr(want));
}

static void check_refused(const char *json, enum ATTRIBUTE_WORDS words, const char *want)
{
    struct call *c = begin();
    struct dynamodb_attribute_map in = parse(c, json);
    struct kv_map map;
    const struct refusal *refusal = attribute_read_map(c, words, ATTRIBUTE_PAIRS(in), &map);
    if (!refusal)
        test_fail(__FILE__, __LINE__, "%s is taken", json);
    CHECK_SPAN(span_of_cstr(refusal->kind->code), S("ValidationException"));
    CHECK_SPAN(refusal->message, span_of_cstr(want));
}

TEST(names_and_sets_leave_in_order)
{
    check_stored(
        "{\"b\":{\"S\":\"x\"},\"a\":{\"NS\":[\"10\",\"-1\",\"2.50\"]},\"c\":{\"SS\":[\"z\","
        "\"\",\"a\"]}}",
        "{\"a\":{\"NS\":[\"-1\",\"2.5\",\"10\"]},\"b\":{\"S\":\"x\"},\"c\":{\"SS\":[\"\","
        "\"a\",\"z\"]}}");
}

TEST(every_type)
{
    check_stored("{\"b\":{\"B\":\"AP8=\"},\"e\":{\"B\":\"\"},\"f\":{\"BOOL\":false},\"l\":{\"L\":[{"
                 "\"N\":\"1e2\"},{\"L\":[]}]},\"m\":{\"M\":{\"\":{\"BS\":[\"AQ==\"]},\"k\":{"
                 "\"M\":{}}}},\"n\":{\"NULL\":true},\"s\":{\"S\":\"\"},\"t\":{\"BOOL\":true}}",
                 "{\"b\":{\"B\":\"AP8=\"},\"e\":{\"B\":\"\"},\"f\":{\"BOOL\":false},\"l\":{\"L\":[{"
                 "\"N\":\"100\"},{\"L\":[]}]},\"m\":{\"M\":{\"\":{\"BS\":[\"AQ==\"]},\"k\":{"
                 "\"M\":{}}}},\"n\":{\"NULL\":true},\"s\":{\"S\":\"\"},\"t\":{\"BOOL\":true}}");
    check_stored("{}", "{}");
}

TEST(refusals)
{
    check_refused("{\"a\":{}}", ATTRIBUTE_PLAIN,
                  "Supplied AttributeValue is empty, must contain exactly one of the supported "
                  "datatypes");
    check_refused("{\"a\":{\"S\":\"x\",\"BOOL\":true}}", ATTRIBUTE_PLAIN,
                  "Supplied AttributeValue has more than one datatypes set, must contain exactly "
                  "one of the supported datatypes");
    check_refused("{\"a\":{\"N\":\"x\"}}", ATTRIBUTE_WRAPPED,
                  "1 validation error detected: The parameter cannot be converted to a numeric "
                  "value: x");
    check_refused("{\"a\":{\"L\":[{\"M\":{\"b\":{\"SS\":[]}}}]}}", ATTRIBUTE_PLAIN,
                  "One or more parameter values were invalid: An string set  may not be empty");
    check_refused("{\"a\":{\"BS\":[\"/w==\",\"AA==\",\"AA==\",\"AQ==\"]}}", ATTRIBUTE_PLAIN,
                  "One or more parameter values were invalid: Input collection "
                  "[\"AA==\",\"/w==\",\"AA==\",\"AQ==\"]of type BS contains duplicates.");
}

/* A doubled set may be as large as a request; the text that tells it is not. */
TEST(a_large_doubled_set)
{
    struct call *c = begin();
    size_t count = 200000;
    struct span *elements = ARENA_ARRAY(&arena, struct span, count);
    struct kv_value value;
    for (size_t i = 0; i < count; i++)
        elements[i] = arena_printf(&arena, "%zu", i % (count - 1));
    struct dynamodb_attribute_value in = {.ss = {elements, count}};
    const struct refusal *refusal = attribute_read(c, ATTRIBUTE_PLAIN, &in, &value);
    CHECK(refusal);
    CHECK(refusal->message.len < 70000);
}

TEST(more_things_than_an_item_can_hold)
{
    struct call *c = begin();
    size_t count = 2000000;
    struct span *elements = calloc(count, sizeof *elements);
    struct kv_value value;
    CHECK(elements);
    for (size_t i = 0; i < count; i++)
        elements[i] = S("1");
    struct dynamodb_attribute_value in = {.ns = {elements, count}};
    size_t taken = arena.taken;
    const struct refusal *refusal = attribute_read(c, ATTRIBUTE_PLAIN, &in, &value);
    free(elements);
    CHECK(refusal);
    CHECK_SPAN(refusal->message, S("Item size has exceeded the maximum allowed size"));
    CHECK(arena.taken - taken < 1 << 20);
}

TEST(capacity_units)
{
    struct {
        size_t bytes;
        double eventual, consistent, written;
    } cases[] = {
        {0, 0.5, 1, 1},    {1, 0.5, 1, 1},  {1024, 0.5, 1, 1},      {1025, 0.5, 1, 2},
        {4096, 0.5, 1, 4}, {4097, 1, 2, 5}, {409600, 50, 100, 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK(capacity_of_read(cases[i].bytes, false) == cases[i].eventual);
        CHECK(capacity_of_read(cases[i].bytes, true) == cases[i].consistent);
        CHECK(capacity_of_write(cases[i].bytes) == cases[i].written);
    }
}
