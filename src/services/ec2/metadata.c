// SPDX-License-Identifier: Apache-2.0
/*
 * The server of instance metadata: who asks is known by the interface, so nothing of the request is
 * believed. Answers wait until what they tell of is durable, as those of the API do. Statuses:
 * "Use the Instance Metadata Service", "Query for IPv4 addresses", "Configure the instance metadata
 * options". Control thread.
 */
#include "services/ec2/metadata.h"

#include "base/log.h"
#include "base/time.h"
#include "http/listener.h"
#include "store/txn.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

#define BODY_MAX 4096 /* of a request, where it is of no use */
#define TTL_FIELD "x-aws-ec2-metadata-token-ttl-seconds"
#define TOKEN_FIELD "x-aws-ec2-metadata-token"

/* An answer that waits. */
struct asked {
    struct asked *next;
    struct metadata *metadata;
    struct http_exchange *x;
    struct call c;
    struct stored_interface interface;
    struct stored_instance instance;
    uint64_t ticket;
    int64_t token_left_s; /* 0: asked without one */
    int status;
    struct span body;
    const char *type;
};

struct metadata {
    struct http_handler handler; /* first */
    struct cloud *cloud;
    struct http_server *server;
    struct listener *listener;
    struct network_socket socket;
    struct metadata_tokens *tokens;
    struct store_waiter waiter;
    struct loop *loop;
    struct asked *waiting;
};

/* ---- answers -----------------------------------------------------------------------------------
 */

static const struct {
    int status;
    const char *words;
} pages[] = {
    {400, "Bad Request"}, {401, "Unauthorized"},       {403, "Forbidden"},
    {404, "Not Found"},   {405, "Method Not Allowed"}, {500, "Internal Server Error"},
};

static struct span page(struct arena *arena, int status)
{
    const char *words = "";
    for (size_t i = 0; i < ARRAY_LEN(pages); i++)
        if (pages[i].status == status)
            words = pages[i].words;
    return arena_printf(
        arena,
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n"
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n"
        "\t\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
        "<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n"
        " <head>\n  <title>%d - %s</title>\n </head>\n <body>\n  <h1>%d - %s</h1>\n </body>\n"
        "</html>\n",
        status, words, status, words);
}

static void send_answer(struct asked *a)
{
    struct arena *arena = a->x->arena;
    struct http_segment *segment = ARENA_NEW(arena, struct http_segment);
    struct header *headers = ARENA_ARRAY(arena, struct header, 3);
    size_t count = 0;
    if (a->status != 200) {
        a->body = page(arena, a->status);
        a->type = "text/html";
    }
    headers[count++] = (struct header){S("Content-Type"), span_of_cstr(a->type)};
    headers[count++] = (struct header){S("Server"), S("EC2ws")};
    if (a->token_left_s && a->status == 200)
        headers[count++] = (struct header){S("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"),
                                           arena_printf(arena, "%lld", (long long)a->token_left_s)};
    *segment = (struct http_segment){.bytes = a->body, .len = a->body.len};
    http_reply(a->x, &(struct http_reply){.status = a->status,
                                          .headers = {headers, count},
                                          .segments = segment,
                                          .segment_count = a->body.len ? 1 : 0});
}

static void on_durable(struct store_waiter *waiter, uint64_t durable, int error)
{
    struct metadata *metadata =
        (struct metadata *)((char *)waiter - offsetof(struct metadata, waiter));
    struct asked **at = &metadata->waiting;
    while (*at) {
        struct asked *a = *at;
        if (!error && a->ticket > durable) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        if (error && a->ticket > durable)
            a->status = 500;
        send_answer(a);
    }
}

static void answer(struct asked *a)
{
    struct store *store = a->metadata->cloud->store;
    int error = txn_commit(a->c.txn, &a->ticket);
    if (error)
        a->status = 500;
    if (error || a->ticket <= store_durable(store)) {
        send_answer(a);
        return;
    }
    a->next = a->metadata->waiting;
    a->metadata->waiting = a;
    store_want(store, a->ticket);
}

/* ---- questions ---------------------------------------------------------------------------------
 */

/* "1 to 21600" */
static bool read_ttl(struct span text, int64_t *ret)
{
    *ret = 0;
    if (!text.len || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        *ret = *ret * 10 + (text.at[i] - '0');
    }
    return *ret >= 1 && *ret <= METADATA_TOKEN_TTL_MAX_S;
}

static int begin_session(struct asked *a)
{
    int64_t ttl_s;
    struct headers headers = a->x->headers;
    if (!span_eq(a->x->path, S("/latest/api/token")))
        return 403;
    if (header_get(headers, S("x-forwarded-for")).at)
        return 403; /* somebody asks through a proxy that was left open */
    if (!read_ttl(header_get(headers, S(TTL_FIELD)), &ttl_s))
        return 400;
    http_set_hops(a->x, (int)a->instance.token_hops);
    a->body = metadata_token_new(a->metadata->tokens, &a->c, a->instance.id, ttl_s);
    a->token_left_s = ttl_s;
    return 200;
}

/* The tree is the same in all versions, but that AWS leaves out of old ones what came later. */
static const char *const versions[] = {
    "1.0",        "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15",
    "2008-02-01", "2008-09-01", "2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12",
    "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19", "2016-06-30", "2016-09-02",
    "2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03",
    "2021-03-23", "2021-07-15", "2022-09-24", "2024-04-11", "latest",
};

