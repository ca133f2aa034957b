// SPDX-License-Identifier: Apache-2.0
/* Access control lists from requests. Pure but for the refusals. */
#include "services/s3/acl_wish.h"

#include "services/s3/public_access.h"
#include "services/s3/s3.api.h"

#define GRANTS_MAX 100 /* of a list: "Access control list (ACL) overview" */

static const struct span groups[] = {
    [GRANTEE_ACCOUNT] = {NULL, 0},
    [GRANTEE_EVERYBODY] = S_INIT("http://acs.amazonaws.com/groups/global/AllUsers"),
    [GRANTEE_AUTHENTICATED] = S_INIT("http://acs.amazonaws.com/groups/global/AuthenticatedUsers"),
    [GRANTEE_LOG_DELIVERY] = S_INIT("http://acs.amazonaws.com/groups/s3/LogDelivery"),
};

struct span acl_group_uri(enum GRANTEE grantee)
{
    return groups[grantee];
}

/* ---- canned lists --------------------------------------------------------------------------- */

struct canned {
    struct span name;
    struct {
        enum GRANTEE grantee;
        enum ACL_PERMISSION permission;
    } more[2];                        /* beside the owner's full control; permission 0: none */
    enum ACL_PERMISSION bucket_owner; /* when it is another one */
};

static const struct canned canned_lists[] = {
    {S_INIT("private"), {{0}}, 0},
    {S_INIT("public-read"), {{GRANTEE_EVERYBODY, ACL_READ}}, 0},
    {S_INIT("public-read-write"),
     {{GRANTEE_EVERYBODY, ACL_READ}, {GRANTEE_EVERYBODY, ACL_WRITE}},
     0},
    {S_INIT("authenticated-read"), {{GRANTEE_AUTHENTICATED, ACL_READ}}, 0},
    {S_INIT("log-delivery-write"),
     {{GRANTEE_LOG_DELIVERY, ACL_WRITE}, {GRANTEE_LOG_DELIVERY, ACL_READ_ACP}},
     0},
    {S_INIT("bucket-owner-read"), {{0}}, ACL_READ},
    {S_INIT("bucket-owner-full-control"), {{0}}, ACL_FULL_CONTROL},
};

static void add(struct acl_wish *wish, enum GRANTEE grantee, struct span id,
                enum ACL_PERMISSION permission)
{
    wish->grants.at[wish->grants.count++] =
        (struct s3_acl_grant){.grantee = grantee, .id = id, .permission = permission};
}

/* S3 answers without a message. */
static RESULT refuse_canned(struct call *c, struct span name)
{
    const struct refusal *refusal =
        refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentName"), S("x-amz-acl"), "%s", "");
    return refusal_add(c, refusal, S("ArgumentValue"), name);
}

static RESULT read_canned(struct call *c, const struct acl_owners *owners, struct span name,
                          struct acl_wish *out)
{
    size_t at = 0;
    while (at < ARRAY_LEN(canned_lists) && !span_eq(canned_lists[at].name, name))
        at++;
    if (at == ARRAY_LEN(canned_lists))
        return refuse_canned(c, name);
    const struct canned *canned = &canned_lists[at];
    out->asked = ACL_ASKED_CANNED;
    out->canned_owner_full_control = canned->bucket_owner == ACL_FULL_CONTROL;
    add(out, GRANTEE_ACCOUNT, owners->owner, ACL_FULL_CONTROL);
    for (size_t i = 0; i < ARRAY_LEN(canned->more); i++)
        if (canned->more[i].permission)
            add(out, canned->more[i].grantee, SPAN_NONE, canned->more[i].permission);
    if (canned->bucket_owner && !span_eq(owners->owner, owners->bucket_owner))
        add(out, GRANTEE_ACCOUNT, owners->bucket_owner, canned->bucket_owner);
    return OK;
}

/* ---- grantees ------------------------------------------------------------------------------- */

static RESULT refuse_argument(struct call *c, const char *name, struct span value,
                              const char *message)
{
    const struct refusal *refusal =
        refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentName"), span_of_cstr(name), "%s", message);
    return refusal_add(c, refusal, S("ArgumentValue"), value);
}

static bool is_canonical_id(struct span id)
{
    for (size_t i = 0; i < id.len; i++)
        if (!((id.at[i] >= '0' && id.at[i] <= '9') || (id.at[i] >= 'a' && id.at[i] <= 'f')))
            return false;
    return id.len == 64;
}

/* The account behind a canonical id, where this call knows it; another's stays as it is. */
static struct span account_of(struct call *c, const struct acl_owners *owners, struct span id)
{
    struct span known[] = {owners->owner, owners->bucket_owner, acl_caller(c)};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (span_eq(place_owner_id(c, known[i]), id))
            return known[i];
    return id;
}

