# SPDX-License-Identifier: Apache-2.0
"""Instances: what runs, their states and reasons, what outlives what; types, images, attributes."""
import base64
import os
import signal
import time

import pytest

from machines import Machines, root, soon
from refusals import refused

USER = {"Code": "Client.UserInitiatedShutdown", "Message": "Client.UserInitiatedShutdown: User initiated shutdown"}


def names(changes):
    return [(it["PreviousState"]["Name"], it["CurrentState"]["Name"], it["CurrentState"]["Code"]) for it in changes]


# ---- lives --------------------------------------------------------------------------------------------------------


@root
def test_an_instance_runs_its_user_data_once(machines):
    made = machines.run("echo ran-as-$(id -un)-on-$(hostname)", TagSpecifications=[
        {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "one"}]}])
    assert made["State"] == {"Code": 0, "Name": "pending"} and made["StateReason"]["Code"] == "pending"
    assert made["Tags"] == [{"Key": "Name", "Value": "one"}]
    instance = made["InstanceId"]
    it = machines.wait(instance, "running")
    assert it["State"]["Code"] == 16 and "StateReason" not in it and it["StateTransitionReason"] == ""
    host = it["PrivateDnsName"].split(".")[0]
    assert host == "ip-" + it["PrivateIpAddress"].replace(".", "-")
    assert f"ran-as-root-on-{host}" in machines.says(instance, f"{instance} has booted")

    machines.ec2.reboot_instances(InstanceIds=[instance])
    soon(lambda: machines.console(instance).count("has booted") == 2, "the second boot")
    assert names(machines.ec2.stop_instances(InstanceIds=[instance])["StoppingInstances"]) == [
        ("running", "stopping", 64)]
    machines.wait(instance, "stopped")
    assert names(machines.ec2.start_instances(InstanceIds=[instance])["StartingInstances"]) == [
        ("stopped", "pending", 0)]
    machines.wait(instance, "running")
    soon(lambda: machines.console(instance).count("has booted") == 3, "the third boot")
    assert machines.console(instance).count("ran-as-root") == 1


@root
@pytest.mark.parametrize("own_machines", [("--auth", "open")], indirect=True)  # signatures do not outlive the leap of the clock
def test_states_reasons_and_an_hour_of_memory(own_machines):
    machines, cloud = own_machines, own_machines.cloud
    instance = machines.start()
    machines.ec2.stop_instances(InstanceIds=[instance])
    it = machines.wait(instance, "stopped")
    assert it["StateReason"] == USER and it["StateTransitionReason"].startswith("User initiated (")
    assert it["State"]["Code"] == 80 and it["NetworkInterfaces"][0]["Status"] == "in-use"
    assert names(machines.ec2.terminate_instances(InstanceIds=[instance])["TerminatingInstances"]) == [
        ("stopped", "shutting-down", 32)]
    it = machines.wait(instance, "terminated")
    assert it["StateReason"] == USER and it["State"]["Code"] == 48 and it["NetworkInterfaces"] == []
    assert "VpcId" not in it and "PrivateIpAddress" not in it
    assert refused(machines.ec2.start_instances, InstanceIds=[instance]) == (
        "IncorrectInstanceState", f"The instance '{instance}' is not in a state from which it can be started.")
    assert names(machines.ec2.terminate_instances(InstanceIds=[instance])["TerminatingInstances"]) == [
        ("terminated", "terminated", 48)]
    assert not list((cloud.data / "instances").iterdir())
    cloud.advance(3700)
    soon(lambda: machines.ec2.describe_instances()["Reservations"] == [], "the end of what is told")
    cloud.restart()
    assert machines.ec2.describe_instances()["Reservations"] == []


@root
def test_instances_outlive_the_server(own_machines):
    machines, cloud = own_machines, own_machines.cloud
    instance = machines.start("echo $$ > /pid; echo kept > /kept; while :; do sleep 1; done")
    soon(lambda: machines.exec(instance, "cat", "/pid").stdout, "the process")
    before = machines.exec(instance, "cat", "/pid").stdout
    cloud.restart(signal.SIGKILL)
    machines.wait(instance, "running")
    assert machines.exec(instance, "sh", "-c", "kill -0 $(cat /pid) && cat /pid").stdout == before
    assert machines.ec2.stop_instances(InstanceIds=[instance])["StoppingInstances"]
    machines.wait(instance, "stopped")
    cloud.restart()
    assert machines.look(instance)["State"]["Name"] == "stopped"
    machines.ec2.start_instances(InstanceIds=[instance])
    machines.wait(instance, "running")
    assert machines.exec(instance, "cat", "/kept").stdout == "kept\n"


