// SPDX-License-Identifier: Apache-2.0
/*
 * Pages of websites: requests to BUCKET.s3-website… hosts. Whoever asks is nobody in particular;
 * every object is asked for as such. What goes wrong is told in HTML, or by the site's own error
 * document. Loop threads. Source: "Hosting a static website using Amazon S3", "Custom error
 * document", "(Optional) Using advanced conditional redirects", and the answers of S3.
 */
#include "base/text.h"
#include "services/s3/access.h"
#include "services/s3/note.h"
#include "services/s3/object.h"
#include "services/s3/website.h"

#define HTML_MAX (64 * 1024) /* bytes */

_Static_assert(sizeof(struct s3_get_website_page_out) == sizeof(struct s3_get_object_out),
               "GetWebsitePage has the shapes of GetObject");

struct visit {
    struct call *c;
    const struct s3_get_website_page_in *in;
    struct s3_get_website_page_out *out;
    struct s3_website_configuration site;
    struct span asked; /* key as in the URI, without the first slash */
    struct span key;   /* of the object that is looked for */
};

/* ---- HTML ----------------------------------------------------------------------------------- */

static void append_escaped(struct buf *html, struct span text)
{
    static const struct {
        char byte;
        struct span entity;
    } entities[] = {{'<', S_INIT("&lt;")},
                    {'>', S_INIT("&gt;")},
                    {'&', S_INIT("&amp;")},
                    {'"', S_INIT("&quot;")}};
    for (size_t i = 0; i < text.len; i++) {
        struct span piece = span_of(text.at + i, 1);
        for (size_t j = 0; j < ARRAY_LEN(entities); j++)
            if (text.at[i] == entities[j].byte)
                piece = entities[j].entity;
        buf_append(html, piece);
    }
}

static void append_item(struct buf *html, struct span name, struct span value)
{
    buf_append(html, S("<li>"));
    buf_append(html, name);
    buf_append(html, S(": "));
    append_escaped(html, value);
    buf_append(html, S("</li>\n"));
}

/* Members were put in front of one another; they are told in the order they were added. */
static void append_members(struct buf *html, const struct refusal_member *member)
{
    if (!member)
        return;
    append_members(html, member->next);
    append_item(html, member->name, member->value);
}

static void append_refusal(struct buf *html, const struct refusal *refusal)
{
    append_item(html, S("Code"), span_of_cstr(refusal->kind->code));
    append_item(html, S("Message"), refusal->message);
    append_members(html, refusal->members);
}

static struct span status_title(struct arena *arena, int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {{400, "Bad Request"},
                  {403, "Forbidden"},
                  {404, "Not Found"},
                  {405, "Method Not Allowed"},
                  {412, "Precondition Failed"},
                  {416, "Requested Range Not Satisfiable"},
                  {500, "Internal Server Error"},
                  {503, "Service Unavailable"}};
    for (size_t i = 0; i < ARRAY_LEN(titles); i++)
        if (titles[i].status == status)
            return arena_printf(arena, "%d %s", status, titles[i].title);
    return arena_printf(arena, "%d", status);
}

/* `worse` is what happened to the error document, or OK. */
static void answer_html(struct visit *visit, const struct refusal *refusal,
                        const struct refusal *worse)
{
    struct call *c = visit->c;
    struct buf *html = arena_buf(c->arena, HTML_MAX);
    struct span title = status_title(c->arena, refusal->kind->status);
    struct span head = arena_printf(c->arena,
                                    "<html>\n<head><title>%.*s</title></head>\n<body>\n"
                                    "<h1>%.*s</h1>\n<ul>\n",
                                    SPAN_ARG(title), SPAN_ARG(title));
    buf_append(html, head);
    append_refusal(html, refusal);
    append_item(html, S("RequestId"), c->request_id);
    append_item(html, S("HostId"), base64_of(c->arena, c->request_id));
    buf_append(html, S("</ul>\n"));
    if (worse) {
        buf_append(html, S("<h3>An Error Occurred While Attempting to Retrieve a Custom Error "
                           "Document</h3>\n<ul>\n"));
        append_refusal(html, worse);
        buf_append(html, S("</ul>\n"));
    }
    buf_append(html, S("<hr/>\n</body>\n</html>\n"));
    *visit->out = (struct s3_get_website_page_out){
        .content_type = S("text/html; charset=utf-8"),
        .body = {.bytes = buf_span(html), .len = buf_span(html).len},
    };
    c->status = refusal->kind->status;
}

