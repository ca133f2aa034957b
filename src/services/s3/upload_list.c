// SPDX-License-Identifier: Apache-2.0
/* ListParts and ListMultipartUploads. Loop threads, without locks. */
#include "base/text.h"
#include "services/s3/part_page.h"
#include "services/s3/s3.api.h"
#include "services/s3/upload.h"

static RESULT refuse_argument(struct call *c, const char *name, struct span value,
                              const char *message)
{
    const struct refusal *refusal =
        refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentValue"), value, "%s", message);
    return refusal_add(c, refusal, S("ArgumentName"), span_of_cstr(name));
}

static struct s3_owner *owner_of(struct call *c, const struct place *place)
{
    struct s3_owner *owner = ARENA_NEW(c->arena, struct s3_owner);
    owner->id = place_owner_id(c, place->bucket.account);
    return owner;
}

/* The account for its root, else who it was. */
static struct s3_initiator *initiator_of(struct call *c, const struct place *place,
                                         const struct s3_attributes *attributes)
{
    struct s3_initiator *initiator = ARENA_NEW(c->arena, struct s3_initiator);
    struct span arn = attributes->initiator;
    if (span_is_empty(arn)) {
        initiator->id = place_owner_id(c, place->bucket.account);
        return initiator;
    }
    size_t slash = span_find_last_byte(arn, '/');
    initiator->id = arn;
    initiator->display_name = slash == SPAN_NOT_FOUND ? arn : span_from(arn, slash + 1);
    return initiator;
}

/* ---- ListParts ------------------------------------------------------------------------------ */

struct parts {
    struct call *c;
    struct s3_list_parts_out *out;
    struct checksum checksum; /* shown with every part when the upload was begun with one */
};

static void add_part(void *user, const struct piece *piece, const struct s3_part_attributes *kept)
{
    struct parts *parts = user;
    struct s3_part *part = &parts->out->parts.at[parts->out->parts.count++];
    struct checksum checksum = parts->checksum;
    checksum.value = kept->checksum;
    SET(part, part_number, (int32_t)piece->number);
    SET(part, size, (int64_t)piece->size);
    SET(part, last_modified, object_shown_time(piece->modified_ms));
    part->etag = attributes_etag(parts->c, kept->etag, 0);
    checksum_describe(parts->c, &checksum, 0, CHECKSUM_MEMBERS(part));
}

RESULT s3_list_parts(struct call *c, const struct s3_list_parts_in *in,
                     struct s3_list_parts_out *out)
{
    struct place place;
    struct upload upload;
    struct parts parts = {.c = c, .out = out};
    struct part_page_wish wish = PART_PAGE_WISH_OF(in);
    struct part_page page = {.add = add_part, .user = &parts};
    TRY(place_check_key(c, in->key));
    TRY(part_page_open(c, &wish, &page));
    TRY(place_open(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &place));
    TRY(upload_need(c, &place, in->key, in->upload_id, &upload));
    parts.checksum = upload.checksum;
    out->bucket = in->bucket;
    out->key = in->key;
    out->upload_id = in->upload_id;
    out->owner = owner_of(c, &place);
    out->initiator = initiator_of(c, &place, &upload.attributes);
    out->storage_class = attributes_storage_class(&upload.attributes);
    if (upload.checksum.algorithm != CHECKSUM_NONE) {
        out->checksum_algorithm = checksum_name(upload.checksum.algorithm);
        out->checksum_type = checksum_type_name(upload.checksum.type);
    }
    out->parts.at = ARENA_ARRAY(c->arena, struct s3_part, page.limit);
    TRY(part_page_read(c, &place.index, &upload.assembly.id, &page));
    PART_PAGE_SHOW(out, &page);
    return OK;
}

/* ---- ListMultipartUploads ------------------------------------------------------------------- */

struct uploads_page {
    struct call *c;
    struct place place;
    struct s3_list_multipart_uploads_out *out;
    bool url; /* encoding-type=url */
    struct span last_name;
    struct assembly_id last_id;
    bool last_is_group;
    const struct refusal *refusal;
};

static struct span shown(const struct uploads_page *page, struct span name)
{
    return page->url && !span_is_absent(name) ? uri_encode(page->c->arena, name, URI_SLASH_KEPT)
                                              : name;
}

