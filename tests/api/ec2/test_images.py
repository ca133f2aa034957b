# SPDX-License-Identifier: Apache-2.0
"""Images of one's own: made of what runs and of what is stopped, launched, shared, copied, taken back."""
import datetime
import signal

from machines import Machines, root, soon
from refusals import refused, wait_for


def look(ec2, image):
    return ec2.describe_images(ImageIds=[image])["Images"][0]


def available(ec2, image):
    wait_for(lambda: look(ec2, image)["State"] == "available")
    return look(ec2, image)


@root
def test_an_image_of_what_runs(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    source = machines.start("echo first > /kept; while :; do date >> /ticks; sleep 0.01; done")
    soon(lambda: machines.exec(source, "cat", "/ticks").stdout, "the first tick")
    machines.exec(source, "sh", "-c", "echo second > /root/two")
    image = ec2.create_image(InstanceId=source, Name="mine", Description="d", NoReboot=True, TagSpecifications=[
        {"ResourceType": "image", "Tags": [{"Key": "a", "Value": "b"}]}])["ImageId"]
    it = available(ec2, image)
    assert it["OwnerId"] == "000000000000" and it["SourceInstanceId"] == source and it["Description"] == "d"
    assert it["Tags"] == [{"Key": "a", "Value": "b"}] and it["Public"] is False and it["ImageLocation"] == "000000000000/mine"
    assert [found["ImageId"] for found in ec2.describe_images(Owners=["self"])["Images"]] == [image]
    assert machines.console(source).count("has booted") == 0  # the loop goes on
    before = machines.exec(source, "wc", "-l", "/ticks").stdout
    wait_for(lambda: machines.exec(source, "wc", "-l", "/ticks").stdout != before)
    second = machines.start("echo of-the-image $(cat /kept) $(cat /root/two)", ImageId=image, BlockDeviceMappings=[
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20}}])
    machines.says(second, "of-the-image first second")
    assert machines.look(second)["ImageId"] == image
    size = machines.exec(second, "sh", "-c", "df --output=size -BG / | tail -1").stdout
    assert 18 <= int(size.strip().rstrip("G")) <= 20
    assert refused(ec2.run_instances, ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro", BlockDeviceMappings=[
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 7}}])[0] == "InvalidBlockDeviceMapping"
    machines.cloud.restart(signal.SIGKILL)
    assert look(ec2, image) == it
    copied = available(ec2, ec2.copy_image(SourceImageId=image, SourceRegion="us-east-1", Name="copy", ClientToken="t")["ImageId"])
    assert copied["SourceImageId"] == image and copied["Description"] == "d"
    ec2.deregister_image(ImageId=image)
    assert refused(ec2.describe_images, ImageIds=[image])[0] == "InvalidAMIID.NotFound"
    third = machines.start("cat /kept", ImageId=copied["ImageId"])
    machines.says(third, "first")
    ec2.deregister_image(ImageId=copied["ImageId"])
    wait_for(lambda: not list((machines.cloud.data / "images").iterdir()))


