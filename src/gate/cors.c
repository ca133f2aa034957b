// SPDX-License-Identifier: Apache-2.0
/*
 * Browsers. Rules of the resource itself come first, as of buckets; where there are none, pages of
 * this machine (and origins that were named at start) may call. A page of any other origin is
 * refused, since the default key is known to everybody and a visited web page must not use it. Loop
 * thread.
 */
#include "gate/request.h"

/* http://localhost:3000, http://127.0.0.1, https://x.localhost, http://[::1]:8080 */
static bool is_local(struct span origin)
{
    size_t scheme = span_find(origin, S("://"));
    if (scheme == SPAN_NOT_FOUND)
        return false;
    struct span host = span_from(origin, scheme + 3);
    if (span_starts(host, S("[::1]")))
        return host.len == 5 || host.at[5] == ':';
    struct span rest = host;
    host = span_cut(&rest, ':');
    return span_eq(host, S("localhost")) || span_eq(host, S("127.0.0.1")) ||
           span_ends(host, S(".localhost"));
}

static bool is_named(const struct gate_config *config, struct span origin)
{
    for (size_t i = 0; i < config->cors_origin_count; i++)
        if (span_eq(config->cors_origins[i], origin) || span_eq(config->cors_origins[i], S("*")))
            return true;
    return false;
}

static void reply_at_once(struct request *r, int status)
{
    r->internal = true;
    http_reply(r->x, &(struct http_reply){.status = status,
                                          .headers = r->call.extra_headers,
                                          .no_length = status == 204,
                                          .after = r->x->has_body ? HTTP_CLOSE : HTTP_KEEP});
}

/* ---- the general rule ----------------------------------------------------------------------- */

static void allow(struct request *r, struct span origin, bool preflight)
{
    struct call *c = &r->call;
    struct span asked = header_get(r->x->headers, S("access-control-request-headers"));
    call_add_header(c, S("Access-Control-Allow-Origin"), origin);
    call_add_header(c, S("Access-Control-Expose-Headers"), S("*"));
    call_add_header(c, S("Vary"), S("Origin"));
    if (!preflight)
        return;
    call_add_header(c, S("Access-Control-Allow-Methods"), S("GET, HEAD, PUT, POST, DELETE, PATCH"));
    call_add_header(c, S("Access-Control-Allow-Headers"), asked.len ? asked : S("*"));
    call_add_header(c, S("Access-Control-Max-Age"), S("3000"));
}

static enum CORS_STEP by_general_rule(struct request *r, struct span origin, bool preflight)
{
    bool allowed = is_local(origin) || is_named(r->gate->config, origin);
    if (allowed)
        allow(r, origin, preflight);
    if (allowed && !preflight)
        return CORS_GO_ON;
    reply_at_once(r, allowed ? 204 : 403);
    return CORS_ANSWERED;
}

/* ---- rules of a resource -------------------------------------------------------------------- */

static enum CORS ask_service(struct request *r, const struct cors_request *request,
                             const struct refusal **ret)
{
    const struct service_hooks *hooks = r->route.service->hooks;
    if (!hooks || !hooks->cors)
        return CORS_NO_RULES;
    r->call.txn = txn_begin(r->gate->config->cloud->store);
    enum CORS answer = hooks->cors(&r->call, request, ret);
    txn_rollback(r->call.txn);
    r->call.txn = NULL;
    return answer;
}

enum CORS_STEP cors_admit(struct request *r)
{
    const struct http_exchange *x = r->x;
    bool preflight = span_eq(x->method, S("OPTIONS"));
    struct cors_request request = {
        .path = r->route.path,
        .origin = header_get(x->headers, S("origin")),
        .method =
            preflight ? header_get(x->headers, S("access-control-request-method")) : x->method,
        .headers = header_get(x->headers, S("access-control-request-headers")),
        .preflight = preflight,
    };
    if (!preflight && span_is_absent(request.origin))
        return CORS_GO_ON;
    const struct refusal *refusal = OK;
    bool named = is_named(r->gate->config, request.origin);
    enum CORS answer = named ? CORS_NO_RULES : ask_service(r, &request, &refusal);
    if (answer == CORS_NO_RULES)
        return by_general_rule(r, request.origin, preflight);
    if (preflight && answer == CORS_REFUSED) {
        r->refusal = refusal;
        request_answer(r);
        return CORS_ANSWERED;
    }
    if (!preflight && (answer == CORS_ALLOWED || is_local(request.origin)))
        return CORS_GO_ON; /* the browser keeps the reply from its page where no header allows it */
    reply_at_once(r, answer == CORS_ALLOWED ? 200 : 403);
    return CORS_ANSWERED;
}