static RESULT add_account(struct call *c, const struct acl_owners *owners, const char *name,
                          struct span id, struct s3_acl_grant *out)
{
    if (!is_canonical_id(id))
        return refuse_argument(c, name, id, "Invalid id");
    out->grantee = GRANTEE_ACCOUNT;
    out->id = account_of(c, owners, id);
    return OK;
}

static RESULT add_group(struct call *c, const char *name, struct span uri, struct s3_acl_grant *out)
{
    for (size_t i = 1; i < ARRAY_LEN(groups); i++)
        if (span_eq(groups[i], uri)) {
            out->grantee = i;
            return OK;
        }
    return refuse_argument(c, name, uri, "Invalid group uri");
}

/* ---- grants in headers ---------------------------------------------------------------------- */

static const struct {
    struct span header;
    enum ACL_PERMISSION permission;
} grant_headers[] = {
    {S_INIT("x-amz-grant-full-control"), ACL_FULL_CONTROL},
    {S_INIT("x-amz-grant-read"), ACL_READ},
    {S_INIT("x-amz-grant-read-acp"), ACL_READ_ACP},
    {S_INIT("x-amz-grant-write"), ACL_WRITE},
    {S_INIT("x-amz-grant-write-acp"), ACL_WRITE_ACP},
};

static struct span unquoted(struct span text)
{
    bool quoted = text.len >= 2 && text.at[0] == '"' && text.at[text.len - 1] == '"';
    return quoted ? span_of(text.at + 1, text.len - 2) : text;
}

/* id="…", uri="…"; an emailAddress is of accounts that have one, which none here has. */
static RESULT read_pair(struct call *c, const struct acl_owners *owners, struct span header,
                        struct span pair, struct s3_acl_grant *out)
{
    struct span value = pair;
    struct span name = span_trim(span_cut(&value, '='));
    value = span_is_absent(value) ? value : unquoted(span_trim(value));
    if (span_eq(name, S("id")) && !span_is_absent(value))
        return add_account(c, owners, "id", value, out);
    if (span_eq(name, S("uri")) && !span_is_absent(value))
        return add_group(c, "uri", value, out);
    if (span_eq(name, S("emailAddress")) && !span_is_absent(value))
        return refuse(c, &S3_UNRESOLVABLE_GRANT_BY_EMAIL_ADDRESS,
                      "The email address you provided does not match any account on record.");
    const struct refusal *refusal = refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentName"), header,
                                                "Argument format not recognized");
    return refusal_add(c, refusal, S("ArgumentValue"), pair);
}

static RESULT refuse_too_many(struct call *c)
{
    return refuse(c, &S3_INVALID_REQUEST, "An ACL can have up to 100 grants.");
}

static RESULT read_grants(struct call *c, const struct acl_owners *owners, size_t which,
                          struct acl_wish *out)
{
    struct span rest = header_get(c->request_headers, grant_headers[which].header);
    while (!span_is_absent(rest)) {
        struct s3_acl_grant grant = {.permission = grant_headers[which].permission};
        struct span pair = span_trim(span_cut(&rest, ','));
        if (out->grants.count == GRANTS_MAX)
            return refuse_too_many(c);
        TRY(read_pair(c, owners, grant_headers[which].header, pair, &grant));
        out->grants.at[out->grants.count++] = grant;
        out->asked = ACL_ASKED_GRANTS;
    }
    return OK;
}

RESULT acl_wish_read_headers(struct call *c, const struct acl_owners *owners, struct acl_wish *out)
{
    struct span canned = header_get(c->request_headers, S("x-amz-acl"));
    *out = (struct acl_wish){.asked = ACL_ASKED_NOTHING};
    bool grants = false;
    for (size_t i = 0; i < ARRAY_LEN(grant_headers); i++)
        grants |= !span_is_absent(header_get(c->request_headers, grant_headers[i].header));
    if (span_is_absent(canned) && !grants)
        return OK;
    if (!span_is_absent(canned) && grants)
        return refuse(c, &S3_INVALID_REQUEST,
                      "Specifying both Canned ACLs and Header Grants is not allowed");
    out->grants.at = ARENA_ARRAY(c->arena, struct s3_acl_grant, GRANTS_MAX);
    if (!span_is_absent(canned))
        return read_canned(c, owners, canned, out);
    for (size_t i = 0; i < ARRAY_LEN(grant_headers); i++)
        TRY(read_grants(c, owners, i, out));
    return OK;
}

/* ---- grants in a body ----------------------------------------------------------------------- */

static RESULT refuse_body(struct call *c)
{
    return refuse(c, &S3_MALFORMED_ACL_ERROR,
                  "The XML you provided was not well-formed or did not validate against our "
                  "published schema");
}

