// SPDX-License-Identifier: Apache-2.0
/*
 * ListObjects, ListObjectsV2, ListObjectVersions: walks that cost what the page holds. A page goes
 * on where the last one ended by the name of its last entry, be it a key or a common prefix. Loop
 * threads, without locks.
 */
#include "base/hash.h"
#include "base/text.h"
#include "services/s3/object.h"
#include "services/s3/restore.h"
#include "services/s3/s3.api.h"

#include <errno.h>

#define PAGE_MAX 1000

enum ENCODING { ENCODING_NONE, ENCODING_URL };

struct listing {
    struct call *c;
    struct place place;
    struct s3_object *objects; /* room for the page */
    struct s3_common_prefix *prefixes;
    size_t limit, object_count, prefix_count;
    struct s3_owner *owner; /* shown with every object, or NULL */
    bool shows_restored;
    enum ENCODING encoding;
    struct span last; /* newest name or prefix, as it is */
    bool more;
    const struct refusal *refusal;
};

/* What the three operations ask in common. */
struct listing_wish {
    struct place_name name;
    struct span prefix, delimiter, after, encoding_type;
    int32_t max_keys;    /* negative: refused */
    bool shows_restored; /* OptionalObjectAttributes names its one value */
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
        .restore_status = listing->shows_restored ? restore_status(c, &attributes) : NULL,
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

/* Checks what is asked, opens the bucket and makes room for the page. */
static RESULT begin(struct call *c, const struct listing_wish *wish, struct listing *listing)
{
    listing->c = c;
    listing->shows_restored = wish->shows_restored;
    TRY(read_encoding(c, wish->encoding_type, &listing->encoding));
    TRY(place_open(c, wish->name, &listing->place));
    if (listing->owner)
        listing->owner->id = place_owner_id(c, listing->place.bucket.account);
    if (wish->max_keys < 0)
        return refuse_argument(c, "maxKeys", arena_printf(c->arena, "%d", wish->max_keys),
                               "Argument maxKeys must be an integer between 0 and 2147483647");
    listing->limit = wish->max_keys < PAGE_MAX ? (size_t)wish->max_keys : PAGE_MAX;
    listing->prefixes = ARENA_ARRAY(c->arena, struct s3_common_prefix, listing->limit);
    return OK;
}

static RESULT list(struct call *c, const struct listing_wish *wish, struct listing *listing)
{
    TRY(begin(c, wish, listing));
    listing->objects = ARENA_ARRAY(c->arena, struct s3_object, listing->limit);
    struct object_list page = {
        .prefix = wish->prefix,
        .delimiter = wish->delimiter,
        .after = wish->after,
        .limit = listing->limit,
        .visit = add,
        .user = listing,
    };
    if (listing->limit == 0 || wish->prefix.len > OBJECT_NAME_MAX ||
        wish->after.len > 2 * OBJECT_NAME_MAX)
        return OK;
    int result = object_list(&listing->place.index, &page, &listing->more);
    return result < 0 ? refuse_errno(c, result, "listing bucket %.*s", SPAN_ARG(wish->name.bucket))
                      : listing->refusal;
}

/* To be filled in once the bucket is known. */
static struct s3_owner *owner_of(struct call *c)
{
    return ARENA_NEW(c->arena, struct s3_owner);
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
    .max_keys = PAGE_SIZE_OF(in), .shows_restored = (in)->optional_object_attributes.count > 0

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

/* ---- versions ------------------------------------------------------------------------------- */

static void describe_version(struct listing *listing, const struct object_listed *listed,
                             struct s3_object_version *version)
{
    struct s3_attributes attributes;
    struct call *c = listing->c;
    listing->refusal = attributes_decode(c, listed->object->attributes, &attributes);
    if (listing->refusal)
        return;
    struct checksum checksum = attributes_checksum(&attributes);
    *version = (struct s3_object_version){
        .key = shown(listing, listed->name),
        .version_id = version_id(c, listed->object),
        .etag = attributes_etag(c, attributes.etag, attributes.parts),
        .storage_class = attributes_storage_class(&attributes),
        .owner = listing->owner,
        .restore_status = listing->shows_restored ? restore_status(c, &attributes) : NULL,
    };
    SET(version, is_latest, listed->newest);
    SET(version, last_modified, object_shown_time(listed->object->modified_ms));
    SET(version, size, (int64_t)listed->object->size);
    if (checksum.algorithm != CHECKSUM_NONE) {
        version->checksum_algorithm.at = ARENA_NEW(c->arena, struct span);
        version->checksum_algorithm.at[0] = checksum_name(checksum.algorithm);
        version->checksum_algorithm.count = 1;
        version->checksum_type = checksum_type_name(checksum.type);
    }
}

static void describe_marker(struct listing *listing, const struct object_listed *listed,
                            struct s3_delete_marker_entry *marker)
{
    *marker = (struct s3_delete_marker_entry){
        .key = shown(listing, listed->name),
        .version_id = version_id(listing->c, listed->object),
        .owner = listing->owner,
    };
    SET(marker, is_latest, listed->newest);
    SET(marker, last_modified, object_shown_time(listed->object->modified_ms));
}

/* A page of versions on its way into the output. */
struct version_page {
    struct listing listing;
    struct s3_list_object_versions_out *out;
    struct span last_version; /* id of the newest entry, absent for a group */
};

static void add_version(void *user, const struct object_listed *listed)
{
    struct version_page *page = user;
    struct listing *listing = &page->listing;
    struct s3_list_object_versions_out *out = page->out;
    listing->last = listed->name;
    page->last_version = SPAN_NONE;
    if (listing->refusal)
        return;
    if (!listed->object) {
        listing->prefixes[listing->prefix_count++].prefix = shown(listing, listed->name);
        return;
    }
    page->last_version = version_id(listing->c, listed->object);
    if (listed->object->mark)
        describe_marker(listing, listed, &out->delete_markers.at[out->delete_markers.count++]);
    else
        describe_version(listing, listed, &out->versions.at[out->versions.count++]);
}

/* The stamp to go on behind. The null version has it only as long as it is there; a bucket where it
 * has gone meanwhile goes on behind the key. */
static RESULT read_version_marker(struct call *c, const struct s3_list_object_versions_in *in,
                                  const struct place *place, const uint64_t **ret_stamp)
{
    struct object_version version;
    struct object object;
    *ret_stamp = NULL;
    if (!in->version_id_marker.len)
        return OK;
    if (!in->key_marker.len)
        return refuse_argument(c, "version-id-marker", in->version_id_marker,
                               "A version-id marker cannot be specified without a key marker.");
    if (!version_id_read(in->version_id_marker, &version))
        return refuse_argument(c, "version-id-marker", in->version_id_marker,
                               "Invalid version id specified");
    uint64_t *stamp = ARENA_NEW(c->arena, uint64_t);
    *stamp = version.stamp;
    if (version.kind == OBJECT_PLAIN) {
        int result = object_get_version(&place->index, in->key_marker, &version, &object);
        if (result < 0)
            return result == -ENOENT ? OK : refuse_errno(c, result, "reading a version");
        *stamp = object.stamp;
    }
    *ret_stamp = stamp;
    return OK;
}

static RESULT list_versions(struct call *c, const struct s3_list_object_versions_in *in,
                            struct version_page *page)
{
    struct listing *listing = &page->listing;
    struct object_version_list list = {
        .prefix = in->prefix,
        .delimiter = in->delimiter,
        .after_name = in->key_marker,
        .limit = listing->limit,
        .visit = add_version,
        .user = page,
    };
    TRY(read_version_marker(c, in, &listing->place, &list.after_stamp));
    if (listing->limit == 0 || in->prefix.len > OBJECT_NAME_MAX ||
        in->key_marker.len > OBJECT_NAME_MAX)
        return OK;
    int result = object_list_versions(&listing->place.index, &list, &listing->more);
    return result < 0 ? refuse_errno(c, result, "listing bucket %.*s", SPAN_ARG(in->bucket))
                      : listing->refusal;
}

RESULT s3_list_object_versions(struct call *c, const struct s3_list_object_versions_in *in,
                               struct s3_list_object_versions_out *out)
{
    struct version_page page = {.listing = {.c = c, .owner = owner_of(c)}, .out = out};
    struct listing *listing = &page.listing;
    TRY(begin(c, &(struct listing_wish){LISTING_WISH_OF(in)}, listing));
    out->versions.at = ARENA_ARRAY(c->arena, struct s3_object_version, listing->limit);
    out->delete_markers.at = ARENA_ARRAY(c->arena, struct s3_delete_marker_entry, listing->limit);
    TRY(list_versions(c, in, &page));
    DESCRIBE_PAGE(listing, in, out);
    out->key_marker = shown(listing, or_empty(in->key_marker));
    out->version_id_marker = or_empty(in->version_id_marker);
    if (listing->more) {
        out->next_key_marker = shown(listing, listing->last);
        out->next_version_id_marker = page.last_version;
    }
    return OK;
}
