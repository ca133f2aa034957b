// SPDX-License-Identifier: Apache-2.0
/* Cases for auth/identity and auth/principal: look-up of keys, sessions, and what a cache keeps. */
#include "store_helper.h"

#include "auth/principal.h"

#include "base/time.h"

#include <errno.h>

static struct store *store;
static struct auth *auth;
static struct auth_cache *cache;
static struct arena arena;

#define ACCOUNT S("111122223333")

static void begin(enum AUTH_MODE mode)
{
    if (!store) {
        store = test_store_new();
        arena_init(&arena, 4096, 64 << 20);
    }
    auth_cache_free(cache);
    auth_free(auth);
    arena_reset(&arena);
    struct auth_options options = {
        .root_access_key = S("rootkey"),
        .root_secret = S("rootsecret"),
        .default_account = S("000000000000"),
        .mode = mode,
    };
    auth = auth_new(store, &options);
    cache = auth_cache_new(auth);
}

static void commit(struct txn *txn)
{
    uint64_t ticket;
    CHECK_INT(txn_commit(txn, &ticket), 0);
}

static const struct identity *look_up(struct span key, struct span token)
{
    const struct identity *identity;
    bool bad_token;
    CHECK_INT(auth_lookup(cache, key, token, &identity, &bad_token), 0);
    CHECK(!bad_token);
    return identity;
}

static bool has_bad_token(struct span key, struct span token)
{
    const struct identity *identity;
    bool bad_token;
    CHECK_INT(auth_lookup(cache, key, token, &identity, &bad_token), 0);
    CHECK(!bad_token || !identity);
    return bad_token;
}

#define ALLOW_ALL                                                                                  \
    S("{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\","          \
      "\"Resource\":\"*\"}}")

static void put_user(struct txn *txn, struct span id)
{
    struct span groups[] = {S("devs")},
                managed[] = {S("arn:aws:iam::aws:policy/AmazonS3FullAccess")};
    struct auth_tag tags[] = {{.key = S("team"), .value = S("red")}};
    struct auth_user user = {
        .account = ACCOUNT,
        .lname = S("ann"),
        .name = S("Ann"),
        .id = id,
        .path = S("/staff/"),
        .boundary = S("arn:aws:iam::111122223333:policy/Limit"),
        .tags = {.at = tags, .count = 1},
        .policies = {.at = managed, .count = 1},
        .groups = {.at = groups, .count = 1},
    };
    auth_user_put(txn, &user);
    auth_group_put(txn, &(struct auth_group){.account = ACCOUNT, .lname = S("devs")});
    auth_inline_policy_put(txn, &(struct auth_inline_policy){.account = ACCOUNT,
                                                             .holder = S("group/devs"),
                                                             .name = S("g"),
                                                             .document = ALLOW_ALL});
    auth_inline_policy_put(txn, &(struct auth_inline_policy){.account = ACCOUNT,
                                                             .holder = S("user/ann"),
                                                             .name = S("own"),
                                                             .document = ALLOW_ALL});
    auth_policy_put(
        txn, &(struct auth_policy){.account = ACCOUNT, .lname = S("limit"), .default_version = 2});
    auth_policy_version_put(
        txn, &(struct auth_policy_version){
                 .account = ACCOUNT, .policy = S("limit"), .number = 2, .document = ALLOW_ALL});
}

static void put_key(struct txn *txn, bool active)
{
    auth_access_key_put(txn, &(struct auth_access_key){.id = S("AKIAANN"),
                                                       .account = ACCOUNT,
                                                       .user = S("ann"),
                                                       .secret = S("annsecret"),
                                                       .active = active});
}

static void put_ann(void)
{
    struct txn *txn = txn_begin(store);
    put_user(txn, S("AIDAANN"));
    put_key(txn, true);
    commit(txn);
    auth_changed(auth);
}

TEST(the_root_key_is_of_the_default_account)
{
    begin(AUTH_VERIFY);
    const struct identity *root = look_up(S("rootkey"), SPAN_NONE);
    CHECK(root->type == IDENTITY_ROOT && root->root_powers && !root->unrestricted);
    CHECK_SPAN(root->account, S("000000000000"));
    CHECK_SPAN(root->arn, S("arn:aws:iam::000000000000:root"));
    CHECK_SPAN(root->secret, S("rootsecret"));
    CHECK_SPAN(root->user_id, S("000000000000"));
}

