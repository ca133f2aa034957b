# SPDX-License-Identifier: Apache-2.0
"""EC2 clients, refusals, and VPCs that are removed at the end."""
import contextlib

import botocore.exceptions
import pytest

from machines import Machines


@pytest.fixture
def ec2(cloud):
    """Sends what the service should refuse, too."""
    return cloud.client("ec2", parameter_validation=False)


@pytest.fixture
def make_vpc(ec2):
    """make_vpc("10.0.0.0/16"): the id of a VPC, removed at the end with what is in it."""
    made = []

    def make(cidr="10.0.0.0/16", **more):
        made.append(ec2.create_vpc(CidrBlock=cidr, **more)["Vpc"]["VpcId"])
        return made[-1]

    yield make
    for vpc in made:
        with contextlib.suppress(botocore.exceptions.ClientError):
            remove(ec2, vpc)


def remove(ec2, vpc):
    inside = [{"Name": "vpc-id", "Values": [vpc]}]
    for eni in ec2.describe_network_interfaces(Filters=inside)["NetworkInterfaces"]:
        ec2.delete_network_interface(NetworkInterfaceId=eni["NetworkInterfaceId"])
    for subnet in ec2.describe_subnets(Filters=inside)["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    for table in ec2.describe_route_tables(Filters=inside)["RouteTables"]:
        if not table["Associations"]:
            ec2.delete_route_table(RouteTableId=table["RouteTableId"])
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
    for gateway in ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]:
        ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc)
        ec2.delete_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"])
    ec2.delete_vpc(VpcId=vpc)


@pytest.fixture
def vpc(make_vpc):
    return make_vpc()


@pytest.fixture
def machines(cloud):
    it = Machines(cloud)
    yield it
    it.end()


@pytest.fixture
def own_machines(own_cloud, request):
    """In a cloud of this test alone, with the options that it is parametrized by."""
    it = Machines(own_cloud(*getattr(request, "param", ())))
    yield it
    it.end()
