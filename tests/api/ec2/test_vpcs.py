# SPDX-License-Identifier: Apache-2.0
"""VPCs: what comes with one, its address blocks, its attributes, its end; the default VPC."""
import pytest

from refusals import refused, wait_for


def described(ec2, vpc):
    return ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]


def in_vpc(vpc):
    return [{"Name": "vpc-id", "Values": [vpc]}]


def test_a_new_vpc_is_pending_then_available(ec2, make_vpc):
    made = ec2.create_vpc(CidrBlock="10.3.0.0/16", TagSpecifications=[
        {"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "three"}]}])["Vpc"]
    assert made["State"] == "pending" and made["Tags"] == [{"Key": "Name", "Value": "three"}]
    assert made["InstanceTenancy"] == "default" and made["IsDefault"] is False and made["OwnerId"] == "0" * 12
    assert made["Ipv6CidrBlockAssociationSet"] == []
    block = made["CidrBlockAssociationSet"]
    assert [(it["CidrBlock"], it["CidrBlockState"]) for it in block] == [("10.3.0.0/16", {"State": "associated"})]
    assert block[0]["AssociationId"].startswith("vpc-cidr-assoc-") and made["DhcpOptionsId"].startswith("dopt-")
    ec2.get_waiter("vpc_available").wait(VpcIds=[made["VpcId"]])
    ec2.delete_vpc(VpcId=made["VpcId"])
    assert refused(ec2.describe_vpcs, VpcIds=[made["VpcId"]]) == (
        "InvalidVpcID.NotFound", f"The vpc ID '{made['VpcId']}' does not exist")


def test_what_comes_with_a_vpc(ec2, vpc):
    table, = ec2.describe_route_tables(Filters=in_vpc(vpc))["RouteTables"]
    assert table["Routes"] == [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local",
                                "Origin": "CreateRouteTable", "State": "active"}]
    association, = table["Associations"]
    assert association["Main"] is True and "SubnetId" not in association
    assert association["AssociationState"] == {"State": "associated"}
    assert table["PropagatingVgws"] == table["Tags"] == []

    group, = ec2.describe_security_groups(Filters=in_vpc(vpc))["SecurityGroups"]
    assert (group["GroupName"], group["Description"]) == ("default", "default VPC security group")
    assert group["IpPermissions"] == [{"IpProtocol": "-1", "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [],
                                       "UserIdGroupPairs": [{"GroupId": group["GroupId"], "UserId": "0" * 12}]}]
    assert group["IpPermissionsEgress"] == [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [],
                                             "PrefixListIds": [], "UserIdGroupPairs": []}]

    acl, = ec2.describe_network_acls(Filters=in_vpc(vpc))["NetworkAcls"]
    assert acl["IsDefault"] is True and acl["Associations"] == []
    assert [(it["Egress"], it["RuleNumber"], it["RuleAction"], it["Protocol"], it["CidrBlock"])
            for it in acl["Entries"]] == [(True, 100, "allow", "-1", "0.0.0.0/0"), (True, 32767, "deny", "-1", "0.0.0.0/0"),
                                          (False, 100, "allow", "-1", "0.0.0.0/0"), (False, 32767, "deny", "-1", "0.0.0.0/0")]

    options, = ec2.describe_dhcp_options(DhcpOptionsIds=[described(ec2, vpc)["DhcpOptionsId"]])["DhcpOptions"]
    assert options["DhcpConfigurations"] == [
        {"Key": "domain-name", "Values": [{"Value": "ec2.internal"}]},
        {"Key": "domain-name-servers", "Values": [{"Value": "AmazonProvidedDNS"}]}]


@pytest.mark.parametrize("cidr, code", [
    ("10.0.0.0/15", "InvalidVpc.Range"), ("10.0.0.0/29", "InvalidVpc.Range"), ("127.0.0.0/16", "InvalidVpc.Range"),
    ("224.0.0.0/16", "InvalidVpc.Range"), ("10.0.0.0", "InvalidParameterValue"), ("10.0.0/16", "InvalidParameterValue"),
    ("10.0.0.0/33", "InvalidParameterValue"), ("10.0.0.256/24", "InvalidParameterValue"),
    ("010.0.0.0/16", "InvalidParameterValue"), ("", "InvalidParameterValue")])
def test_blocks_that_no_vpc_has(ec2, cidr, code):
    found = refused(ec2.create_vpc, CidrBlock=cidr)
    assert found == (code, {"InvalidVpc.Range": f"The CIDR '{cidr}' is invalid.", "InvalidParameterValue":
                            f"Value ({cidr}) for parameter cidrBlock is invalid. This is not a valid CIDR block."}[code])


def test_refused_creations(ec2):
    assert refused(ec2.create_vpc) == ("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
    assert refused(ec2.create_vpc, CidrBlock="10.0.0.0/16", InstanceTenancy="dedicated")[0] == "UnsupportedTenancy"
    for unbuilt in ({"Ipv6CidrBlock": "2001:db8::/56", "Ipv6Pool": "ipv6pool-ec2-1"}, {"Ipv4IpamPoolId": "ipam-pool-0123456789abcdef0"},
                    {"VpcEncryptionControl": {"Mode": "monitor"}}):
        assert refused(ec2.create_vpc, CidrBlock="10.0.0.0/16", **unbuilt)[0] == "UnsupportedOperation"


def test_host_bits_of_a_block_are_dropped(ec2, make_vpc):
    assert described(ec2, make_vpc("100.68.0.18/18"))["CidrBlock"] == "100.68.0.0/18"


def test_further_blocks(ec2, vpc):
    made = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.7.0.0/20")
    assert made["VpcId"] == vpc
    block = made["CidrBlockAssociation"]
    assert (block["CidrBlock"], block["CidrBlockState"]) == ("10.7.0.0/20", {"State": "associating"})

    def states():
        return {it["CidrBlock"]: it["CidrBlockState"]["State"] for it in described(ec2, vpc)["CidrBlockAssociationSet"]}
    wait_for(lambda: states() == {"10.0.0.0/16": "associated", "10.7.0.0/20": "associated"})
    assert described(ec2, vpc)["CidrBlock"] == "10.0.0.0/16"
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
    routes = ec2.describe_route_tables(Filters=in_vpc(vpc))["RouteTables"][0]["Routes"]
    assert {it["DestinationCidrBlock"] for it in routes} == {"10.0.0.0/16", "10.7.0.0/20"}

    assert refused(ec2.disassociate_vpc_cidr_block, AssociationId=block["AssociationId"]) == (
        "InvalidCidrBlock.InUse", f"The vpc {vpc} currently has a subnet within CIDR block 10.7.0.0/20")
    ec2.delete_subnet(SubnetId=subnet)
    gone = ec2.disassociate_vpc_cidr_block(AssociationId=block["AssociationId"])["CidrBlockAssociation"]
    assert gone["CidrBlockState"] == {"State": "disassociating"}
    wait_for(lambda: states() == {"10.0.0.0/16": "associated"})
    primary = described(ec2, vpc)["CidrBlockAssociationSet"][0]["AssociationId"]
    assert refused(ec2.disassociate_vpc_cidr_block, AssociationId=primary)[0] == "OperationNotPermitted"
    assert refused(ec2.disassociate_vpc_cidr_block, AssociationId=block["AssociationId"]) == (
        "InvalidVpcCidrBlockAssociationID.NotFound",
        f"The vpc CIDR block association ID '{block['AssociationId']}' does not exist")


@pytest.mark.parametrize("primary, further, code", [
    ("10.0.0.0/16", "192.168.0.0/16", "InvalidVpc.Range"), ("10.0.0.0/16", "172.16.0.0/16", "InvalidVpc.Range"),
    ("10.0.0.0/16", "198.19.1.0/24", "InvalidVpc.Range"), ("172.20.0.0/16", "172.31.0.0/20", "InvalidVpc.Range"),
    ("192.168.0.0/20", "10.0.0.0/16", "InvalidVpc.Range"), ("100.64.0.0/16", "10.0.0.0/16", "InvalidVpc.Range"),
    ("10.0.0.0/16", "10.0.4.0/24", "CidrConflict"), ("10.0.4.0/24", "10.0.0.0/16", "CidrConflict"),
    ("10.0.0.0/16", "10.1.0.0/16", None), ("10.0.0.0/16", "100.64.0.0/16", None), ("192.168.0.0/20", "192.168.64.0/20", None)])
def test_which_blocks_go_together(ec2, make_vpc, primary, further, code):
    vpc = make_vpc(primary)
    if code:
        assert refused(ec2.associate_vpc_cidr_block, VpcId=vpc, CidrBlock=further)[0] == code
    else:
        ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock=further)


def test_five_blocks_are_the_most(ec2, vpc):
    for third in range(1, 5):
        ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock=f"10.{third}.0.0/16")
    assert refused(ec2.associate_vpc_cidr_block, VpcId=vpc, CidrBlock="10.9.0.0/16") == (
        "CidrLimitExceeded", f"This network '{vpc}' has met its maximum number of allowed CIDRs: 5")