/* ---- redirections --------------------------------------------------------------------------- */

static void redirect_to(struct visit *visit, int status, struct span location)
{
    *visit->out = (struct s3_get_website_page_out){.body = {.bytes = S("")}};
    visit->c->status = (uint16_t)status;
    call_add_header(visit->c, S("Location"), location);
}

struct target {
    struct span protocol, host, key; /* protocol and host absent: as they were asked for */
};

static struct span url_of(struct call *c, const struct target *target)
{
    struct span protocol = target->protocol.len ? target->protocol
                           : c->tls             ? S("https")
                                                : S("http");
    struct span host = target->host.len ? target->host : c->host;
    struct span key = uri_encode(c->arena, target->key, URI_SLASH_KEPT);
    return arena_printf(c->arena, "%.*s://%.*s/%.*s", SPAN_ARG(protocol), SPAN_ARG(host),
                        SPAN_ARG(key));
}

/* Does the rule speak of this key and, once something went wrong, of this status? */
static bool rule_applies(const struct s3_routing_rule *rule, struct span key, int status)
{
    const struct s3_condition *condition = rule->condition;
    uint64_t code = 0;
    if (!condition)
        return status == 0;
    if (!span_is_absent(condition->key_prefix_equals) &&
        !span_starts(key, condition->key_prefix_equals))
        return false;
    if (span_is_absent(condition->http_error_code_returned_equals))
        return status == 0;
    return span_to_u64(condition->http_error_code_returned_equals, &code) &&
           code == (uint64_t)status;
}

static struct span replaced_key(struct call *c, const struct s3_routing_rule *rule, struct span key)
{
    const struct s3_redirect *redirect = rule->redirect;
    struct span prefix = rule->condition ? rule->condition->key_prefix_equals : SPAN_NONE;
    if (!span_is_absent(redirect->replace_key_with))
        return redirect->replace_key_with;
    if (span_is_absent(redirect->replace_key_prefix_with))
        return key;
    struct span parts[] = {redirect->replace_key_prefix_with, span_from(key, prefix.len)};
    return arena_join(c->arena, parts, ARRAY_LEN(parts));
}

/* True when a routing rule sends the visitor elsewhere. */
static bool follow_rules(struct visit *visit, int status)
{
    for (size_t i = 0; i < visit->site.routing_rules.count; i++) {
        const struct s3_routing_rule *rule = &visit->site.routing_rules.at[i];
        uint64_t code = 301;
        if (!rule_applies(rule, visit->asked, status))
            continue;
        struct target target = {.protocol = rule->redirect->protocol,
                                .host = rule->redirect->host_name,
                                .key = replaced_key(visit->c, rule, visit->asked)};
        if (!span_to_u64(rule->redirect->http_redirect_code, &code))
            code = 301;
        redirect_to(visit, (int)code, url_of(visit->c, &target));
        return true;
    }
    return false;
}

/* ---- objects -------------------------------------------------------------------------------- */

static RESULT get(struct visit *visit, struct span key, struct s3_get_object_out *out)
{
    struct call *c = visit->c;
    const struct s3_get_website_page_in *in = visit->in;
    struct s3_get_object_in wish = {
        .bucket = in->bucket,
        .key = key,
        .range = in->range,
        .if_match = in->if_match,
        .if_none_match = in->if_none_match,
        .if_modified_since = in->if_modified_since,
        .if_unmodified_since = in->if_unmodified_since,
        .has = {.if_modified_since = in->has.if_modified_since,
                .if_unmodified_since = in->has.if_unmodified_since},
    };
    *out = (struct s3_get_object_out){.body = {.len = 0}};
    TRY(access_require(c, S("s3:GetObject"), in->bucket, key));
    return s3_get_object(c, &wish, out);
}

/* An object may itself be a redirection. */
static void give(struct visit *visit, const struct s3_get_object_out *found)
{
    if (found->website_redirect_location.len)
        redirect_to(visit, 301, found->website_redirect_location);
    else
        memcpy(visit->out, found, sizeof *found);
}

