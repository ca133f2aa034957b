// SPDX-License-Identifier: Apache-2.0
/* `kintoun audit`: the audit records of a data directory, a line of JSON each, oldest first within
 * account and region. */
#include "kintoun/commands.h"

#include "base/json.h"
#include "base/time.h"
#include "gate/gate.records.h"

#include <stdio.h>
#include <stdlib.h>

static void text_member(struct json_writer *writer, struct span name, struct span value)
{
    if (!value.len)
        return;
    json_key(writer, name);
    json_string(writer, value);
}

static int print_event(void *user, struct gate_event *event)
{
    struct buf *out = user;
    struct json_writer writer = {.out = out};
    char when[TIME_TEXT_SIZE];
    buf_clear(out);
    json_begin_object(&writer);
    text_member(&writer, S("eventTime"), time_iso8601_millis((int64_t)event->time, when));
    text_member(&writer, S("eventSource"), event->event_source);
    text_member(&writer, S("eventName"), event->event_name);
    text_member(&writer, S("awsRegion"), event->region);
    text_member(&writer, S("recipientAccountId"), event->account);
    text_member(&writer, S("sourceIPAddress"), event->source_ip);
    text_member(&writer, S("vpcEndpointId"), event->endpoint);
    text_member(&writer, S("userAgent"), event->user_agent);
    text_member(&writer, S("arn"), event->caller_arn);
    text_member(&writer, S("type"), event->caller_type);
    text_member(&writer, S("accessKeyId"), event->access_key);
    text_member(&writer, S("resource"), event->resource);
    text_member(&writer, S("requestID"), event->request_id);
    text_member(&writer, S("errorCode"), event->error_code);
    text_member(&writer, S("errorMessage"), event->error_message);
    json_key(&writer, S("readOnly"));
    json_bool(&writer, event->read_only);
    json_end_object(&writer);
    printf("%.*s\n", SPAN_ARG(buf_span(out)));
    return 0;
}

int command_audit(int argc, char **argv)
{
    const char *environment = getenv("KINTOUN_DATA");
    struct store_options options = {.dir = environment ? environment : "./data"};
    struct store *store;
    const char *why = NULL;
    if (argc > 1 && strcmp(argv[0], "--data") == 0)
        options.dir = argv[1];
    if (store_open(&store, &options, &why) < 0) {
        fprintf(stderr, "kintoun audit: %s: %s\n", options.dir, why ? why : "cannot be opened");
        return 1;
    }
    struct arena arena;
    struct buf out;
    struct gate_event first = {0};
    arena_init(&arena, 65536, SIZE_MAX / 2);
    buf_init(&out, 1 << 20);
    struct txn *txn = txn_begin(store);
    int error = gate_event_each(txn, &first, 0, &arena, print_event, &out);
    txn_rollback(txn);
    buf_done(&out);
    arena_done(&arena);
    store_close(store);
    return error < 0 ? 1 : 0;
}
