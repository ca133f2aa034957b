# SPDX-License-Identifier: Apache-2.0
"""Scalable targets and policies: registered, described page by page, tagged, refused, allowed by IAM."""
import json

from refusals import refused
from scaled import INDEX_WRITE, READ, WRITE, Scaled

ROLE = ("arn:aws:iam::000000000000:role/aws-service-role/dynamodb.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable")


def test_target(scaled):
    arn = scaled.register(low=5, high=20, Tags={"team": "red"})["ScalableTargetARN"]
    assert arn.startswith("arn:aws:application-autoscaling:us-east-1:000000000000:scalable-target/")
    scaled.cloud.restart()
    it = scaled.scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"][0]
    assert it.pop("CreationTime")
    assert it == {**scaled.name(WRITE), "MinCapacity": 5, "MaxCapacity": 20, "RoleARN": ROLE, "ScalableTargetARN": arn,
                  "SuspendedState": {"DynamicScalingInSuspended": False, "DynamicScalingOutSuspended": False,
                                     "ScheduledScalingSuspended": False}}
    assert scaled.scaling.register_scalable_target(**scaled.name(WRITE), MaxCapacity=30)["ScalableTargetARN"] == arn
    it = scaled.scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"][0]
    assert (it["MinCapacity"], it["MaxCapacity"]) == (5, 30)
    scaled.scaling.tag_resource(ResourceARN=arn, Tags={"team": "blue", "cost": "1"})
    scaled.scaling.untag_resource(ResourceARN=arn, TagKeys=["cost"])
    assert scaled.scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"team": "blue"}
    assert refused(scaled.scaling.tag_resource, ResourceARN=arn, Tags={f"k{i}": "" for i in range(50)})[0] == (
        "TooManyTagsException")
    assert refused(scaled.scaling.tag_resource, ResourceARN=arn, Tags={"aws:a": ""})[0] == "ValidationException"
    assert refused(scaled.scaling.list_tags_for_resource, ResourceARN=arn[:-1] + "z")[0] == "ResourceNotFoundException"


def test_role(scaled):
    iam = scaled.cloud.client("iam")
    scaled.register()
    role = iam.get_role(RoleName=ROLE.split("/")[-1])["Role"]
    assert role["Arn"] == ROLE
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"] == (
        "dynamodb.application-autoscaling.amazonaws.com")
    assert refused(iam.delete_role, RoleName=role["RoleName"]) == (
        "UnmodifiableEntity", f"Cannot perform the operation on the protected role '{role['RoleName']}' - this role is only "
        "modifiable by AWS")


def test_pages(scaled):
    for dimension in (READ, WRITE, INDEX_WRITE):
        scaled.register(dimension)
        scaled.put_policy(dimension)
    targets = scaled.scaling.get_paginator("describe_scalable_targets")
    found = [it["ScalableDimension"] for page in targets.paginate(
        ServiceNamespace="dynamodb", PaginationConfig={"PageSize": 2}) for it in page["ScalableTargets"]]
    assert found == [READ, WRITE, INDEX_WRITE]
    policies = scaled.scaling.get_paginator("describe_scaling_policies")
    pages = list(policies.paginate(ServiceNamespace="dynamodb", PaginationConfig={"PageSize": 1}))
    assert [len(page["ScalingPolicies"]) for page in pages] == [1, 1, 1]
    describe = scaled.scaling.describe_scalable_targets
    assert len(describe(ServiceNamespace="dynamodb", ResourceIds=["table/orders"])["ScalableTargets"]) == 2
    assert len(describe(ServiceNamespace="dynamodb", ResourceIds=["table/orders"],
                        ScalableDimension=READ)["ScalableTargets"]) == 1
    assert refused(describe, ServiceNamespace="dynamodb", NextToken="x")[0] == "InvalidNextTokenException"
    assert refused(describe, ServiceNamespace="dynamodb", MaxResults=51)[0] == "ValidationException"
    assert refused(describe, ServiceNamespace="dynamodb", ScalableDimension=READ)[0] == "ValidationException"
    assert refused(describe, ServiceNamespace="ecs")[1] == "Scaling in the service namespace ecs is not supported by kintoun yet"


