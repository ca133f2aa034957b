// SPDX-License-Identifier: Apache-2.0
/*
 * A flow that several captures of a window have seen becomes one line. What does not apply, and
 * what nobody here can know (services of AWS, containers, sublocations), is "-". The addresses of
 * the interface's own side are its primary one in srcaddr and dstaddr, and the packet's own in
 * pkt-srcaddr and pkt-dstaddr.
 */
#include "services/ec2/flow_line.h"

#include "services/ec2/cidr.h"

#include <stdlib.h>

enum STATUS { STATUS_OK, STATUS_NODATA, STATUS_SKIPDATA };

void flow_line_head(const struct flow_format *format, struct buf *out)
{
    for (size_t i = 0; i < format->count; i++) {
        if (i)
            buf_append_byte(out, ' ');
        buf_append(out, flow_field_name((enum FLOW_FIELD)format->fields[i]));
    }
    buf_append_byte(out, '\n');
}

/* ---- values ------------------------------------------------------------------------------------
 */

struct line {
    struct arena *arena;
    struct span values[FLOW_FIELDS]; /* absent: - */
};

static struct span number(struct line *line, uint64_t value)
{
    return arena_printf(line->arena, "%llu", (unsigned long long)value);
}

static void fill_interface(struct line *line, const struct flow_window *window, enum STATUS status)
{
    static const struct span names[] = {[STATUS_OK] = S_INIT("OK"),
                                        [STATUS_NODATA] = S_INIT("NODATA"),
                                        [STATUS_SKIPDATA] = S_INIT("SKIPDATA")};
    const struct stored_flow_capture *capture = &window->captures[0];
    struct span *values = line->values;
    values[FLOW_VERSION] = number(line, window->format->version);
    values[FLOW_ACCOUNT_ID] = capture->account;
    values[FLOW_INTERFACE_ID] = capture->interface;
    values[FLOW_START] = number(line, capture->window / 1000 - window->interval_s);
    values[FLOW_END] = number(line, capture->window / 1000);
    values[FLOW_LOG_STATUS] = names[status];
    values[FLOW_VPC_ID] = capture->vpc;
    values[FLOW_SUBNET_ID] = capture->subnet;
    values[FLOW_INSTANCE_ID] = capture->instance;
    values[FLOW_REGION] = capture->region;
    values[FLOW_AZ_ID] = capture->zone;
}

static void fill_flow(struct line *line, const struct flow_window *window,
                      const struct stored_flow *flow)
{
    struct span *values = line->values;
    bool six = flow->source6.at != NULL;
    struct span source =
        six ? flow->source6 : cidr_address_text(line->arena, (uint32_t)flow->source);
    struct span target =
        six ? flow->target6 : cidr_address_text(line->arena, (uint32_t)flow->target);
    values[FLOW_SRCADDR] = flow->incoming || six ? source : window->captures[0].address;
    values[FLOW_DSTADDR] = flow->incoming && !six ? window->captures[0].address : target;
    values[FLOW_PKT_SRCADDR] = source;
    values[FLOW_PKT_DSTADDR] = target;
    values[FLOW_SRCPORT] = number(line, flow->source_port);
    values[FLOW_DSTPORT] = number(line, flow->target_port);
    values[FLOW_PROTOCOL] = number(line, flow->protocol);
    values[FLOW_PACKETS] = number(line, flow->packets);
    values[FLOW_BYTES] = number(line, flow->bytes);
    values[FLOW_START] = number(line, (uint64_t)flow->start / 1000);
    values[FLOW_END] = number(line, (uint64_t)flow->end / 1000);
    values[FLOW_ACTION] = flow->rejected ? S("REJECT") : S("ACCEPT");
    values[FLOW_TCP_FLAGS] = number(line, flow->tcp_flags);
    values[FLOW_TYPE] = six ? S("IPv6") : S("IPv4");
    values[FLOW_FLOW_DIRECTION] = flow->incoming ? S("ingress") : S("egress");
    if (flow->path)
        values[FLOW_TRAFFIC_PATH] = number(line, flow->path);
}

static void print(const struct line *line, const struct flow_format *format, struct buf *out)
{
    for (size_t i = 0; i < format->count; i++) {
        struct span value = line->values[format->fields[i]];
        if (i)
            buf_append_byte(out, ' ');
        buf_append(out, value.len ? value : S("-"));
    }
    buf_append_byte(out, '\n');
}

/* ---- flows -------------------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
    const struct stored_flow *one = a, *other = b;
    const uint64_t keys[][2] = {
        {one->source, other->source},           {one->target, other->target},
        {one->source_port, other->source_port}, {one->target_port, other->target_port},
        {one->protocol, other->protocol},       {one->incoming, other->incoming},
        {one->rejected, other->rejected}};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (keys[i][0] != keys[i][1])
            return keys[i][0] < keys[i][1] ? -1 : 1;
    int order = span_compare(one->source6, other->source6);
    return order ? order : span_compare(one->target6, other->target6);
}

static void merge(struct stored_flow *to, const struct stored_flow *from)
{
    to->packets += from->packets;
    to->bytes += from->bytes;
    to->tcp_flags |= from->tcp_flags;
    to->start = from->start < to->start ? from->start : to->start;
    to->end = from->end > to->end ? from->end : to->end;
}

/* All of the window, each once; *ret_count of them. */
static struct stored_flow *gather(const struct flow_window *window, struct arena *arena,
                                  size_t *ret_count)
{
    size_t all = 0, kept = 0;
    for (size_t i = 0; i < window->count; i++)
        all += window->captures[i].flows.count;
    struct stored_flow *flows = ARENA_ARRAY(arena, struct stored_flow, all);
    all = 0;
    for (size_t i = 0; i < window->count; i++)
        for (size_t j = 0; j < window->captures[i].flows.count; j++)
            flows[all++] = window->captures[i].flows.at[j];
    if (all)
        qsort(flows, all, sizeof *flows, compare);
    for (size_t i = 0; i < all; i++) {
        if (kept && compare(&flows[kept - 1], &flows[i]) == 0)
            merge(&flows[kept - 1], &flows[i]);
        else
            flows[kept++] = flows[i];
    }
    *ret_count = kept;
    return flows;
}

static void print_status(const struct flow_window *window, enum STATUS status, struct arena *arena,
                         struct buf *out)
{
    struct line line = {.arena = arena};
    fill_interface(&line, window, status);
    print(&line, window->format, out);
}

void flow_line_window(const struct flow_window *window, struct arena *arena, struct buf *out)
{
    size_t count;
    bool skipped = false;
    const struct stored_flow *flows = gather(window, arena, &count);
    for (size_t i = 0; i < count; i++) {
        struct line line = {.arena = arena};
        fill_interface(&line, window, STATUS_OK);
        fill_flow(&line, window, &flows[i]);
        print(&line, window->format, out);
    }
    for (size_t i = 0; i < window->count; i++)
        skipped = skipped || window->captures[i].skipped;
    if (skipped)
        print_status(window, STATUS_SKIPDATA, arena, out);
    else if (!count)
        print_status(window, STATUS_NODATA, arena, out);
}
