// SPDX-License-Identifier: Apache-2.0
/*
 * Builds identities from records: the holder, its policies (inline, attached, those of its groups),
 * boundary, and for sessions what the session adds. A stored policy that cannot be read fails the
 * whole identity, since it may hold a deny. The transaction's thread.
 */
#include "auth/principal.h"

#include "auth/managed_policy.h"
#include "base/log.h"
#include "base/time.h"

#include <errno.h>

struct span principal_lname(struct arena *arena, struct span name)
{
    char *to = arena_alloc(arena, name.len);
    for (size_t i = 0; i < name.len; i++)
        to[i] = name.at[i] >= 'A' && name.at[i] <= 'Z' ? (char)(name.at[i] | 0x20) : name.at[i];
    return span_of(to, name.len);
}

struct span principal_holder(struct arena *arena, const char *kind, struct span lname)
{
    return arena_printf(arena, "%s/%.*s", kind, SPAN_ARG(lname));
}

struct span principal_arn(struct arena *arena, struct span account, const char *kind,
                          struct span path, struct span name)
{
    return arena_printf(arena, "arn:aws:iam::%.*s:%s%.*s%.*s", SPAN_ARG(account), kind,
                        SPAN_ARG(path), SPAN_ARG(name));
}

const struct managed_policy *managed_policy_of(struct span arn)
{
    for (size_t i = 0; i < managed_policy_count; i++)
        if (span_eq(managed_policy_table[i].arn, arn))
            return &managed_policy_table[i];
    return NULL;
}

/* arn:aws:iam::ACCOUNT:policy/path/NAME */
static bool policy_key(struct arena *arena, struct span arn, struct auth_policy *out)
{
    struct span rest = arn;
    for (int i = 0; i < 4; i++)
        span_cut(&rest, ':');
    out->account = span_cut(&rest, ':');
    if (!span_starts(rest, S("policy/")))
        return false;
    out->lname = principal_lname(arena, span_from(rest, span_find_last_byte(rest, '/') + 1));
    return out->account.len == 12;
}

int principal_policy_document(struct txn *txn, struct arena *arena, struct span arn,
                              struct span *ret_document)
{
    const struct managed_policy *managed = managed_policy_of(arn);
    if (managed) {
        *ret_document = managed->document;
        return 0;
    }
    struct auth_policy policy = {0};
    if (!policy_key(arena, arn, &policy))
        return -ENOENT;
    int error = auth_policy_get(txn, arena, &policy);
    if (error)
        return error;
    struct auth_policy_version version = {
        .account = policy.account, .policy = policy.lname, .number = policy.default_version};
    error = auth_policy_version_get(txn, arena, &version);
    *ret_document = version.document;
    return error;
}

/* Collects policies; the first error stays. */
struct collector {
    struct txn *txn;
    struct arena *arena;
    struct identity_policies *into;
    size_t cap;
    int error;
    const char *kind; /* of the holder, for names */
    struct span holder;
};

static void collect(struct collector *collector, struct span document, enum POLICY_KIND kind,
                    struct span name)
{
    struct span why;
    struct identity_policies *into = collector->into;
    const struct policy *policy = policy_parse(collector->arena, document, kind, &why);
    if (!policy) {
        log_debug("stored policy %.*s: %.*s", SPAN_ARG(name), SPAN_ARG(why));
        collector->error = -EBADMSG;
        return;
    }
    if (into->count == collector->cap) {
        size_t cap = collector->cap ? collector->cap * 2 : 8;
        const struct policy **at = ARENA_ARRAY(collector->arena, const struct policy *, cap);
        struct span *names = ARENA_ARRAY(collector->arena, struct span, cap);
        if (into->count) {
            memcpy(at, into->at, into->count * sizeof *at);
            memcpy(names, into->names, into->count * sizeof *names);
        }
        into->at = at;
        into->names = names;
        collector->cap = cap;
    }
    into->at[into->count] = policy;
    into->names[into->count++] = arena_copy(collector->arena, name);
}

static void collect_managed(struct collector *collector, struct span arn)
{
    struct span document;
    int error = principal_policy_document(collector->txn, collector->arena, arn, &document);
    if (error)
        collector->error = error == -ENOENT ? -EBADMSG : error;
    else
        collect(collector, document, POLICY_IDENTITY, arn);
}

static int collect_inline(void *user, struct auth_inline_policy *record)
{
    struct collector *collector = user;
    struct span name =
        arena_printf(collector->arena, "inline policy %.*s of %s %.*s", SPAN_ARG(record->name),
                     collector->kind, SPAN_ARG(collector->holder));
    collect(collector, record->document, POLICY_IDENTITY, name);
    return 0;
}

