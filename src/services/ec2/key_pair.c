// SPDX-License-Identifier: Apache-2.0
/*
 * CreateKeyPair, ImportKeyPair, DescribeKeyPairs, DeleteKeyPair. The private half is told once and
 * not kept. Fingerprints are those of "Verify the fingerprint of your key pair": of RSA keys SHA-1
 * over the private key (PKCS #8) when it was made here, MD5 over the public one when it was
 * brought; of Ed25519 keys SHA-256. Making an RSA key takes a while, so that runs on a worker; what
 * it does to records is its own name only, which it locks. Else control thread.
 */
#include "services/ec2/key_pair.h"

#include "base/hash.h"
#include "base/ssh_key.h"
#include "base/text.h"
#include "services/ec2/describe.h"
#include "services/ec2/tag.h"
#include "store/key.h"

#include <errno.h>

#define NAME_LETTERS 255

/* ---- the kind ----------------------------------------------------------------------------------
 */

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_key_pair *pair = record;
    struct ec2_key_pair_info *to = shown;
    to->key_pair_id = pair->id;
    to->key_name = pair->name;
    to->key_type = pair->type;
    to->key_fingerprint = pair->fingerprint;
    to->public_key = pair->public_line;
    SET(to, create_time, pair->created);
    return tag_list(c, pair->id, &to->tags);
}

static const struct filter_name filters[] = {
    {"fingerprint", "KeyFingerprint"},
    {"key-name", "KeyName"},
    {"key-pair-id", "KeyPairId"},
};

const struct resource_kind key_pair_kind = {
    .prefix = S_INIT("key-"),
    .type = "key-pair",
    .record = &stored_key_pair_table,
    .vpc = RESOURCE_NO_VPC,
    .malformed = &EC2_INVALID_KEY_PAIR_NOT_FOUND,
    .missing = &EC2_INVALID_KEY_PAIR_NOT_FOUND,
    .missing_before = "The key pair ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_key_pair_info),
    .show = show,
    .filters = {EC2_SHAPE_KEY_PAIR_INFO, filters, ARRAY_LEN(filters)},
};

static int find_name(struct call *c, struct span name, struct stored_key_name *ret)
{
    *ret = (struct stored_key_name){.account = c->account, .region = c->region, .name = name};
    return stored_key_name_get(c->txn, c->arena, ret);
}

RESULT key_pair_named(struct call *c, struct span name, struct stored_key_pair *ret)
{
    struct stored_key_name place;
    int error = find_name(c, name, &place);
    if (!error)
        error = resource_find(c, &key_pair_kind, place.id, ret);
    if (error == -ENOENT)
        return refuse(c, &EC2_INVALID_KEY_PAIR_NOT_FOUND, "The key pair '%.*s' does not exist",
                      SPAN_ARG(name));
    return error < 0 ? refuse_errno(c, error, "reading a key pair") : OK;
}

/* ---- making ------------------------------------------------------------------------------------
 */

static struct span with_colons(struct call *c, const unsigned char *digest, size_t len)
{
    struct buf *text = arena_buf(c->arena, 3 * len);
    for (size_t i = 0; i < len; i++)
        buf_printf(text, "%s%02x", i ? ":" : "", digest[i]);
    return buf_span(text);
}

static struct span fingerprint(struct call *c, const struct ssh_key *key)
{
    unsigned char digest[SHA256_SIZE];
    if (key->kind == SSH_KEY_ED25519) {
        sha256_of(key->public_blob, digest);
        return base64_of(c->arena, span_of(digest, SHA256_SIZE));
    }
    if (!key->private_key.at) {
        md5_of(key->public_der, digest);
        return with_colons(c, digest, MD5_SIZE);
    }
    sha1_of(key->private_der, digest);
    return with_colons(c, digest, SHA1_SIZE);
}

static void lock_name(struct call *c, struct span name)
{
    struct key key;
    key_begin(&key, stored_key_name_table.keyspace);
    key_text(&key, c->account);
    key_text(&key, c->region);
    key_text(&key, name);
    struct span span = key_span(&key);
    txn_lock(c->txn, &span, 1);
}

static RESULT check_name(struct call *c, struct span name)
{
    struct stored_key_name place;
    if (!name.len || name.len > NAME_LETTERS)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%.*s) for parameter KeyName is invalid. Key names can be up to %d "
                      "characters long.",
                      SPAN_ARG(name), NAME_LETTERS);
    lock_name(c, name);
    int error = find_name(c, name, &place);
    if (!error)
        return refuse(c, &EC2_INVALID_KEY_PAIR_DUPLICATE, "The keypair already exists");
    return error == -ENOENT ? OK : refuse_errno(c, error, "reading a key pair");
}

