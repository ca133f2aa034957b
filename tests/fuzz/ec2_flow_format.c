// SPDX-License-Identifier: Apache-2.0
/* Formats of flow logs: what is read names its fields, in order, and reads as itself again. */
#include "services/ec2/flow_format.h"

#include "base/buf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct flow_format format, again;
    struct span bad;
    struct buf text;
    if (!flow_format_read(span_of(data, size), &format, &bad))
        return 0;
    buf_init(&text, 64 * 1024);
    for (size_t i = 0; i < format.count; i++) {
        struct span name = flow_field_name((enum FLOW_FIELD)format.fields[i]);
        buf_printf(&text, "%s${%.*s}", i ? " " : "", SPAN_ARG(name));
    }
    if (!flow_format_read(buf_span(&text), &again, &bad) || again.count != format.count ||
        again.version != format.version || memcmp(again.fields, format.fields, format.count) != 0)
        abort();
    buf_done(&text);
    return 0;
}
