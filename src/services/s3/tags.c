// SPDX-License-Identifier: Apache-2.0
/* Tags of buckets and objects. Any thread; the store is touched by the handlers of tagging.c only.
 */
#include "services/s3/tags.h"

#include "base/text.h"
#include "base/utf8.h"
#include "services/s3/s3.api.h"
#include "services/s3/s3.h"

#define KEY_MAX_CODE_POINTS 128
#define VALUE_MAX_CODE_POINTS 256
#define HEADER_TAGS_MAX 11 /* one more than is allowed, so that too many are seen */

struct rule {
    size_t max;
    const char *too_many, *system_key;
};

static const struct rule rules[] = {
    [TAGGED_OBJECT] = {10, "Object tags cannot be greater than 10",
                       "Your TagKey cannot be prefixed with aws:"},
    [TAGGED_BUCKET] = {50, "Bucket tag count cannot be greater than 50",
                       "System tags cannot be added/updated by requester"},
    [TAGGED_NEW_BUCKET] = {50, "Bucket tag count cannot be greater than 50",
                           "User-defined tag keys can't start with \"aws:\". This prefix is "
                           "reserved for system tags. Remove \"aws:\" from your tag keys and try "
                           "again."},
};

/* Letters, digits and blanks of any script, and + - = . _ : / @ */
bool s3_is_tag_text(struct span text, size_t max)
{
    static const struct span marks = S_INIT("+-=._:/@ ");
    if (!utf8_is_valid(text) || utf8_count(text) > max)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        bool word = byte >= 0x80 || (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                    (byte >= 'a' && byte <= 'z');
        if (!word && span_find_byte(marks, (char)byte) == SPAN_NOT_FOUND)
            return false;
    }
    return true;
}

static RESULT check_tag(struct call *c, struct s3_pair tag, const struct rule *rule)
{
    if (span_starts(tag.key, S("aws:")))
        return refuse_with(c, &S3_INVALID_TAG, S("TagKey"), tag.key, "%s", rule->system_key);
    if (tag.key.len == 0 || !s3_is_tag_text(tag.key, KEY_MAX_CODE_POINTS))
        return refuse_with(c, &S3_INVALID_TAG, S("TagKey"), tag.key,
                           "The TagKey you have provided is invalid");
    if (!s3_is_tag_text(tag.value, VALUE_MAX_CODE_POINTS)) {
        const struct refusal *refusal = refuse_with(c, &S3_INVALID_TAG, S("TagValue"), tag.value,
                                                    "The TagValue you have provided is invalid");
        return refusal_add(c, refusal, S("TagKey"), tag.key);
    }
    return OK;
}

static bool is_known(struct tags tags, struct span key)
{
    for (size_t i = 0; i < tags.count; i++)
        if (span_eq(tags.at[i].key, key))
            return true;
    return false;
}

RESULT tags_read(struct call *c, const struct s3_tag_set *set, enum TAGGED what, struct tags *out)
{
    const struct rule *rule = &rules[what];
    if (set->count > rule->max)
        return refuse(c, &S3_BAD_REQUEST, "%s", rule->too_many);
    *out = (struct tags){.at = ARENA_ARRAY(c->arena, struct s3_pair, set->count)};
    for (size_t i = 0; i < set->count; i++) {
        struct span value = set->at[i].value;
        struct s3_pair tag = {set->at[i].key, span_is_absent(value) ? S("") : value};
        if (is_known(*out, tag.key))
            return refuse_with(c, &S3_INVALID_TAG, S("TagKey"), tag.key,
                               "Cannot provide multiple Tags with the same key");
        TRY(check_tag(c, tag, rule));
        out->at[out->count++] = tag;
    }
    return OK;
}

static RESULT refuse_header(struct call *c, struct span header)
{
    const struct refusal *refusal =
        refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentValue"), header,
                    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL "
                    "query parameters without tag name duplicates.");
    return refusal_add(c, refusal, S("ArgumentName"), S("x-amz-tagging"));
}

static bool read_pair(struct call *c, struct span text, struct s3_tag *out)
{
    struct span value = text, key = span_cut(&value, '=');
    out->key = form_decode(c->arena, key);
    out->value = span_is_absent(value) ? S("") : form_decode(c->arena, value);
    return !span_is_empty(out->key) && !span_is_absent(out->value) &&
           span_find_byte(value, '=') == SPAN_NOT_FOUND;
}

static bool is_there(const struct s3_tag_set *set, struct span key)
{
    for (size_t i = 0; i < set->count; i++)
        if (span_eq(set->at[i].key, key))
            return true;
    return false;
}

RESULT tags_read_header(struct call *c, struct span header, struct tags *out)
{
    *out = (struct tags){.at = NULL};
    if (span_is_empty(header))
        return OK;
    struct s3_tag tags[HEADER_TAGS_MAX];
    struct s3_tag_set set = {.at = tags};
    struct span rest = header;
    while (!span_is_absent(rest) && set.count < HEADER_TAGS_MAX) {
        struct s3_tag tag;
        if (!read_pair(c, span_cut(&rest, '&'), &tag) || is_there(&set, tag.key))
            return refuse_header(c, header);
        tags[set.count++] = tag;
    }
    return tags_read(c, &set, TAGGED_OBJECT, out);
}

void tags_describe(struct call *c, struct tags tags, struct s3_tag_set *out)
{
    out->at = ARENA_ARRAY(c->arena, struct s3_tag, tags.count);
    out->count = tags.count;
    for (size_t i = 0; i < tags.count; i++)
        out->at[i] = (struct s3_tag){.key = tags.at[i].key, .value = tags.at[i].value};
}