@root
def test_an_image_of_what_is_stopped(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    source = machines.start()
    machines.exec(source, "sh", "-c", "echo said-goodbye > /goodbye")
    ec2.stop_instances(InstanceIds=[source])
    machines.wait(source, "stopped")
    stopped = ec2.create_image(InstanceId=source, Name="stopped")["ImageId"]
    available(ec2, stopped)
    second = machines.start("cat /goodbye", ImageId=stopped)
    machines.says(second, "said-goodbye")
    assert machines.look(source)["State"]["Name"] == "stopped"


@root
def test_an_image_by_a_reboot(own_machines):
    """Without NoReboot: what runs ends, its disk is copied, and it boots again where it was."""
    machines, ec2 = own_machines, own_machines.ec2
    source = machines.start("(trap 'echo said-goodbye > /goodbye; exit' TERM; echo armed; while :; do sleep 0.05; done) >/dev/console 2>&1 &")
    machines.says(source, "armed")
    machines.says(source, "has booted")
    machines.exec(source, "sh", "-c", "echo unsynced > /root/unsynced; touch /var/lib/cloud/scripts/per-boot/none")
    before = machines.look(source)
    image = ec2.create_image(InstanceId=source, Name="rebooted")["ImageId"]
    assert look(ec2, image)["State"] == "pending"
    available(ec2, image)
    wait_for(lambda: machines.console(source).count("has booted") == 2)
    after = machines.look(source)
    assert after == before and after["State"]["Name"] == "running"
    said = machines.exec(source, "cat", "/goodbye")
    assert said.stdout == "said-goodbye\n", (said, machines.console(source))
    second = machines.start("cat /goodbye /root/unsynced", ImageId=image)
    machines.says(second, "said-goodbye\r\nunsynced")
    of_image = ec2.create_image(InstanceId=second, Name="of an image")["ImageId"]
    available(ec2, of_image)
    third = machines.start("echo third $(cat /root/unsynced)", ImageId=of_image)
    machines.says(third, "third unsynced")
    assert refused(ec2.deregister_image, ImageId=of_image, DryRun=True)[0] == "DryRunOperation"
    assert available(ec2, of_image)["ImageId"] == of_image
    fourth = machines.run("cat /goodbye", ImageId=of_image)["InstanceId"]
    ec2.deregister_image(ImageId=of_image)  # at once: what is on its way comes
    machines.says(fourth, "said-goodbye")
    wait_for(lambda: len(list((machines.cloud.data / "images").iterdir())) == 1)


@root
def test_an_image_of_what_ends_meanwhile(own_machines):
    """The one who copies is killed while the instance waits for its reboot: the next process has it go on, and copies again."""
    machines, ec2 = own_machines, own_machines.ec2
    source = machines.start("dd if=/dev/urandom of=/large bs=1M count=200 2>/dev/null; echo written")
    machines.says(source, "written")
    image = ec2.create_image(InstanceId=source, Name="killed")["ImageId"]
    machines.cloud.restart(signal.SIGKILL)
    available(ec2, image)
    wait_for(lambda: machines.console(source).count("has booted") >= 2)
    assert machines.look(source)["State"]["Name"] == "running"
    machines.exec(source, "true")


@root
def test_disabled_deprecated_protected(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    image = ec2.create_image(InstanceId=machines.start(), Name="kept", NoReboot=True)["ImageId"]
    it = available(ec2, image)
    assert it["DeregistrationProtection"] == "disabled" and "DeprecationTime" not in it
    assert ec2.enable_image_deregistration_protection(ImageId=image)["Return"] == "enabled-without-cooldown"
    assert look(ec2, image)["DeregistrationProtection"] == "enabled-without-cooldown"
    assert refused(ec2.deregister_image, ImageId=image)[0] == "OperationNotPermitted"
    assert refused(ec2.enable_image_deregistration_protection, ImageId=image, WithCooldown=True)[0] == "UnsupportedOperation"
    assert ec2.disable_image_deregistration_protection(ImageId=image)["Return"] == "disabled"
    now = datetime.datetime.now(datetime.timezone.utc)
    ec2.disable_image_block_public_access()
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"Group": "all"}]})
    others = machines.cloud.client("ec2", key="123456789012", parameter_validation=False)
    seen = lambda client, **more: [it["ImageId"] for it in client.describe_images(Owners=["000000000000"], **more)["Images"]]
    assert seen(others) == [image]
    assert refused(ec2.enable_image_deprecation, ImageId=image, DeprecateAt=now - datetime.timedelta(1))[0] == "InvalidParameterValue"
    assert refused(ec2.enable_image_deprecation, ImageId=image, DeprecateAt=now + datetime.timedelta(800))[0] == "InvalidParameterValue"
    at = (now + datetime.timedelta(minutes=2)).replace(second=40, microsecond=0)
    ec2.enable_image_deprecation(ImageId=image, DeprecateAt=at)
    assert look(ec2, image)["DeprecationTime"] == (at + datetime.timedelta(seconds=20)).strftime("%Y-%m-%dT%H:%M:00.000Z")
    assert seen(others) == [image]
    machines.cloud.advance(200)
    assert seen(others) == [] and seen(others, IncludeDeprecated=True) == [image] and seen(ec2) == [image]
    ec2.disable_image_deprecation(ImageId=image)
    assert seen(others) == [image] and "DeprecationTime" not in look(ec2, image)
    assert ec2.disable_image(ImageId=image)["Return"] is True
    assert seen(ec2) == [] == seen(others) and ec2.describe_images(ImageIds=[image])["Images"] == []
    disabled, = ec2.describe_images(ImageIds=[image], IncludeDisabled=True)["Images"]
    assert disabled["State"] == "disabled" and disabled["Public"] is False
    assert refused(machines.run, ImageId=image)[0] == "InvalidAMIID.Unavailable"
    machines.cloud.restart()
    ec2 = machines.ec2
    assert ec2.enable_image(ImageId=image)["Return"] is True
    assert look(ec2, image)["State"] == "available" and seen(others) == []
    second = machines.start("echo enabled", ImageId=image)
    machines.says(second, "enabled")
    pages = [ec2.describe_images(MaxResults=1)]
    pages.append(ec2.describe_images(MaxResults=1, NextToken=pages[0]["NextToken"]))
    assert {it["ImageId"] for page in pages for it in page["Images"]} == {machines.image, image} and "NextToken" not in pages[1]
    assert refused(ec2.describe_images, NextToken="x")[0] == "InvalidNextToken"
    for call in (ec2.disable_image, ec2.enable_image, ec2.disable_image_deprecation):
        assert refused(call, ImageId=machines.image)[0] == "AuthFailure"