/* A folder without its slash, when there is an index in it. */
static bool is_folder(struct visit *visit)
{
    struct call *c = visit->c;
    struct span parts[] = {visit->asked, S("/"), visit->site.index_document->suffix};
    struct span index = arena_join(c->arena, parts, ARRAY_LEN(parts));
    struct place place;
    struct object_found found;
    bool there = false;
    if (span_is_empty(visit->asked) || span_ends(visit->asked, S("/")) ||
        index.len > OBJECT_NAME_MAX)
        return false;
    return place_open(c, (struct place_name){.bucket = visit->in->bucket}, &place) == OK &&
           object_find(c, &place, index, &found, &there) == OK && there &&
           access_require(c, S("s3:GetObject"), visit->in->bucket, index) == OK;
}

static bool is_missing(const struct refusal *refusal)
{
    return refusal->kind->status == 404 || refusal->kind->status == 403;
}

/* The answer when the object cannot be given. Conditions and ranges that fail are told as they
 * are; 304 has no body anyway. */
static RESULT answer_failure(struct visit *visit, const struct refusal *refusal)
{
    struct call *c = visit->c;
    struct s3_get_object_out page;
    if (refusal->kind->status == 304)
        return refusal;
    if (is_missing(refusal) && is_folder(visit)) {
        struct span key = uri_encode(c->arena, visit->asked, URI_SLASH_KEPT);
        redirect_to(visit, 302, arena_printf(c->arena, "/%.*s/", SPAN_ARG(key)));
        return OK;
    }
    if (follow_rules(visit, refusal->kind->status))
        return OK;
    if (!visit->site.error_document || !is_missing(refusal)) {
        answer_html(visit, refusal, OK);
        return OK;
    }
    const struct refusal *worse = get(visit, visit->site.error_document->key, &page);
    if (worse) {
        answer_html(visit, refusal, worse);
        return OK;
    }
    give(visit, &page);
    if (!c->status || c->status == 206)
        c->status = refusal->kind->status;
    return OK;
}

static RESULT visit_site(struct visit *visit)
{
    struct call *c = visit->c;
    struct s3_get_object_out found;
    const struct s3_redirect_all_requests_to *all = visit->site.redirect_all_requests_to;
    if (all) {
        struct target target = {all->protocol, all->host_name, visit->asked};
        redirect_to(visit, 301, url_of(c, &target));
        return OK;
    }
    if (follow_rules(visit, 0))
        return OK;
    bool folder = visit->asked.len == 0 || span_ends(visit->asked, S("/"));
    struct span parts[] = {visit->asked, visit->site.index_document->suffix};
    visit->key = folder ? arena_join(c->arena, parts, ARRAY_LEN(parts)) : visit->asked;
    const struct refusal *refusal = get(visit, visit->key, &found);
    if (refusal)
        return answer_failure(visit, refusal);
    give(visit, &found);
    return OK;
}

static RESULT find_site(struct visit *visit)
{
    struct call *c = visit->c;
    struct s3_bucket_record bucket;
    bool found;
    TRY(access_find_bucket(c, c->txn, visit->in->bucket, &bucket));
    note_begin(c, &bucket, visit->asked);
    TRY(website_get(c, &bucket, &visit->site, &found));
    return found ? OK : website_refuse_absent(c, visit->in->bucket);
}

static RESULT check_method(struct visit *visit)
{
    struct call *c = visit->c;
    if (span_eq(c->method, S("GET")) || span_eq(c->method, S("HEAD")))
        return OK;
    const struct refusal *refusal =
        refuse_with(c, &S3_METHOD_NOT_ALLOWED, S("Method"), c->method,
                    "The specified method is not allowed against this resource.");
    return refusal_add(c, refusal, S("ResourceType"), S("OBJECT"));
}

RESULT s3_get_website_page(struct call *c, const struct s3_get_website_page_in *in,
                           struct s3_get_website_page_out *out)
{
    struct visit visit = {.c = c, .in = in, .out = out, .asked = span_from(in->key, 1)};
    if (!c->caller || !c->caller->unrestricted)
        c->caller = NULL;
    const struct refusal *refusal = check_method(&visit);
    if (!refusal)
        refusal = find_site(&visit);
    if (!refusal)
        return visit_site(&visit);
    answer_html(&visit, refusal, OK);
    return OK;
}
