// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What of DynamoDB runs by itself: the steps of tables between CREATING, ACTIVE, UPDATING and
 * DELETING. Made by the composition root once the control loop is there; goes on with what an
 * earlier process left.
 */
#include "services/cloud.h"

struct dynamodb;

struct dynamodb *dynamodb_new(struct cloud *cloud);
/* After the control loop has stopped and the store is closed. */
void dynamodb_free(struct dynamodb *dynamodb);
