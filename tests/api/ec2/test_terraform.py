# SPDX-License-Identifier: Apache-2.0
"""Terraform's resources of networks."""


def test_terraform(own_cloud, configuration):
    cloud = own_cloud()
    terraform = configuration(cloud, "terraform")
    terraform.apply()
    terraform.expect_no_change()
    changed = ["-var=team=blue", "-var=gateways=2"]
    terraform.apply(*changed)
    cloud.restart()
    terraform.expect_no_change(*changed)
    ec2 = cloud.client("ec2", region="eu-west-1")
    blue = [{"Name": "tag:team", "Values": ["blue"]}]
    assert len(ec2.describe_subnets(Filters=blue)["Subnets"]) == 3 and len(ec2.describe_vpcs(Filters=blue)["Vpcs"]) == 1
    assert len(ec2.describe_addresses()["Addresses"]) == 3
    terraform.destroy(*changed)
    assert [it["IsDefault"] for it in ec2.describe_vpcs()["Vpcs"]] == [True]
    assert ec2.describe_addresses()["Addresses"] == ec2.describe_network_interfaces()["NetworkInterfaces"] == []
