// SPDX-License-Identifier: Apache-2.0
/*
 * ListObjects, ListObjectsV2, ListObjectVersions: one walk over the index for all three, which
 * costs what the page holds. A page goes on where the last one ended by the name of its last entry,
 * be it a key or a common prefix. Loop threads, without locks.
 */
#include "base/hash.h"
#include "base/text.h"
#include "services/s3/object.h"
#include "services/s3/s3.api.h"

#define PAGE_MAX 1000

enum ENCODING { ENCODING_NONE, ENCODING_URL };

struct listing {
    struct call *c;
    struct place place;
    struct s3_object *objects; /* room for the page */
    struct s3_common_prefix *prefixes;
    size_t object_count, prefix_count;
    struct s3_owner *owner; /* shown with every object, or NULL */
    enum ENCODING encoding;
    struct span last; /* newest name or prefix, as it is */
    bool more;
    const struct refusal *refusal;
};

/* What the three operations ask in common. */
struct listing_wish {
    struct place_name name;
    struct span prefix, delimiter, after, encoding_type;
    int32_t max_keys; /* negative: refused */
};

/* encoding-type=url: percent-encoded but for '/', as S3 writes it. */
static struct span shown(const struct listing *listing, struct span name)
{
    if (listing->encoding == ENCODING_NONE || span_is_absent(name))
        return name;
    return uri_encode(listing->c->arena, name, URI_SLASH_KEPT);
}

static void describe(struct listing *listing, struct span name, const struct object *object)
{
    struct s3_attributes attributes;
    struct call *c = listing->c;
    listing->refusal = attributes_decode(c, object->attributes, &attributes);
    if (listing->refusal)
        return;
    struct checksum checksum = attributes_checksum(&attributes);
    struct s3_object *entry = &listing->objects[listing->object_count++];
    *entry = (struct s3_object){
        .key = shown(listing, name),
        .etag = attributes_etag(c, attributes.etag, attributes.parts),
        .storage_class = attributes_storage_class(&attributes),
        .owner = listing->owner,
    };
    SET(entry, last_modified, object_shown_time(object->modified_ms));
    SET(entry, size, (int64_t)object->size);
    if (checksum.algorithm != CHECKSUM_NONE) {
        entry->checksum_algorithm.at = ARENA_NEW(c->arena, struct span);
        entry->checksum_algorithm.at[0] = checksum_name(checksum.algorithm);
        entry->checksum_algorithm.count = 1;
        entry->checksum_type = checksum_type_name(checksum.type);
    }
}

static void add(void *user, struct span name, const struct object *object)
{
    struct listing *listing = user;
    listing->last = name;
    if (listing->refusal)
        return;
    if (object)
        describe(listing, name, object);
    else
        listing->prefixes[listing->prefix_count++].prefix = shown(listing, name);
}

static RESULT refuse_argument(struct call *c, const char *name, struct span value,
                              const char *message)
{
    const struct refusal *refusal =
        refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentValue"), value, "%s", message);
    return refusal_add(c, refusal, S("ArgumentName"), span_of_cstr(name));
}

static RESULT read_encoding(struct call *c, struct span encoding_type, enum ENCODING *out)
{
    *out = span_is_absent(encoding_type) ? ENCODING_NONE : ENCODING_URL;
    if (span_is_absent(encoding_type) || span_eq(encoding_type, S("url")))
        return OK;
    return refuse_argument(c, "encoding-type", encoding_type,
                           "Invalid Encoding Method specified in Request");
}

static RESULT list(struct call *c, const struct listing_wish *wish, struct listing *listing)
{
    listing->c = c;
    TRY(read_encoding(c, wish->encoding_type, &listing->encoding));
    TRY(place_open(c, wish->name, &listing->place));
    if (wish->max_keys < 0)
        return refuse_argument(c, "maxKeys", arena_printf(c->arena, "%d", wish->max_keys),
                               "Argument maxKeys must be an integer between 0 and 2147483647");
    size_t limit = wish->max_keys < PAGE_MAX ? (size_t)wish->max_keys : PAGE_MAX;
    listing->objects = ARENA_ARRAY(c->arena, struct s3_object, limit);
    listing->prefixes = ARENA_ARRAY(c->arena, struct s3_common_prefix, limit);
    struct object_list page = {
        .prefix = wish->prefix,
        .delimiter = wish->delimiter,
        .after = wish->after,
        .limit = limit,
        .visit = add,
        .user = listing,
    };
    if (limit == 0 || wish->prefix.len > OBJECT_NAME_MAX || wish->after.len > 2 * OBJECT_NAME_MAX)
        return OK;
    int result = object_list(&listing->place.index, &page, &listing->more);
    return result < 0 ? refuse_errno(c, result, "listing bucket %.*s", SPAN_ARG(wish->name.bucket))
                      : listing->refusal;
}

static struct s3_owner *owner_of(struct call *c)
{
    struct s3_owner *owner = ARENA_NEW(c->arena, struct s3_owner);
    owner->id = place_owner_id(c, c->account);
    return owner;
}

static struct span or_empty(struct span s)
{
    return span_is_absent(s) ? S("") : s;
}

#define PAGE_SIZE_OF(in) ((in)->has.max_keys ? (in)->max_keys : PAGE_MAX)