def test_attributes(ec2, vpc):
    def attribute(name):
        return ec2.describe_vpc_attribute(VpcId=vpc, Attribute=name)[name[0].upper() + name[1:]]["Value"]
    assert attribute("enableDnsSupport") is True and attribute("enableDnsHostnames") is False
    assert attribute("enableNetworkAddressUsageMetrics") is False
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": False})
    assert attribute("enableDnsSupport") is False and attribute("enableDnsHostnames") is True
    both = {"EnableDnsSupport": {"Value": True}, "EnableDnsHostnames": {"Value": True}}
    assert refused(ec2.modify_vpc_attribute, VpcId=vpc, **both)[0] == "InvalidParameterCombination"
    assert refused(ec2.modify_vpc_attribute, VpcId=vpc)[0] == "MissingParameter"
    assert refused(ec2.modify_vpc_attribute, VpcId=vpc, EnableNetworkAddressUsageMetrics={"Value": True})[0] == \
        "UnsupportedOperation"
    assert refused(ec2.describe_vpc_attribute, VpcId=vpc, Attribute="colour")[0] == "InvalidParameterValue"


def test_a_vpc_with_subnets_stays(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    assert refused(ec2.delete_vpc, VpcId=vpc) == (
        "DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted.")
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)
    for describe, member in ((ec2.describe_route_tables, "RouteTables"), (ec2.describe_network_acls, "NetworkAcls"),
                             (ec2.describe_security_groups, "SecurityGroups")):
        assert describe(Filters=in_vpc(vpc))[member] == []


