// SPDX-License-Identifier: Apache-2.0
/*
 * CORS configurations: checked and kept as documents, and asked for every request that names an
 * origin. The first rule that covers origin, method and headers decides. Writes on the control
 * thread, the rest on loops. Source: "Using cross-origin resource sharing (CORS)", PutBucketCors,
 * and the answers of S3.
 */
#include "services/s3/cors.h"

#include "base/text.h"
#include "services/s3/document.h"
#include "services/s3/s3.api.h"

#include <errno.h>

#define RULES_MAX 100

#define NAME_OF(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})

static const struct document_form form = {DOCUMENT_CORS, S3_SHAPE_CORS_CONFIGURATION};

/* ---- operations ----------------------------------------------------------------------------- */

static bool has_two_wildcards(struct span text)
{
    size_t first = span_find_byte(text, '*');
    return first != SPAN_NOT_FOUND &&
           span_find_byte(span_from(text, first + 1), '*') != SPAN_NOT_FOUND;
}

static bool is_method(struct span method)
{
    static const struct span methods[] = {S_INIT("GET"), S_INIT("PUT"), S_INIT("HEAD"),
                                          S_INIT("POST"), S_INIT("DELETE")};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (span_eq(methods[i], method))
            return true;
    return false;
}

static RESULT check_rule(struct call *c, const struct s3_cors_rule *rule)
{
    if (!rule->allowed_methods.count || !rule->allowed_origins.count)
        return place_refuse_xml(c);
    for (size_t i = 0; i < rule->allowed_methods.count; i++)
        if (!is_method(rule->allowed_methods.at[i]))
            return refuse(
                c, &S3_INVALID_REQUEST,
                "Found unsupported HTTP method in CORS config. Unsupported method is %.*s",
                SPAN_ARG(rule->allowed_methods.at[i]));
    for (size_t i = 0; i < rule->allowed_origins.count; i++)
        if (has_two_wildcards(rule->allowed_origins.at[i]))
            return refuse(c, &S3_INVALID_REQUEST,
                          "AllowedOrigin \"%.*s\" can not have more than one wildcard.",
                          SPAN_ARG(rule->allowed_origins.at[i]));
    for (size_t i = 0; i < rule->allowed_headers.count; i++)
        if (has_two_wildcards(rule->allowed_headers.at[i]))
            return refuse(c, &S3_INVALID_REQUEST,
                          "AllowedHeader \"%.*s\" can not have more than one wildcard.",
                          SPAN_ARG(rule->allowed_headers.at[i]));
    for (size_t i = 0; i < rule->expose_headers.count; i++)
        if (span_find_byte(rule->expose_headers.at[i], '*') != SPAN_NOT_FOUND)
            return refuse(c, &S3_INVALID_REQUEST,
                          "ExposeHeader \"%.*s\" contains wildcard. We currently do not support "
                          "wildcard for ExposeHeader.",
                          SPAN_ARG(rule->expose_headers.at[i]));
    return OK;
}

RESULT s3_put_bucket_cors(struct call *c, const struct s3_put_bucket_cors_in *in,
                          struct s3_put_bucket_cors_out *out)
{
    struct s3_bucket_record bucket;
    const struct s3_cors_configuration *wish = in->cors_configuration;
    if (!wish || !wish->cors_rules.count)
        return place_refuse_xml(c);
    if (wish->cors_rules.count > RULES_MAX)
        return refuse(c, &S3_INVALID_REQUEST,
                      "The number of CORS rules should not exceed allowed limit of 100 rules.");
    for (size_t i = 0; i < wish->cors_rules.count; i++)
        TRY(check_rule(c, &wish->cors_rules.at[i]));
    TRY(place_record(c, NAME_OF(in), &bucket));
    document_put_form(c, &bucket, form, wish);
    return OK;
}

RESULT s3_get_bucket_cors(struct call *c, const struct s3_get_bucket_cors_in *in,
                          struct s3_get_bucket_cors_out *out)
{
    struct s3_bucket_record bucket;
    struct s3_cors_configuration rules = {.cors_rules = {.count = 0}};
    bool found;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(document_get_form(c, &bucket, form, &rules, &found));
    if (!found)
        return refuse_with(c, &S3_NO_SUCH_CORS_CONFIGURATION, S("BucketName"), in->bucket,
                           "The CORS configuration does not exist");
    out->cors_rules = rules.cors_rules;
    return OK;
}

RESULT s3_delete_bucket_cors(struct call *c, const struct s3_delete_bucket_cors_in *in,
                             struct s3_delete_bucket_cors_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    document_delete(c, &bucket, DOCUMENT_CORS);
    return OK;
}

/* ---- asking --------------------------------------------------------------------------------- */

bool cors_covers(struct span pattern, struct span text)
{
    size_t star = span_find_byte(pattern, '*');
    if (star == SPAN_NOT_FOUND)
        return span_eq_nocase(pattern, text);
    struct span behind = span_from(pattern, star + 1);
    return text.len >= star + behind.len && span_starts_nocase(text, span_first(pattern, star)) &&
           span_eq_nocase(span_from(text, text.len - behind.len), behind);
}

/* A header's list, one word after the other, in lower case as browsers send it. */
static struct span next_word(struct arena *arena, struct span *rest)
{
    struct span word = span_trim(span_cut(rest, ','));
    char *lower = arena_alloc(arena, word.len + 1);
    for (size_t i = 0; i < word.len; i++)
        lower[i] = (char)(word.at[i] | (word.at[i] >= 'A' && word.at[i] <= 'Z' ? 0x20 : 0));
    return span_of(lower, word.len);
}