/* What the three outputs share. */
#define DESCRIBE_PAGE(listing, in, out)                                                            \
    do {                                                                                           \
        SET(out, is_truncated, (listing)->more);                                                   \
        SET(out, max_keys, PAGE_SIZE_OF(in) < PAGE_MAX ? PAGE_SIZE_OF(in) : PAGE_MAX);             \
        (out)->name = (in)->bucket;                                                                \
        (out)->prefix = shown(listing, or_empty((in)->prefix));                                    \
        (out)->delimiter = (in)->delimiter.len ? shown(listing, (in)->delimiter) : SPAN_NONE;      \
        (out)->encoding_type = (in)->encoding_type;                                                \
        (out)->common_prefixes.at = (listing)->prefixes;                                           \
        (out)->common_prefixes.count = (listing)->prefix_count;                                    \
    } while (0)

#define LISTING_WISH_OF(in)                                                                        \
    .name = {(in)->bucket, (in)->expected_bucket_owner}, .prefix = (in)->prefix,                   \
    .delimiter = (in)->delimiter, .encoding_type = (in)->encoding_type,                            \
    .max_keys = PAGE_SIZE_OF(in)

RESULT s3_list_objects(struct call *c, const struct s3_list_objects_in *in,
                       struct s3_list_objects_out *out)
{
    struct listing listing = {.owner = owner_of(c)};
    struct listing_wish wish = {LISTING_WISH_OF(in), .after = in->marker};
    TRY(list(c, &wish, &listing));
    DESCRIBE_PAGE(&listing, in, out);
    out->contents.at = listing.objects;
    out->contents.count = listing.object_count;
    out->marker = shown(&listing, or_empty(in->marker));
    if (listing.more && in->delimiter.len) /* without one, the last key is the marker */
        out->next_marker = shown(&listing, listing.last);
    return OK;
}

/* A continuation token is the name to go on behind, with a checksum that binds it to the bucket. */
static uint32_t token_sum(struct span bucket, struct span name)
{
    return crc32c_feed(crc32c_feed(0, bucket), name);
}

static struct span token_of(struct call *c, struct span bucket, struct span name)
{
    uint32_t sum = token_sum(bucket, name);
    char *raw = arena_alloc(c->arena, sizeof sum + name.len);
    memcpy(raw, &sum, sizeof sum);
    memcpy(raw + sizeof sum, name.at, name.len);
    return base64_of(c->arena, span_of(raw, sizeof sum + name.len));
}

static RESULT read_token(struct call *c, struct span bucket, struct span token, struct span *name)
{
    struct span raw = base64_decode(c->arena, token);
    uint32_t sum = 0;
    if (raw.len > sizeof sum) {
        *name = span_from(raw, sizeof sum);
        memcpy(&sum, raw.at, sizeof sum);
        if (sum == token_sum(bucket, *name))
            return OK;
    }
    return refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentName"), S("continuation-token"),
                       "The continuation token provided is incorrect");
}

RESULT s3_list_objects_v2(struct call *c, const struct s3_list_objects_v2_in *in,
                          struct s3_list_objects_v2_out *out)
{
    bool fetch_owner = in->has.fetch_owner && in->fetch_owner;
    struct listing listing = {.owner = fetch_owner ? owner_of(c) : NULL};
    struct listing_wish wish = {LISTING_WISH_OF(in), .after = in->start_after};
    if (!span_is_absent(in->continuation_token))
        TRY(read_token(c, in->bucket, in->continuation_token, &wish.after));
    TRY(list(c, &wish, &listing));
    DESCRIBE_PAGE(&listing, in, out);
    out->contents.at = listing.objects;
    out->contents.count = listing.object_count;
    SET(out, key_count, (int32_t)(listing.object_count + listing.prefix_count));
    out->continuation_token = in->continuation_token;
    out->start_after = shown(&listing, in->start_after);
    if (listing.more)
        out->next_continuation_token = token_of(c, in->bucket, listing.last);
    return OK;
}

/* A bucket that never had versions lists every object as its null version. */
RESULT s3_list_object_versions(struct call *c, const struct s3_list_object_versions_in *in,
                               struct s3_list_object_versions_out *out)
{
    struct listing listing = {.owner = owner_of(c)};
    struct listing_wish wish = {LISTING_WISH_OF(in), .after = in->key_marker};
    if (in->version_id_marker.len && !in->key_marker.len)
        return refuse_argument(c, "version-id-marker", in->version_id_marker,
                               "A version-id marker cannot be specified without a key marker.");
    TRY(list(c, &wish, &listing));
    DESCRIBE_PAGE(&listing, in, out);
    out->versions.count = listing.object_count;
    out->versions.at = ARENA_ARRAY(c->arena, struct s3_object_version, listing.object_count);
    for (size_t i = 0; i < listing.object_count; i++) {
        const struct s3_object *object = &listing.objects[i];
        struct s3_object_version *version = &out->versions.at[i];
        *version = (struct s3_object_version){
            .key = object->key,
            .etag = object->etag,
            .checksum_algorithm = object->checksum_algorithm,
            .checksum_type = object->checksum_type,
            .storage_class = object->storage_class,
            .owner = object->owner,
            .version_id = S("null"),
        };
        SET(version, size, object->size);
        SET(version, last_modified, object->last_modified);
        SET(version, is_latest, true);
    }
    out->key_marker = shown(&listing, or_empty(in->key_marker));
    out->version_id_marker = or_empty(in->version_id_marker);
    if (listing.more) {
        bool prefix =
            listing.prefix_count && span_eq(shown(&listing, listing.last),
                                            listing.prefixes[listing.prefix_count - 1].prefix);
        out->next_key_marker = shown(&listing, listing.last);
        out->next_version_id_marker = prefix ? SPAN_NONE : S("null");
    }
    return OK;
}