static RESULT keep(struct call *c, struct span name, const struct ssh_key *key,
                   struct stored_key_pair *ret)
{
    *ret = (struct stored_key_pair){
        .name = name,
        .type = key->kind == SSH_KEY_RSA ? S("rsa") : S("ed25519"),
        .fingerprint = fingerprint(c, key),
        .public_line =
            arena_printf(c->arena, "%.*s %.*s", SPAN_ARG(key->public_line), SPAN_ARG(name)),
        .created = c->now_ms,
    };
    resource_name(c, &key_pair_kind, ret);
    resource_put(c, &key_pair_kind, ret);
    stored_key_name_put(
        c->txn, &(struct stored_key_name){
                    .account = ret->account, .region = ret->region, .name = name, .id = ret->id});
    return OK;
}

RESULT ec2_create_key_pair(struct call *c, const struct ec2_create_key_pair_in *in,
                           struct ec2_create_key_pair_out *out)
{
    struct ssh_key key;
    struct stored_key_pair pair;
    bool ed25519 = span_eq(in->key_type, S("ed25519"));
    TRY(check_name(c, in->key_name));
    int error = ssh_key_make(c->arena, ed25519 ? SSH_KEY_ED25519 : SSH_KEY_RSA, &key);
    if (error < 0)
        return refuse_errno(c, error, "making a key");
    TRY(keep(c, in->key_name, &key, &pair));
    TRY(tag_new(c, &key_pair_kind, pair.id, &in->tag_specifications));
    out->key_pair_id = pair.id;
    out->key_name = pair.name;
    out->key_fingerprint = pair.fingerprint;
    out->key_material = span_eq(in->key_format, S("ppk")) ? ssh_key_ppk(c->arena, &key, pair.name)
                                                          : key.private_key;
    return tag_list_if_any(c, pair.id, &out->tags);
}

static RESULT check_key(struct call *c, struct span material, struct ssh_key *ret)
{
    if (!ssh_key_read(c->arena, material, ret))
        return refuse(c, &EC2_INVALID_KEY_FORMAT, "Key is not in valid OpenSSH public key format");
    if (ret->kind == SSH_KEY_RSA && ret->bits != 1024 && ret->bits != 2048 && ret->bits != 4096)
        return refuse(c, &EC2_INVALID_KEY_FORMAT,
                      "Invalid DER encoded key material"); /* lengths: ImportKeyPair */
    return OK;
}

RESULT ec2_import_key_pair(struct call *c, const struct ec2_import_key_pair_in *in,
                           struct ec2_import_key_pair_out *out)
{
    struct ssh_key key;
    struct stored_key_pair pair;
    TRY(check_name(c, in->key_name));
    TRY(check_key(c, in->public_key_material, &key));
    TRY(keep(c, in->key_name, &key, &pair));
    TRY(tag_new(c, &key_pair_kind, pair.id, &in->tag_specifications));
    out->key_pair_id = pair.id;
    out->key_name = pair.name;
    out->key_fingerprint = pair.fingerprint;
    return tag_list_if_any(c, pair.id, &out->tags);
}

/* ---- the rest ----------------------------------------------------------------------------------
 */

RESULT ec2_describe_key_pairs(struct call *c, const struct ec2_describe_key_pairs_in *in,
                              struct ec2_describe_key_pairs_out *out)
{
    struct describe_found found;
    size_t count = in->key_names.count + in->key_pair_ids.count;
    struct span *ids = ARENA_ARRAY(c->arena, struct span, count + 1);
    struct describe_asked asked = {.ids = ids, .id_count = count, .filters = in->filters};
    for (size_t i = 0; i < in->key_names.count; i++) {
        struct stored_key_pair pair;
        TRY(key_pair_named(c, in->key_names.at[i], &pair));
        ids[i] = pair.id;
    }
    for (size_t i = 0; i < in->key_pair_ids.count; i++)
        ids[in->key_names.count + i] = in->key_pair_ids.at[i];
    TRY(describe(c, &key_pair_kind, &asked, &found));
    out->key_pairs.at = found.at;
    out->key_pairs.count = found.count;
    for (size_t i = 0; i < found.count && !in->include_public_key; i++)
        out->key_pairs.at[i].public_key = SPAN_NONE;
    return OK;
}

/* One that is not there is as good as deleted. */
RESULT ec2_delete_key_pair(struct call *c, const struct ec2_delete_key_pair_in *in,
                           struct ec2_delete_key_pair_out *out)
{
    struct stored_key_name place = {.id = in->key_pair_id};
    struct stored_key_pair pair;
    if (!in->key_name.at && !in->key_pair_id.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter KeyName or KeyPairId");
    SET(out, return_, true);
    int error = in->key_name.at ? find_name(c, in->key_name, &place) : 0;
    if (!error)
        error = resource_find(c, &key_pair_kind, place.id, &pair);
    if (error)
        return error == -ENOENT ? OK : refuse_errno(c, error, "reading a key pair");
    out->key_pair_id = pair.id;
    resource_drop(c, &key_pair_kind, &pair);
    stored_key_name_delete(c->txn, &(struct stored_key_name){.account = pair.account,
                                                             .region = pair.region,
                                                             .name = pair.name});
    return OK;
}