static void collect_holder(struct collector *collector, struct span account, const char *kind,
                           struct span lname, struct record_texts attached)
{
    collector->kind = kind;
    collector->holder = lname;
    struct auth_inline_policy from = {.account = account,
                                      .holder = principal_holder(collector->arena, kind, lname)};
    int error = auth_inline_policy_each(collector->txn, &from, 2, collector->arena, collect_inline,
                                        collector);
    if (error)
        collector->error = error;
    for (size_t i = 0; i < attached.count; i++)
        collect_managed(collector, attached.at[i]);
}

static void collect_group(struct collector *collector, struct span account, struct span lname)
{
    struct auth_group group = {.account = account, .lname = lname};
    int error = auth_group_get(collector->txn, collector->arena, &group);
    if (error)
        collector->error = error;
    else
        collect_holder(collector, account, "group", lname, group.policies);
}

static int collect_boundary(struct txn *txn, struct arena *arena, struct span arn,
                            struct identity *out)
{
    struct collector boundary = {.txn = txn, .arena = arena, .into = &out->boundary};
    if (arn.len)
        collect_managed(&boundary, arn);
    return boundary.error;
}

static void set_tags(struct arena *arena, struct auth_tag_list tags, struct identity *out)
{
    out->tags = ARENA_ARRAY(arena, struct identity_tag, tags.count);
    out->tag_count = tags.count;
    for (size_t i = 0; i < tags.count; i++)
        out->tags[i] = (struct identity_tag){.key = tags.at[i].key, .value = tags.at[i].value};
}

int principal_user(struct txn *txn, struct arena *arena, struct span account, struct span lname,
                   struct identity *out)
{
    struct auth_user user = {.account = account, .lname = lname};
    int error = auth_user_get(txn, arena, &user);
    if (error)
        return error;
    *out = (struct identity){
        .type = IDENTITY_USER,
        .account = arena_copy(arena, account),
        .arn = principal_arn(arena, account, "user", user.path, user.name),
        .user_id = user.id,
        .name = user.name,
        .expires_ms = TIME_NONE,
        .session_issued_ms = TIME_NONE,
    };
    set_tags(arena, user.tags, out);
    struct collector collector = {.txn = txn, .arena = arena, .into = &out->policies};
    collect_holder(&collector, account, "user", lname, user.policies);
    for (size_t i = 0; i < user.groups.count; i++)
        collect_group(&collector, account, user.groups.at[i]);
    return collector.error ? collector.error : collect_boundary(txn, arena, user.boundary, out);
}

int principal_role(struct txn *txn, struct arena *arena, struct span account, struct span lname,
                   struct identity *out)
{
    struct auth_role role = {.account = account, .lname = lname};
    int error = auth_role_get(txn, arena, &role);
    if (error)
        return error;
    struct span arn = principal_arn(arena, account, "role", role.path, role.name);
    *out = (struct identity){
        .type = IDENTITY_ROLE_SESSION,
        .account = arena_copy(arena, account),
        .arn = arn,
        .role_arn = arn,
        .user_id = role.id,
        .name = role.name,
        .expires_ms = TIME_NONE,
        .session_issued_ms = TIME_NONE,
    };
    set_tags(arena, role.tags, out);
    struct collector collector = {.txn = txn, .arena = arena, .into = &out->policies};
    collect_holder(&collector, account, "role", lname, role.policies);
    return collector.error ? collector.error : collect_boundary(txn, arena, role.boundary, out);
}

void principal_root(struct arena *arena, struct span account, struct identity *out)
{
    account = arena_copy(arena, account);
    *out = (struct identity){
        .type = IDENTITY_ROOT,
        .account = account,
        .arn = arena_printf(arena, "arn:aws:iam::%.*s:root", SPAN_ARG(account)),
        .user_id = account,
        .root_powers = true,
        .expires_ms = TIME_NONE,
        .session_issued_ms = TIME_NONE,
    };
}

int principal_id_of_arn(struct txn *txn, struct arena *arena, struct span arn, struct span *ret_id)
{
    struct span rest = arn;
    for (int i = 0; i < 4; i++)
        span_cut(&rest, ':');
    struct span account = span_cut(&rest, ':');
    struct span name = span_from(rest, span_find_last_byte(rest, '/') + 1);
    struct span lname = principal_lname(arena, name);
    bool is_user = span_starts(rest, S("user/"));
    struct auth_user user = {.account = account, .lname = lname};
    struct auth_role role = {.account = account, .lname = lname};
    int error = is_user ? auth_user_get(txn, arena, &user) : auth_role_get(txn, arena, &role);
    if (error)
        return error;
    struct span found = is_user ? principal_arn(arena, account, "user", user.path, user.name)
                                : principal_arn(arena, account, "role", role.path, role.name);
    *ret_id = is_user ? user.id : role.id;
    return span_eq(found, arn) ? 0 : -ENOENT;
}

bool principal_is_bindable(struct span type, struct span value)
{
    return span_eq(type, S("AWS")) && span_starts(value, S("arn:aws:iam::")) &&
           !span_ends(value, S(":root"));
}