@root
def test_killed_at_any_moment_a_launch_ends_well(own_machines):
    machines, cloud = own_machines, own_machines.cloud
    for pause in (0, 0.005, 0.02, 0.05):
        instance = machines.run("echo up")["InstanceId"]
        time.sleep(pause)
        cloud.restart(signal.SIGKILL)
        machines.wait(instance, "running")
        machines.says(instance, f"{instance} has booted")
        machines.ec2.terminate_instances(InstanceIds=[instance])
        time.sleep(pause)
        cloud.restart(signal.SIGKILL)
        machines.wait(instance, "terminated")
    assert not list((cloud.data / "instances").iterdir())


@root
@pytest.mark.parametrize("behavior, state", [("stop", "stopped"), ("terminate", "terminated")])
def test_a_shutdown_from_inside(machines, behavior, state):
    instance = machines.start(InstanceInitiatedShutdownBehavior=behavior)
    machines.exec(instance, "kill", "-TERM", "1")
    it = machines.wait(instance, state)
    assert it["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    assert machines.ec2.describe_instance_attribute(
        InstanceId=instance, Attribute="instanceInitiatedShutdownBehavior")[
            "InstanceInitiatedShutdownBehavior"] == {"Value": behavior}


@root
def test_the_type_is_a_limit(machines):
    """t3.nano: 512 MiB."""
    instance = machines.start(InstanceType="t3.nano")
    hungry = machines.exec(instance, "sh", "-c", "head -c 700m /dev/zero | tail -c 699m | wc -c")
    assert hungry.returncode == 0 and "733" not in hungry.stdout
    machines.ec2.stop_instances(InstanceIds=[instance])
    machines.wait(instance, "stopped")
    machines.ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": "t3.small"})
    machines.ec2.start_instances(InstanceIds=[instance])
    assert machines.wait(instance, "running")["InstanceType"] == "t3.small"
    full = machines.exec(instance, "sh", "-c", "head -c 700m /dev/zero | tail -c 699m | wc -c")
    assert full.stdout.strip() == str(699 << 20)


@root
def test_a_command_inside(machines):
    instance = machines.start()
    done = machines.exec(instance, "sh", "-c", "hostname; echo wrong >&2; exit 3")
    assert done.returncode == 3 and done.stdout.startswith("ip-") and done.stderr == "wrong\n"
    assert "no i-" in machines.exec("i-00000000000000000", "true").stderr
    machines.ec2.stop_instances(InstanceIds=[instance])
    machines.wait(instance, "stopped")
    assert machines.exec(instance, "true").returncode == 125


@root
def test_several_at_once_and_never_twice(machines):
    token = f"token-{time.time()}"
    ask = {"MinCount": 1, "MaxCount": 3, "ClientToken": token}
    machines.run(**ask)
    again = machines.ec2.run_instances(ImageId=machines.image, InstanceType="t3.micro", **ask)["Instances"]
    assert {it["InstanceId"] for it in again} == set(machines.made)
    reservations = machines.ec2.describe_instances(Filters=[{"Name": "client-token", "Values": [token]}])["Reservations"]
    assert len(reservations) == 1 and len(reservations[0]["Instances"]) == 3
    assert sorted(it["AmiLaunchIndex"] for it in reservations[0]["Instances"]) == [0, 1, 2]
    assert len({it["PrivateIpAddress"] for it in reservations[0]["Instances"]}) == 3
    assert refused(machines.ec2.run_instances, ImageId=machines.image, InstanceType="t3.small", **ask)[0] == \
        "IdempotentParameterMismatch"
    found = machines.ec2.describe_instances(Filters=[
        {"Name": "reservation-id", "Values": [reservations[0]["ReservationId"]]},
        {"Name": "private-ip-address", "Values": [machines.look(machines.made[0])["PrivateIpAddress"]]}])
    assert [it["InstanceId"] for it in found["Reservations"][0]["Instances"]] == machines.made[:1]