static bool is_version(struct span text)
{
    for (size_t i = 0; i < ARRAY_LEN(versions); i++)
        if (span_eq(text, span_of_cstr(versions[i])))
            return true;
    return false;
}

static struct span all_versions(struct arena *arena)
{
    struct buf *out = arena_buf(arena, BODY_MAX);
    for (size_t i = 0; i < ARRAY_LEN(versions); i++)
        buf_printf(out, "%s%s", i ? "\n" : "", versions[i]);
    return buf_span(out);
}

static int tell(struct asked *a)
{
    struct span path = span_from(a->x->path, 1);
    if (!path.len) {
        a->body = all_versions(a->x->arena);
        return 200;
    }
    if (!is_version(span_cut(&path, '/')))
        return 404;
    struct metadata_tree tree = {
        .c = &a->c,
        .instance = &a->instance,
        .interface = &a->interface,
        .wanted = path,
        .version = a->token_left_s ? METADATA_V2 : METADATA_V1,
    };
    const struct refusal *refusal = metadata_grow(&tree);
    if (refusal) {
        log_error("ec2: metadata of %.*s: %.*s", SPAN_ARG(a->instance.id),
                  SPAN_ARG(refusal->message));
        return 500;
    }
    if (span_eq(path, S("user-data")) || span_eq(path, S("user-data/")))
        a->type = "application/octet-stream";
    return metadata_find(&tree, &a->body) ? 200 : 404;
}

static int ask(struct asked *a)
{
    struct span token = header_get(a->x->headers, S(TOKEN_FIELD));
    bool reads = span_eq(a->x->method, S("GET")) || span_eq(a->x->method, S("HEAD"));
    http_set_hops(a->x, 0);
    if (a->instance.metadata_disabled)
        return 403;
    if (span_eq(a->x->method, S("PUT")))
        return begin_session(a);
    if (!reads)
        return 405;
    if (token.at)
        a->token_left_s = metadata_token_left(a->metadata->tokens, &a->c, a->instance.id, token);
    if (token.at ? !a->token_left_s : !a->instance.tokens_optional)
        return 401;
    return tell(a);
}

static int find_instance(struct asked *a)
{
    int error = network_caller(&a->c, a->x->peer, &a->interface);
    if (error)
        return error;
    if (!a->interface.attachment || !a->interface.attachment->instance.at)
        return -ENOENT;
    return resource_find(&a->c, &instance_kind, a->interface.attachment->instance, &a->instance);
}

static void on_complete(struct http_handler *handler, struct http_exchange *x)
{
    struct metadata *metadata = (struct metadata *)(void *)handler;
    struct asked *a = ARENA_NEW(x->arena, struct asked);
    *a = (struct asked){.metadata = metadata,
                        .x = x,
                        .type = "text/plain",
                        .c = {.arena = x->arena,
                              .now_ms = clock_now_ms(),
                              .request_id = S("metadata"),
                              .service = &ec2_service,
                              .txn = txn_begin(metadata->cloud->store),
                              .cloud = metadata->cloud}};
    int error = find_instance(a);
    a->status = error == -ENOENT ? 404 : error ? 500 : ask(a);
    answer(a);
}

static void on_head(struct http_handler *handler, struct http_exchange *x)
{
    http_take_whole(x, BODY_MAX);
}

static void on_finished(struct http_handler *handler, struct http_exchange *x, uint64_t bytes_in,
                        uint64_t bytes_out)
{
}

static void on_malformed(struct http_handler *handler, struct http_exchange *x, int status,
                         struct span *ret_type, struct span *ret_body)
{
}

/* ---- beginning ---------------------------------------------------------------------------------
 */

static void on_opened(struct network_socket *socket)
{
    struct metadata *metadata =
        (struct metadata *)((char *)socket - offsetof(struct metadata, socket));
    listener_take(&metadata->listener, socket->fd);
    int error =
        listener_start(metadata->listener, metadata->loop, &metadata->server, &metadata->loop, 1);
    if (error < 0)
        log_error("ec2: accepting questions for metadata: %s", strerror(-error));
}

struct metadata *metadata_new(struct cloud *cloud, struct network *network)
{
    struct metadata *metadata = calloc(1, sizeof *metadata);
    if (!metadata)
        log_fatal("out of memory");
    *metadata = (struct metadata){
        .handler = {.head = on_head,
                    .complete = on_complete,
                    .finished = on_finished,
                    .malformed = on_malformed},
        .cloud = cloud,
        .loop = cloud->control,
        .socket = {.opened = on_opened,
                   .loop = cloud->control,
                   .type = SOCK_STREAM,
                   .service = NETWORK_METADATA,
                   .port = 80},
        .tokens = metadata_tokens_new(),
        .waiter = {.loop = cloud->control, .moved = on_durable},
    };
    if (http_server_new(&metadata->server, metadata->loop, &metadata->handler,
                        &http_default_limits) < 0)
        log_fatal("making the server of metadata");
    store_add_waiter(cloud->store, &metadata->waiter);
    network_listen(network, &metadata->socket);
    return metadata;
}

void metadata_free(struct metadata *metadata)
{
    listener_free(metadata->listener);
    http_server_free(metadata->server);
    metadata_tokens_free(metadata->tokens);
    free(metadata);
}
