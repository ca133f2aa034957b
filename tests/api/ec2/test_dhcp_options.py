# SPDX-License-Identifier: Apache-2.0
"""DHCP option sets."""
import pytest

from refusals import refused

GONE = "dopt-0123456789abcdef0"


def option(key, *values):
    return {"Key": key, "Values": list(values)}


@pytest.fixture
def options(ec2):
    made = ec2.create_dhcp_options(DhcpConfigurations=[option("domain-name", "example.com")])["DhcpOptions"]["DhcpOptionsId"]
    yield made
    ec2.delete_dhcp_options(DhcpOptionsId=made)


def test_a_new_set(ec2):
    made = ec2.create_dhcp_options(
        DhcpConfigurations=[option("domain-name", "example.com"), option("domain-name-servers", "10.2.5.1,10.2.5.2", "2001:db8::1")],
        TagSpecifications=[{"ResourceType": "dhcp-options", "Tags": [{"Key": "k", "Value": "v"}]}])["DhcpOptions"]
    assert made == {
        "DhcpOptionsId": made["DhcpOptionsId"], "OwnerId": "0" * 12, "Tags": [{"Key": "k", "Value": "v"}],
        "DhcpConfigurations": [{"Key": "domain-name", "Values": [{"Value": "example.com"}]}, {
            "Key": "domain-name-servers", "Values": [{"Value": "10.2.5.1"}, {"Value": "10.2.5.2"}, {"Value": "2001:db8::1"}]}]}
    assert ec2.describe_dhcp_options(DhcpOptionsIds=[made["DhcpOptionsId"]])["DhcpOptions"] == [made]
    assert ec2.describe_dhcp_options(Filters=[{"Name": "value", "Values": ["10.2.5.2"]}])["DhcpOptions"] == [made]
    ec2.delete_dhcp_options(DhcpOptionsId=made["DhcpOptionsId"])
    assert refused(ec2.delete_dhcp_options, DhcpOptionsId=made["DhcpOptionsId"]) == (
        "InvalidDhcpOptionsID.NotFound", f"The dhcpOption ID '{made['DhcpOptionsId']}' does not exist")


def test_of_a_vpc(ec2, vpc, options):
    def of_vpc():
        return ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"]
    default = of_vpc()
    ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=vpc)
    assert of_vpc() == options
    for used, noun in ((options, "used"), (default, "the region's")):
        assert refused(ec2.delete_dhcp_options, DhcpOptionsId=used) == (
            "DependencyViolation", f"The dhcpOptions '{used}' has dependencies and cannot be deleted."), noun
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    assert of_vpc() == "default"  # none at all
    ec2.associate_dhcp_options(DhcpOptionsId=default, VpcId=vpc)
    assert of_vpc() == default
    assert refused(ec2.associate_dhcp_options, DhcpOptionsId=GONE, VpcId=vpc)[0] == "InvalidDhcpOptionsID.NotFound"
    assert refused(ec2.associate_dhcp_options, DhcpOptionsId="x", VpcId=vpc)[0] == "InvalidDhcpOptionsId.Malformed"
    assert refused(ec2.associate_dhcp_options, DhcpOptionsId=options, VpcId="vpc-0123456789abcdef0")[0] == "InvalidVpcID.NotFound"


@pytest.mark.parametrize("options, code", [
    ([], "MissingParameter"), ([option("domain-name")], "MissingParameter"),
    ([option("colour", "red")], "InvalidParameterValue"),
    ([option("domain-name", "a.com", "b.com")], "InvalidParameterValue"),
    ([option("domain-name", "a.com"), option("domain-name", "b.com")], "InvalidParameterValue"),
    ([option("domain-name-servers", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5")], "InvalidParameterValue"),
    ([option("domain-name-servers", "nonsense")], "InvalidParameterValue"),
    ([option("ntp-servers", "10.0.0.1")], "UnsupportedOperation"),
    ([option("netbios-name-servers", "10.0.0.1")], "UnsupportedOperation"),
    ([option("netbios-node-type", "2")], "UnsupportedOperation"),
    ([option("ipv6-address-preferred-lease-time", "140")], "UnsupportedOperation")])
def test_refused(ec2, options, code):
    assert refused(ec2.create_dhcp_options, DhcpConfigurations=options)[0] == code


def test_survives_a_kill(own_cloud):
    cloud = own_cloud()
    ec2 = cloud.client("ec2")
    ec2.create_dhcp_options(DhcpConfigurations=[option("domain-name-servers", "AmazonProvidedDNS")])
    before = ec2.describe_dhcp_options()["DhcpOptions"]
    cloud.restart()
    assert len(before) == 2 and ec2.describe_dhcp_options()["DhcpOptions"] == before
