// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The service-linked role of Application Auto Scaling for DynamoDB. Control thread. */
#include "wire/call.h"

struct span role_arn(struct call *c, struct span account);
/* Makes it in the caller's account unless it is there; who registers the first target needs
 * iam:CreateServiceLinkedRole for that. */
RESULT role_ensure(struct call *c);
