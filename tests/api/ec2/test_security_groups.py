# SPDX-License-Identifier: Apache-2.0
"""Security groups and their rules."""
import pytest

from refusals import refused

ALL_OUT = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [], "PrefixListIds": [],
           "UserIdGroupPairs": []}
GONE = "sg-0123456789abcdef0"
NO_RULE = "sgr-0123456789abcdef0"


def tcp(port, *blocks, to=None, **more):
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": to or port,
            "IpRanges": [{"CidrIp": it} for it in blocks], **more}


@pytest.fixture
def make_group(ec2, vpc):
    def make(name="web", **more):
        return ec2.create_security_group(GroupName=name, Description="of the test", VpcId=vpc, **more)["GroupId"]
    yield make
    groups = [it for it in ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
              if it["GroupName"] != "default"]
    for group in groups:
        for rule in rules(ec2, group["GroupId"]):
            revoke = ec2.revoke_security_group_egress if rule["IsEgress"] else ec2.revoke_security_group_ingress
            revoke(GroupId=group["GroupId"], SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    for group in groups:
        ec2.delete_security_group(GroupId=group["GroupId"])


@pytest.fixture
def group(make_group):
    return make_group()


def described(ec2, group):
    return ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]


def rules(ec2, group, **more):
    return ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}], **more)["SecurityGroupRules"]


def ingress(ec2, group):
    return [it for it in rules(ec2, group) if not it["IsEgress"]]


def authorize(ec2, group, *permissions, **more):
    return ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=list(permissions), **more)


def test_a_new_group(ec2, vpc):
    made = ec2.create_security_group(GroupName="web", Description="for the web", VpcId=vpc, TagSpecifications=[
        {"ResourceType": "security-group", "Tags": [{"Key": "k", "Value": "v"}]}])
    group = made["GroupId"]
    arn = f"arn:aws:ec2:us-east-1:{'0' * 12}:security-group/{group}"
    assert made["SecurityGroupArn"] == arn and made["Tags"] == [{"Key": "k", "Value": "v"}]
    assert described(ec2, group) == {
        "GroupId": group, "GroupName": "web", "Description": "for the web", "VpcId": vpc, "OwnerId": "0" * 12,
        "SecurityGroupArn": arn, "IpPermissions": [], "IpPermissionsEgress": [ALL_OUT], "Tags": [{"Key": "k", "Value": "v"}]}
    rule, = rules(ec2, group)
    assert rule == {"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "GroupId": group, "GroupOwnerId": "0" * 12,
                    "IsEgress": True, "IpProtocol": "-1", "FromPort": -1, "ToPort": -1, "CidrIpv4": "0.0.0.0/0", "Tags": [],
                    "SecurityGroupRuleArn": f"arn:aws:ec2:us-east-1:{'0' * 12}:security-group-rule/{rule['SecurityGroupRuleId']}"}
    assert refused(ec2.delete_vpc, VpcId=vpc)[0] == "DependencyViolation"
    gone = ec2.delete_security_group(GroupId=group)
    assert gone["Return"] is True and gone["GroupId"] == group
    assert refused(ec2.describe_security_groups, GroupIds=[group]) == (
        "InvalidGroup.NotFound", f"The security group '{group}' does not exist")
    assert refused(ec2.describe_security_group_rules, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]) == (
        "InvalidSecurityGroupRuleId.NotFound",
        f"The security group rule ID '{rule['SecurityGroupRuleId']}' does not exist")
    assert ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [group]}])["Tags"] == []


