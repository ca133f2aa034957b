// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The lines of flow logs, from what was captured ("Flow log records"). Any thread. */
#include "base/buf.h"
#include "services/ec2/flow_format.h"
#include "services/ec2/stored.records.h"

/* The names of the fields. */
void flow_line_head(const struct flow_format *format, struct buf *out);

/* An interface in one window; the first capture says what is told of the interface. */
struct flow_window {
    const struct flow_format *format;
    const struct stored_flow_capture *captures;
    size_t count;
    uint64_t interval_s;
};
/* A line for each flow, else NODATA; SKIPDATA when something is missing. */
void flow_line_window(const struct flow_window *window, struct arena *arena, struct buf *out);