/* ---- sessions ---- */

static bool is_transitive(const struct auth_session *session, struct span key)
{
    for (size_t i = 0; i < session->transitive.count; i++)
        if (span_eq_nocase(session->transitive.at[i], key))
            return true;
    return false;
}

/* Tags of the session stand before those of its holder with the same key. */
static void add_delivered(struct arena *arena, const struct auth_session *session,
                          struct identity *out)
{
    out->delivered = ARENA_ARRAY(arena, struct identity_tag, session->delivered.count);
    out->delivered_count = session->delivered.count;
    for (size_t i = 0; i < out->delivered_count; i++)
        out->delivered[i] = (struct identity_tag){.key = session->delivered.at[i].key,
                                                  .value = session->delivered.at[i].value};
}

static void add_session_tags(struct arena *arena, const struct auth_session *session,
                             struct identity *out)
{
    size_t count = 0;
    struct identity_tag *tags =
        ARENA_ARRAY(arena, struct identity_tag, session->tags.count + out->tag_count);
    for (size_t i = 0; i < session->tags.count; i++)
        tags[count++] = (struct identity_tag){
            .key = session->tags.at[i].key,
            .value = session->tags.at[i].value,
            .transitive = is_transitive(session, session->tags.at[i].key),
        };
    size_t own = count;
    for (size_t i = 0; i < out->tag_count; i++) {
        bool replaced = false;
        for (size_t j = 0; j < own; j++)
            replaced |= span_eq_nocase(tags[j].key, out->tags[i].key);
        if (!replaced)
            tags[count++] = out->tags[i];
    }
    out->tags = tags;
    out->tag_count = count;
}

static int session_holder(struct txn *txn, struct arena *arena, const struct auth_session *session,
                          struct identity *out)
{
    if (span_is_absent(session->holder)) {
        principal_root(arena, session->account, out);
        return 0;
    }
    int error = session->kind == SESSION_ROLE
                    ? principal_role(txn, arena, session->account, session->holder, out)
                    : principal_user(txn, arena, session->account, session->holder, out);
    if (error)
        return error;
    return span_eq(out->user_id, session->holder_id) ? 0 : -ENOENT;
}

static void name_session(struct arena *arena, const struct auth_session *session,
                         struct identity *out)
{
    struct span account = session->account, name = session->name;
    if (session->kind == SESSION_ROLE) {
        out->arn = arena_printf(arena, "arn:aws:sts::%.*s:assumed-role/%.*s/%.*s",
                                SPAN_ARG(account), SPAN_ARG(out->name), SPAN_ARG(name));
        out->user_id = arena_printf(arena, "%.*s:%.*s", SPAN_ARG(out->user_id), SPAN_ARG(name));
    } else if (session->kind == SESSION_FEDERATED) {
        out->type = IDENTITY_FEDERATED;
        out->arn = arena_printf(arena, "arn:aws:sts::%.*s:federated-user/%.*s", SPAN_ARG(account),
                                SPAN_ARG(name));
        out->user_id = arena_printf(arena, "%.*s:%.*s", SPAN_ARG(account), SPAN_ARG(name));
    }
}

static int session_identity(struct txn *txn, struct arena *arena,
                            const struct auth_session *session, struct identity *out)
{
    int error = session_holder(txn, arena, session, out);
    if (error)
        return error;
    name_session(arena, session, out);
    out->session = (enum SESSION_KIND)session->kind;
    out->secret = session->secret;
    out->session_name = session->name;
    out->session_token = session->token;
    out->source_identity = session->source_identity;
    out->session_issued_ms = session->issued;
    out->expires_ms = session->expires;
    out->mfa = session->mfa;
    out->session_limited = session->limited;
    add_session_tags(arena, session, out);
    add_delivered(arena, session, out);
    struct collector policies = {.txn = txn, .arena = arena, .into = &out->session_policies};
    for (size_t i = 0; i < session->policies.count; i++)
        collect(&policies, session->policies.at[i], POLICY_SESSION,
                arena_printf(arena, "session policy %zu", i + 1));
    return policies.error;
}

int principal_of_key(struct txn *txn, struct arena *arena, struct span access_key,
                     struct identity *out)
{
    if (span_starts(access_key, S("ASIA"))) {
        struct auth_session session = {.id = access_key};
        int error = auth_session_get(txn, arena, &session);
        if (!error)
            error = session_identity(txn, arena, &session, out);
        out->access_key = session.id;
        return error;
    }
    struct auth_access_key key = {.id = access_key};
    int error = auth_access_key_get(txn, arena, &key);
    if (error)
        return error;
    if (!key.active)
        return -ENOENT;
    error = principal_user(txn, arena, key.account, key.user, out);
    out->access_key = key.id;
    out->secret = key.secret;
    return error;
}