# ---- status and protection ----------------------------------------------------------------------------------------


@root
def test_status_and_protection(machines):
    ec2, instance = machines.ec2, machines.start(DisableApiTermination=True)
    status, = ec2.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"]
    assert status["InstanceStatus"] == status["SystemStatus"] == {
        "Status": "ok", "Details": [{"Name": "reachability", "Status": "passed"}]}
    assert refused(ec2.terminate_instances, InstanceIds=[instance]) == (
        "OperationNotPermitted", f"The instance '{instance}' may not be terminated. Modify its "
        "'disableApiTermination' instance attribute and try again.")
    ec2.modify_instance_attribute(InstanceId=instance, DisableApiStop={"Value": True})
    assert refused(ec2.stop_instances, InstanceIds=[instance])[0] == "OperationNotPermitted"
    ec2.modify_instance_attribute(InstanceId=instance, Attribute="disableApiStop", Value="false")
    assert refused(ec2.modify_instance_attribute, InstanceId=instance, UserData={"Value": b"x"}) == (
        "IncorrectInstanceState", f"The instance '{instance}' is not in the 'stopped' state.")
    assert refused(ec2.stop_instances, InstanceIds=[instance], DryRun=True)[0] == "DryRunOperation"
    assert machines.look(instance)["State"]["Name"] == "running"
    ec2.stop_instances(InstanceIds=[instance])
    machines.wait(instance, "stopped")
    assert ec2.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"] == []
    stopped, = ec2.describe_instance_status(InstanceIds=[instance], IncludeAllInstances=True)["InstanceStatuses"]
    assert stopped["InstanceStatus"] == {"Status": "not-applicable"}
    assert refused(ec2.reboot_instances, InstanceIds=[instance])[0] == "IncorrectInstanceState"
    ec2.modify_instance_attribute(InstanceId=instance, UserData={"Value": b"#!/bin/sh\necho two"})
    data = ec2.describe_instance_attribute(InstanceId=instance, Attribute="userData")["UserData"]["Value"]
    assert base64.b64decode(data) == b"#!/bin/sh\necho two"


