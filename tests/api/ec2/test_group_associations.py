# SPDX-License-Identifier: Apache-2.0
"""Security groups in VPCs that are not their own: who may have them there, and what their rules do to packets."""
import os
import signal

import pytest

from machines import Machines, root, soon
from outside import PYTHON, fetched, serving
from refusals import refused, wait_for

NO_GROUP, NO_VPC = "sg-0123456789abcdef0", "vpc-0123456789abcdef0"


@pytest.fixture
def pair(ec2, make_vpc, name):
    """A group, and a VPC that is not its own."""
    own, far = make_vpc(), make_vpc("10.1.0.0/16")
    group = ec2.create_security_group(GroupName=name(), Description="shared", VpcId=own)["GroupId"]
    yield group, far
    for it in states(ec2, group):
        ec2.disassociate_security_group_vpc(GroupId=group, VpcId=it)
    wait_for(lambda: not states(ec2, group))
    ec2.delete_security_group(GroupId=group)


def states(ec2, group):
    """{VPC: state}"""
    found = ec2.describe_security_group_vpc_associations(Filters=[{"Name": "group-id", "Values": [group]}])
    return {it["VpcId"]: it["State"] for it in found["SecurityGroupVpcAssociations"]}


def associate(ec2, group, vpc):
    assert ec2.associate_security_group_vpc(GroupId=group, VpcId=vpc)["State"] == "associating"
    wait_for(lambda: states(ec2, group).get(vpc) == "associated")


def subnet_of(ec2, vpc):
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]


def usable(ec2, vpc):
    return {it["GroupId"]: it["PrimaryVpcId"] for it in ec2.get_security_groups_for_vpc(VpcId=vpc)["SecurityGroupForVpcs"]}


def test_a_life(ec2, pair):
    group, far = pair
    own = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["VpcId"]
    subnet = subnet_of(ec2, far)
    foreign = ("InvalidParameter", f"Security group {group} and subnet {subnet} belong to different networks.")
    assert refused(ec2.create_network_interface, SubnetId=subnet, Groups=[group]) == foreign
    assert group not in usable(ec2, far)
    associate(ec2, group, far)
    assert usable(ec2, far)[group] == own and usable(ec2, own)[group] == own
    one, = ec2.describe_security_group_vpc_associations(
        Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupVpcAssociations"]
    assert one == {"GroupId": group, "GroupOwnerId": "0" * 12, "VpcId": far, "VpcOwnerId": "0" * 12, "State": "associated"}
    eni = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]
    assert [it["GroupId"] for it in eni["Groups"]] == [group]
    in_use = ("DependencyViolation", f"resource {group} has a dependent object")
    assert refused(ec2.disassociate_security_group_vpc, GroupId=group, VpcId=far) == in_use
    assert refused(ec2.delete_security_group, GroupId=group) == in_use
    ec2.delete_network_interface(NetworkInterfaceId=eni["NetworkInterfaceId"])
    assert refused(ec2.delete_security_group, GroupId=group) == in_use
    ec2.delete_subnet(SubnetId=subnet)
    assert refused(ec2.delete_vpc, VpcId=far)[0] == "DependencyViolation"
    assert ec2.disassociate_security_group_vpc(GroupId=group, VpcId=far)["State"] == "disassociating"
    wait_for(lambda: not states(ec2, group))
    assert group not in usable(ec2, far)
    assert refused(ec2.create_network_interface, SubnetId=subnet_of(ec2, far), Groups=[group])[0] == "InvalidParameter"


def test_endpoints_may_have_them(ec2, pair):
    group, far = pair
    asked = {"VpcId": far, "ServiceName": "com.amazonaws.us-east-1.kinesis-streams", "VpcEndpointType": "Interface",
             "PrivateDnsEnabled": False, "SubnetIds": [subnet_of(ec2, far)], "SecurityGroupIds": [group]}
    assert refused(ec2.create_vpc_endpoint, **asked)[0] == "InvalidParameter"
    associate(ec2, group, far)
    made = ec2.create_vpc_endpoint(**asked)["VpcEndpoint"]
    assert [it["GroupId"] for it in made["Groups"]] == [group]
    assert refused(ec2.disassociate_security_group_vpc, GroupId=group, VpcId=far)[0] == "DependencyViolation"
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    wait_for(lambda: not ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [far]}])["NetworkInterfaces"])