def test_dry_run_does_nothing(ec2, vpc):
    filters = [{"Name": "cidr", "Values": ["10.99.0.0/16"]}]
    assert refused(ec2.create_vpc, CidrBlock="10.99.0.0/16", DryRun=True) == (
        "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
    assert ec2.describe_vpcs(Filters=filters)["Vpcs"] == []
    assert refused(ec2.create_vpc, CidrBlock="nonsense", DryRun=True)[0] == "InvalidParameterValue"
    assert refused(ec2.delete_vpc, VpcId=vpc, DryRun=True)[0] == "DryRunOperation"
    assert described(ec2, vpc)["VpcId"] == vpc


def test_survives_a_kill(own_cloud):
    cloud = own_cloud()
    ec2 = cloud.client("ec2")
    wait_for(lambda: ec2.describe_vpcs()["Vpcs"][0]["State"] == "available")
    default = ec2.describe_vpcs()["Vpcs"]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "k", "Value": "v"}])
    cloud.restart()
    assert [it for it in ec2.describe_vpcs()["Vpcs"] if it["VpcId"] != vpc] == default
    wait_for(lambda: described(ec2, vpc)["State"] == "available")
    assert described(ec2, vpc)["Tags"] == [{"Key": "k", "Value": "v"}]


def test_the_default_vpc(own_cloud):
    ec2 = own_cloud().client("ec2", region="eu-west-1")
    vpc, = ec2.describe_vpcs()["Vpcs"]
    assert vpc["IsDefault"] and vpc["CidrBlock"] == "172.31.0.0/16" and vpc["State"] == "available"
    zones = [it["ZoneName"] for it in ec2.describe_availability_zones()["AvailabilityZones"]]
    subnets = sorted(ec2.describe_subnets()["Subnets"], key=lambda it: it["AvailabilityZone"])
    assert [it["AvailabilityZone"] for it in subnets] == zones
    assert [it["CidrBlock"] for it in subnets] == [f"172.31.{16 * n}.0/20" for n in range(len(zones))]
    assert all(it["DefaultForAz"] and it["MapPublicIpOnLaunch"] and it["AvailableIpAddressCount"] == 4091
               and it["State"] == "available" for it in subnets)
    gateway, = ec2.describe_internet_gateways()["InternetGateways"]
    assert gateway["Attachments"] == [{"State": "available", "VpcId": vpc["VpcId"]}]
    table, = ec2.describe_route_tables()["RouteTables"]
    assert {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway["InternetGatewayId"], "Origin": "CreateRoute",
            "State": "active"} in table["Routes"]
    assert ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"]
    assert refused(ec2.create_default_vpc) == (
        "DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region.")


def test_default_subnets_come_back_by_demand(own_cloud):
    ec2 = own_cloud().client("ec2")
    first = next(it for it in ec2.describe_subnets()["Subnets"] if it["AvailabilityZone"] == "us-east-1a")
    assert refused(ec2.create_default_subnet, AvailabilityZone="us-east-1a") == (
        "DefaultSubnetAlreadyExistsInAvailabilityZone",
        f"'{first['SubnetId']}' is already the default subnet in us-east-1a.")
    ec2.delete_subnet(SubnetId=first["SubnetId"])
    made = ec2.create_default_subnet(AvailabilityZone="us-east-1a")["Subnet"]
    assert made["CidrBlock"] == first["CidrBlock"] and made["DefaultForAz"] and made["MapPublicIpOnLaunch"]
    assert refused(ec2.create_default_subnet, AvailabilityZone="us-east-1z")[0] == "InvalidParameterValue"
    assert refused(ec2.create_default_subnet)[0] == "MissingParameter"
    assert refused(ec2.create_default_subnet, AvailabilityZone="us-east-1a", Ipv6Native=True)[0] == "UnsupportedOperation"


def test_a_look_that_is_refused_leaves_no_trace(own_cloud):
    ec2 = own_cloud().client("ec2")
    assert refused(ec2.describe_vpcs, VpcIds=["vpc-0123456789abcdef0"])[0] == "InvalidVpcID.NotFound"
    assert len(ec2.describe_vpcs()["Vpcs"]) == 1
