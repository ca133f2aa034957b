// SPDX-License-Identifier: Apache-2.0
/*
 * A view goes to the control thread, which knows the numbers of gateways, on to the fabric's, which
 * prints, and home by way of the control thread: the loops of requests may end before the fabric's,
 * but not before that.
 */
#include "services/ec2/view.h"

#include "engines/fabric/fabric.h"
#include "services/ec2/gateway_meter.h"
#include "services/ec2/network.h"
#include "services/ec2/number.h"
#include "store/txn.h"

#include <arpa/inet.h>
#include <errno.h>

static struct ec2_view *view_of(struct mail *mail)
{
    return (struct ec2_view *)(void *)((char *)mail - offsetof(struct ec2_view, mail));
}

static void post(struct ec2_view *view, struct loop *loop, void (*deliver)(struct mail *mail))
{
    view->mail.deliver = deliver;
    loop_post(loop, &view->mail);
}

static void on_home(struct mail *mail)
{
    struct ec2_view *view = view_of(mail);
    view->shown(view);
}

static void on_return(struct mail *mail)
{
    struct ec2_view *view = view_of(mail);
    post(view, view->home, on_home);
}

/* ---- translations ------------------------------------------------------------------------------
 */

static void print_end(struct buf *out, uint32_t address, uint16_t port)
{
    char text[INET_ADDRSTRLEN];
    buf_printf(out, " %s:%u", inet_ntop(AF_INET, &address, text, sizeof text), ntohs(port));
}

static void print_translation(void *user, const struct fabric_translation *translation)
{
    static const char *const names[256] = {
        [FAB_ICMP] = "icmp", [FAB_TCP] = "tcp", [FAB_UDP] = "udp"};
    struct buf *out = ((struct ec2_view *)user)->out;
    const char *name = names[translation->protocol];
    const char *state = translation->closed     ? "closed"
                        : translation->answered ? "established"
                                                : "new";
    buf_printf(out, "%s", name ? name : "other");
    print_end(out, translation->inside, translation->inside_port);
    print_end(out, translation->outside, translation->outside_port);
    print_end(out, translation->target, translation->target_port);
    buf_printf(out, " %s %llu %u %llu %llu %llu %llu\n", state,
               (unsigned long long)translation->age_ms, translation->idle_ms,
               (unsigned long long)translation->packets[FAB_ASKS],
               (unsigned long long)translation->bytes[FAB_ASKS],
               (unsigned long long)translation->packets[FAB_ANSWERS],
               (unsigned long long)translation->bytes[FAB_ANSWERS]);
}

/* ---- counters ----------------------------------------------------------------------------------
 */

/* What was dropped is in PacketsDropCount and in no other, so that what came in is what went out.
 */
static const struct {
    const char *name;
    size_t member;
} rows[] = {
    {"active_connection_count", offsetof(struct fab_gateway_count, active)},
    {"connection_attempt_count", offsetof(struct fab_gateway_count, attempts)},
    {"connection_established_count", offsetof(struct fab_gateway_count, established)},
    {"error_port_allocation", offsetof(struct fab_gateway_count, port_errors)},
    {"idle_timeout_count", offsetof(struct fab_gateway_count, idle_timeouts)},
    {"packets_drop_count", offsetof(struct fab_gateway_count, dropped)},
    {"bytes_in_from_source", offsetof(struct fab_gateway_count, bytes[FAB_ASKS])},
    {"bytes_out_to_destination", offsetof(struct fab_gateway_count, bytes[FAB_ASKS])},
    {"bytes_in_from_destination", offsetof(struct fab_gateway_count, bytes[FAB_ANSWERS])},
    {"bytes_out_to_source", offsetof(struct fab_gateway_count, bytes[FAB_ANSWERS])},
    {"packets_in_from_source", offsetof(struct fab_gateway_count, packets[FAB_ASKS])},
    {"packets_out_to_destination", offsetof(struct fab_gateway_count, packets[FAB_ASKS])},
    {"packets_in_from_destination", offsetof(struct fab_gateway_count, packets[FAB_ANSWERS])},
    {"packets_out_to_source", offsetof(struct fab_gateway_count, packets[FAB_ANSWERS])},
};

static void print_row(struct buf *out, const char *name, const struct stored_number_taken *gateway,
                      uint64_t value)
{
    buf_printf(out,
               "kintoun_nat_gateway_%s{account=\"%.*s\",region=\"%.*s\",gateway=\"%.*s\"} %lld\n",
               name, SPAN_ARG(gateway->account), SPAN_ARG(gateway->region), SPAN_ARG(gateway->id),
               (long long)value);
}

static int print_counters(struct network *network, const struct stored_number_taken *gateway,
                          struct buf *out)
{
    struct fab_gateway_count count;
    uint32_t number = (uint32_t)gateway->number;
    int error = fabric_gateway_counted(network_fabric(network), number, &count);
    if (error)
        return error;
    struct gateway_peak peak = gateway_meter_peak(network_meters(network), number);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        print_row(out, rows[i].name, gateway, *const_struct_at(&count, rows[i].member, uint64_t));
    print_row(out, "peak_bytes_per_second", gateway, peak.bytes);
    print_row(out, "peak_packets_per_second", gateway, peak.packets);
    return 0;
}

/* ---- threads -----------------------------------------------------------------------------------
 */

static void on_fabric(struct mail *mail)
{
    struct ec2_view *view = view_of(mail);
    struct network *network = ec2_network(view->cloud->ec2);
    struct fabric *fabric = network_fabric(network);
    for (size_t i = 0; fabric && !view->error && i < view->count; i++) {
        const struct stored_number_taken *gateway = &view->gateways[i];
        if (view->what == EC2_VIEW_COUNTERS)
            view->error = print_counters(network, gateway, view->out);
        else
            view->error =
                fabric_translations(fabric, (uint32_t)gateway->number, print_translation, view);
    }
    post(view, view->cloud->control, on_return);
}

static int take(void *user, struct stored_number_taken *taken)
{
    struct ec2_view *view = user;
    if (view->gateway.at && !span_eq(view->gateway, taken->id))
        return 0;
    view->gateways[view->count++] = *taken;
    return 0;
}

static int count_one(void *user, struct stored_number_taken *taken)
{
    ++*(size_t *)user;
    return 0;
}

static void on_control(struct mail *mail)
{
    struct ec2_view *view = view_of(mail);
    size_t count = 0;
    struct stored_number_taken from = {.kind = NUMBER_GATEWAY};
    struct txn *txn = txn_begin(view->cloud->store);
    view->error = stored_number_taken_each(txn, &from, 1, view->arena, count_one, &count);
    view->gateways = ARENA_ARRAY(view->arena, struct stored_number_taken, count);
    if (view->error >= 0)
        view->error = stored_number_taken_each(txn, &from, 1, view->arena, take, view);
    txn_rollback(txn);
    if (view->error >= 0)
        view->error = view->gateway.at && !view->count ? -ENOENT : 0;
    view->mail.deliver = on_fabric;
    if (view->error || !network_post(ec2_network(view->cloud->ec2), &view->mail))
        post(view, view->home, on_home);
}

void ec2_view(struct ec2_view *view)
{
    post(view, view->cloud->control, on_control);
}