static void add_upload(void *user, struct span name, const struct assembly *assembly)
{
    struct uploads_page *page = user;
    struct s3_list_multipart_uploads_out *out = page->out;
    struct call *c = page->c;
    struct s3_attributes attributes;
    page->last_name = name;
    page->last_is_group = !assembly;
    if (!assembly) {
        out->common_prefixes.at[out->common_prefixes.count++].prefix = shown(page, name);
        return;
    }
    page->last_id = assembly->id;
    if (!page->refusal)
        page->refusal = attributes_decode(c, assembly->attributes, &attributes);
    if (page->refusal)
        return;
    struct checksum checksum = attributes_checksum(&attributes);
    struct s3_multipart_upload *upload = &out->uploads.at[out->uploads.count++];
    upload->key = shown(page, name);
    upload->upload_id = upload_id_text(c, &assembly->id);
    upload->storage_class = attributes_storage_class(&attributes);
    upload->owner = owner_of(c, &page->place);
    upload->initiator = initiator_of(c, &page->place, &attributes);
    SET(upload, initiated, object_shown_time(assembly->started_ms));
    if (checksum.algorithm != CHECKSUM_NONE) {
        upload->checksum_algorithm = checksum_name(checksum.algorithm);
        upload->checksum_type = checksum_type_name(checksum.type);
    }
}

static struct span or_empty(struct span s)
{
    return span_is_absent(s) ? S("") : s;
}

/* S3 names the last entry of every page, the last page too; a common prefix it leaves out, with
 * which a page that ends in one could not be continued: here it is the marker then. */
static void set_markers(struct uploads_page *page, const struct s3_list_multipart_uploads_in *in,
                        bool more)
{
    struct s3_list_multipart_uploads_out *out = page->out;
    bool named = !span_is_absent(page->last_name) && (more || !page->last_is_group);
    SET(out, is_truncated, more);
    out->key_marker = shown(page, or_empty(in->key_marker));
    out->upload_id_marker = or_empty(in->upload_id_marker);
    out->next_key_marker = named ? shown(page, page->last_name) : S("");
    out->next_upload_id_marker =
        named && !page->last_is_group ? upload_id_text(page->c, &page->last_id) : S("");
}

static RESULT read_wish(struct call *c, const struct s3_list_multipart_uploads_in *in,
                        struct assembly_list *list, struct assembly_id *marker)
{
    if (!span_is_absent(in->encoding_type) && !span_eq(in->encoding_type, S("url")))
        return refuse_argument(c, "encoding-type", in->encoding_type,
                               "Invalid Encoding Method specified in Request");
    if (in->key_marker.len && in->upload_id_marker.len) {
        if (!upload_id_read(c, in->upload_id_marker, marker))
            return refuse_argument(c, "upload-id-marker", in->upload_id_marker,
                                   "Invalid uploadId marker");
        list->after_id = marker;
    }
    list->prefix = in->prefix;
    list->delimiter = in->delimiter;
    list->after_name = in->key_marker;
    return part_page_limit(c, in->has.max_uploads, in->max_uploads, "max-uploads", &list->limit);
}

RESULT s3_list_multipart_uploads(struct call *c, const struct s3_list_multipart_uploads_in *in,
                                 struct s3_list_multipart_uploads_out *out)
{
    struct assembly_id marker;
    struct uploads_page page = {.c = c, .out = out, .url = !span_is_absent(in->encoding_type)};
    struct assembly_list list = {.visit = add_upload, .user = &page};
    bool more = false;
    TRY(read_wish(c, in, &list, &marker));
    TRY(place_open(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &page.place));
    out->uploads.at = ARENA_ARRAY(c->arena, struct s3_multipart_upload, list.limit);
    out->common_prefixes.at = ARENA_ARRAY(c->arena, struct s3_common_prefix, list.limit);
    int result = 0;
    if (list.limit && in->prefix.len <= OBJECT_NAME_MAX && in->key_marker.len <= OBJECT_NAME_MAX)
        result = assembly_list(&page.place.index, &list, &more);
    if (result < 0)
        return refuse_errno(c, result, "listing uploads of %.*s", SPAN_ARG(in->bucket));
    TRY(page.refusal);
    out->bucket = in->bucket;
    out->prefix = in->prefix.len ? shown(&page, in->prefix) : SPAN_NONE;
    out->delimiter = in->delimiter.len ? shown(&page, in->delimiter) : SPAN_NONE;
    out->encoding_type = in->encoding_type;
    SET(out, max_uploads, (int32_t)list.limit);
    set_markers(&page, in, more);
    return OK;
}
