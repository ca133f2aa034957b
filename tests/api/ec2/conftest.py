# SPDX-License-Identifier: Apache-2.0
"""EC2 clients, refusals, and VPCs that are removed at the end."""
import contextlib

import botocore.exceptions
import pytest


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
    for subnet in ec2.describe_subnets(Filters=inside)["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.delete_vpc(VpcId=vpc)


@pytest.fixture
def vpc(make_vpc):
    return make_vpc()
