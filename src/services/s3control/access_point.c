// SPDX-License-Identifier: Apache-2.0
/* Access points, which services/s3 keeps. Writes on the control thread, reads on loops. */
#include "base/text.h"
#include "services/s3control/account.h"
#include "services/s3control/tag.h"

#define PAGE_MAX 1000

/* ---- made ----------------------------------------------------------------------------------- */

/* Scopes are of directory buckets. */
static RESULT refuse_scope(struct call *c)
{
    return refuse(c, &S3CONTROL_NOT_IMPLEMENTED,
                  "A header you provided implies functionality that is not implemented");
}

RESULT s3control_create_access_point(struct call *c,
                                     const struct s3control_create_access_point_in *in,
                                     struct s3control_create_access_point_out *out)
{
    bool other = !span_is_absent(in->bucket_account_id);
    struct s3_access_point point = {
        .name = in->name,
        .bucket = in->bucket,
        .bucket_account = other ? in->bucket_account_id : c->account,
        .vpc = in->vpc_configuration ? in->vpc_configuration->vpc_id : SPAN_NONE,
        .blocked = S3_BLOCK_ALL,
    };
    TRY(account_check(c, in->account_id));
    if (in->scope)
        return refuse_scope(c);
    if (in->public_access_block_configuration)
        point.blocked = account_read_block(in->public_access_block_configuration);
    TRY(tag_read_list(c, &in->tags, &point.tags));
    TRY(s3_point_create(c, &point));
    out->access_point_arn = s3_point_arn(c, &point);
    out->alias = point.alias;
    return OK;
}

RESULT s3control_delete_access_point(struct call *c,
                                     const struct s3control_delete_access_point_in *in,
                                     struct s3control_delete_access_point_out *out)
{
    struct s3_access_point point;
    TRY(account_check(c, in->account_id));
    TRY(s3_point_need(c, in->name, &point));
    TRY(s3_point_delete(c, &point));
    c->status = 204; /* recorded */
    return OK;
}

/* ---- shown ---------------------------------------------------------------------------------- */

static struct span origin_of(const struct s3_access_point *point)
{
    return span_is_empty(point->vpc) ? S("Internet") : S("VPC");
}

static struct s3control_vpc_configuration *vpc_of(struct call *c,
                                                  const struct s3_access_point *point)
{
    if (span_is_empty(point->vpc))
        return NULL;
    struct s3control_vpc_configuration *vpc =
        ARENA_NEW(c->arena, struct s3control_vpc_configuration);
    vpc->vpc_id = point->vpc;
    return vpc;
}

/* Source: recorded answers. */
static void show_endpoints(struct call *c, struct span region, struct s3control_endpoints *out)
{
    static const struct {
        struct span key;
        const char *label;
    } kinds[] = {{S_INIT("ipv4"), "s3-accesspoint"},
                 {S_INIT("fips"), "s3-accesspoint-fips"},
                 {S_INIT("fips_dualstack"), "s3-accesspoint-fips.dualstack"},
                 {S_INIT("dualstack"), "s3-accesspoint.dualstack"}};
    out->at = ARENA_ARRAY(c->arena, struct s3control_endpoints_pair, ARRAY_LEN(kinds));
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        out->at[out->count++] = (struct s3control_endpoints_pair){
            kinds[i].key,
            arena_printf(c->arena, "%s.%.*s.amazonaws.com", kinds[i].label, SPAN_ARG(region))};
}

RESULT s3control_get_access_point(struct call *c, const struct s3control_get_access_point_in *in,
                                  struct s3control_get_access_point_out *out)
{
    struct s3_access_point point;
    TRY(account_check(c, in->account_id));
    TRY(s3_point_need(c, in->name, &point));
    out->name = point.name;
    out->bucket = point.bucket;
    out->bucket_account_id = point.bucket_account;
    out->network_origin = origin_of(&point);
    out->vpc_configuration = vpc_of(c, &point);
    out->public_access_block_configuration = account_show_block(c, point.blocked);
    SET(out, creation_date, point.created);
    out->alias = point.alias;
    out->access_point_arn = s3_point_arn(c, &point);
    show_endpoints(c, point.region, &out->endpoints);
    return OK;
}

static struct s3control_access_point shown(struct call *c, const struct s3_access_point *point)
{
    return (struct s3control_access_point){.name = point->name,
                                           .network_origin = origin_of(point),
                                           .vpc_configuration = vpc_of(c, point),
                                           .bucket = point->bucket,
                                           .access_point_arn = s3_point_arn(c, point),
                                           .alias = point->alias,
                                           .bucket_account_id = point->bucket_account};
}

/* A token names the last one of the page before. */
static RESULT read_token(struct call *c, struct span token, struct span *ret)
{
    *ret = span_is_absent(token) ? S("") : base64_decode(c->arena, token);
    return span_is_absent(*ret)
               ? refuse(c, &S3CONTROL_INVALID_REQUEST, "The next token is not valid.")
               : OK;
}

RESULT s3control_list_access_points(struct call *c,
                                    const struct s3control_list_access_points_in *in,
                                    struct s3control_list_access_points_out *out)
{
    struct s3_point_page page = {.bucket = in->bucket};
    bool limited = in->has.max_results && in->max_results;
    TRY(account_check(c, in->account_id));
    TRY(read_token(c, in->next_token, &page.after));
    TRY(s3_point_list(c, limited ? (size_t)in->max_results : PAGE_MAX, &page));
    out->access_point_list.at = ARENA_ARRAY(c->arena, struct s3control_access_point, page.count);
    for (size_t i = 0; i < page.count; i++)
        out->access_point_list.at[out->access_point_list.count++] = shown(c, &page.at[i]);
    if (page.more)
        out->next_token = base64_of(c->arena, page.at[page.count - 1].name);
    return OK;
}
