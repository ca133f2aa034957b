// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Keys of the objects that channels deliver ("S3 output key template for Amazon S3 delivery" of the
 * developer guide; the placeholders are listed with AWS::Kinesis::Channel): !{channel-name},
 * !{channel-id}, !{stream-name}, !{yyyy}, !{yy}, !{MM}, !{dd}, !{HH}, !{mm}, !{extension} and
 * !{extension:.text}. Pure.
 */
#include "base/arena.h"

#define KEY_TEMPLATE_DEFAULT                                                                       \
    "kinesis-channel/!{channel-name}/!{channel-id}/!{yyyy}/!{MM}/!{dd}/!{HH}/"                     \
    "!{channel-name}-!{channel-id}-!{yyyy}-!{MM}-!{dd}-!{HH}-!{mm}!{extension}"

struct key_template_values {
    struct span channel_name, channel_id, stream_name;
    struct span extension; /* of the compression; may be empty */
    int64_t now_ms;
    struct span unique; /* makes the key the only one; comes before an extension at the end */
};

/* The key; absent when the template has a placeholder that is not known or not closed. */
struct span key_template_fill(struct arena *arena, struct span template,
                              const struct key_template_values *values);
/* Whether the last thing in it is an extension. */
bool key_template_ends_with_extension(struct span template);