def test_filters_and_pages(ec2, make_vpc, pair):
    group, far = pair
    vpcs = [far] + [make_vpc(f"10.{number}.0.0/16") for number in range(2, 8)]
    for vpc in vpcs:
        associate(ec2, group, vpc)
    ask = ec2.describe_security_group_vpc_associations
    for name, value, count in (("vpc-id", far, 1), ("state", "associated", 7), ("state", "disassociated", 0),
                               ("group-owner-id", "0" * 12, 7), ("vpc-owner-id", "1" * 12, 0)):
        found = ask(Filters=[{"Name": "group-id", "Values": [group]}, {"Name": name, "Values": [value]}])
        assert len(found["SecurityGroupVpcAssociations"]) == count
    pages = ec2.get_paginator("describe_security_group_vpc_associations").paginate(
        Filters=[{"Name": "group-id", "Values": [group]}], PaginationConfig={"PageSize": 5})
    sizes = [[it["VpcId"] for it in page["SecurityGroupVpcAssociations"]] for page in pages]
    assert [len(it) for it in sizes] == [5, 2] and {it for page in sizes for it in page} == set(vpcs)
    assert refused(ask, Filters=[{"Name": "x", "Values": ["y"]}])[0] == "InvalidParameterValue"
    groups = [ec2.create_security_group(GroupName=f"g{i}", Description="x", VpcId=far)["GroupId"] for i in range(6)]
    pages = list(ec2.get_paginator("get_security_groups_for_vpc").paginate(VpcId=far, PaginationConfig={"PageSize": 5}))
    assert [len(page["SecurityGroupForVpcs"]) for page in pages] == [5, 3]
    assert {it["GroupId"] for page in pages for it in page["SecurityGroupForVpcs"]} > {*groups, group}
    found = ec2.get_security_groups_for_vpc(VpcId=far, Filters=[{"Name": "group-name", "Values": ["g3"]}])
    assert [it["GroupId"] for it in found["SecurityGroupForVpcs"]] == [groups[3]]
    for it in groups:
        ec2.delete_security_group(GroupId=it)


def test_refusals(ec2, pair):
    group, far = pair
    own = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["VpcId"]
    default, = ec2.describe_security_groups(Filters=[
        {"Name": "vpc-id", "Values": [own]}, {"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]
    home, = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    ask = ec2.associate_security_group_vpc
    assert refused(ask, GroupId=default["GroupId"], VpcId=far)[0] == "InvalidParameterValue"
    assert refused(ask, GroupId=group, VpcId=home["VpcId"])[0] == "InvalidParameterValue"
    assert refused(ask, GroupId=group, VpcId=own)[0] == "Resource.AlreadyAssociated"
    assert refused(ask, GroupId=NO_GROUP, VpcId=far)[0] == "InvalidGroup.NotFound"
    assert refused(ask, GroupId=group, VpcId=NO_VPC)[0] == "InvalidVpcID.NotFound"
    assert refused(ask, GroupId=group, VpcId=far, DryRun=True)[0] == "DryRunOperation"
    assert states(ec2, group) == {}
    leave = ec2.disassociate_security_group_vpc
    assert refused(leave, GroupId=group, VpcId=far)[0] == "InvalidAssociationID.NotFound"
    assert refused(leave, GroupId=NO_GROUP, VpcId=far)[0] == "InvalidGroup.NotFound"
    assert refused(leave, GroupId=group, VpcId=NO_VPC)[0] == "InvalidVpcID.NotFound"
    associate(ec2, group, far)
    assert refused(ask, GroupId=group, VpcId=far)[0] == "Resource.AlreadyAssociated"


def allow(ec2, group, **by):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, **by}])


def forbid(ec2, group, **by):
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, **by}])


@root
@pytest.mark.skipif(not os.path.exists(PYTHON), reason="needs Debian's python3")
def test_packets(own_cloud):
    """Rules that are changed where the group is made count where it is associated, and after a restart."""
    machines = Machines(own_cloud())
    ec2 = machines.ec2
    own = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    far = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = subnet_of(ec2, far)
    group = ec2.create_security_group(GroupName="shared", Description="x", VpcId=own)["GroupId"]
    associate(ec2, group, far)
    server = machines.start(serving(), SubnetId=subnet, SecurityGroupIds=[group])
    client = machines.start(SubnetId=subnet)
    to = machines.look(server)["PrivateIpAddress"]
    assert not fetched(machines, client, to)
    every = {"IpRanges": [{"CidrIp": "10.1.0.0/16"}]}
    allow(ec2, group, **every)
    soon(lambda: fetched(machines, client, to), "the way by a rule of the group")
    machines.cloud.restart(signal.SIGKILL)
    assert fetched(machines, client, to, 20)
    forbid(ec2, group, **every)
    soon(lambda: not fetched(machines, client, to), "the end of the rule")
    among = {"UserIdGroupPairs": [{"GroupId": group}]}
    allow(ec2, group, **among)
    assert not fetched(machines, client, to)
    card = machines.look(client)["NetworkInterfaces"][0]["NetworkInterfaceId"]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=card, Groups=[group])
    soon(lambda: fetched(machines, client, to), "the way among the group's members")
    machines.end()
    ec2.disassociate_security_group_vpc(GroupId=group, VpcId=far)
    wait_for(lambda: not states(ec2, group))
