# SPDX-License-Identifier: Apache-2.0
"""Terraform's resources of Application Auto Scaling."""


def test_terraform(own_cloud, configuration):
    cloud = own_cloud()
    terraform = configuration(cloud, "terraform")
    terraform.apply()
    terraform.expect_no_change()
    changed = ["-var=most=40", "-var=goal=60", '-var=replicas=["us-east-1"]']
    terraform.apply(*changed)
    cloud.restart()
    terraform.expect_no_change(*changed)
    scaling = cloud.client("application-autoscaling", region="eu-west-1")
    policies = scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
    assert {it["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] for it in policies} == {60.0}
    assert {it["MaxCapacity"] for it in scaling.describe_scalable_targets(
        ServiceNamespace="dynamodb")["ScalableTargets"]} == {40}
    dynamodb = cloud.client("dynamodb", region="us-east-1")
    told = dynamodb.describe_table_replica_auto_scaling(TableName="orders")["TableAutoScalingDescription"]["Replicas"]
    write = {it["RegionName"]: it["ReplicaProvisionedWriteCapacityAutoScalingSettings"]["MaximumUnits"] for it in told}
    assert write == {"eu-west-1": 40, "us-east-1": 20}  # as it was when the replica was made
    changed.append("-var=replicas=[]")
    terraform.apply(*changed)
    terraform.destroy(*changed)
    assert not dynamodb.list_tables()["TableNames"]
    assert not scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
