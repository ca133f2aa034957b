// SPDX-License-Identifier: Apache-2.0
/* The list of services; a new one is added here. Read-only. */
#include "kintoun/catalog.h"

#include "services/application_autoscaling/application_autoscaling.api.h"
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodbstreams/dynamodbstreams.api.h"
#include "services/ebs/ebs.api.h"
#include "services/ec2/ec2.api.h"
#include "services/efs/efs.api.h"
#include "services/elbv2/elbv2.api.h"
#include "services/iam/iam.api.h"
#include "services/kinesis/kinesis.api.h"
#include "services/lambda/lambda.api.h"
#include "services/s3/s3.api.h"
#include "services/s3control/s3control.api.h"
#include "services/sts/sts.api.h"

static const struct service *const services[] = {
    &application_autoscaling_service,
    &dynamodb_service,
    &dynamodbstreams_service,
    &ebs_service,
    &ec2_service,
    &efs_service,
    &elbv2_service,
    &iam_service,
    &kinesis_service,
    &lambda_service,
    &s3_service,
    &s3control_service,
    &sts_service,
};

const struct service *const *catalog(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(services);
    return services;
}
