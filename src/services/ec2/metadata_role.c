// SPDX-License-Identifier: Apache-2.0
/*
 * The credentials of an instance's role ("Retrieve security credentials from instance metadata"):
 * a session of the role as AssumeRole by ec2.amazonaws.com begins it, named after the instance,
 * kept and given again until it has little left. What it may do is asked of the role at each use.
 * Control thread.
 */
#include "services/ec2/metadata.h"

#include "auth/session.h"
#include "base/time.h"

#include <errno.h>

#define SESSION_S (6 * 60 * 60)
/* SDKs ask for new ones in the last quarter of an hour, and AWS promises five minutes. */
#define RENEW_MS (60 * 60 * 1000)

struct role {
    struct metadata_tree *tree;
    struct auth_profile profile;
    struct auth_role role;
    struct stored_instance_session kept;
    struct auth_session session;
};

static struct span time_text(struct call *c, int64_t ms)
{
    char text[TIME_TEXT_SIZE];
    return arena_copy(c->arena, time_iso8601(ms, text));
}

/* Credentials are of the version that they were asked for with. */
static struct span *kept_session(struct role *r)
{
    return r->tree->version == METADATA_V2 ? &r->kept.session : &r->kept.plain;
}

/* Condition keys that requests with these credentials have: "Global condition context keys", "…
 * keys for Amazon EC2". */
static RESULT tell_delivery(struct role *r)
{
    struct call *c = r->tree->c;
    const struct stored_instance *i = r->tree->instance;
    struct stored_interface primary;
    TRY(instance_interface_read(c, i, &primary));
    const struct auth_tag tags[] = {
        {S("aws:ec2instancesourcevpc"), i->vpc},
        {S("aws:ec2instancesourceprivateipv4"), primary.addresses.at[0].address},
        {S("ec2:sourceinstancearn"),
         arena_printf(c->arena, "arn:aws:ec2:%.*s:%.*s:instance/%.*s", SPAN_ARG(i->region),
                      SPAN_ARG(i->account), SPAN_ARG(i->id))},
        {S("ec2:roledelivery"), r->tree->version == METADATA_V2 ? S("2.0") : S("1.0")},
    };
    r->session.delivered.at = ARENA_ARRAY(c->arena, struct auth_tag, ARRAY_LEN(tags));
    memcpy(r->session.delivered.at, tags, sizeof tags);
    r->session.delivered.count = ARRAY_LEN(tags);
    return OK;
}

/* That which is kept, if it is of this role and good for long enough; false: there is none. */
static RESULT find_session(struct role *r, bool *ret)
{
    struct call *c = r->tree->c;
    struct span *kept = kept_session(r);
    resource_key(c, r->tree->instance->id, &r->kept);
    int error = stored_instance_session_get(c->txn, c->arena, &r->kept);
    if (!error && !span_eq(r->kept.role, r->role.id))
        r->kept.session = r->kept.plain = SPAN_NONE;
    *ret = !error && kept->at;
    if (*ret) {
        r->session = (struct auth_session){.id = *kept};
        error = auth_session_get(c->txn, c->arena, &r->session);
        *ret = !error && r->session.expires - c->now_ms > RENEW_MS;
    }
    return error && error != -ENOENT ? refuse_errno(c, error, "reading a session") : OK;
}

static RESULT get_session(struct role *r)
{
    struct call *c = r->tree->c;
    bool found;
    TRY(find_session(r, &found));
    if (found)
        return OK;
    r->session = (struct auth_session){.kind = SESSION_ROLE,
                                       .account = r->role.account,
                                       .holder = r->role.lname,
                                       .holder_id = r->role.id,
                                       .name = r->tree->instance->id};
    TRY(tell_delivery(r));
    TRY(session_begin(c, &r->session, SESSION_S));
    *kept_session(r) = r->session.id;
    r->kept.role = r->role.id;
    stored_instance_session_put(c->txn, &r->kept);
    return OK;
}