TEST(a_key_of_12_digits_is_the_root_of_that_account)
{
    begin(AUTH_VERIFY);
    const struct identity *root = look_up(S("444455556666"), SPAN_NONE);
    CHECK_SPAN(root->arn, S("arn:aws:iam::444455556666:root"));
    CHECK_SPAN(root->secret, S("rootsecret"));
    CHECK(!look_up(S("44445555666"), SPAN_NONE));
    CHECK(!look_up(S("44445555666x"), SPAN_NONE));
}

TEST(unknown_keys_have_no_identity)
{
    begin(AUTH_VERIFY);
    CHECK(!look_up(S("AKIANOBODY"), SPAN_NONE));
    CHECK(!look_up(S("ASIANOBODY"), SPAN_NONE));
    CHECK(!look_up(S(""), SPAN_NONE));
    char huge[4096];
    memset(huge, 'A', sizeof huge);
    CHECK(!look_up(span_of(huge, sizeof huge), SPAN_NONE));
}

TEST(open_mode_takes_any_key_as_root)
{
    begin(AUTH_OPEN);
    put_ann();
    const struct identity *any = look_up(S("whatever"), S("token"));
    CHECK(any->type == IDENTITY_ROOT && any->unrestricted);
    CHECK_SPAN(any->account, S("000000000000"));
    CHECK_SPAN(look_up(S("777788889999"), SPAN_NONE)->account, S("777788889999"));
    CHECK_SPAN(look_up(S("AKIAANN"), SPAN_NONE)->account, ACCOUNT);
}

TEST(a_user_has_the_policies_of_itself_and_its_groups)
{
    begin(AUTH_VERIFY);
    put_ann();
    const struct identity *ann = look_up(S("AKIAANN"), SPAN_NONE);
    CHECK(ann && ann->type == IDENTITY_USER && ann->session == SESSION_NONE);
    CHECK_SPAN(ann->arn, S("arn:aws:iam::111122223333:user/staff/Ann"));
    CHECK_SPAN(ann->secret, S("annsecret"));
    CHECK_SPAN(ann->user_id, S("AIDAANN"));
    CHECK_INT(ann->policies.count, 3);
    CHECK_SPAN(ann->policies.names[0], S("inline policy own of user ann"));
    CHECK_SPAN(ann->policies.names[1], S("arn:aws:iam::aws:policy/AmazonS3FullAccess"));
    CHECK_SPAN(ann->policies.names[2], S("inline policy g of group devs"));
    CHECK_INT(ann->boundary.count, 1);
    CHECK_SPAN(ann->boundary.names[0], S("arn:aws:iam::111122223333:policy/Limit"));
    CHECK_INT(ann->tag_count, 1);
    CHECK_INT(ann->expires_ms, TIME_NONE);
    CHECK(has_bad_token(S("AKIAANN"), S("some token")));
}

TEST(inactive_keys_and_keys_of_deleted_users_are_unknown)
{
    begin(AUTH_VERIFY);
    put_ann();
    struct txn *txn = txn_begin(store);
    put_key(txn, false);
    commit(txn);
    auth_changed(auth);
    CHECK(!look_up(S("AKIAANN"), SPAN_NONE));
    put_ann();
    CHECK(look_up(S("AKIAANN"), SPAN_NONE));
    txn = txn_begin(store);
    auth_user_delete(txn, &(struct auth_user){.account = ACCOUNT, .lname = S("ann")});
    commit(txn);
    auth_changed(auth);
    CHECK(!look_up(S("AKIAANN"), SPAN_NONE));
}

TEST(a_cache_keeps_what_it_read_until_the_generation_moves)
{
    begin(AUTH_VERIFY);
    put_ann();
    const struct identity *first = look_up(S("AKIAANN"), SPAN_NONE);
    CHECK(look_up(S("AKIAANN"), SPAN_NONE) == first);
    struct txn *txn = txn_begin(store);
    put_key(txn, false);
    commit(txn);
    CHECK(look_up(S("AKIAANN"), SPAN_NONE) == first);
    auth_changed(auth);
    CHECK(!look_up(S("AKIAANN"), SPAN_NONE));
}

