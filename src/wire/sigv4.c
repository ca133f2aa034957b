// SPDX-License-Identifier: Apache-2.0
/*
 * Reading what a signed request claims, and checking it. A claim borrows from the request's head;
 * nothing is trusted before sigv4_verify has said SIGV4_OK. Signature and digest are compared in
 * constant time. Pure, any thread.
 */
#include "wire/sigv4.h"

#include "base/text.h"
#include "base/time.h"

#include <assert.h>
#include <stdlib.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"
#define SKEW_MS (15 * 60 * 1000)
#define MAX_EXPIRES_S 604800
/* Services that do not ask for X-Amz-Expires take a presigned request as long as a signed one. */
#define DEFAULT_EXPIRES_S 900
/* Longest names in a scope; chunked_payload keeps the whole scope in 128 bytes. */
#define MAX_REGION 64
#define MAX_SERVICE 32
#define MAX_ACCESS_KEY 128

/* The named values of an Authorization header or of a presigned query, not yet understood. */
struct parts {
    struct span algorithm, credential, signed_headers, signature, date, expires, token,
        content_sha256;
    struct span v2_key, v2_signature;
};

struct part_name {
    struct span name;
    size_t at; /* offset in struct parts */
};

static const struct part_name header_parts[] = {
    {S_INIT("Credential"), offsetof(struct parts, credential)},
    {S_INIT("SignedHeaders"), offsetof(struct parts, signed_headers)},
    {S_INIT("Signature"), offsetof(struct parts, signature)},
    {SPAN_NONE, 0},
};

static const struct part_name query_parts[] = {
    {S_INIT("X-Amz-Algorithm"), offsetof(struct parts, algorithm)},
    {S_INIT("X-Amz-Credential"), offsetof(struct parts, credential)},
    {S_INIT("X-Amz-SignedHeaders"), offsetof(struct parts, signed_headers)},
    {S_INIT("X-Amz-Signature"), offsetof(struct parts, signature)},
    {S_INIT("X-Amz-Date"), offsetof(struct parts, date)},
    {S_INIT("X-Amz-Expires"), offsetof(struct parts, expires)},
    {S_INIT("X-Amz-Security-Token"), offsetof(struct parts, token)},
    {S_INIT("X-Amz-Content-Sha256"), offsetof(struct parts, content_sha256)},
    {S_INIT("AWSAccessKeyId"), offsetof(struct parts, v2_key)},
    {S_INIT("Signature"), offsetof(struct parts, v2_signature)},
    {SPAN_NONE, 0},
};

/* Where the value of that name belongs, or NULL. */
static struct span *part_named(struct parts *parts, const struct part_name *table, struct span name)
{
    for (; table->name.len; table++)
        if (span_eq(table->name, name))
            return (struct span *)(void *)((char *)parts + table->at);
    return NULL;
}

static void read_query(struct arena *arena, struct span query, struct parts *parts)
{
    while (!span_is_empty(query)) {
        struct span value = span_cut(&query, '&');
        struct span *part = part_named(parts, query_parts, span_cut(&value, '='));
        if (!part || !span_is_absent(*part))
            continue;
        struct span decoded = form_decode(arena, span_is_absent(value) ? S("") : value);
        *part = span_is_absent(decoded) ? value : decoded;
    }
}

/* `Name=value, Name=value`; the comma alone is common too. False when a piece is nothing such. */
static bool read_header(struct span list, struct parts *parts)
{
    while (!span_is_absent(list)) {
        struct span value = span_trim(span_cut(&list, ','));
        struct span name = span_cut(&value, '=');
        if (span_is_absent(value))
            return false;
        struct span *part = part_named(parts, header_parts, name);
        if (part)
            *part = value;
    }
    return true;
}

static bool is_presigned(const struct parts *parts)
{
    return !span_is_absent(parts->algorithm) || !span_is_absent(parts->credential) ||
           !span_is_absent(parts->signature);
}

static enum SIGV4_FAULT fault(struct sigv4_claim *claim, enum SIGV4_FAULT kind, struct span detail)
{
    claim->detail = detail;
    return kind;
}

