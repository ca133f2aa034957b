// SPDX-License-Identifier: Apache-2.0
/*
 * Request payment: nobody is charged here, but who would be has to say that it agrees, as on AWS.
 * Writes on the control thread, asked on any.
 */
#include "services/s3/payment.h"

#include "auth/identity.h"
#include "services/s3/place.h"
#include "services/s3/s3.api.h"

#define NAME_OF(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})

RESULT s3_put_bucket_request_payment(struct call *c,
                                     const struct s3_put_bucket_request_payment_in *in,
                                     struct s3_put_bucket_request_payment_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    if (!in->request_payment_configuration)
        return place_refuse_xml(c);
    bucket.requester_pays = span_eq(in->request_payment_configuration->payer, S("Requester"));
    s3_bucket_record_put(c->txn, &bucket);
    return OK;
}

RESULT s3_get_bucket_request_payment(struct call *c,
                                     const struct s3_get_bucket_request_payment_in *in,
                                     struct s3_get_bucket_request_payment_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    out->payer = bucket.requester_pays ? S("Requester") : S("BucketOwner");
    return OK;
}

/* One request may ask for several permissions. */
static void tell(struct call *c)
{
    struct span name = S("x-amz-request-charged");
    for (size_t i = 0; i < c->extra_headers.count; i++)
        if (span_eq(c->extra_headers.at[i].name, name))
            return;
    call_add_header(c, name, S("requester"));
}

RESULT payment_check(struct call *c, const struct s3_bucket_record *bucket)
{
    bool owner = c->caller && span_eq(c->caller->account, bucket->account);
    if (!bucket->requester_pays || owner)
        return OK;
    if (!c->caller ||
        !span_eq(header_get(c->request_headers, S("x-amz-request-payer")), S("requester")))
        return refuse(c, &S3_ACCESS_DENIED, "Access Denied");
    tell(c);
    return OK;
}
