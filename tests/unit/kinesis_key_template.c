// SPDX-License-Identifier: Apache-2.0
/* Cases for services/kinesis/key_template.h. */
#include "services/kinesis/key_template.h"
#include "test.h"

#include "base/time.h"

static struct arena arena;

static struct span fill(struct span template)
{
    const struct key_template_values values = {
        .channel_name = S("name"),
        .channel_id = S("id"),
        .stream_name = S("stream"),
        .extension = S(".gz"),
        .now_ms = time_parse_iso8601(S("2026-03-04T05:06:07Z")),
        .unique = S("-U"),
    };
    return key_template_fill(&arena, template, &values);
}

TEST(placeholders)
{
    arena_init(&arena, 4096, 1 << 20);
    CHECK_SPAN(fill(S("a/!{channel-name}.!{channel-id}=!{stream-name}")), S("a/name.id=stream-U"));
    CHECK_SPAN(fill(S("!{yyyy}!{yy}!{MM}!{dd}!{HH}!{mm}")), S("20262603040506-U"));
    CHECK_SPAN(fill(S(KEY_TEMPLATE_DEFAULT)),
               S("kinesis-channel/name/id/2026/03/04/05/name-id-2026-03-04-05-06-U.gz"));
    CHECK_SPAN(fill(S("!x{!{yy}}")), S("!x{26}-U"));
}

TEST(what_comes_last)
{
    CHECK_SPAN(fill(S("a!{extension}")), S("a-U.gz"));
    CHECK_SPAN(fill(S("a!{extension:.json.gz}")), S("a-U.json.gz"));
    CHECK_SPAN(fill(S("a!{extension}/b")), S("a.gz/b-U"));
    CHECK(key_template_ends_with_extension(S("a!{extension}")));
    CHECK(key_template_ends_with_extension(S("!{extension:.x}")));
    CHECK(key_template_ends_with_extension(S(KEY_TEMPLATE_DEFAULT)));
    CHECK(!key_template_ends_with_extension(S("!{extension}a")));
    CHECK(!key_template_ends_with_extension(S("!{yyyy}")));
    CHECK(!key_template_ends_with_extension(S("")));
}

TEST(what_is_none)
{
    const struct span bad[] = {S("!{"),     S("!{yyyy"), S("!{}"),          S("!{YYYY}"),
                               S("a!{ss}"), S("!{}}"),   S("!{extension:}")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(span_is_absent(fill(bad[i])));
    arena_done(&arena);
}
