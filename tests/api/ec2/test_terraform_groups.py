# SPDX-License-Identifier: Apache-2.0
"""Terraform's resources of security groups, network ACLs, prefix lists, DHCP options and peerings."""


def test_terraform(own_cloud, own_configuration):
    cloud = own_cloud()
    terraform = own_configuration(cloud, "terraform_groups")
    terraform.apply()
    terraform.expect_no_change()
    changed = ["-var=port=8443", "-var=office=203.0.113.0/24"]
    terraform.apply(*changed)
    cloud.restart()
    terraform.expect_no_change(*changed)
    ec2 = cloud.client("ec2", region="eu-west-1")
    rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
    assert {(it["IpProtocol"], it["IsEgress"]) for it in rules if it["FromPort"] == 8443} == {("tcp", False), ("udp", True)}
    assert not [it for it in rules if it["FromPort"] == 443]
    peerings = ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]
    assert [it["Status"]["Code"] for it in peerings] == ["active", "active"]
    associations = ec2.describe_security_group_vpc_associations()["SecurityGroupVpcAssociations"]
    assert [it["State"] for it in associations] == ["associated"]
    terraform.destroy(*changed)
    assert [it["IsDefault"] for it in ec2.describe_vpcs()["Vpcs"]] == [True]
    assert [it["GroupName"] for it in ec2.describe_security_groups()["SecurityGroups"]] == ["default"]
    assert len(ec2.describe_network_acls()["NetworkAcls"]) == len(ec2.describe_dhcp_options()["DhcpOptions"]) == 1
    assert {it["OwnerId"] for it in ec2.describe_managed_prefix_lists()["PrefixLists"]} == {"AWS"}
