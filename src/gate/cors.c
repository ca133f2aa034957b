// SPDX-License-Identifier: Apache-2.0
/*
 * Browsers: pages of this machine (and origins that were named at start) may call; a page of any
 * other origin is refused, since the default key is known to everybody and a visited web page must
 * not use it. Loop thread.
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

static bool is_allowed(const struct gate_config *config, struct span origin)
{
    for (size_t i = 0; i < config->cors_origin_count; i++)
        if (span_eq(config->cors_origins[i], origin) || span_eq(config->cors_origins[i], S("*")))
            return true;
    return is_local(origin);
}

bool cors_admit(struct request *r)
{
    struct span origin = header_get(r->x->headers, S("origin"));
    if (span_is_absent(origin))
        return true;
    if (!is_allowed(r->gate->config, origin))
        return false;
    call_add_header(&r->call, S("Access-Control-Allow-Origin"), origin);
    call_add_header(&r->call, S("Access-Control-Expose-Headers"), S("*"));
    call_add_header(&r->call, S("Vary"), S("Origin"));
    return true;
}

void cors_preflight(struct request *r)
{
    bool allowed = r->call.extra_headers.count > 0;
    struct span asked = header_get(r->x->headers, S("access-control-request-headers"));
    if (allowed) {
        call_add_header(&r->call, S("Access-Control-Allow-Methods"),
                        S("GET, HEAD, PUT, POST, DELETE, PATCH"));
        call_add_header(&r->call, S("Access-Control-Allow-Headers"), asked.len ? asked : S("*"));
        call_add_header(&r->call, S("Access-Control-Max-Age"), S("3000"));
    }
    r->internal = true;
    http_reply(r->x, &(struct http_reply){.status = allowed ? 204 : 403,
                                          .headers = r->call.extra_headers,
                                          .no_length = allowed,
                                          .after = r->x->has_body ? HTTP_CLOSE : HTTP_KEEP});
}
