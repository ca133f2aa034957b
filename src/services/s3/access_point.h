// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Access points as requests meet them: other names of a bucket, each with a policy, a public access
 * block and a network of its own, which are asked beside the bucket's. The ARN of the one that a
 * request came through is in call.reached_by. In the call's transaction, any thread. What
 * services/s3control needs of them is in s3.h. Source: "Managing access to shared datasets with
 * access points".
 */
#include "auth/identity.h"
#include "services/s3/s3.records.h"

/* The service's `enter`: an input that names its bucket by an access point's alias, or by
 * NAME-ACCOUNT, goes on with the bucket's name. InvalidAccessPointAliasError, NoSuchAccessPoint, or
 * MethodNotAllowed for what access points do not do. */
RESULT access_point_enter(struct call *c, void *in);
/* The bucket of a copy's source, which may be named by an access point: sets *bucket, and
 * *ret_reached_by to its ARN or absent. */
RESULT access_point_resolve(struct call *c, struct span *bucket, struct span *ret_reached_by);
/* arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME/object/KEY. False: it is none. */
bool access_point_read_object_arn(struct span arn, struct span *ret_point_arn,
                                  struct span *ret_key);
/* NoSuchAccessPoint. */
RESULT access_point_of_arn(struct call *c, struct span arn, struct s3_access_point *out);
/* Does the access point that the call came through, if any, allow what is asked of this bucket? */
RESULT access_point_ask(struct call *c, struct span bucket, struct span action, struct span key);
/* Does it block this, in enum S3_BLOCK? What cannot be read does. */
bool access_point_blocks(struct call *c, uint64_t what);
/* ARN of the one that the call came through, or that the permission is about; absent without. */
struct span access_point_in_question(struct call *c);
/* Internet or VPC: of that one. */
struct span access_point_origin(struct call *c);
