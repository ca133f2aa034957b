# SPDX-License-Identifier: Apache-2.0
"""Terraform's resources of networks."""
import os

from name_server import NameServer


def test_terraform(own_cloud, configuration, tmp_path):
    # Names of addresses are looked up, at a port that only root may have.
    names = NameServer(tmp_path) if os.geteuid() == 0 else None
    cloud = own_cloud(*(["--resolv-conf", str(names.file)] if names else []))
    terraform = configuration(cloud, "terraform")
    named = [f"-var=names={int(names is not None)}"]
    terraform.apply(*named)
    terraform.expect_no_change(*named)
    changed = [*named, "-var=team=blue", "-var=gateways=2"]
    terraform.apply(*changed)
    cloud.restart()
    terraform.expect_no_change(*changed)
    ec2 = cloud.client("ec2", region="eu-west-1")
    blue = [{"Name": "tag:team", "Values": ["blue"]}]
    assert len(ec2.describe_subnets(Filters=blue)["Subnets"]) == 3 and len(ec2.describe_vpcs(Filters=blue)["Vpcs"]) == 1
    has = ec2.describe_addresses_attribute()["Addresses"]
    assert [it["PtrRecord"] for it in has] == [f"{it['PublicIp'].replace('.', '-')}.at.example." for it in has]
    assert len(has) == (names is not None) and len(ec2.describe_addresses()["Addresses"]) == 3 + len(has)
    terraform.destroy(*changed)
    assert [it["IsDefault"] for it in ec2.describe_vpcs()["Vpcs"]] == [True]
    assert ec2.describe_addresses()["Addresses"] == ec2.describe_network_interfaces()["NetworkInterfaces"] == []