static bool covers_headers(struct call *c, const struct s3_cors_rule *rule, struct span asked)
{
    while (!span_is_absent(asked)) {
        struct span word = next_word(c->arena, &asked);
        size_t at = 0;
        while (at < rule->allowed_headers.count && !cors_covers(rule->allowed_headers.at[at], word))
            at++;
        if (word.len && at == rule->allowed_headers.count)
            return false;
    }
    return true;
}

/* The origin pattern of the rule that covers the request, or absent. */
static struct span covering_origin(struct call *c, const struct s3_cors_rule *rule,
                                   const struct cors_request *request)
{
    bool method = false;
    for (size_t i = 0; i < rule->allowed_methods.count; i++)
        method |= span_eq(rule->allowed_methods.at[i], request->method);
    if (!method || !covers_headers(c, rule, request->headers))
        return SPAN_NONE;
    for (size_t i = 0; i < rule->allowed_origins.count; i++)
        if (cors_covers(rule->allowed_origins.at[i], request->origin))
            return rule->allowed_origins.at[i];
    return SPAN_NONE;
}

static struct span joined(struct arena *arena, const struct span *at, size_t count)
{
    struct span text = count ? at[0] : SPAN_NONE;
    for (size_t i = 1; i < count; i++)
        text = arena_printf(arena, "%.*s, %.*s", SPAN_ARG(text), SPAN_ARG(at[i]));
    return text;
}

static void add_header(struct call *c, const char *name, struct span value)
{
    if (value.len)
        call_add_header(c, span_of_cstr(name), value);
}

static void describe(struct call *c, const struct s3_cors_rule *rule,
                     const struct cors_request *request, struct span origin)
{
    bool everybody = span_eq(origin, S("*"));
    struct span asked = request->headers, headers = SPAN_NONE;
    while (!span_is_absent(asked)) {
        struct span pair[] = {headers, next_word(c->arena, &asked)};
        headers = headers.len ? joined(c->arena, pair, 2) : pair[1];
    }
    add_header(c, "Access-Control-Allow-Origin", everybody ? origin : request->origin);
    add_header(c, "Access-Control-Allow-Methods",
               joined(c->arena, rule->allowed_methods.at, rule->allowed_methods.count));
    add_header(c, "Access-Control-Allow-Headers", headers);
    add_header(c, "Access-Control-Expose-Headers",
               joined(c->arena, rule->expose_headers.at, rule->expose_headers.count));
    if (rule->has.max_age_seconds)
        add_header(c, "Access-Control-Max-Age",
                   arena_printf(c->arena, "%d", (int)rule->max_age_seconds));
    if (!everybody)
        add_header(c, "Access-Control-Allow-Credentials", S("true"));
    add_header(c, "Vary",
               S("Origin, Access-Control-Request-Headers, Access-Control-Request-Method"));
}

static RESULT forbid(struct call *c, const struct cors_request *request, struct span type,
                     const char *message)
{
    struct span method = request->method.len ? request->method : S("OPTIONS");
    const struct refusal *refusal =
        refuse_with(c, &S3_ACCESS_FORBIDDEN, S("Method"), method, "CORSResponse: %s", message);
    return refusal_add(c, refusal, S("ResourceType"), type);
}

struct asked {
    struct call *c;
    const struct cors_request *request;
    struct span bucket, type;
};

/* OK when a rule covers the request, which is then described. */
static RESULT ask_rules(const struct asked *asked, const struct s3_bucket_record *bucket)
{
    struct call *c = asked->c;
    const struct cors_request *request = asked->request;
    struct s3_cors_configuration rules = {.cors_rules = {.count = 0}};
    bool found;
    TRY(document_get_form(c, bucket, form, &rules, &found));
    if (!found)
        return forbid(c, request, S("BUCKET"), "CORS is not enabled for this bucket.");
    if (!is_method(request->method))
        return refuse(c, &S3_BAD_REQUEST, "Invalid Access-Control-Request-Method: %.*s",
                      SPAN_ARG(request->method.len ? request->method : S("null")));
    for (size_t i = 0; i < rules.cors_rules.count; i++) {
        struct span origin = covering_origin(c, &rules.cors_rules.at[i], request);
        if (span_is_absent(origin))
            continue;
        describe(c, &rules.cors_rules.at[i], request, origin);
        return OK;
    }
    return forbid(
        c, request, asked->type,
        "This CORS request is not allowed. This is usually because the evalution of "
        "Origin, request method / Access-Control-Request-Method or "
        "Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.");
}

enum CORS cors_answer(struct call *c, const struct cors_request *request,
                      const struct refusal **ret)
{
    struct span rest = span_from(request->path, 1);
    struct asked asked = {.c = c, .request = request};
    asked.bucket = uri_decode(c->arena, span_cut(&rest, '/'));
    asked.type = span_is_empty(rest) ? S("BUCKET") : S("OBJECT");
    struct s3_bucket_record bucket = {.name = asked.bucket};
    if (!place_name_is_valid(asked.bucket) || s3_bucket_record_get(c->txn, c->arena, &bucket) != 0)
        return CORS_NO_RULES;
    if (span_is_absent(request->origin))
        *ret =
            refuse(c, &S3_BAD_REQUEST, "Insufficient information. Origin request header needed.");
    else
        *ret = ask_rules(&asked, &bucket);
    return *ret == OK ? CORS_ALLOWED : CORS_REFUSED;
}