TEST(while_a_change_is_under_way_nothing_is_kept)
{
    begin(AUTH_VERIFY);
    put_ann();
    CHECK(look_up(S("AKIAANN"), SPAN_NONE));
    struct arena call;
    arena_init(&call, 1024, 1 << 20);
    auth_change_within(auth, &call);
    CHECK(look_up(S("AKIAANN"), SPAN_NONE));
    struct txn *txn = txn_begin(store);
    put_key(txn, false);
    commit(txn);
    CHECK(!look_up(S("AKIAANN"), SPAN_NONE));
    arena_reset(&call);
    txn = txn_begin(store);
    put_key(txn, true);
    commit(txn);
    CHECK(look_up(S("AKIAANN"), SPAN_NONE)); /* a miss was not kept either */
    arena_done(&call);
}

TEST(a_policy_that_cannot_be_read_fails_the_identity)
{
    begin(AUTH_VERIFY);
    put_ann();
    struct txn *txn = txn_begin(store);
    auth_inline_policy_put(txn, &(struct auth_inline_policy){.account = ACCOUNT,
                                                             .holder = S("user/ann"),
                                                             .name = S("own"),
                                                             .document = S("{}")});
    commit(txn);
    auth_changed(auth);
    const struct identity *identity;
    bool bad_token;
    CHECK_INT(auth_lookup(cache, S("AKIAANN"), SPAN_NONE, &identity, &bad_token), -EBADMSG);
    CHECK(!identity);
}

/* ---- sessions ---- */

static void put_role(struct txn *txn, struct span id)
{
    struct auth_tag tags[] = {{.key = S("Team"), .value = S("red")},
                              {.key = S("cost"), .value = S("1")}};
    auth_role_put(txn, &(struct auth_role){
                           .account = ACCOUNT,
                           .lname = S("deploy"),
                           .name = S("Deploy"),
                           .id = id,
                           .path = S("/ci/"),
                           .tags = {.at = tags, .count = 2},
                       });
}

static void put_session(struct txn *txn, enum SESSION_KIND kind, struct span holder,
                        struct span holder_id)
{
    struct auth_tag tags[] = {{.key = S("team"), .value = S("blue")}};
    struct span transitive[] = {S("TEAM")}, policies[] = {ALLOW_ALL};
    auth_session_put(txn, &(struct auth_session){
                              .id = S("ASIASESSION"),
                              .secret = S("sessionsecret"),
                              .token = S("token"),
                              .account = ACCOUNT,
                              .kind = kind,
                              .holder = holder,
                              .holder_id = holder_id,
                              .name = S("build-7"),
                              .issued = clock_now_ms(),
                              .expires = clock_now_ms() + 900 * 1000,
                              .mfa = true,
                              .policies = {.at = policies, .count = 1},
                              .tags = {.at = tags, .count = 1},
                              .transitive = {.at = transitive, .count = 1},
                          });
}

TEST(a_role_session_has_the_role_and_its_own_tags)
{
    begin(AUTH_VERIFY);
    struct txn *txn = txn_begin(store);
    put_role(txn, S("AROADEPLOY"));
    put_session(txn, SESSION_ROLE, S("deploy"), S("AROADEPLOY"));
    commit(txn);
    const struct identity *session = look_up(S("ASIASESSION"), S("token"));
    CHECK(session && session->type == IDENTITY_ROLE_SESSION);
    CHECK_SPAN(session->arn, S("arn:aws:sts::111122223333:assumed-role/Deploy/build-7"));
    CHECK_SPAN(session->role_arn, S("arn:aws:iam::111122223333:role/ci/Deploy"));
    CHECK_SPAN(session->user_id, S("AROADEPLOY:build-7"));
    CHECK_SPAN(session->secret, S("sessionsecret"));
    CHECK(session->mfa);
    CHECK_INT(session->session_policies.count, 1);
    CHECK_INT(session->tag_count, 2);
    CHECK_SPAN(session->tags[0].value, S("blue"));
    CHECK(session->tags[0].transitive && !session->tags[1].transitive);
    CHECK_SPAN(session->tags[1].key, S("cost"));
    CHECK(has_bad_token(S("ASIASESSION"), S("token2")));
    CHECK(has_bad_token(S("ASIASESSION"), S("tokem")));
    CHECK(has_bad_token(S("ASIASESSION"), SPAN_NONE));
}