static RESULT credentials(struct role *r, struct span *ret)
{
    struct call *c = r->tree->c;
    if (!session_trusts(c, &r->role, S("ec2.amazonaws.com"))) {
        *ret = arena_printf(c->arena,
                            "{\n"
                            "  \"Code\" : \"AssumeRoleUnauthorizedAccess\",\n"
                            "  \"Message\" : \"EC2 cannot assume the role %.*s.  Please see "
                            "documentation at https://docs.aws.amazon.com/IAM/latest/UserGuide/"
                            "troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc.\",\n"
                            "  \"LastUpdated\" : \"%.*s\"\n"
                            "}",
                            SPAN_ARG(r->role.name), SPAN_ARG(time_text(c, c->now_ms)));
        return OK;
    }
    TRY(get_session(r));
    *ret = arena_printf(c->arena,
                        "{\n"
                        "  \"Code\" : \"Success\",\n"
                        "  \"LastUpdated\" : \"%.*s\",\n"
                        "  \"Type\" : \"AWS-HMAC\",\n"
                        "  \"AccessKeyId\" : \"%.*s\",\n"
                        "  \"SecretAccessKey\" : \"%.*s\",\n"
                        "  \"Token\" : \"%.*s\",\n"
                        "  \"Expiration\" : \"%.*s\"\n"
                        "}",
                        SPAN_ARG(time_text(c, r->session.issued)), SPAN_ARG(r->session.id),
                        SPAN_ARG(r->session.secret), SPAN_ARG(r->session.token),
                        SPAN_ARG(time_text(c, r->session.expires)));
    return OK;
}

static struct span info(struct role *r, bool found)
{
    struct call *c = r->tree->c;
    struct span now = time_text(c, c->now_ms);
    if (!found)
        return arena_printf(c->arena,
                            "{\n"
                            "  \"Code\" : \"InstanceProfileNotFound\",\n"
                            "  \"Message\" : \"Instance Profile %.*s cannot be found. Please see "
                            "documentation at https://docs.aws.amazon.com/IAM/latest/UserGuide/"
                            "troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc.\",\n"
                            "  \"LastUpdated\" : \"%.*s\"\n"
                            "}",
                            SPAN_ARG(r->tree->instance->profile), SPAN_ARG(now));
    return arena_printf(c->arena,
                        "{\n"
                        "  \"Code\" : \"Success\",\n"
                        "  \"LastUpdated\" : \"%.*s\",\n"
                        "  \"InstanceProfileArn\" : \"%.*s\",\n"
                        "  \"InstanceProfileId\" : \"%.*s\"\n"
                        "}",
                        SPAN_ARG(now), SPAN_ARG(r->tree->instance->profile),
                        SPAN_ARG(r->profile.id));
}

static RESULT grow_credentials(struct role *r)
{
    struct call *c = r->tree->c;
    struct span value = S("");
    r->role = (struct auth_role){.account = r->profile.account, .lname = r->profile.role};
    int error = auth_role_get(c->txn, c->arena, &r->role);
    if (error)
        return error == -ENOENT ? OK : refuse_errno(c, error, "reading a role");
    struct span path =
        arena_printf(c->arena, "meta-data/iam/security-credentials/%.*s", SPAN_ARG(r->role.name));
    if (span_eq(path, r->tree->wanted))
        TRY(credentials(r, &value));
    metadata_add(r->tree, path.at, value);
    return OK;
}

RESULT metadata_grow_role(struct metadata_tree *tree)
{
    struct call *c = tree->c;
    struct span arn = tree->instance->profile;
    struct role r = {.tree = tree};
    if (!arn.len)
        return OK;
    struct span name = span_from(arn, span_find_last_byte(arn, '/') + 1);
    r.profile = (struct auth_profile){.account = tree->instance->account,
                                      .lname = principal_lname(c->arena, name)};
    int error = auth_profile_get(c->txn, c->arena, &r.profile);
    if (error && error != -ENOENT)
        return refuse_errno(c, error, "reading an instance profile");
    bool found = !error && span_eq(r.profile.id, tree->instance->profile_id);
    metadata_add(tree, "meta-data/iam/info", info(&r, found));
    return found && r.profile.role.len ? grow_credentials(&r) : OK;
}

void metadata_forget(struct call *c, const struct stored_instance *instance)
{
    struct stored_instance_session kept;
    resource_key(c, instance->id, &kept);
    stored_instance_session_delete(c->txn, &kept);
}