static enum ACL_PERMISSION permission_named(struct span name)
{
    static const struct {
        struct span name;
        enum ACL_PERMISSION permission;
    } names[] = {{S_INIT("FULL_CONTROL"), ACL_FULL_CONTROL},
                 {S_INIT("WRITE"), ACL_WRITE},
                 {S_INIT("WRITE_ACP"), ACL_WRITE_ACP},
                 {S_INIT("READ"), ACL_READ},
                 {S_INIT("READ_ACP"), ACL_READ_ACP}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (span_eq(names[i].name, name))
            return names[i].permission;
    return 0;
}

static RESULT read_grant(struct call *c, const struct acl_owners *owners,
                         const struct s3_grant *from, struct s3_acl_grant *out)
{
    const struct s3_grantee *grantee = from->grantee;
    *out = (struct s3_acl_grant){.permission = permission_named(from->permission)};
    if (!grantee || !out->permission)
        return refuse_body(c);
    if (span_eq(grantee->type, S("CanonicalUser")) && !span_is_absent(grantee->id))
        return add_account(c, owners, "CanonicalUser/ID", grantee->id, out);
    if (span_eq(grantee->type, S("Group")) && !span_is_absent(grantee->uri))
        return add_group(c, "Group/URI", grantee->uri, out);
    if (span_eq(grantee->type, S("AmazonCustomerByEmail")))
        return refuse(c, &S3_UNRESOLVABLE_GRANT_BY_EMAIL_ADDRESS,
                      "The email address you provided does not match any account on record.");
    return refuse_body(c);
}

static RESULT read_body(struct call *c, const struct acl_owners *owners,
                        const struct s3_access_control_policy *body, struct acl_wish *out)
{
    if (!body->owner || span_is_absent(body->owner->id))
        return refuse_body(c);
    if (!span_eq(account_of(c, owners, body->owner->id), owners->owner))
        return is_canonical_id(body->owner->id)
                   ? refuse(c, &S3_ACCESS_DENIED, "Access Denied") /* owners do not change */
                   : refuse_argument(c, "CanonicalUser/ID", body->owner->id, "Invalid id");
    if (!body->grants.at)
        return refuse_body(c);
    if (body->grants.count > GRANTS_MAX)
        return refuse_too_many(c);
    out->asked = ACL_ASKED_BODY;
    out->grants.at = ARENA_ARRAY(c->arena, struct s3_acl_grant, body->grants.count);
    for (size_t i = 0; i < body->grants.count; i++)
        TRY(read_grant(c, owners, &body->grants.at[i], &out->grants.at[out->grants.count++]));
    return OK;
}

RESULT acl_wish_read(struct call *c, const struct acl_owners *owners,
                     const struct s3_access_control_policy *body, struct acl_wish *out)
{
    TRY(acl_wish_read_headers(c, owners, out));
    if (body && out->asked != ACL_ASKED_NOTHING)
        return refuse(c, &S3_UNEXPECTED_CONTENT, "This request does not support content");
    if (body)
        return read_body(c, owners, body, out);
    if (out->asked != ACL_ASKED_NOTHING)
        return OK;
    return refuse_with(c, &S3_MISSING_SECURITY_HEADER, S("MissingHeaderName"), S("x-amz-acl"),
                       "Your request was missing a required header");
}

/* ---- looking at them ------------------------------------------------------------------------ */

bool acl_wish_is_private(const struct acl_wish *wish, struct span owner)
{
    return wish->grants.count == 1 && wish->grants.at[0].grantee == GRANTEE_ACCOUNT &&
           wish->grants.at[0].permission == ACL_FULL_CONTROL &&
           span_eq(wish->grants.at[0].id, owner);
}

bool acl_wish_is_public(const struct acl_wish *wish)
{
    for (size_t i = 0; i < wish->grants.count; i++)
        if (wish->grants.at[i].grantee == GRANTEE_EVERYBODY ||
            wish->grants.at[i].grantee == GRANTEE_AUTHENTICATED)
            return true;
    return false;
}

bool acl_wish_fits_enforced(const struct acl_wish *wish, struct span bucket_owner)
{
    return wish->asked == ACL_ASKED_NOTHING || wish->canned_owner_full_control ||
           acl_wish_is_private(wish, bucket_owner);
}

RESULT acl_wish_check(struct call *c, const struct s3_bucket_record *bucket,
                      const struct acl_wish *wish, struct span action, struct span key)
{
    if (!acl_wish_is_public(wish) || !public_access_blocks(c, bucket, UNBLOCKED_ACLS))
        return OK;
    struct span who = c->caller ? c->caller->arn : S("anonymous");
    struct span arn = place_arn(c, bucket->name, key);
    return refuse(c, &S3_ACCESS_DENIED,
                  "User: %.*s is not authorized to perform: %.*s on resource: \"%.*s\" because "
                  "public access control lists (ACLs) are blocked by the BlockPublicAcls block "
                  "public access setting.",
                  SPAN_ARG(who), SPAN_ARG(action), SPAN_ARG(arn));
}

RESULT acl_refuse_unheeded(struct call *c)
{
    return refuse(c, &S3_ACCESS_CONTROL_LIST_NOT_SUPPORTED, "The bucket does not allow ACLs");
}