static enum SIGV4_FAULT read_parts(struct arena *arena, const struct sigv4_request *request,
                                   struct sigv4_claim *claim, struct parts *parts)
{
    struct span authorization = header_get(request->headers, S("authorization"));
    read_query(arena, request->query, parts);
    claim->presigned = is_presigned(parts);
    if (span_is_absent(authorization)) {
        if (claim->presigned && !span_is_absent(parts->algorithm) &&
            !span_eq(parts->algorithm, S(ALGORITHM)))
            return fault(claim, SIGV4_UNSUPPORTED, parts->algorithm);
        if (claim->presigned)
            return SIGV4_OK;
        bool version_2 = !span_is_absent(parts->v2_key) && !span_is_absent(parts->v2_signature);
        return version_2 ? fault(claim, SIGV4_UNSUPPORTED, S("AWS")) : SIGV4_ANONYMOUS;
    }
    if (claim->presigned)
        return fault(claim, SIGV4_BAD_HEADER, S("Authorization"));
    authorization = span_trim(authorization);
    struct span scheme = span_cut(&authorization, ' ');
    if (!span_eq(scheme, S(ALGORITHM)))
        return fault(claim, SIGV4_UNSUPPORTED, scheme);
    if (!span_is_absent(authorization) && !read_header(authorization, parts))
        return fault(claim, SIGV4_BAD_HEADER, S("Authorization"));
    parts->algorithm = scheme;
    parts->token = header_get(request->headers, S("x-amz-security-token"));
    parts->date = header_get(request->headers, S("x-amz-date"));
    if (span_is_absent(parts->date))
        parts->date = header_get(request->headers, S("date"));
    return SIGV4_OK;
}

static enum SIGV4_FAULT check_missing(const struct parts *parts, bool expires_needed,
                                      struct sigv4_claim *claim)
{
    const struct {
        const struct span *part;
        unsigned bit;
    } needed[] = {
        {&parts->algorithm, SIGV4_ALGORITHM},
        {&parts->credential, SIGV4_CREDENTIAL},
        {&parts->signed_headers, SIGV4_SIGNED_HEADERS},
        {&parts->signature, SIGV4_SIGNATURE},
        {&parts->date, SIGV4_DATE},
    };
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (span_is_empty(*needed[i].part))
            claim->missing |= needed[i].bit;
    if (expires_needed && span_is_absent(parts->expires))
        claim->missing |= SIGV4_EXPIRES;
    if (claim->missing == SIGV4_DATE && !claim->presigned)
        return SIGV4_BAD_DATE;
    return claim->missing ? SIGV4_BAD_HEADER : SIGV4_OK;
}

static bool all_digits(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    return true;
}

/* Cuts what stands behind the last '/'; absent when there is none. */
static struct span cut_last(struct span *rest)
{
    size_t at = span_find_last_byte(*rest, '/');
    if (at == SPAN_NOT_FOUND)
        return SPAN_NONE;
    struct span last = span_from(*rest, at + 1);
    rest->len = at;
    return last;
}

/* access-key/yyyymmdd/region/service/aws4_request, read from its end as AWS does. */
static bool read_credential(struct span credential, struct sigv4_claim *claim)
{
    struct span terminator = cut_last(&credential);
    claim->service = cut_last(&credential);
    claim->region = cut_last(&credential);
    claim->date = cut_last(&credential);
    claim->access_key = credential;
    return span_eq(terminator, S(TERMINATOR)) && claim->date.len == 8 && all_digits(claim->date) &&
           claim->region.len >= 1 && claim->region.len <= MAX_REGION && claim->service.len >= 1 &&
           claim->service.len <= MAX_SERVICE && claim->access_key.len >= 1 &&
           claim->access_key.len <= MAX_ACCESS_KEY;
}

/* x-amz-date's form, or for Date also that of HTTP; the signature is over the former in any case.
 */
static bool read_date(struct arena *arena, struct span date, struct sigv4_claim *claim)
{
    date = span_trim(date);
    claim->time_ms = time_parse_amz_date(date);
    claim->timestamp = date;
    if (claim->time_ms != TIME_NONE)
        return true;
    claim->time_ms = time_parse_http_date(date);
    if (claim->time_ms == TIME_NONE)
        return false;
    claim->timestamp = time_amz_date(claim->time_ms, arena_alloc(arena, TIME_TEXT_SIZE));
    return true;
}

static bool read_expires(const struct parts *parts, struct sigv4_claim *claim)
{
    uint64_t seconds = DEFAULT_EXPIRES_S;
    if (!span_is_absent(parts->expires) && !span_to_u64(parts->expires, &seconds))
        return false;
    claim->expires_s = (int64_t)(seconds & INT64_MAX);
    return seconds >= 1 && seconds <= MAX_EXPIRES_S;
}