def test_policy(scaled):
    scaled.register()
    put = scaled.put_policy(goal=70.5, ScaleInCooldown=60, DisableScaleIn=False)
    it = scaled.scaling.describe_scaling_policies(ServiceNamespace="dynamodb", PolicyNames=["follow"])["ScalingPolicies"][0]
    assert it["PolicyARN"] == put["PolicyARN"] and it["Alarms"] == put["Alarms"]
    assert it["PolicyARN"].endswith(":resource/dynamodb/table/orders:policyName/follow")
    assert it["TargetTrackingScalingPolicyConfiguration"] == {
        "TargetValue": 70.5, "ScaleInCooldown": 60, "DisableScaleIn": False,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBWriteCapacityUtilization"}}
    assert scaled.put_policy(goal=20.0)["PolicyARN"] == put["PolicyARN"]
    other = {**scaled.name(WRITE), "PolicyName": "other", "PolicyType": "TargetTrackingScaling",
             "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 50.0, "PredefinedMetricSpecification": {
                 "PredefinedMetricType": "DynamoDBWriteCapacityUtilization"}}}
    assert refused(scaled.scaling.put_scaling_policy, **other) == (
        "ValidationException", "Only one TargetTrackingScaling policy for a given metric specification is allowed.")
    delete = scaled.scaling.delete_scaling_policy
    assert refused(delete, **scaled.name(WRITE), PolicyName="other") == (
        "ObjectNotFoundException", "No scaling policy found for service namespace: dynamodb, resource ID: table/orders, "
        "scalable dimension: dynamodb:table:WriteCapacityUnits, policy name: other")
    delete(**scaled.name(WRITE), PolicyName="follow")
    scaled.scaling.put_scaling_policy(**other)
    scaled.scaling.deregister_scalable_target(**scaled.name(WRITE))
    assert not scaled.scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
    assert refused(scaled.scaling.deregister_scalable_target, **scaled.name(WRITE)) == (
        "ObjectNotFoundException", "No scalable target found for service namespace: dynamodb, resource ID: table/orders, "
        "scalable dimension: dynamodb:table:WriteCapacityUnits")
    assert refused(scaled.put_policy) == (
        "ObjectNotFoundException", "No scalable target registered for service namespace: dynamodb, resource ID: "
        "table/orders, scalable dimension: dynamodb:table:WriteCapacityUnits")


def test_refused_policies(scaled):
    scaled.register()
    text = "For predefined metric type DynamoDBWriteCapacityUtilization, target value must be between '10.0' and '90.0', but was '%s'."
    assert refused(scaled.put_policy, goal=90.1) == ("ValidationException", text % "90.1")
    assert refused(scaled.put_policy, goal=100.0) == ("ValidationException", text % "100.0")
    assert refused(scaled.put_policy, goal=0.0) == (
        "ValidationException", "For target tracking scaling, target value must be between '8.51592E-109' and "
        "'1.174271E108', but was '0.0'.")
    put = lambda **more: refused(scaled.scaling.put_scaling_policy, **scaled.name(WRITE), PolicyName="p", **more)
    tracking = {"PolicyType": "TargetTrackingScaling"}
    assert put()[0] == put(**tracking)[0] == "ValidationException"
    assert put(PolicyType="StepScaling", StepScalingPolicyConfiguration={})[1] == (
        "StepScaling policies are not supported for service namespace: dynamodb")
    for more in ({}, {"PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"}},
                 {"PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBWriteCapacityUtilization",
                                                    "ResourceLabel": "a"}},
                 {"CustomizedMetricSpecification": {"MetricName": "m", "Namespace": "n", "Statistic": "Sum"}}):
        assert put(**tracking, TargetTrackingScalingPolicyConfiguration={"TargetValue": 50.0, **more})[0] == (
            "ValidationException")


def test_refused_targets(scaled):
    register = lambda resource, dimension=WRITE, **more: refused(
        scaled.scaling.register_scalable_target, ServiceNamespace="dynamodb", ResourceId=resource,
        ScalableDimension=dimension, **{"MinCapacity": 1, "MaxCapacity": 2, **more})
    unsupported = ("ValidationException", "Unsupported service namespace, resource type or scalable dimension")
    for resource in ("orders", "table/", "table/orders/index/", "table/orders/index/by-kind", "dynamo/orders"):
        assert register(resource) == unsupported
    assert register("table/orders", INDEX_WRITE) == unsupported
    assert register("table/orders", "ecs:service:DesiredCount") == unsupported
    assert register("table/none") == ("ValidationException", "DynamoDB table does not exist: table/none")
    assert register("table/orders/index/none", INDEX_WRITE)[0] == "ValidationException"
    assert register("table/orders", MinCapacity=3) == (
        "ValidationException", "Maximum capacity cannot be less than minimum capacity")
    assert register("table/orders", MinCapacity=0)[0] == "ValidationException"
    assert refused(scaled.scaling.register_scalable_target, **scaled.name(WRITE), MinCapacity=1)[0] == "ValidationException"
    assert refused(scaled.scaling.describe_scaling_activities, ServiceNamespace="dynamodb",
                   IncludeNotScaledActivities=True)[0] == "ValidationException"
    assert refused(scaled.scaling.get_predictive_scaling_forecast, **scaled.name(WRITE), PolicyName="p", StartTime=0,
                   EndTime=1)[0] == "UnknownOperationException"


def test_permissions(own_cloud):
    scaled = Scaled(own_cloud())
    scaled.make_table()
    iam = scaled.cloud.client("iam")
    arn = scaled.register()["ScalableTargetARN"]
    iam.create_user(UserName="operator")
    iam.put_user_policy(UserName="operator", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "application-autoscaling:*", "Resource": arn, "Condition": {"StringEquals": {
            "application-autoscaling:scalable-dimension": WRITE}}}]}))
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    operator = scaled.cloud.client("application-autoscaling", key["AccessKeyId"], key["SecretAccessKey"])
    operator.register_scalable_target(**scaled.name(WRITE), MaxCapacity=50)
    assert refused(operator.register_scalable_target, **scaled.name(READ), MinCapacity=1, MaxCapacity=50)[0] == (
        "AccessDeniedException")
    assert refused(operator.describe_scalable_targets, ServiceNamespace="dynamodb")[0] == "AccessDeniedException"