TEST(a_session_ends_with_its_time_and_with_its_role)
{
    begin(AUTH_VERIFY);
    struct txn *txn = txn_begin(store);
    put_role(txn, S("AROADEPLOY"));
    put_session(txn, SESSION_ROLE, S("deploy"), S("AROADEPLOY"));
    commit(txn);
    CHECK(look_up(S("ASIASESSION"), S("token"))->expires_ms > clock_now_ms());
    clock_advance(901 * 1000);
    CHECK(look_up(S("ASIASESSION"), S("token"))->expires_ms < clock_now_ms());
    txn = txn_begin(store);
    put_role(txn, S("AROAANOTHER")); /* deleted and made again under its name */
    commit(txn);
    auth_changed(auth);
    CHECK(!look_up(S("ASIASESSION"), S("token")));
}

TEST(sessions_of_users_root_and_federated_users)
{
    begin(AUTH_VERIFY);
    put_ann();
    struct txn *txn = txn_begin(store);
    put_session(txn, SESSION_USER, S("ann"), S("AIDAANN"));
    commit(txn);
    auth_changed(auth);
    const struct identity *session = look_up(S("ASIASESSION"), S("token"));
    CHECK(session->type == IDENTITY_USER && session->session == SESSION_USER);
    CHECK_SPAN(session->arn, S("arn:aws:iam::111122223333:user/staff/Ann"));
    txn = txn_begin(store);
    put_session(txn, SESSION_FEDERATED, S("ann"), S("AIDAANN"));
    commit(txn);
    auth_changed(auth);
    session = look_up(S("ASIASESSION"), S("token"));
    CHECK(session->type == IDENTITY_FEDERATED && !session->root_powers);
    CHECK_SPAN(session->arn, S("arn:aws:sts::111122223333:federated-user/build-7"));
    CHECK_SPAN(session->user_id, S("111122223333:build-7"));
    txn = txn_begin(store);
    put_session(txn, SESSION_USER, SPAN_NONE, SPAN_NONE);
    commit(txn);
    auth_changed(auth);
    session = look_up(S("ASIASESSION"), S("token"));
    CHECK(session->type == IDENTITY_ROOT && session->root_powers);
    CHECK(has_bad_token(S("ASIASESSION"), S("x")));
}

TEST(signing_keys_are_those_of_the_secret_and_scope)
{
    begin(AUTH_VERIFY);
    put_ann();
    const struct identity *ann = look_up(S("AKIAANN"), SPAN_NONE);
    struct hmac_key want;
    sigv4_key(S("annsecret"), S("20260101"), S("us-east-1"), S("s3"), &want);
    for (int i = 0; i < 2; i++) {
        const struct hmac_key *have =
            auth_signing_key(cache, ann, S("20260101"), S("us-east-1"), S("s3"));
        CHECK(memcmp(have->inner.h, want.inner.h, sizeof want.inner.h) == 0);
        CHECK(memcmp(have->outer.h, want.outer.h, sizeof want.outer.h) == 0);
    }
    /* parts that run into each other are not the same scope */
    const struct hmac_key *other =
        auth_signing_key(cache, ann, S("20260101"), S("us-east-"), S("1s3"));
    CHECK(memcmp(other->inner.h, want.inner.h, sizeof want.inner.h) != 0);
    char region[300];
    memset(region, 'r', sizeof region);
    struct span long_region = span_of(region, sizeof region);
    sigv4_key(S("annsecret"), S("20260101"), long_region, S("s3"), &want);
    other = auth_signing_key(cache, ann, S("20260101"), long_region, S("s3"));
    CHECK(memcmp(other->inner.h, want.inner.h, sizeof want.inner.h) == 0);
}