static bool is_digest(struct span s)
{
    if (s.len != 64)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char lower = (char)(s.at[i] | 0x20);
        if (!(s.at[i] >= '0' && s.at[i] <= '9') && !(lower >= 'a' && lower <= 'f'))
            return false;
    }
    return true;
}

static const struct {
    struct span word;
    enum SIGV4_PAYLOAD payload;
} payload_words[] = {
    {S_INIT("UNSIGNED-PAYLOAD"), PAYLOAD_UNSIGNED},
    {S_INIT("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), PAYLOAD_CHUNKS},
    {S_INIT("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"), PAYLOAD_CHUNKS_TRAILER},
    {S_INIT("STREAMING-UNSIGNED-PAYLOAD-TRAILER"), PAYLOAD_UNSIGNED_TRAILER},
};

static bool read_payload(const struct sigv4_request *request, const struct parts *parts,
                         struct sigv4_claim *claim)
{
    struct span sent = header_get(request->headers, S("x-amz-content-sha256"));
    sent = span_is_absent(sent) ? parts->content_sha256 : span_trim(sent);
    claim->content_sha256 = sent;
    claim->payload = PAYLOAD_SIGNED;
    if (span_is_absent(sent)) {
        if (request->s3 && claim->presigned)
            claim->payload = PAYLOAD_UNSIGNED;
        return !request->s3 || claim->presigned;
    }
    for (size_t i = 0; i < ARRAY_LEN(payload_words); i++)
        if (span_eq(payload_words[i].word, sent)) {
            claim->payload = payload_words[i].payload;
            return true;
        }
    return is_digest(sent);
}

/* Lower-case names in strictly ascending order, as both sides have to print them. */
static bool signed_headers_well_formed(struct span names)
{
    struct span before = S("");
    for (size_t count = 1; !span_is_absent(names); count++) {
        struct span name = span_cut(&names, ';');
        if (span_compare(before, name) >= 0 || count > SIGV4_MAX_SIGNED_HEADERS)
            return false;
        for (size_t i = 0; i < name.len; i++)
            if (name.at[i] >= 'A' && name.at[i] <= 'Z')
                return false;
        before = name;
    }
    return true;
}

static bool is_listed(struct span names, struct span name)
{
    while (!span_is_empty(names))
        if (span_eq(span_cut(&names, ';'), name))
            return true;
    return false;
}

/* "HeadersNotSigned" of S3: what its documentation demands to be signed, but for content-type,
 * which the service does take unsigned, and x-amz-content-sha256, which is in the canonical
 * request. */
static bool must_be_signed(struct span name)
{
    if (span_starts(name, S("x-amz-")))
        return !span_eq(name, S("x-amz-content-sha256"));
    return span_eq(name, S("content-md5"));
}

static int compare_spans(const void *a, const void *b)
{
    const struct span *first = a, *second = b;
    return span_compare(*first, *second);
}

static struct span list_of(struct arena *arena, struct span *names, size_t count)
{
    struct span *parts = ARENA_ARRAY(arena, struct span, 2 * count);
    size_t part_count = 0;
    qsort(names, count, sizeof *names, compare_spans);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && span_eq(names[i], names[i - 1]))
            continue;
        if (part_count)
            parts[part_count++] = S(", ");
        parts[part_count++] = names[i];
    }
    return arena_join(arena, parts, part_count);
}

/* What the SDK for JavaScript signs in place of Host over HTTP/2. */
static bool signs_authority(const struct sigv4_request *request, const struct sigv4_claim *claim)
{
    return is_listed(claim->signed_headers, S(":authority")) &&
           !span_is_absent(header_get(request->headers, S(":authority")));
}

static enum SIGV4_FAULT check_signed_headers(struct arena *arena,
                                             const struct sigv4_request *request,
                                             struct sigv4_claim *claim)
{
    if (!signed_headers_well_formed(claim->signed_headers))
        return fault(claim, SIGV4_BAD_HEADER, S("SignedHeaders"));
    if (!is_listed(claim->signed_headers, S("host")) && !signs_authority(request, claim))
        return fault(claim, SIGV4_UNSIGNED_HEADERS, S("host"));
    if (!request->s3)
        return SIGV4_OK;
    struct span *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < request->headers.count; i++) {
        struct span name = request->headers.at[i].name;
        if (!must_be_signed(name) || is_listed(claim->signed_headers, name))
            continue;
        if (!found)
            found = ARENA_ARRAY(arena, struct span, request->headers.count);
        found[count++] = name;
    }
    return count ? fault(claim, SIGV4_UNSIGNED_HEADERS, list_of(arena, found, count)) : SIGV4_OK;
}

