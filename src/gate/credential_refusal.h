// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What is wrong with a request's credentials, in the words of the service's protocol family: S3,
 * query, EC2, and the JSON family. All answer a refusal. Source: the services' published error
 * lists and their observed answers. Home loop.
 */
#include "gate/request.h"

RESULT refuse_fault(struct request *r, enum SIGV4_FAULT fault);
RESULT refuse_anonymous(struct request *r);
RESULT refuse_unknown_key(struct request *r);
RESULT refuse_bad_token(struct request *r);
RESULT refuse_expired_token(struct request *r);
/* S3 quotes both texts; absent ones are left out. */
RESULT refuse_signature(struct request *r, struct span canonical, struct span to_sign);
/* The digest that the client claims for its body is not that of the body. */
RESULT refuse_content_digest(struct request *r, struct span computed);
/* A presigned URL of version 2 past its Expires, or without one of its parts. */
RESULT refuse_expired_v2(struct request *r);
RESULT refuse_incomplete_v2(struct request *r, enum SIGV2_FAULT fault);
RESULT refuse_region(struct request *r);
RESULT refuse_service(struct request *r);
