// SPDX-License-Identifier: Apache-2.0
/*
 * Finding service and operation. REST templates are compiled once into small lists per method and
 * depth, the most specific first, so that the first match is the right one. Read-only after
 * routes_new: any thread.
 */
#include "gate/route.h"

#include "base/text.h"

#include <stdlib.h>

#define MAX_SEGMENTS 12
#define MAX_LITERALS 4
#define METHOD_COUNT 6
#define DEPTH_COUNT 8

struct query_word {
    struct span name, value; /* value absent: any */
};

struct template
{
    const struct operation *operation;
    struct span segments[MAX_SEGMENTS]; /* literal, or {Label} */
    size_t segment_count;
    bool greedy; /* the last segment takes the rest of the path */
    struct query_word literals[MAX_LITERALS];
    size_t literal_count;
    struct template *next;
};

struct service_routes {
    const struct service *service;
    struct template *by_method[METHOD_COUNT][DEPTH_COUNT];
};

struct routes {
    struct arena arena;
    const struct service *const *services;
    struct service_routes *rest;
    size_t count;
};

/* -- templates -------------------------------------------------------------------------------- */

static size_t method_index(struct span method)
{
    static const struct span methods[] = {S_INIT("GET"), S_INIT("PUT"), S_INIT("POST"),
                                          S_INIT("DELETE"), S_INIT("HEAD")};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (span_eq(method, methods[i]))
            return i;
    return METHOD_COUNT - 1;
}

static bool is_label(struct span segment)
{
    return segment.len > 2 && segment.at[0] == '{';
}

static struct span label_name(struct span segment)
{
    struct span name = span_of(segment.at + 1, segment.len - 2);
    return span_ends(name, S("+")) ? span_first(name, name.len - 1) : name;
}

/* More needed words first, then more literal segments. */
static size_t specificity(const struct template *template)
{
    size_t literals = 0;
    for (size_t i = 0; i < template->segment_count; i++)
        literals += !is_label(template->segments[i]);
    return (template->literal_count + template->operation->need_count) * 16 + literals;
}

static void template_insert(struct template **list, struct template *template)
{
    while (*list && specificity(*list) >= specificity(template))
        list = &(*list)->next;
    template->next = *list;
    *list = template;
}

static void template_read_query(struct template *template, struct span query)
{
    while (!span_is_absent(query) && template->literal_count < MAX_LITERALS) {
        struct span value = span_cut(&query, '&');
        struct span name = span_cut(&value, '=');
        if (name.len)
            template->literals[template->literal_count++] = (struct query_word){name, value};
    }
}

static struct template *template_new(struct arena *arena, const struct service *service,
                                     const struct operation *operation)
{
    struct template *template = ARENA_NEW(arena, struct template);
    struct span query = service_text(service, operation->uri);
    struct span path = span_cut(&query, '?');
    template->operation = operation;
    template_read_query(template, query);
    while (!span_is_absent(path) && template->segment_count < MAX_SEGMENTS) {
        struct span segment = span_cut(&path, '/');
        if (segment.len == 0)
            continue;
        template->segments[template->segment_count++] = segment;
        template->greedy = span_ends(segment, S("+}"));
    }
    return template;
}

static size_t depth_index(size_t segments)
{
    return segments < DEPTH_COUNT ? segments : DEPTH_COUNT - 1;
}

static void add_service(struct routes *routes, size_t at, const struct service *service)
{
    struct service_routes *rest = &routes->rest[at];
    rest->service = service;
    if (service->protocol != PROTOCOL_REST_JSON && service->protocol != PROTOCOL_REST_XML)
        return;
    for (size_t i = 0; i < service->operation_count; i++) {
        const struct operation *operation = &service->operations[i];
        if (!operation->uri)
            continue; /* found in other ways */
        struct template *template = template_new(&routes->arena, service, operation);
        size_t method = method_index(service_text(service, operation->method));
        template_insert(&rest->by_method[method][depth_index(template->segment_count)], template);
    }
}

struct routes *routes_new(const struct service *const *services, size_t count)
{
    struct routes *routes = calloc(1, sizeof *routes);
    if (!routes)
        abort();
    arena_init(&routes->arena, 64 * 1024, 16 * 1024 * 1024);
    routes->services = services;
    routes->count = count;
    routes->rest = ARENA_ARRAY(&routes->arena, struct service_routes, count);
    for (size_t i = 0; i < count; i++)
        add_service(routes, i, services[i]);
    return routes;
}