@root
def test_who_may_launch_it(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    source = machines.start()
    image = ec2.create_image(InstanceId=source, Name="shared", NoReboot=True)["ImageId"]
    available(ec2, image)
    show = lambda: ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")["LaunchPermissions"]
    assert show() == []
    both = {"ImageId": image, "LaunchPermission": {"Add": [{"UserId": "123456789012"}, {"Group": "all"}]}}
    blocked = ("OperationNotPermitted", "You can\u2019t publicly share this image because block public access for AMIs is enabled for "
               "this account. To publicly share the image, you must call the DisableImageBlockPublicAccess API.")
    assert ec2.get_image_block_public_access_state()["ImageBlockPublicAccessState"] == "block-new-sharing"
    assert refused(ec2.modify_image_attribute, **both) == blocked and show() == []
    assert refused(ec2.disable_image_block_public_access, DryRun=True)[0] == "DryRunOperation"
    assert ec2.disable_image_block_public_access()["ImageBlockPublicAccessState"] == "unblocked"
    state = ec2.get_image_block_public_access_state()
    assert (state["ImageBlockPublicAccessState"], state["ManagedBy"]) == ("unblocked", "account")
    for elsewhere in (machines.cloud.client("ec2", region="eu-west-1"), machines.cloud.client("ec2", key="123456789012")):
        assert elsewhere.get_image_block_public_access_state()["ImageBlockPublicAccessState"] == "block-new-sharing"
    ec2.modify_image_attribute(**both)
    assert show() == [{"Group": "all"}, {"UserId": "123456789012"}] and look(ec2, image)["Public"] is True
    # What is public stays so; the next one is blocked.
    assert ec2.enable_image_block_public_access(ImageBlockPublicAccessState="block-new-sharing")[
        "ImageBlockPublicAccessState"] == "block-new-sharing"
    assert refused(ec2.enable_image_block_public_access, ImageBlockPublicAccessState="x")[0] == "InvalidParameterValue"
    machines.cloud.restart()
    ec2 = machines.ec2
    ec2.modify_image_attribute(**both)
    assert look(ec2, image)["Public"] is True
    assert [it["ImageId"] for it in ec2.describe_images(ExecutableUsers=["123456789012"])["Images"]] == [image]
    ec2.modify_image_attribute(ImageId=image, Attribute="launchPermission", OperationType="remove", UserGroups=["all"])
    assert show() == [{"UserId": "123456789012"}]
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": "210987654321"}]})
    # Who may launch it may give that up.
    theirs = machines.cloud.client("ec2", key="123456789012")
    assert theirs.describe_images(ImageIds=[image])["Images"][0]["OwnerId"] == "0" * 12
    assert theirs.cancel_image_launch_permission(ImageId=image)["Return"] is True and show() == [{"UserId": "210987654321"}]
    assert refused(theirs.describe_images, ImageIds=[image])[0] == "InvalidAMIID.NotFound"
    assert refused(theirs.cancel_image_launch_permission, ImageId=image)[0] == "InvalidAMIID.NotFound"
    for it in (image, machines.image):
        assert refused(ec2.cancel_image_launch_permission, ImageId=it)[0] == "InvalidParameterValue"
    assert refused(ec2.modify_image_attribute, **both) == blocked
    ec2.reset_image_attribute(ImageId=image, Attribute="launchPermission")
    assert show() == []
    ec2.modify_image_attribute(ImageId=image, Description={"Value": "other"})
    assert ec2.describe_image_attribute(ImageId=image, Attribute="description")["Description"] == {"Value": "other"}
    assert refused(ec2.modify_image_attribute, ImageId=image, LaunchPermission={"Add": [{"UserId": "x"}]})[0] == "InvalidUserID.Malformed"
    assert refused(ec2.modify_image_attribute, ImageId=image, LaunchPermission={"Add": [{"Group": "some"}]})[0] == "InvalidParameterValue"
    assert refused(ec2.create_image, InstanceId=source, Name="shared", NoReboot=True) == (
        "InvalidAMIName.Duplicate", f"AMI name shared is already in use by AMI {image}")
    assert refused(ec2.create_image, InstanceId=source, Name="na?me", NoReboot=True)[0] == "InvalidAMIName.Malformed"
    ec2.deregister_image(ImageId=image)


def test_what_is_refused(cloud):
    machines = Machines(cloud)
    ec2 = machines.ec2
    assert refused(ec2.create_image, InstanceId="i-0123456789abcdef0", Name="none")[0] == "InvalidInstanceID.NotFound"
    assert refused(ec2.deregister_image, ImageId="ami-00000000")[0] == "InvalidAMIID.NotFound"
    assert refused(ec2.deregister_image, ImageId=machines.image) == ("AuthFailure", f"Not authorized for image:{machines.image}")
    assert refused(ec2.describe_image_attribute, ImageId=machines.image, Attribute="description")[0] == "AuthFailure"
    assert refused(ec2.copy_image, SourceImageId=machines.image, SourceRegion="us-east-1", Name="copy")[0] == "UnsupportedOperation"
    assert refused(ec2.copy_image, SourceImageId=machines.image, SourceRegion="us-west-2", Name="copy")[0] == "UnsupportedOperation"
    assert refused(ec2.reset_image_attribute, ImageId="ami-x", Attribute="launchPermission")[0] == "InvalidAMIID.Malformed"
