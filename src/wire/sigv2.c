// SPDX-License-Identifier: Apache-2.0
/*
 * The text to sign of Signature Version 2: method, Content-MD5, Content-Type, Expires, the x-amz-
 * fields, the resource with its subresources. What a presigned URL carries in its query instead of
 * in headers counts as header. Pure, any thread.
 */
#include "wire/sigv2.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/text.h"

#include <openssl/hmac.h>
#include <stdlib.h>

#define MAX_PARTS 128

struct parts {
    struct header at[MAX_PARTS];
    size_t count;
};

static void parts_add(struct parts *parts, struct span name, struct span value)
{
    if (parts->count < MAX_PARTS)
        parts->at[parts->count++] = (struct header){name, value};
}

static struct span lower(struct arena *arena, struct span text)
{
    char *to = arena_cstr(arena, text);
    for (size_t i = 0; i < text.len; i++)
        if (to[i] >= 'A' && to[i] <= 'Z')
            to[i] = (char)(to[i] + 32);
    return span_of(to, text.len);
}

/* The next decoded pair of a query; false at its end. A word without '=' has an absent value. */
static bool next_pair(struct arena *arena, struct span *query, struct header *pair)
{
    while (!span_is_absent(*query)) {
        struct span value = span_cut(query, '&');
        struct span name = span_cut(&value, '=');
        pair->name = form_decode(arena, name);
        pair->value = span_is_absent(value) ? value : form_decode(arena, value);
        if (pair->name.len)
            return true;
    }
    return false;
}

enum SIGV2_FAULT sigv2_read(struct arena *arena, struct span query, struct sigv2_claim *claim)
{
    struct header pair;
    struct span expires = SPAN_NONE;
    *claim = (struct sigv2_claim){0};
    while (next_pair(arena, &query, &pair)) {
        if (span_eq(pair.name, S("AWSAccessKeyId")))
            claim->access_key = pair.value;
        else if (span_eq(pair.name, S("Signature")))
            claim->signature = pair.value;
        else if (span_eq(pair.name, S("Expires")))
            expires = pair.value;
        else if (span_eq_nocase(pair.name, S("x-amz-security-token")))
            claim->token = pair.value;
    }
    if (!claim->access_key.len)
        return SIGV2_ABSENT;
    if (!claim->signature.len || span_is_absent(expires))
        return SIGV2_INCOMPLETE;
    return span_to_i64(expires, &claim->expires_s) ? SIGV2_OK : SIGV2_BAD_EXPIRES;
}

/* Query words that are part of the resource. */
static bool is_subresource(struct span name)
{
    static const struct span names[] = {
        S_INIT("accelerate"),
        S_INIT("acl"),
        S_INIT("analytics"),
        S_INIT("cors"),
        S_INIT("defaultObjectAcl"),
        S_INIT("delete"),
        S_INIT("inventory"),
        S_INIT("lifecycle"),
        S_INIT("location"),
        S_INIT("logging"),
        S_INIT("metrics"),
        S_INIT("notification"),
        S_INIT("partNumber"),
        S_INIT("policy"),
        S_INIT("replication"),
        S_INIT("requestPayment"),
        S_INIT("restore"),
        S_INIT("select"),
        S_INIT("select-type"),
        S_INIT("tagging"),
        S_INIT("torrent"),
        S_INIT("uploadId"),
        S_INIT("uploads"),
        S_INIT("versionId"),
        S_INIT("versioning"),
        S_INIT("versions"),
        S_INIT("website"),
        S_INIT("response-cache-control"),
        S_INIT("response-content-disposition"),
        S_INIT("response-content-encoding"),
        S_INIT("response-content-language"),
        S_INIT("response-content-type"),
        S_INIT("response-expires"),
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (span_eq(names[i], name))
            return true;
    return false;
}

static int compare_parts(const void *a, const void *b)
{
    return span_compare(((const struct header *)a)->name, ((const struct header *)b)->name);
}

struct sorted {
    struct parts amz, subresources;
    struct span content_md5, content_type, expires;
};

static void sort_field(struct sorted *sorted, struct span name, struct span value)
{
    if (span_starts(name, S("x-amz-")))
        parts_add(&sorted->amz, name, value);
    else if (span_eq(name, S("content-md5")))
        sorted->content_md5 = value;
    else if (span_eq(name, S("content-type")))
        sorted->content_type = value;
}

static void collect(struct arena *arena, const struct sigv2_request *request, struct sorted *sorted)
{
    struct span query = request->query;
    struct header pair;
    for (size_t i = 0; i < request->headers.count; i++)
        sort_field(sorted, request->headers.at[i].name, span_trim(request->headers.at[i].value));
    while (next_pair(arena, &query, &pair)) {
        if (span_eq(pair.name, S("Expires")))
            sorted->expires = pair.value;
        else if (is_subresource(pair.name))
            parts_add(&sorted->subresources, pair.name, pair.value);
        else
            sort_field(sorted, lower(arena, pair.name), pair.value);
    }
    qsort(sorted->amz.at, sorted->amz.count, sizeof *sorted->amz.at, compare_parts);
    qsort(sorted->subresources.at, sorted->subresources.count, sizeof *sorted->subresources.at,
          compare_parts);
}

static void print_amz(const struct parts *amz, struct buf *out)
{
    for (size_t i = 0; i < amz->count; i++) {
        bool again = i && span_eq(amz->at[i].name, amz->at[i - 1].name);
        if (again) {
            out->len--; /* joins the line before */
            buf_append_byte(out, ',');
        } else {
            buf_append(out, amz->at[i].name);
            buf_append_byte(out, ':');
        }
        buf_append(out, amz->at[i].value);
        buf_append_byte(out, '\n');
    }
}

static void print_subresources(const struct parts *subresources, struct buf *out)
{
    for (size_t i = 0; i < subresources->count; i++) {
        buf_append_byte(out, i ? '&' : '?');
        buf_append(out, subresources->at[i].name);
        if (span_is_absent(subresources->at[i].value))
            continue;
        buf_append_byte(out, '=');
        buf_append(out, subresources->at[i].value);
    }
}

struct span sigv2_to_sign(struct arena *arena, const struct sigv2_request *request)
{
    struct sorted *sorted = ARENA_NEW(arena, struct sorted);
    struct buf out;
    buf_init(&out, 1 << 20);
    collect(arena, request, sorted);
    buf_printf(&out, "%.*s\n%.*s\n%.*s\n%.*s\n", SPAN_ARG(request->method),
               SPAN_ARG(sorted->content_md5), SPAN_ARG(sorted->content_type),
               SPAN_ARG(sorted->expires));
    print_amz(&sorted->amz, &out);
    buf_append(&out, request->resource);
    print_subresources(&sorted->subresources, &out);
    struct span text = arena_copy(arena, buf_span(&out));
    buf_done(&out);
    return text;
}

bool sigv2_verify(struct arena *arena, struct span to_sign, const struct sigv2_claim *claim,
                  struct span secret)
{
    unsigned char mac[SHA1_SIZE];
    unsigned len = 0;
    if (!HMAC(EVP_sha1(), secret.at, (int)secret.len, (const unsigned char *)to_sign.at,
              to_sign.len, mac, &len))
        return false;
    struct span wanted = base64_of(arena, span_of(mac, len));
    return wanted.len == claim->signature.len &&
           hash_eq(wanted.at, claim->signature.at, wanted.len);
}