void routes_free(struct routes *routes)
{
    if (!routes)
        return;
    arena_done(&routes->arena);
    free(routes);
}

const struct service *const *routes_services(const struct routes *routes, size_t *ret_count)
{
    *ret_count = routes->count;
    return routes->services;
}

const struct operation *operation_named(const struct service *service, struct span name)
{
    size_t low = 0, high = service->operation_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = span_compare(service_text(service, service->operations[middle].name), name);
        if (order == 0)
            return &service->operations[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* -- the service ------------------------------------------------------------------------------ */

static const struct service *service_where(const struct routes *routes,
                                           bool (*matches)(const struct service *, struct span),
                                           struct span word)
{
    for (size_t i = 0; i < routes->count; i++)
        if (matches(routes->services[i], word))
            return routes->services[i];
    return NULL;
}

static bool has_target(const struct service *service, struct span prefix)
{
    return service->target_prefix && span_eq(span_of_cstr(service->target_prefix), prefix);
}

static bool has_signing_name(const struct service *service, struct span name)
{
    return span_eq(span_of_cstr(service->signing_name), name);
}

static bool has_endpoint(const struct service *service, struct span label)
{
    return span_eq(span_of_cstr(service->endpoint_prefix), label);
}

static bool has_version(const struct service *service, struct span version)
{
    return (service->protocol == PROTOCOL_QUERY || service->protocol == PROTOCOL_EC2) &&
           span_eq(span_of_cstr(service->api_version), version);
}

static struct span without_port(struct span host)
{
    size_t colon = span_find_last_byte(host, ':');
    bool is_ipv6 = host.len && host.at[host.len - 1] == ']';
    return colon == SPAN_NOT_FOUND || is_ipv6 ? host : span_first(host, colon);
}

/* Where the service label "s3" or "s3-region" starts in a host name, or SPAN_NOT_FOUND. */
static size_t s3_label(struct span host)
{
    if (span_starts(host, S("s3.")) || span_starts(host, S("s3-")))
        return 0;
    for (size_t at = host.len; at-- > 0;)
        if (span_starts(span_from(host, at), S(".s3.")) ||
            span_starts(span_from(host, at), S(".s3-")) || span_eq(span_from(host, at), S(".s3")))
            return at + 1;
    return SPAN_NOT_FOUND;
}

/* bucket.vpce-….s3.region.vpce.amazonaws.com is the name of a VPC endpoint for S3's own operations;
 * a bucket may stand before it, or an access point before accesspoint.vpce-…. Source: "AWS
 * PrivateLink for Amazon S3". */
static struct span bucket_of_endpoint(struct span before)
{
    static const struct span ends[] = {S_INIT(".bucket"), S_INIT(".accesspoint")};
    size_t at = before.len;
    while (at > 0 && !span_starts(span_from(before, at), S("vpce-")))
        at--;
    struct span bucket = at ? span_first(before, at - 1) : SPAN_NONE;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (span_ends(bucket, ends[i]))
            return span_first(bucket, bucket.len - ends[i].len);
    return SPAN_NONE;
}

/* bucket.s3.region.amazonaws.com, bucket.s3.localhost, bucket.localhost -> bucket; absent for path
 * style. */
static struct span bucket_of_host(struct span host)
{
    size_t label = s3_label(host);
    if (label && label != SPAN_NOT_FOUND && span_ends(host, S(".vpce.amazonaws.com")))
        return bucket_of_endpoint(span_first(host, label - 1));
    if (label != SPAN_NOT_FOUND)
        return label ? span_first(host, label - 1) : SPAN_NONE;
    if (span_ends(host, S(".localhost")))
        return span_first(host, host.len - strlen(".localhost"));
    return SPAN_NONE;
}

/* bucket.s3-website.region.amazonaws.com, bucket.s3-website-region.…, bucket.s3-website.localhost:
 * the site of a bucket, which is read by pages only. Source: "Website endpoints". */
static struct span site_of_host(struct span host)
{
    static const struct span labels[] = {S_INIT(".s3-website."), S_INIT(".s3-website-")};
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        size_t at = span_find(host, labels[i]);
        if (at != SPAN_NOT_FOUND)
            return span_first(host, at);
    }
    return SPAN_NONE;
}

/* service.region.amazonaws.com and s3.region.… name a region in their second label. */
static struct span region_of_host(struct span host)
{
    size_t label = s3_label(host);
    struct span rest = label == SPAN_NOT_FOUND ? host : span_from(host, label);
    span_cut(&rest, '.');
    struct span region = span_cut(&rest, '.');
    bool looks_like_one = span_find_byte(region, '-') != SPAN_NOT_FOUND && region.len > 8 &&
                          region.at[region.len - 1] >= '0' && region.at[region.len - 1] <= '9';
    return looks_like_one ? region : SPAN_NONE;
}

static const struct service *service_named_s3(const struct routes *routes)
{
    for (size_t i = 0; i < routes->count; i++)
        if (strcmp(routes->services[i]->name, "s3") == 0)
            return routes->services[i];
    return routes->services[0];
}

/* POST with a form body, as query protocols send it. */
static bool is_form_post(const struct route_request *request)
{
    return span_eq(request->method, S("POST")) &&
           span_starts_nocase(header_get(request->headers, S("content-type")),
                              S("application/x-www-form-urlencoded"));
}

/* Account ids are S3 Control's alone; both are signed for as `s3`. */
static bool is_s3_control(const struct route_request *request)
{
    return span_starts(request->path, S("/v20180820/")) &&
           !span_is_absent(header_get(request->headers, S("x-amz-account-id")));
}

static const struct service *find_service(const struct routes *routes,
                                          const struct route_request *request, struct span host)
{
    struct span target = header_get(request->headers, S("x-amz-target"));
    size_t dot = span_find_last_byte(target, '.');
    const struct service *service = NULL;
    if (dot != SPAN_NOT_FOUND)
        service = service_where(routes, has_target, span_first(target, dot));
    if (!service && is_s3_control(request))
        service = service_where(routes, has_endpoint, S("s3-control"));
    if (!service && request->scope_service.len)
        service = service_where(routes, has_signing_name, request->scope_service);
    if (site_of_host(host).len)
        return service_named_s3(routes);
    if (!service && s3_label(host) == SPAN_NOT_FOUND) {
        struct span rest = host;
        service = service_where(routes, has_endpoint, span_cut(&rest, '.'));
    }
    return service;
}

static bool is_query(const struct service *service, struct span any)
{
    return service->protocol == PROTOCOL_QUERY;
}

/* Nothing names the service, as in a request without or with broken credentials: a form with an
 * Action is of a query protocol and its Version will tell of which service, everything else is
 * S3's. */
static const struct service *guess_service(const struct routes *routes,
                                           const struct route_request *request)
{
    bool action = is_form_post(request) || span_starts(request->query, S("Action=")) ||
                  span_find(request->query, S("&Action=")) != SPAN_NOT_FOUND;
    const struct service *service = action ? service_where(routes, is_query, SPAN_NONE) : NULL;
    return service ? service : service_named_s3(routes);
}

/* -- the operation ---------------------------------------------------------------------------- */

static void find_json(const struct route_request *request, struct route *route)
{
    struct span target = header_get(request->headers, S("x-amz-target"));
    size_t dot = span_find_last_byte(target, '.');
    if (dot == SPAN_NOT_FOUND)
        return;
    route->operation_name = span_from(target, dot + 1);
    route->operation = operation_named(route->service, route->operation_name);
}

static bool is_aws_cbor(const struct route_request *request)
{
    return span_starts(header_get(request->headers, S("content-type")),
                       S("application/x-amz-cbor-1.1"));
}

/* /service/NAME/operation/NAME with the header smithy-protocol: rpc-v2-cbor. */
static bool find_cbor(const struct route_request *request, struct route *route)
{
    if (!span_eq(header_get(request->headers, S("smithy-protocol")), S("rpc-v2-cbor")))
        return false;
    size_t at = span_find(request->path, S("/operation/"));
    route->protocol = PROTOCOL_CBOR;
    if (at != SPAN_NOT_FOUND) {
        route->operation_name = span_from(request->path, at + strlen("/operation/"));
        route->operation = operation_named(route->service, route->operation_name);
    }
    return true;
}

struct query_words {
    struct query_word at[64];
    size_t count;
};

static void read_query(struct arena *arena, struct span query, struct query_words *words)
{
    words->count = 0;
    while (!span_is_absent(query) && words->count < ARRAY_LEN(words->at)) {
        struct span value = span_cut(&query, '&');
        struct span name = span_cut(&value, '=');
        struct span decoded = form_decode(arena, name);
        if (name.len && !span_is_absent(decoded))
            words->at[words->count++] = (struct query_word){decoded, value};
    }
}

static bool has_word(const struct query_words *words, struct query_word wanted)
{
    for (size_t i = 0; i < words->count; i++)
        if (span_eq(words->at[i].name, wanted.name))
            return span_is_empty(wanted.value) || span_eq(words->at[i].value, wanted.value);
    return false;
}

static bool has_needs(const struct template *template, const struct route_request *request,
                      const struct service *service, const struct query_words *words)
{
    const struct operation *operation = template->operation;
    for (size_t i = 0; i < template->literal_count; i++)
        if (!has_word(words, template->literals[i]))
            return false;
    for (size_t i = 0; i < operation->need_count; i++) {
        const struct route_need *need = &service->route_needs[operation->first_need + i];
        struct span wire = service_text(service, need->wire);
        if (need->location == IN_QUERY && !has_word(words, (struct query_word){wire, SPAN_NONE}))
            return false;
        if (need->location != IN_QUERY) {
            char lower[64];
            size_t len = wire.len < sizeof lower ? wire.len : sizeof lower;
            for (size_t at = 0; at < len; at++)
                lower[at] =
                    (char)(wire.at[at] | (wire.at[at] >= 'A' && wire.at[at] <= 'Z' ? 32 : 0));
            if (span_is_absent(header_get(request->headers, span_of(lower, len))))
                return false;
        }
    }
    return true;
}

struct split_path {
    struct span segments[MAX_SEGMENTS];
    struct span rests[MAX_SEGMENTS]; /* from each segment to the end, for greedy labels */
    size_t count;
};

static void split(struct span path, struct split_path *out)
{
    struct span rest = span_starts(path, S("/")) ? span_from(path, 1) : path;
    out->count = 0;
    while (!span_is_absent(rest) && out->count < MAX_SEGMENTS) {
        struct span all = rest;
        out->rests[out->count] = all;
        out->segments[out->count++] = span_cut(&rest, '/');
    }
    /* A slash at the very end begins no segment. */
    if (out->count && out->segments[out->count - 1].len == 0)
        out->count--;
}

static bool path_matches(const struct template *template, const struct split_path *path)
{
    if (template->greedy ? path->count < template->segment_count
                         : path->count != template->segment_count)
        return false;
    for (size_t i = 0; i < template->segment_count; i++)
        if (!is_label(template->segments[i]) && !span_eq(template->segments[i], path->segments[i]))
            return false;
    return true;
}

static void take_labels(struct arena *arena, const struct template *template,
                        const struct split_path *path, struct route *route)
{
    for (size_t i = 0; i < template->segment_count && route->label_count < ROUTE_MAX_LABELS; i++) {
        if (!is_label(template->segments[i]))
            continue;
        bool rest = template->greedy && i + 1 == template->segment_count;
        struct span value = uri_decode(arena, rest ? path->rests[i] : path->segments[i]);
        route->bad_uri |= span_is_absent(value);
        route->labels[route->label_count++] =
            (struct wire_label){label_name(template->segments[i]), value};
    }
}

static const struct template *match(const struct template *list,
                                    const struct route_request *request,
                                    const struct service *service, const struct split_path *path,
                                    const struct query_words *words)
{
    for (; list; list = list->next)
        if (path_matches(list, path) && has_needs(list, request, service, words))
            return list;
    return NULL;
}

/* POST to a bucket by itself is a form of a browser (PostObject), whatever its type says. */
static void find_form(struct arena *arena, const struct route_request *request,
                      const struct split_path *path, struct route *route)
{
    bool bare = span_is_empty(request->query) && path->count == 1;
    const struct operation *operation = operation_named(route->service, S("PostObject"));
    if (!operation || !bare || !span_eq(request->method, S("POST")))
        return;
    struct span bucket = uri_decode(arena, path->segments[0]);
    route->operation = operation;
    route->operation_name = S("PostObject");
    route->form = true;
    route->bad_uri = span_is_absent(bucket);
    route->labels[0] = (struct wire_label){S("Bucket"), bucket};
    route->label_count = 1; /* the key is a field */
}

static void find_rest(const struct routes *routes, struct arena *arena,
                      const struct route_request *request, struct route *route)
{
    const struct service_routes *rest = routes->rest;
    while (rest->service != route->service)
        rest++;
    struct split_path path;
    struct query_words words;
    split(route->path, &path);
    read_query(arena, request->query, &words);
    const struct template *const *lists =
        (const struct template *const *)rest->by_method[method_index(request->method)];
    const struct template *found =
        match(lists[depth_index(path.count)], request, route->service, &path, &words);
    /* A greedy template stands at its own, smaller depth. */
    for (size_t depth = depth_index(path.count); !found && depth-- > 1;)
        found = match(lists[depth], request, route->service, &path, &words);
    if (!found) {
        find_form(arena, request, &path, route);
        return;
    }
    route->operation = found->operation;
    route->operation_name = service_text(route->service, found->operation->name);
    take_labels(arena, found, &path, route);
}

/* Whatever the method and the query are. The key keeps its slash, so that none is empty. */
static void find_page(struct arena *arena, struct span site, struct route *route)
{
    struct span key = uri_decode(arena, route->path);
    route->operation_name = S("GetWebsitePage");
    route->operation = operation_named(route->service, route->operation_name);
    route->labels[0] = (struct wire_label){S("Bucket"), site};
    route->labels[1] = (struct wire_label){S("Key"), key};
    route->label_count = 2;
    route->bad_uri = span_is_absent(key);
    route->no_query = true;
}

/* A page of a website, or a bucket that the Host or the path names. */
static void find_s3(const struct routes *routes, struct arena *arena,
                    const struct route_request *request, struct route *route)
{
    struct span host = without_port(request->host);
    struct span site = site_of_host(host), bucket = bucket_of_host(host);
    if (site.len) {
        find_page(arena, site, route);
        return;
    }
    if (bucket.len)
        route->path = arena_printf(arena, "/%.*s%.*s", SPAN_ARG(bucket), SPAN_ARG(request->path));
    find_rest(routes, arena, request, route);
}

void route_find(const struct routes *routes, struct arena *arena,
                const struct route_request *request, struct route *route)
{
    struct span host = without_port(request->host);
    *route = (struct route){.path = request->path};
    route->service = find_service(routes, request, host);
    route->guessed = !route->service;
    if (route->guessed)
        route->service = guess_service(routes, request);
    route->protocol = route->service->protocol;
    route->host_region = region_of_host(host);
    if (find_cbor(request, route))
        return;
    switch ((enum PROTOCOL)route->protocol) {
    case PROTOCOL_JSON:
        if (route->service->has_aws_cbor && is_aws_cbor(request))
            route->protocol = PROTOCOL_AWS_CBOR;
        find_json(request, route);
        return;
    case PROTOCOL_QUERY:
    case PROTOCOL_EC2:
        route->action_in_body = is_form_post(request);
        if (!route->action_in_body)
            route_action(routes, arena, request->query, route);
        return;
    case PROTOCOL_REST_XML:
        if (strcmp(route->service->name, "s3") == 0)
            find_s3(routes, arena, request, route);
        else
            find_rest(routes, arena, request, route);
        return;
    case PROTOCOL_REST_JSON:
        find_rest(routes, arena, request, route);
        return;
    case PROTOCOL_CBOR:
    case PROTOCOL_AWS_CBOR:
        return;
    }
}

static struct span form_value(struct arena *arena, struct span form, struct span wanted)
{
    while (!span_is_absent(form)) {
        struct span value = span_cut(&form, '&');
        struct span name = span_cut(&value, '=');
        if (span_eq(name, wanted))
            return form_decode(arena, value);
    }
    return SPAN_NONE;
}

void route_action(const struct routes *routes, struct arena *arena, struct span form,
                  struct route *route)
{
    struct span version = form_value(arena, form, S("Version"));
    route->operation_name = form_value(arena, form, S("Action"));
    if (version.len && !span_eq(version, span_of_cstr(route->service->api_version))) {
        const struct service *other = service_where(routes, has_version, version);
        if (other &&
            (route->guessed || strcmp(other->signing_name, route->service->signing_name) == 0))
            route->service = other;
    }
    route->protocol = route->service->protocol;
    route->operation = operation_named(route->service, route->operation_name);
}
