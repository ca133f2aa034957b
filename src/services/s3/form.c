// SPDX-License-Identifier: Apache-2.0
/*
 * PostObject: the fields of a form become the headers of a PutObject, whose handler makes the
 * object. What the browser is told is for the form to say. Loop threads. Source: "Form fields that
 * you can use in browser-based uploads", POST Object.
 */
#include "services/s3/form.h"

#include "base/text.h"
#include "services/s3/place.h"
#include "services/s3/s3.api.h"
#include "wire/codec.h"

_Static_assert(sizeof(struct s3_post_object_in) == sizeof(struct s3_put_object_in),
               "PostObject has the input of PutObject");

/* ---- fields --------------------------------------------------------------------------------- */

static struct span lower_case(struct arena *arena, struct span text)
{
    char *lower = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++)
        lower[i] = (char)(text.at[i] | (text.at[i] >= 'A' && text.at[i] <= 'Z' ? 0x20 : 0));
    return span_of(lower, text.len);
}

static struct headers headers_of(struct call *c, const struct multipart_form *form)
{
    /* room for those that have another name as headers */
    struct header *at = ARENA_ARRAY(c->arena, struct header, form->field_count + 2);
    for (size_t i = 0; i < form->field_count; i++)
        at[i] = (struct header){lower_case(c->arena, form->fields[i].name), form->fields[i].value};
    return (struct headers){at, form->field_count};
}

static RESULT refuse_missing(struct call *c, const char *name)
{
    const struct refusal *refusal = refuse_with(
        c, &S3_INVALID_ARGUMENT, S("ArgumentName"), span_of_cstr(name),
        "Bucket POST must contain a field named '%s'.  If it is specified, please check the order "
        "of the fields.",
        name);
    return refusal_add(c, refusal, S("ArgumentValue"), S(""));
}

struct wanted_field {
    const char *name; /* as S3 spells it */
    struct span lower;
};

/* The first that is missing, or NULL; *ret_any: some of them are there. */
static const char *missing_of(struct headers fields, const struct wanted_field *wanted,
                              size_t count, bool *ret_any)
{
    const char *missing = NULL;
    *ret_any = false;
    for (size_t i = 0; i < count; i++) {
        bool there = !span_is_absent(header_get(fields, wanted[i].lower));
        *ret_any |= there;
        missing = there || missing ? missing : wanted[i].name;
    }
    return missing;
}