enum SIGV4_FAULT sigv4_read(struct arena *arena, const struct sigv4_request *request,
                            struct sigv4_claim *claim)
{
    struct parts parts = {0};
    *claim = (struct sigv4_claim){.time_ms = TIME_NONE};
    enum SIGV4_FAULT found = read_parts(arena, request, claim, &parts);
    if (found != SIGV4_OK)
        return found;
    claim->signature = parts.signature;
    claim->signed_headers = parts.signed_headers;
    claim->token = parts.token;
    bool credential_good = read_credential(parts.credential, claim);
    found = check_missing(&parts, claim->presigned && request->s3, claim);
    if (found != SIGV4_OK)
        return found;
    if (!credential_good)
        return fault(claim, SIGV4_BAD_HEADER, S("Credential"));
    if (!read_date(arena, parts.date, claim))
        return fault(claim, SIGV4_BAD_DATE, parts.date);
    if (claim->presigned && !read_expires(&parts, claim))
        return fault(claim, SIGV4_BAD_EXPIRES, parts.expires);
    if (!read_payload(request, &parts, claim))
        return fault(claim, SIGV4_BAD_CONTENT_SHA256, claim->content_sha256);
    return check_signed_headers(arena, request, claim);
}

enum SIGV4_FAULT sigv4_check_time(const struct sigv4_claim *claim, int64_t now_ms)
{
    if (!span_eq(claim->date, span_first(claim->timestamp, 8)))
        return SIGV4_SCOPE_DATE;
    if (claim->presigned) {
        if (claim->time_ms > now_ms + SKEW_MS)
            return SIGV4_NOT_YET;
        return now_ms > claim->time_ms + claim->expires_s * 1000 ? SIGV4_EXPIRED : SIGV4_OK;
    }
    bool near = claim->time_ms <= now_ms + SKEW_MS && claim->time_ms >= now_ms - SKEW_MS;
    return near ? SIGV4_OK : SIGV4_SKEWED;
}

void sigv4_key(struct span secret, struct span date, struct span region, struct span service,
               struct hmac_key *key)
{
    char first[4 + SIGV4_MAX_SECRET] = "AWS4";
    uint8_t step[SHA256_SIZE];
    assert(secret.len <= SIGV4_MAX_SECRET);
    if (secret.len)
        memcpy(first + 4, secret.at, secret.len);
    hmac_sha256(span_of(first, 4 + secret.len), date, step);
    hmac_sha256(span_of(step, sizeof step), region, step);
    hmac_sha256(span_of(step, sizeof step), service, step);
    hmac_sha256(span_of(step, sizeof step), S(TERMINATOR), step);
    hmac_key_init(key, span_of(step, sizeof step));
    explicit_bzero(first, sizeof first);
    explicit_bzero(step, sizeof step);
}

struct span sigv4_to_sign(struct arena *arena, const struct sigv4_claim *claim,
                          struct span canonical)
{
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE];
    sha256_of(canonical, digest);
    hex_encode(digest, sizeof digest, hex);
    const struct span parts[] = {
        S(ALGORITHM "\n"),
        claim->timestamp,
        S("\n"),
        claim->date,
        S("/"),
        claim->region,
        S("/"),
        claim->service,
        S("/" TERMINATOR "\n"),
        span_of(hex, sizeof hex),
    };
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

void sigv4_sign(const struct hmac_key *key, struct span to_sign, char hex[64])
{
    uint8_t signature[SHA256_SIZE];
    hmac_sign(key, to_sign, signature);
    hex_encode(signature, sizeof signature, hex);
}

enum SIGV4_FAULT sigv4_verify(struct arena *arena, const struct sigv4_request *request,
                              const struct sigv4_claim *claim, const struct hmac_key *key,
                              struct span body_sha256, struct span *ret_canonical,
                              struct span *ret_to_sign)
{
    struct arena_mark mark = arena_mark(arena);
    struct span canonical = sigv4_canonical(arena, request, claim, body_sha256);
    struct span to_sign = sigv4_to_sign(arena, claim, canonical);
    char expected[64];
    sigv4_sign(key, to_sign, expected);
    if (claim->signature.len == sizeof expected &&
        hash_eq(expected, claim->signature.at, sizeof expected)) {
        arena_rewind(arena, mark);
        return SIGV4_OK;
    }
    if (ret_canonical)
        *ret_canonical = canonical;
    if (ret_to_sign)
        *ret_to_sign = to_sign;
    return SIGV4_MISMATCH;
}