def test_refused_groups(ec2, vpc, make_group):
    def made(name="other", description="x", **more):
        return refused(ec2.create_security_group, GroupName=name, Description=description, **{"VpcId": vpc, **more})
    make_group("web")
    assert made("Web") == ("InvalidGroup.Duplicate", f"The security group 'Web' already exists for VPC '{vpc}'")
    assert made("default") == ("InvalidParameterValue", "Cannot use reserved security group name: default")
    assert made("sg-web") == ("InvalidParameterValue", "Value (sg-web) for parameter GroupName is invalid. "
                              "Group names may not be in the format sg-*.")
    assert made("caf\u00e9")[0] == made("x" * 256)[0] == made("")[0] == "InvalidParameterValue"
    for description in ("it's", "", "x" * 256):
        assert made(description=description) == (
            "InvalidParameterValue", "Invalid security group description. Valid descriptions are strings less than 256 "
            "characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")
    assert made(VpcId="vpc-0123456789abcdef0")[0] == "InvalidVpcID.NotFound"
    assert made(DryRun=True)[0] == "DryRunOperation"
    assert refused(ec2.create_security_group, GroupName="x", VpcId=vpc)[0] == "MissingParameter"


def test_groups_of_the_default_vpc_have_names(own_cloud):
    ec2 = own_cloud().client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="web", Description="x")["GroupId"]
    assert described(ec2, group)["VpcId"] == vpc
    assert [it["GroupId"] for it in ec2.describe_security_groups(GroupNames=["web"])["SecurityGroups"]] == [group]
    assert refused(ec2.describe_security_groups, GroupNames=["none"]) == (
        "InvalidGroup.NotFound", f"The security group 'none' does not exist in default VPC '{vpc}'")
    ec2.authorize_security_group_ingress(GroupName="web", IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="10.0.0.0/8")
    ec2.authorize_security_group_ingress(GroupName="web", IpPermissions=[
        {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupName": "default"}]}])
    assert len(ingress(ec2, group)) == 2
    unknown = ec2.revoke_security_group_ingress(GroupName="web", IpPermissions=[tcp(22, "10.0.0.0/8", "10.0.0.0/9")])
    assert unknown["UnknownIpPermissions"] == [tcp(22, "10.0.0.0/9", Ipv6Ranges=[], PrefixListIds=[], UserIdGroupPairs=[])]
    assert len(unknown["RevokedSecurityGroupRules"]) == 1 and len(ingress(ec2, group)) == 1
    assert refused(ec2.authorize_security_group_ingress, GroupName="web", SourceSecurityGroupName="default")[0] == \
        "UnsupportedOperation"
    assert refused(ec2.authorize_security_group_ingress, GroupName="web") == (
        "MissingParameter", "The request must contain the parameter ipPermissions")
    assert refused(ec2.authorize_security_group_ingress, IpPermissions=[tcp(22, "10.0.0.0/8")])[0] == "MissingParameter"
    ec2.delete_security_group(GroupName="web")
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    gateway = ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"]
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_vpc(VpcId=vpc)
    assert refused(ec2.create_security_group, GroupName="web", Description="x") == (
        "VPCIdNotSpecified", "No default VPC for this user")
    assert refused(ec2.delete_security_group, GroupName="default")[0] == "InvalidGroup.NotFound"


def test_a_group_that_is_needed_stays(ec2, vpc, make_group):
    needed, other = make_group("needed"), make_group("other")
    default = next(it["GroupId"] for it in ec2.describe_security_groups(Filters=[
        {"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}])["SecurityGroups"])
    assert refused(ec2.delete_security_group, GroupId=default) == (
        "CannotDelete", f'the specified group: "{default}" name: "default" cannot be deleted by a user')
    pair = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": needed}]}
    authorize(ec2, needed, pair)
    authorize(ec2, other, pair)
    assert refused(ec2.delete_security_group, GroupId=needed) == (
        "DependencyViolation", f"resource {needed} has a dependent object")
    ec2.revoke_security_group_ingress(GroupId=other, IpPermissions=[pair])
    ec2.delete_security_group(GroupId=needed)
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[other])["NetworkInterface"]["NetworkInterfaceId"]
    assert refused(ec2.delete_security_group, GroupId=other) == (
        "DependencyViolation", f"resource {other} has a dependent object")
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    assert refused(ec2.delete_security_group, GroupId=GONE)[0] == "InvalidGroup.NotFound"
    assert refused(ec2.delete_security_group, GroupId="nonsense")[0] == "InvalidGroupId.Malformed"
    assert refused(ec2.delete_security_group)[0] == "MissingParameter"


def test_rules_come_and_go(ec2, group, make_group):
    other = make_group("other")
    made = authorize(ec2, group, tcp(443, "10.0.0.7/8", "192.168.1.1/32", to=444),
                     tcp(443, to=444, Ipv6Ranges=[{"CidrIpv6": "2001:DB8:0::1/32", "Description": "six"}],
                         UserIdGroupPairs=[{"GroupId": other}, {"GroupId": group, "UserId": "0" * 12}]),
                     {"IpProtocol": "17", "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
                     {"IpProtocol": "50", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
                     {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
                     {"IpProtocol": "ICMPv6", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
                     TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "k", "Value": "v"}]}])
    shown = made["SecurityGroupRules"]
    assert made["Return"] is True and len({it["SecurityGroupRuleId"] for it in shown}) == 9
    assert sorted(map(str, shown)) == sorted(map(str, ingress(ec2, group)))
    assert all(it["Tags"] == [{"Key": "k", "Value": "v"}] and not it["IsEgress"] for it in shown)
    assert [(it["IpProtocol"], it["FromPort"], it["ToPort"]) for it in shown[5:]] == [
        ("udp", 53, 53), ("50", -1, -1), ("icmp", 8, -1), ("icmpv6", -1, -1)]
    assert [it["CidrIpv4"] for it in shown[:2]] == ["10.0.0.0/8", "192.168.1.1/32"]
    assert (shown[2]["CidrIpv6"], shown[2]["Description"]) == ("2001:db8::/32", "six")
    assert [it["ReferencedGroupInfo"] for it in shown[3:5]] == [
        {"GroupId": other, "UserId": "0" * 12}, {"GroupId": group, "UserId": "0" * 12}]
    https = described(ec2, group)["IpPermissions"][0]
    assert https == {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 444, "PrefixListIds": [],
                     "IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "192.168.1.1/32"}],
                     "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32", "Description": "six"}],
                     "UserIdGroupPairs": [{"GroupId": other, "UserId": "0" * 12}, {"GroupId": group, "UserId": "0" * 12}]}
    gone = ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[https])["RevokedSecurityGroupRules"]
    assert sorted(it["SecurityGroupRuleId"] for it in gone) == sorted(it["SecurityGroupRuleId"] for it in shown[:5])
    assert gone[0] == {"SecurityGroupRuleId": shown[0]["SecurityGroupRuleId"], "GroupId": group, "IsEgress": False,
                       "IpProtocol": "tcp", "FromPort": 443, "ToPort": 444, "CidrIpv4": "10.0.0.0/8"}
    ids = [it["SecurityGroupRuleId"] for it in shown[5:]]
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=ids)
    assert ingress(ec2, group) == []
    assert ec2.describe_tags(Filters=[{"Name": "resource-type", "Values": ["security-group-rule"]}])["Tags"] == []


def test_egress_rules(ec2, group):
    made = ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[tcp(25, "10.0.0.0/8")])["SecurityGroupRules"]
    assert made[0]["IsEgress"] and made[0]["CidrIpv4"] == "10.0.0.0/8"
    assert refused(ec2.revoke_security_group_ingress, GroupId=group,
                   SecurityGroupRuleIds=[made[0]["SecurityGroupRuleId"]])[0] == "InvalidSecurityGroupRuleId.NotFound"
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[ALL_OUT])
    ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[made[0]["SecurityGroupRuleId"]])
    assert rules(ec2, group) == [] and described(ec2, group)["IpPermissionsEgress"] == []
    assert refused(ec2.revoke_security_group_egress, GroupId=group, IpPermissions=[ALL_OUT]) == (
        "InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
    assert refused(ec2.revoke_security_group_egress, GroupId=group) == (
        "MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.")
    assert refused(ec2.authorize_security_group_egress, GroupId=group)[0] == "MissingParameter"
    assert refused(ec2.revoke_security_group_egress, GroupId=group, IpPermissions=[ALL_OUT],
                   SecurityGroupRuleIds=[NO_RULE])[0] == "InvalidParameterCombination"
    assert refused(ec2.authorize_security_group_egress, GroupId=GONE, IpPermissions=[ALL_OUT])[0] == "InvalidGroup.NotFound"


def test_rules_that_are_there_already(ec2, group):
    authorize(ec2, group, tcp(22, "0.0.0.0/0"))

    def again(*permissions):
        return refused(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=list(permissions))
    assert again(tcp(22, "1.2.3.4/0")) == (
        "InvalidPermission.Duplicate",
        'the specified rule "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW" already exists')
    assert again(tcp(23, "10.0.0.0/8", "10.1.0.0/8")) == (
        "InvalidParameterValue", "The same permission must not appear multiple times")
    assert refused(ec2.authorize_security_group_egress, GroupId=group, IpPermissions=[ALL_OUT]) == (
        "InvalidPermission.Duplicate", 'the specified rule "peer: 0.0.0.0/0, ALL, ALLOW" already exists')
    ping = {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    authorize(ec2, group, ping)
    assert again(ping)[1] == 'the specified rule "peer: 0.0.0.0/0, ICMP, type: ALL, code: ALL, ALLOW" already exists'
    assert again(tcp(80, "10.0.0.0/8"), tcp(22, "0.0.0.0/0"))[0] == "InvalidPermission.Duplicate"
    assert len(ingress(ec2, group)) == 2
    assert refused(ec2.revoke_security_group_ingress, GroupId=group, IpPermissions=[tcp(22, "0.0.0.0/0", "10.0.0.0/8")]) == (
        "InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
    assert len(ingress(ec2, group)) == 2


@pytest.mark.parametrize("permission, text", [
    (tcp(22, "10.0.0.0/33"), "CIDR block 10.0.0.0/33 is malformed"),
    (tcp(22, "10.0.0.1"), "CIDR block 10.0.0.1 is malformed"),
    (tcp(22, Ipv6Ranges=[{"CidrIpv6": "2001:db8::/129"}]), "CIDR block 2001:db8::/129 is malformed"),
    (tcp(22, Ipv6Ranges=[{"CidrIpv6": "2001:db8:::/12"}]), "CIDR block 2001:db8:::/12 is malformed"),
    (tcp(70000, "10.0.0.0/8"), "TCP/UDP (from) port (70000) out of range"),
    (tcp(22, "10.0.0.0/8", to=65536), "TCP/UDP (to) port (65536) out of range"),
    (tcp(22, "10.0.0.0/8", to=-1), "TCP/UDP (to) port (-1) out of range"),
    (tcp(80, "10.0.0.0/8", to=70), "Invalid TCP/UDP port range (80:70)"),
    ({"IpProtocol": "tcp", "FromPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
     "Invalid value for portRange. Must specify both from and to ports with TCP/UDP."),
    ({"IpProtocol": "all", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, "Invalid value 'all' for IP protocol. Unknown protocol."),
    ({"IpProtocol": "256", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, "Invalid value '256' for IP protocol. Unknown protocol."),
    ({"IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
     "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly."),
    ({"IpProtocol": "icmp", "FromPort": 256, "ToPort": 0, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, "ICMP type (256) out of range"),
    ({"IpProtocol": "icmp", "FromPort": 8, "ToPort": 256, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, "ICMP code (256) out of range"),
    ({"IpProtocol": "icmp", "FromPort": -1, "ToPort": 0, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, "ICMP code (0) out of range"),
    ({"IpProtocol": "icmp", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
     "Invalid value for portRange. Must specify both type and code with ICMP."),
    (tcp(22, IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "it's"}]),
     "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  "
     "a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")])
def test_refused_rules(ec2, group, permission, text):
    assert refused(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[permission]) == (
        "InvalidParameterValue", text)
    assert ingress(ec2, group) == []


def test_refused_peers(ec2, group, make_vpc):
    def pair(**more):
        return refused(ec2.authorize_security_group_ingress, GroupId=group,
                       IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [more]}])
    assert pair(GroupId=GONE) == ("InvalidGroup.NotFound", f"The security group '{GONE}' does not exist")
    assert pair(GroupId=group, UserId="111122223333")[0] == "InvalidGroup.NotFound"
    assert pair(GroupId="nonsense")[0] == "InvalidGroupId.Malformed"
    assert pair(GroupName="nonsense")[0] == "InvalidGroup.NotFound"
    assert pair()[0] == "MissingParameter"
    far = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [make_vpc("10.9.0.0/16")]}])["SecurityGroups"][0]
    assert pair(GroupId=far["GroupId"]) == (
        "InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
    assert refused(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[tcp(22)]) == (
        "MissingParameter",
        "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId")


def test_sixty_rules_in_each_direction_of_each_version(ec2, group, make_group):
    other = make_group("other")
    full = ("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
    authorize(ec2, group, tcp(1, *(f"10.0.{n}.0/24" for n in range(59))))
    authorize(ec2, group, tcp(1, Ipv6Ranges=[{"CidrIpv6": f"2001:db8:{n:x}::/48"} for n in range(59)]))
    authorize(ec2, group, tcp(1, UserIdGroupPairs=[{"GroupId": other}]))
    for one in (tcp(2, "10.0.0.0/8"), tcp(2, Ipv6Ranges=[{"CidrIpv6": "::/0"}]), tcp(2, UserIdGroupPairs=[{"GroupId": other}])):
        assert refused(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[one]) == full
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[tcp(1, *(f"10.0.{n}.0/24" for n in range(59)))])
    assert refused(ec2.authorize_security_group_egress, GroupId=group, IpPermissions=[tcp(2, "10.0.0.0/8")]) == full
    assert len(ingress(ec2, group)) == 119


def test_descriptions(ec2, group):
    authorize(ec2, group, tcp(22, IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "first"}]))
    rule = ingress(ec2, group)[0]["SecurityGroupRuleId"]
    out = next(it["SecurityGroupRuleId"] for it in rules(ec2, group) if it["IsEgress"])

    def description(of=rule):
        return ec2.describe_security_group_rules(SecurityGroupRuleIds=[of])["SecurityGroupRules"][0].get("Description")
    update = ec2.update_security_group_rule_descriptions_ingress
    assert description() == "first"
    update(GroupId=group, IpPermissions=[tcp(22, IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "second"}])])
    assert description() == "second"
    update(GroupId=group, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": rule, "Description": "third"}])
    assert description() == "third"
    update(GroupId=group, IpPermissions=[tcp(22, "10.0.0.0/8")])
    assert description() is None
    ec2.update_security_group_rule_descriptions_egress(
        GroupId=group, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": out, "Description": "out"}])
    assert description(out) == "out"
    ec2.update_security_group_rule_descriptions_egress(GroupId=group, IpPermissions=[ALL_OUT])
    assert description(out) is None
    assert refused(update, GroupId=group) == (
        "MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleDescriptions' should be provided.")
    assert refused(update, GroupId=group, IpPermissions=[tcp(23, "10.0.0.0/8")])[0] == "InvalidPermission.NotFound"
    assert refused(update, GroupId=group, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": out}])[0] == \
        "InvalidSecurityGroupRuleId.NotFound"
    assert refused(update, GroupId=group, SecurityGroupRuleDescriptions=[
        {"SecurityGroupRuleId": rule, "Description": "it's"}])[0] == "InvalidParameterValue"


def test_rules_are_modified(ec2, group):
    authorize(ec2, group, tcp(22, "10.0.0.0/8"), tcp(23, "10.0.0.0/8"))
    first, second = sorted(ingress(ec2, group), key=lambda it: it["FromPort"])

    def update(rule=first["SecurityGroupRuleId"], **more):
        return {"GroupId": group, "SecurityGroupRules": [{"SecurityGroupRuleId": rule, "SecurityGroupRule": more}]}

    def not_done(**more):
        return refused(ec2.modify_security_group_rules, **update(**more))
    ssh = {"IpProtocol": "tcp", "FromPort": 2222, "ToPort": 2223, "CidrIpv4": "10.1.0.0/16", "Description": "new"}
    assert ec2.modify_security_group_rules(**update(**ssh))["Return"] is True
    assert sorted(ingress(ec2, group), key=lambda it: -it["FromPort"])[0] == {**first, **ssh}
    assert not_done(**{**ssh, "FromPort": 23, "ToPort": 23, "CidrIpv4": "10.0.0.0/8"}) == (
        "InvalidPermission.Duplicate",
        'the specified rule "peer: 10.0.0.0/8, TCP, from port: 23, to port: 23, ALLOW" already exists')
    assert not_done(IpProtocol="tcp", FromPort=1, ToPort=1, CidrIpv6="::/0") == (
        "InvalidParameterValue", f"Invalid rule type for security group rule '{first['SecurityGroupRuleId']}'. "
        "You may not specify CidrIpv6 for an existing IPv4 CIDR rule.")
    assert not_done(**ssh, CidrIpv6="::/0") == (
        "InvalidParameterCombination",
        "Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified")
    assert not_done(IpProtocol="tcp", FromPort=1, ToPort=1)[0] == "MissingParameter"
    assert not_done(**{**ssh, "IpProtocol": "nonsense"})[0] == "InvalidParameterValue"
    assert not_done(rule=NO_RULE, **ssh)[0] == "InvalidSecurityGroupRuleId.NotFound"
    assert not_done(rule="nonsense", **ssh)[0] == "InvalidSecurityGroupRuleId.Malformed"
    assert refused(ec2.modify_security_group_rules, GroupId=group,
                   SecurityGroupRules=[{"SecurityGroupRuleId": second["SecurityGroupRuleId"]}])[0] == "MissingParameter"


def test_groups_for_a_vpc(ec2, vpc, group):
    found = ec2.get_security_groups_for_vpc(VpcId=vpc)["SecurityGroupForVpcs"]
    assert {it["GroupName"] for it in found} == {"default", "web"}
    assert next(it for it in found if it["GroupName"] == "web") == {
        "GroupId": group, "GroupName": "web", "Description": "of the test", "OwnerId": "0" * 12, "PrimaryVpcId": vpc, "Tags": []}
    assert ec2.get_security_groups_for_vpc(VpcId=vpc, Filters=[{"Name": "group-id", "Values": [group]}])[
        "SecurityGroupForVpcs"][0]["GroupName"] == "web"
    assert refused(ec2.get_security_groups_for_vpc, VpcId="vpc-0123456789abcdef0")[0] == "InvalidVpcID.NotFound"


def test_rules_have_pages_and_tags(ec2, group):
    authorize(ec2, group, tcp(1, *(f"10.0.{n}.0/24" for n in range(11))))
    pages = list(ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [group]}], PaginationConfig={"PageSize": 5}))
    assert [len(it["SecurityGroupRules"]) for it in pages] == [5, 5, 2]
    rule = pages[0]["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    ec2.create_tags(Resources=[rule], Tags=[{"Key": "k", "Value": "v"}])
    assert [it["SecurityGroupRuleId"] for it in ec2.describe_security_group_rules(
        Filters=[{"Name": "tag:k", "Values": ["v"]}])["SecurityGroupRules"]] == [rule]
    assert refused(ec2.describe_security_group_rules, Filters=[{"Name": "colour", "Values": ["x"]}])[0] == \
        "InvalidParameterValue"


def test_survives_a_kill(own_cloud):
    cloud = own_cloud()
    ec2 = cloud.client("ec2")
    group = ec2.create_security_group(GroupName="web", Description="x")["GroupId"]
    authorize(ec2, group, tcp(22, "10.0.0.0/8"))
    before = described(ec2, group), rules(ec2, group)
    cloud.restart()
    assert (described(ec2, group), rules(ec2, group)) == before


def test_no_more_groups_than_a_region_may_have(own_cloud):
    cloud = own_cloud()
    ec2 = cloud.client("ec2")
    for n in range(2499):
        ec2.create_security_group(GroupName=f"g{n}", Description="x")
    assert refused(ec2.create_security_group, GroupName="more", Description="x")[0] == "SecurityGroupLimitExceeded"
    cloud.client("ec2", region="eu-west-1").create_security_group(GroupName="more", Description="x")