static RESULT read_v4(struct call *c, struct headers fields, struct form_request *out)
{
    struct span rest = header_get(fields, S("x-amz-credential"));
    if (!span_eq(header_get(fields, S("x-amz-algorithm")), S("AWS4-HMAC-SHA256")))
        return refuse(c, &S3_INVALID_ARGUMENT,
                      "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
    out->version = 4;
    out->access_key = span_cut(&rest, '/');
    out->date = span_is_absent(rest) ? SPAN_NONE : span_cut(&rest, '/');
    out->region = span_is_absent(rest) ? SPAN_NONE : span_cut(&rest, '/');
    out->service = span_is_absent(rest) ? SPAN_NONE : span_cut(&rest, '/');
    if (!span_eq(out->service, S("s3")) || !span_eq(rest, S("aws4_request")))
        return refuse(c, &S3_INVALID_ARGUMENT,
                      "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; "
                      "expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
    out->signature = header_get(fields, S("x-amz-signature"));
    return OK;
}

/* Fields of a signature come all or not at all; without them the form is nobody's. */
static RESULT read_signature(struct call *c, struct headers fields, struct form_request *out)
{
    static const struct wanted_field v4[] = {{"X-Amz-Algorithm", S_INIT("x-amz-algorithm")},
                                             {"X-Amz-Credential", S_INIT("x-amz-credential")},
                                             {"X-Amz-Date", S_INIT("x-amz-date")},
                                             {"X-Amz-Signature", S_INIT("x-amz-signature")}};
    static const struct wanted_field v2[] = {{"AWSAccessKeyId", S_INIT("awsaccesskeyid")},
                                             {"Signature", S_INIT("signature")}};
    bool has_v4, has_v2;
    const char *missing_v4 = missing_of(fields, v4, ARRAY_LEN(v4), &has_v4);
    const char *missing_v2 = missing_of(fields, v2, ARRAY_LEN(v2), &has_v2);
    out->policy = header_get(fields, S("policy"));
    if (!has_v4 && !has_v2 && span_is_absent(out->policy))
        return OK;
    const char *missing = has_v4 ? missing_v4 : missing_v2;
    if (missing || span_is_absent(out->policy))
        return refuse_missing(c, missing ? missing : "Policy");
    out->token = header_get(fields, S("x-amz-security-token"));
    if (has_v4)
        return read_v4(c, fields, out);
    out->version = 2;
    out->access_key = header_get(fields, S("awsaccesskeyid"));
    out->signature = header_get(fields, S("signature"));
    return OK;
}

/* ${filename} stands for the name of the file. */
static struct span with_file_name(struct call *c, struct span text, struct span file_name)
{
    struct span word = S("${filename}");
    size_t at = span_find(text, word);
    if (at == SPAN_NOT_FOUND || span_is_absent(file_name))
        return text;
    struct span parts[] = {span_first(text, at), file_name, span_from(text, at + word.len)};
    return arena_join(c->arena, parts, ARRAY_LEN(parts));
}

/* The field is a document of tags, the header a list of pairs. */
static RESULT tagging_header(struct call *c, struct span document, struct span *out)
{
    struct s3_tagging tagging = {.tag_set = {.count = 0}};
    TRY(wire_xml_read(c, S3_SHAPE_TAGGING, S("Tagging"), document, &tagging));
    *out = S("");
    for (size_t i = 0; i < tagging.tag_set.count; i++) {
        struct span key = uri_encode(c->arena, tagging.tag_set.at[i].key, URI_SLASH_ENCODED);
        struct span value = uri_encode(c->arena, tagging.tag_set.at[i].value, URI_SLASH_ENCODED);
        *out = arena_printf(c->arena, "%.*s%s%.*s=%.*s", SPAN_ARG(*out), i ? "&" : "",
                            SPAN_ARG(key), SPAN_ARG(value));
    }
    return OK;
}

/* Those that have another name as headers come in front, where they are found first; the policy
 * still sees all of them. */
static RESULT add_renamed(struct call *c, struct form_request *out)
{
    struct span acl = header_get(out->headers, S("acl"));
    struct span tagging = header_get(out->headers, S("tagging")), pairs;
    struct header renamed[2];
    size_t count = 0;
    if (!span_is_absent(acl))
        renamed[count++] = (struct header){S("x-amz-acl"), acl};
    if (!span_is_absent(tagging)) {
        TRY(tagging_header(c, tagging, &pairs));
        renamed[count++] = (struct header){S("x-amz-tagging"), pairs};
    }
    struct header *at = ARENA_ARRAY(c->arena, struct header, out->headers.count + count);
    memcpy(at, out->headers.at, out->headers.count * sizeof *at);
    memcpy(at + out->headers.count, renamed, count * sizeof *at);
    out->headers = (struct headers){at, out->headers.count + count};
    return OK;
}

/* No field twice, and none by the name of a header that is made of another: what a policy was
 * asked about must be what counts. */
static RESULT check_names(struct call *c, struct headers fields)
{
    for (size_t i = 0; i < fields.count; i++) {
        struct span name = fields.at[i].name;
        struct headers before = {fields.at, i};
        if (!span_is_absent(header_get(before, name)))
            return refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentName"), name,
                               "POST requires every field at most once per request.");
        if (span_eq(name, S("x-amz-acl")) || span_eq(name, S("x-amz-tagging")))
            return refuse(c, &S3_ACCESS_DENIED,
                          "Invalid according to Policy: Extra input fields: %.*s", SPAN_ARG(name));
    }
    return OK;
}

RESULT form_read(struct call *c, const struct multipart_form *form, struct form_request *out)
{
    out->headers = headers_of(c, form);
    TRY(check_names(c, out->headers));
    TRY(read_signature(c, out->headers, out));
    struct span key = header_get(out->headers, S("key"));
    if (span_is_absent(key))
        return refuse_missing(c, "key");
    out->key = with_file_name(c, key, form->file_name);
    return add_renamed(c, out);
}

/* ---- the upload ----------------------------------------------------------------------------- */

static struct s3_put_object_in put_of(const struct s3_post_object_in *in)
{
    struct s3_put_object_in put;
    memcpy(&put, in, sizeof put);
    return put;
}

static RESULT refuse_small(struct call *c, uint64_t size, uint64_t min)
{
    const struct refusal *refusal =
        refuse_with(c, &S3_ENTITY_TOO_SMALL, S("ProposedSize"),
                    arena_printf(c->arena, "%llu", (unsigned long long)size),
                    "Your proposed upload is smaller than the minimum allowed size");
    return refusal_add(c, refusal, S("MinSizeAllowed"),
                       arena_printf(c->arena, "%llu", (unsigned long long)min));
}

RESULT s3_post_object_admit(struct call *c, const struct s3_post_object_in *in,
                            struct body_plan *plan)
{
    struct s3_put_object_in put = put_of(in);
    struct form_sizes sizes;
    TRY(form_policy_check(c, in->bucket, &sizes));
    TRY(s3_put_object_admit(c, &put, plan));
    plan->max_len = sizes.max < plan->max_len ? sizes.max : plan->max_len;
    return OK;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static struct span location_of(struct call *c, const struct s3_post_object_in *in)
{
    struct span key = uri_encode(c->arena, in->key, URI_SLASH_ENCODED);
    return arena_printf(c->arena, "%s://%.*s/%.*s/%.*s", c->tls ? "https" : "http",
                        SPAN_ARG(c->host), SPAN_ARG(in->bucket), SPAN_ARG(key));
}

static struct span escaped(struct call *c, struct span text)
{
    struct buf *out = arena_buf(c->arena, 6 * text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '&')
            buf_append(out, S("&amp;"));
        else if (text.at[i] == '<')
            buf_append(out, S("&lt;"));
        else if (text.at[i] == '>')
            buf_append(out, S("&gt;"));
        else if (text.at[i] == '"')
            buf_append(out, S("&quot;"));
        else
            buf_append_byte(out, text.at[i]);
    }
    return buf_span(out);
}

static void answer_document(struct call *c, const struct s3_post_object_in *in,
                            struct s3_post_object_out *out, struct span location)
{
    struct span key = escaped(c, in->key), etag = escaped(c, out->etag), at = escaped(c, location);
    struct span xml = arena_printf(
        c->arena,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse><Location>%.*s</Location>"
        "<Bucket>%.*s</Bucket><Key>%.*s</Key><ETag>%.*s</ETag></PostResponse>",
        SPAN_ARG(at), SPAN_ARG(in->bucket), SPAN_ARG(key), SPAN_ARG(etag));
    out->content_type = S("application/xml");
    out->body = (struct body){.bytes = xml, .len = xml.len};
}

/* True for a URL, to which the browser is then sent with what was made. */
static bool answer_redirection(struct call *c, const struct s3_post_object_in *in,
                               const struct s3_post_object_out *out)
{
    struct span url = header_get(c->request_headers, S("success_action_redirect"));
    if (span_is_absent(url)) /* its older name */
        url = header_get(c->request_headers, S("redirect"));
    if (!span_starts(url, S("http://")) && !span_starts(url, S("https://")))
        return false;
    struct span key = uri_encode(c->arena, in->key, URI_SLASH_ENCODED);
    struct span etag = uri_encode(c->arena, out->etag, URI_SLASH_ENCODED);
    bool query = span_find_byte(url, '?') != SPAN_NOT_FOUND;
    c->status = 303;
    call_add_header(c, S("Location"),
                    arena_printf(c->arena, "%.*s%sbucket=%.*s&key=%.*s&etag=%.*s", SPAN_ARG(url),
                                 query ? "&" : "?", SPAN_ARG(in->bucket), SPAN_ARG(key),
                                 SPAN_ARG(etag)));
    return true;
}

static void answer(struct call *c, const struct s3_post_object_in *in,
                   struct s3_post_object_out *out)
{
    struct span location = location_of(c, in);
    struct span status = header_get(c->request_headers, S("success_action_status"));
    if (answer_redirection(c, in, out))
        return;
    c->status = span_eq(status, S("200")) ? 200 : span_eq(status, S("201")) ? 201 : 204;
    call_add_header(c, S("Location"), location);
    if (c->status == 201)
        answer_document(c, in, out, location);
}

RESULT s3_post_object(struct call *c, const struct s3_post_object_in *in,
                      struct s3_post_object_out *out)
{
    struct s3_put_object_in put = put_of(in);
    struct s3_put_object_out made = {.etag = SPAN_NONE};
    struct form_sizes sizes;
    TRY(form_policy_check(c, in->bucket, &sizes));
    if (in->body.len < sizes.min)
        return refuse_small(c, in->body.len, sizes.min);
    TRY(s3_put_object(c, &put, &made));
    out->etag = made.etag;
    out->version_id = made.version_id;
    answer(c, in, out);
    return OK;
}