@root
def test_attributes(machines):
    ec2, instance = machines.ec2, machines.start("true", MetadataOptions={"HttpTokens": "optional"})
    show = lambda name: ec2.describe_instance_attribute(InstanceId=instance, Attribute=name)
    assert show("instanceType")["InstanceType"] == {"Value": "t3.micro"}
    assert show("sourceDestCheck")["SourceDestCheck"] == {"Value": True}
    ec2.modify_instance_attribute(InstanceId=instance, SourceDestCheck={"Value": False})
    assert show("sourceDestCheck")["SourceDestCheck"] == {"Value": False}
    assert refused(ec2.reset_instance_attribute, InstanceId=instance, Attribute="sourceDestCheck", DryRun=True)[0] == "DryRunOperation"
    assert show("sourceDestCheck")["SourceDestCheck"] == {"Value": False}
    ec2.reset_instance_attribute(InstanceId=instance, Attribute="sourceDestCheck")
    assert show("sourceDestCheck")["SourceDestCheck"] == {"Value": True}
    for name, code in (("kernel", "UnsupportedOperation"), ("ramdisk", "UnsupportedOperation"),
                       ("instanceType", "InvalidParameterValue"), ("nothing", "InvalidParameterValue")):
        assert refused(ec2.reset_instance_attribute, InstanceId=instance, Attribute=name)[0] == code
    assert refused(ec2.reset_instance_attribute, InstanceId="i-0123456789abcdef0", Attribute="kernel")[0] == "InvalidInstanceID.NotFound"
    assert show("rootDeviceName")["RootDeviceName"] == {"Value": "/dev/xvda"}
    vpc = machines.look(instance)["VpcId"]
    group, = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]},
                                                   {"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]
    assert show("groupSet")["Groups"] == [{"GroupId": group["GroupId"], "GroupName": "default"}]
    options = ec2.modify_instance_metadata_options(InstanceId=instance, HttpTokens="required",
                                                   HttpPutResponseHopLimit=3)["InstanceMetadataOptions"]
    assert options["HttpTokens"] == "required" and options["HttpPutResponseHopLimit"] == 3
    assert ec2.describe_instance_credit_specifications(InstanceIds=[instance])["InstanceCreditSpecifications"] == [
        {"InstanceId": instance, "CpuCredits": "unlimited"}]


@root
def test_options(machines):
    ec2 = machines.ec2
    instance = machines.start(MaintenanceOptions={"AutoRecovery": "disabled"}, PrivateDnsNameOptions={"HostnameType": "resource-name"})
    it = machines.look(instance)
    assert it["MaintenanceOptions"] == {"AutoRecovery": "disabled", "RebootMigration": "default"}
    assert it["PrivateDnsNameOptions"]["HostnameType"] == "resource-name"
    assert machines.exec(instance, "hostname").stdout.strip() == instance and it["PrivateDnsName"] == f"{instance}.ec2.internal"
    assert ec2.modify_instance_maintenance_options(InstanceId=instance, AutoRecovery="default")["AutoRecovery"] == "default"
    assert machines.look(instance)["MaintenanceOptions"]["AutoRecovery"] == "default"
    assert refused(ec2.modify_instance_maintenance_options, InstanceId=instance, RebootMigration="disabled")[0] == "UnsupportedOperation"
    by_address = {"InstanceId": instance, "PrivateDnsHostnameType": "ip-name"}
    assert refused(ec2.modify_private_dns_name_options, **by_address)[0] == "IncorrectInstanceState"
    assert refused(ec2.modify_private_dns_name_options, InstanceId=instance, EnableResourceNameDnsARecord=True)[0] == "UnsupportedOperation"
    told = ec2.modify_instance_credit_specification(InstanceCreditSpecifications=[
        {"InstanceId": instance, "CpuCredits": "unlimited"}, {"InstanceId": "i-00000000", "CpuCredits": "unlimited"}])
    assert told["SuccessfulInstanceCreditSpecifications"] == [{"InstanceId": instance}]
    assert told["UnsuccessfulInstanceCreditSpecifications"] == [{"InstanceId": "i-00000000", "Error": {
        "Code": "InvalidInstanceID.NotFound", "Message": "The instance ID 'i-00000000' does not exist"}}]
    assert refused(ec2.modify_instance_credit_specification, InstanceCreditSpecifications=[
        {"InstanceId": instance, "CpuCredits": "standard"}])[0] == "UnsupportedOperation"
    ec2.stop_instances(InstanceIds=[instance])
    machines.wait(instance, "stopped")
    ec2.modify_private_dns_name_options(**by_address)
    ec2.start_instances(InstanceIds=[instance])
    it = machines.wait(instance, "running")
    assert it["PrivateDnsName"].startswith("ip-") and machines.exec(instance, "hostname").stdout.strip() == it["PrivateDnsName"].split(".")[0]


@root
@pytest.mark.parametrize("end, state", [("stop_instances", "stopped"), ("terminate_instances", "terminated")])
def test_an_end_without_a_shutdown(own_machines, end, state):
    """SkipOsShutdown: what would not end by itself while the clock stands is not asked; also once it has been asked."""
    machines = own_machines
    stubborn = "trap '' TERM; echo armed; while :; do sleep 0.1; done"
    for asked_before in (False, True):
        instance = machines.start(stubborn)
        machines.says(instance, "armed")
        call = getattr(machines.ec2, end)
        machines.cloud.stand()
        if asked_before:
            call(InstanceIds=[instance])
        call(InstanceIds=[instance], SkipOsShutdown=True)
        machines.wait(instance, state)
        machines.cloud.set_clock(stand=False)


# ---- what is refused ----------------------------------------------------------------------------------------------


def test_what_run_instances_refuses(cloud):
    machines = Machines(cloud)
    good = {"ImageId": machines.image, "MinCount": 1, "MaxCount": 1, "InstanceType": "t3.micro"}
    cases = [
        ({"ImageId": "ami-12345678"}, "InvalidAMIID.NotFound", "The image id '[ami-12345678]' does not exist"),
        ({"ImageId": "ami-x"}, "InvalidAMIID.Malformed", 'Invalid id: "ami-x" (expecting "ami-...")'),
        ({"InstanceType": "t9.huge"}, "InvalidParameterValue", "Invalid value 't9.huge' for InstanceType."),
        ({"KeyName": "nobodys"}, "InvalidKeyPair.NotFound", "The key pair 'nobodys' does not exist"),
        ({"SubnetId": "subnet-00000000"}, "InvalidSubnetID.NotFound", "The subnet ID 'subnet-00000000' does not exist"),
        ({"UserData": "x" * 16385}, "InvalidParameterValue", "User data is limited to 16384 bytes"),
        ({"MinCount": 2}, "InvalidParameterValue", None),
        ({"MaxCount": 0}, "InvalidParameterValue", None),
        ({"Monitoring": {"Enabled": True}}, "UnsupportedOperation", None),
        ({"EbsOptimized": True}, "UnsupportedOperation", None),
        ({"AdditionalInfo": "x"}, "UnsupportedOperation", None),
        ({"PrivateDnsNameOptions": {"EnableResourceNameDnsARecord": True}}, "UnsupportedOperation", None),
        ({"IamInstanceProfile": {"Name": "nobodys"}}, "InvalidParameterValue",
         "Value (nobodys) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"),
        ({"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 1}}]},
         "InvalidBlockDeviceMapping", None),
    ]
    for change, code, message in cases:
        told = refused(machines.ec2.run_instances, **{**good, **change})
        assert told[0] == code and message in (None, told[1]), (change, told)
    assert refused(machines.ec2.run_instances, **good, DryRun=True)[0] == "DryRunOperation"


def test_what_is_not_there(ec2):
    gone, other = "i-0123456789abcdef0", "i-0123456789abcdef1"
    assert refused(ec2.describe_instances, InstanceIds=[gone]) == (
        "InvalidInstanceID.NotFound", f"The instance ID '{gone}' does not exist")
    assert refused(ec2.stop_instances, InstanceIds=[gone, other]) == (
        "InvalidInstanceID.NotFound", f"The instance IDs '{gone}, {other}' do not exist")
    assert refused(ec2.start_instances, InstanceIds=["i-x"])[0] == "InvalidInstanceID.Malformed"
    assert refused(ec2.get_console_output, InstanceId=gone)[0] == "InvalidInstanceID.NotFound"
    assert refused(ec2.describe_instances, Filters=[{"Name": "colour", "Values": ["red"]}])[0] == "InvalidParameterValue"


# ---- types and images ---------------------------------------------------------------------------------------------


def test_types(ec2):
    micro, = ec2.describe_instance_types(InstanceTypes=["t3.micro"])["InstanceTypes"]
    assert micro["VCpuInfo"]["DefaultVCpus"] == 2 and micro["MemoryInfo"] == {"SizeInMiB": 1024}
    assert micro["BurstablePerformanceSupported"] is True and micro["NetworkInfo"]["MaximumNetworkInterfaces"] == 2
    everything = ec2.describe_instance_types()["InstanceTypes"]
    paged, token = [], None
    while True:
        page = ec2.describe_instance_types(MaxResults=5, **({"NextToken": token} if token else {}))
        paged += page["InstanceTypes"]
        if not (token := page.get("NextToken")):
            break
    assert paged == everything
    big = ec2.describe_instance_types(Filters=[{"Name": "vcpu-info.default-vcpus", "Values": ["8"]}])["InstanceTypes"]
    assert big and all(it["VCpuInfo"]["DefaultVCpus"] == 8 for it in big)
    assert refused(ec2.describe_instance_types, InstanceTypes=["x.y"]) == (
        "InvalidInstanceType", "The following supplied instance types do not exist: [x.y]")
    zones = ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=[
        {"Name": "instance-type", "Values": ["m5.large"]}])["InstanceTypeOfferings"]
    assert "us-east-1a" in [it["Location"] for it in zones] and {it["InstanceType"] for it in zones} == {"m5.large"}


def test_images(ec2):
    image, = ec2.describe_images(Owners=["amazon"], Filters=[
        {"Name": "name", "Values": ["kintoun-host-*"]}, {"Name": "state", "Values": ["available"]}])["Images"]
    assert image["ImageOwnerAlias"] == "amazon" and image["RootDeviceName"] == "/dev/xvda"
    assert image["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == 8
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    assert ec2.describe_images(ImageIds=[image["ImageId"]])["Images"] == [image]
    assert refused(ec2.describe_images, ImageIds=["ami-00000000"])[0] == "InvalidAMIID.NotFound"


@root
def test_forty_at_once(own_machines):
    """More states that move than one turn of the steps takes."""
    machines, ec2 = own_machines, own_machines.ec2
    made = ec2.run_instances(ImageId=machines.image, InstanceType="t3.micro", MinCount=40, MaxCount=40)["Instances"]
    machines.made += [it["InstanceId"] for it in made]
    assert sorted(it["AmiLaunchIndex"] for it in made) == list(range(40))
    assert len({it["PrivateIpAddress"] for it in made}) == 40
    for it in made:
        machines.wait(it["InstanceId"], "running")


@root
def test_the_options_of_the_vpc_reach_the_instance(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    first = machines.start()
    assert machines.exec(first, "cat", "/etc/resolv.conf").stdout == "search ec2.internal\nnameserver 172.31.0.2\n"
    options = ec2.create_dhcp_options(DhcpConfigurations=[
        {"Key": "domain-name", "Values": ["corp.example"]},
        {"Key": "domain-name-servers", "Values": ["10.9.8.7", "10.9.8.8"]}])["DhcpOptions"]["DhcpOptionsId"]
    ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=machines.look(first)["VpcId"])
    second = machines.start()
    assert machines.exec(second, "cat", "/etc/resolv.conf").stdout == (
        "search corp.example\nnameserver 10.9.8.7\nnameserver 10.9.8.8\n")
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=machines.look(first)["VpcId"])
    assert machines.exec(machines.start(), "cat", "/etc/resolv.conf").stdout == ""


@root
def test_what_the_host_took_down_comes_back(own_machines):
    """A boot of the host: no process is left, and the record of it is of another boot."""
    machines, cloud = own_machines, own_machines.cloud
    instance = machines.start("echo kept > /kept")
    machines.says(instance, "has booted")
    state = cloud.data / "instances" / instance / "state"
    cloud.stop(signal.SIGKILL)
    pid, begun, boot, name = state.read_text().split()
    os.kill(int(pid), signal.SIGKILL)
    state.write_text(f"{pid} {begun} 00000000{boot[8:]} {name}\n")
    cloud.start()
    soon(lambda: machines.console(instance).count("has booted") == 2, "the boot after the host's")
    it = machines.wait(instance, "running")
    assert "StateReason" not in it and machines.exec(instance, "cat", "/kept").stdout == "kept\n"


@root
def test_what_does_not_recover(own_machines):
    machines, cloud = own_machines, own_machines.cloud
    instance = machines.start("echo kept > /kept", MaintenanceOptions={"AutoRecovery": "disabled"})
    machines.says(instance, "has booted")
    state = cloud.data / "instances" / instance / "state"
    cloud.stop(signal.SIGKILL)
    pid, begun, boot, name = state.read_text().split()
    os.kill(int(pid), signal.SIGKILL)
    state.write_text(f"{pid} {begun} 00000000{boot[8:]} {name}\n")
    cloud.start()
    assert machines.wait(instance, "stopped")["StateReason"]["Code"] == "Server.InternalError"
    machines.ec2.start_instances(InstanceIds=[instance])
    machines.wait(instance, "running")
    assert machines.exec(instance, "cat", "/kept").stdout == "kept\n"


@root
def test_more_processors_than_the_account_has(own_machines):
    ec2, image = own_machines.ec2, own_machines.image
    assert refused(ec2.run_instances, ImageId=image, InstanceType="m5.4xlarge", MinCount=129, MaxCount=129) == (
        "VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit of 2048 allows for the instance "
        "bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request "
        "an adjustment to this limit.")


@root
def test_linux_has_no_password(machines):
    instance = machines.start()
    assert machines.ec2.get_password_data(InstanceId=instance)["PasswordData"] == ""
