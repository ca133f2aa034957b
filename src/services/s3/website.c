// SPDX-License-Identifier: Apache-2.0
/*
 * Website configurations: checked and kept as documents; page.c serves them. Writes on the control
 * thread. Source: PutBucketWebsite, "Hosting a static website", and the answers of S3.
 */
#include "services/s3/website.h"

#define RULES_MAX 50

#define NAME_OF(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})

static const struct document_form form = {DOCUMENT_WEBSITE, S3_SHAPE_WEBSITE_CONFIGURATION};

RESULT website_get(struct call *c, const struct s3_bucket_record *bucket,
                   struct s3_website_configuration *out, bool *ret_found)
{
    *out = (struct s3_website_configuration){.index_document = NULL};
    return document_get_form(c, bucket, form, out, ret_found);
}

RESULT website_refuse_absent(struct call *c, struct span bucket)
{
    return refuse_with(c, &S3_NO_SUCH_WEBSITE_CONFIGURATION, S("BucketName"), bucket,
                       "The specified bucket does not have a website configuration");
}

/* ---- checking ------------------------------------------------------------------------------- */

static RESULT refuse_argument(struct call *c, struct span name, struct span value,
                              const char *message)
{
    const struct refusal *refusal =
        refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentName"), name, "%s", message);
    return refusal_add(c, refusal, S("ArgumentValue"), value);
}

static RESULT check_redirect_all(struct call *c, const struct s3_website_configuration *wish)
{
    if (!wish->index_document && !wish->error_document && !wish->routing_rules.count)
        return OK;
    return refuse_argument(
        c, S("RedirectAllRequestsTo"), S("not null"),
        "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.");
}

static RESULT check_index(struct call *c, const struct s3_index_document *index)
{
    if (!index)
        return refuse_argument(
            c, S("IndexDocument"), S("null"),
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty");
    if (span_is_empty(index->suffix) || span_find_byte(index->suffix, '/') != SPAN_NOT_FOUND)
        return refuse_argument(c, S("IndexDocument"), index->suffix,
                               "The IndexDocument Suffix is not well formed");
    return OK;
}

static RESULT check_protocol(struct call *c, struct span protocol)
{
    if (span_is_absent(protocol) || span_eq(protocol, S("http")) || span_eq(protocol, S("https")))
        return OK;
    return refuse(c, &S3_INVALID_REQUEST,
                  "Invalid protocol, protocol can be http or https. If not defined the protocol "
                  "will be selected automatically.");
}

static bool is_code(struct span text, uint64_t first, uint64_t last)
{
    uint64_t code;
    return span_is_absent(text) || (span_to_u64(text, &code) && code >= first && code <= last);
}

static RESULT check_redirect(struct call *c, const struct s3_redirect *redirect)
{
    TRY(check_protocol(c, redirect->protocol));
    if (!span_is_absent(redirect->replace_key_prefix_with) &&
        !span_is_absent(redirect->replace_key_with))
        return refuse(c, &S3_INVALID_REQUEST,
                      "You can only define ReplaceKeyPrefix or ReplaceKey but not both.");
    if (!is_code(redirect->http_redirect_code, 301, 308))
        return refuse(c, &S3_INVALID_REQUEST,
                      "The provided HTTP redirect code (%.*s) is not valid. Valid codes are 3XX "
                      "except 300.",
                      SPAN_ARG(redirect->http_redirect_code));
    return OK;
}

static RESULT check_rule(struct call *c, const struct s3_routing_rule *rule)
{
    const struct s3_condition *condition = rule->condition;
    if (!rule->redirect)
        return place_refuse_xml(c);
    if (condition && span_is_absent(condition->http_error_code_returned_equals) &&
        span_is_absent(condition->key_prefix_equals))
        return refuse(c, &S3_INVALID_REQUEST,
                      "Condition cannot be empty. To redirect all requests without a condition, "
                      "the condition element shouldn't be present.");
    if (condition && !is_code(condition->http_error_code_returned_equals, 400, 599))
        return refuse(c, &S3_INVALID_REQUEST,
                      "The provided HTTP error code (%.*s) is not valid. Valid codes are 4XX or "
                      "5XX.",
                      SPAN_ARG(condition->http_error_code_returned_equals));
    return check_redirect(c, rule->redirect);
}

static RESULT check(struct call *c, const struct s3_website_configuration *wish)
{
    if (wish->redirect_all_requests_to) {
        if (span_is_empty(wish->redirect_all_requests_to->host_name))
            return place_refuse_xml(c);
        TRY(check_redirect_all(c, wish));
        return check_protocol(c, wish->redirect_all_requests_to->protocol);
    }
    TRY(check_index(c, wish->index_document));
    if (wish->error_document && span_is_empty(wish->error_document->key))
        return refuse_argument(c, S("ErrorDocument"), S(""),
                               "The ErrorDocument Key is not well formed");
    if (wish->routing_rules.count > RULES_MAX)
        return refuse(c, &S3_INVALID_REQUEST,
                      "%zu routing rules provided, the number of routing rules in a website "
                      "configuration is limited to %d.",
                      wish->routing_rules.count, RULES_MAX);
    for (size_t i = 0; i < wish->routing_rules.count; i++)
        TRY(check_rule(c, &wish->routing_rules.at[i]));
    return OK;
}

/* ---- operations ----------------------------------------------------------------------------- */

RESULT s3_put_bucket_website(struct call *c, const struct s3_put_bucket_website_in *in,
                             struct s3_put_bucket_website_out *out)
{
    struct s3_bucket_record bucket;
    if (!in->website_configuration)
        return place_refuse_xml(c);
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(check(c, in->website_configuration));
    document_put_form(c, &bucket, form, in->website_configuration);
    return OK;
}

RESULT s3_get_bucket_website(struct call *c, const struct s3_get_bucket_website_in *in,
                             struct s3_get_bucket_website_out *out)
{
    struct s3_bucket_record bucket;
    struct s3_website_configuration website;
    bool found;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(website_get(c, &bucket, &website, &found));
    if (!found)
        return website_refuse_absent(c, in->bucket);
    out->index_document = website.index_document;
    out->error_document = website.error_document;
    out->redirect_all_requests_to = website.redirect_all_requests_to;
    out->routing_rules = website.routing_rules;
    return OK;
}

RESULT s3_delete_bucket_website(struct call *c, const struct s3_delete_bucket_website_in *in,
                                struct s3_delete_bucket_website_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    document_delete(c, &bucket, DOCUMENT_WEBSITE);
    return OK;
}
