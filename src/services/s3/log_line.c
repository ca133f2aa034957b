// SPDX-License-Identifier: Apache-2.0
/* One line of an access log per call. The call's thread. */
#include "services/s3/log_line.h"

#include "base/text.h"
#include "base/time.h"
#include "services/s3/note.h"
#include "services/s3/place.h"

/* ---- what was done -------------------------------------------------------------------------- */

/* Source: the operation field of the log format; what is not listed is OBJECT or BUCKET. */
static const struct {
    struct span part; /* of an operation's name */
    struct span resource;
} resources[] = {
    {S_INIT("DeleteObjects"), S_INIT("MULTI_OBJECT_DELETE")},
    {S_INIT("MultipartUploads"), S_INIT("UPLOADS")},
    {S_INIT("CreateMultipartUpload"), S_INIT("UPLOADS")},
    {S_INIT("MultipartUpload"), S_INIT("UPLOAD")},
    {S_INIT("ListParts"), S_INIT("UPLOAD")},
    {S_INIT("UploadPart"), S_INIT("PART")},
    {S_INIT("ObjectTagging"), S_INIT("OBJECT_TAGGING")},
    {S_INIT("BucketTagging"), S_INIT("TAGGING")},
    {S_INIT("Acl"), S_INIT("ACL")},
    {S_INIT("PolicyStatus"), S_INIT("POLICY_STATUS")},
    {S_INIT("Policy"), S_INIT("BUCKETPOLICY")},
    {S_INIT("BucketWebsite"), S_INIT("WEBSITE")},
    {S_INIT("Cors"), S_INIT("CORS")},
    {S_INIT("Lifecycle"), S_INIT("LIFECYCLE")},
    {S_INIT("Logging"), S_INIT("LOGGING_STATUS")},
    {S_INIT("Versioning"), S_INIT("VERSIONING")},
    {S_INIT("ObjectVersions"), S_INIT("BUCKETVERSIONS")},
    {S_INIT("Location"), S_INIT("LOCATION")},
    {S_INIT("RequestPayment"), S_INIT("REQUEST_PAYMENT")},
    {S_INIT("PublicAccessBlock"), S_INIT("PUBLIC_ACCESS_BLOCK")},
    {S_INIT("OwnershipControls"), S_INIT("OWNERSHIP_CONTROLS")},
    {S_INIT("Encryption"), S_INIT("ENCRYPTION")},
    {S_INIT("Notification"), S_INIT("NOTIFICATION")},
    {S_INIT("Replication"), S_INIT("REPLICATION")},
    {S_INIT("Accelerate"), S_INIT("ACCELERATE")},
};

static struct span operation_text(struct call *c, const struct note *note)
{
    struct span name = service_text(c->service, c->operation->name);
    struct span resource = note->key.len ? S("OBJECT") : S("BUCKET");
    for (size_t i = 0; i < ARRAY_LEN(resources); i++)
        if (span_find(name, resources[i].part) != SPAN_NOT_FOUND) {
            resource = resources[i].resource;
            break;
        }
    bool copies = span_find(name, S("Copy")) != SPAN_NOT_FOUND;
    return arena_printf(c->arena, "%s.%.*s.%.*s",
                        span_eq(name, S("GetWebsitePage")) ? "WEBSITE" : "REST",
                        SPAN_ARG(copies ? S("COPY") : c->method), SPAN_ARG(resource));
}

/* ---- the line ------------------------------------------------------------------------------- */

static struct span or_dash(struct span text)
{
    return text.len ? text : S("-");
}

/* "…" with nothing in it that could end it or the line. */
static struct span quoted(struct call *c, struct span text)
{
    if (!text.len)
        return S("\"-\"");
    char *at = arena_alloc(c->arena, text.len + 2);
    at[0] = '"';
    for (size_t i = 0; i < text.len; i++)
        at[i + 1] = text.at[i] == '"' || (unsigned char)text.at[i] < 0x20 ? '_' : text.at[i];
    at[text.len + 1] = '"';
    return span_of(at, text.len + 2);
}

/* [06/Feb/2019:00:00:38 +0000], out of "Wed, 06 Feb 2019 00:00:38 GMT". */
static struct span time_text(struct call *c)
{
    char date[TIME_TEXT_SIZE];
    struct span http = time_http_date(c->now_ms, date);
    return arena_printf(c->arena, "[%.*s/%.*s/%.*s:%.*s +0000]", 2, http.at + 5, 3, http.at + 8, 4,
                        http.at + 12, 8, http.at + 17);
}

static struct span number_or_dash(struct call *c, bool there, uint64_t number)
{
    return there ? arena_printf(c->arena, "%llu", (unsigned long long)number) : S("-");
}

static struct span signature_text(const struct call *c)
{
    return c->signature.version == 4 ? S("SigV4") : c->signature.version == 2 ? S("SigV2") : S("-");
}

static struct span auth_text(const struct call *c)
{
    return c->signature.by == SIGNED_BY_HEADER  ? S("AuthHeader")
           : c->signature.by == SIGNED_BY_QUERY ? S("QueryString")
                                                : S("-");
}

/* What is not known here is a dash: versions, ciphers, the access point. */
static struct span line_of(struct call *c, const struct note *note, const struct reply_facts *facts)
{
    struct span request =
        arena_printf(c->arena, "%.*s %.*s HTTP/1.1", SPAN_ARG(c->method), SPAN_ARG(c->target));
    struct span fields[] = {
        place_owner_id(c, note->account),
        note->bucket,
        time_text(c),
        or_dash(c->source_ip),
        or_dash(note->requester),
        c->request_id,
        operation_text(c, note),
        or_dash(uri_encode(c->arena, note->key, URI_SLASH_KEPT)),
        quoted(c, request),
        arena_printf(c->arena, "%d", facts->status),
        facts->code ? span_of_cstr(facts->code) : S("-"),
        number_or_dash(c, facts->bytes != 0, facts->bytes),
        number_or_dash(c, note->has_size, note->size),
        number_or_dash(c, true, (uint64_t)facts->ms),
        number_or_dash(c, true, (uint64_t)facts->ms),
        quoted(c, header_get(c->request_headers, S("referer"))),
        quoted(c, c->user_agent),
        S("-"),
        base64_of(c->arena, c->request_id),
        signature_text(c),
        S("-"),
        auth_text(c),
        or_dash(c->host),
        S("-"),
        S("-"),
        S("-"),
    };
    struct span pieces[2 * ARRAY_LEN(fields)];
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        pieces[2 * i] = fields[i];
        pieces[2 * i + 1] = i + 1 < ARRAY_LEN(fields) ? S(" ") : S("\n");
    }
    return arena_join(c->arena, pieces, ARRAY_LEN(pieces));
}

void log_line_write(struct call *c, const struct reply_facts *facts)
{
    const struct note *note = c->note;
    s3_log_line_put(c->txn, &(struct s3_log_line){.bucket = note->bucket,
                                                  .time = (uint64_t)c->now_ms,
                                                  .request = c->request_id,
                                                  .line = line_of(c, note, facts),
                                                  .caller = note->account});
}
