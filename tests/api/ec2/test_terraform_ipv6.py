# SPDX-License-Identifier: Apache-2.0
"""Terraform's resources of networks with IPv6."""


def test_terraform_ipv6(own_cloud, configuration):
    cloud = own_cloud()
    terraform = configuration(cloud, "terraform_ipv6")
    terraform.apply()
    terraform.expect_no_change()
    terraform.apply("-var=team=blue")
    cloud.restart()
    terraform.expect_no_change("-var=team=blue")
    ec2 = cloud.client("ec2", region="eu-west-1")
    gateway, = ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]
    assert gateway["Tags"] == [{"Key": "team", "Value": "blue"}]
    card, = ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert len(card["Ipv6Addresses"]) == 2
    found = [ec2.get_subnet_cidr_reservations(SubnetId=it["SubnetId"]) for it in ec2.describe_subnets()["Subnets"]]
    assert [it["Description"] for one in found for it in one["SubnetIpv4CidrReservations"]] == ["of team blue"]
    assert [it["ReservationType"] for one in found for it in one["SubnetIpv6CidrReservations"]] == ["prefix"]
    options = ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]
    assert options["InternetGatewayBlockMode"] == "block-ingress"
    exclusions = ec2.describe_vpc_block_public_access_exclusions()["VpcBlockPublicAccessExclusions"]
    assert {it["State"] for it in exclusions} == {"create-complete", "update-complete"}
    terraform.destroy("-var=team=blue")
    assert ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"] == []
    assert ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]["InternetGatewayBlockMode"] == "off"
    assert [it["IsDefault"] for it in ec2.describe_vpcs()["Vpcs"]] == [True]
