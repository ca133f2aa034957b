# SPDX-License-Identifier: Apache-2.0
"""Images of one's own: made of what runs and of what is stopped, launched, shared, copied, taken back."""
import signal

from machines import Machines, root
from refusals import refused, wait_for


def look(ec2, image):
    return ec2.describe_images(ImageIds=[image])["Images"][0]


def available(ec2, image):
    wait_for(lambda: look(ec2, image)["State"] == "available", 30)
    return look(ec2, image)


@root
def test_an_image_of_what_runs(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    source = machines.start("echo first > /kept; while :; do date >> /ticks; sleep 0.01; done")
    machines.exec(source, "sh", "-c", "echo second > /root/two; sleep 0.1")
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
    assert not list((machines.cloud.data / "images").iterdir())


@root
def test_an_image_of_what_is_stopped(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    source = machines.start()
    machines.exec(source, "sh", "-c", "echo said-goodbye > /goodbye")
    assert refused(ec2.create_image, InstanceId=source, Name="rebooted")[0] == "UnsupportedOperation"
    ec2.stop_instances(InstanceIds=[source])
    machines.wait(source, "stopped")
    stopped = ec2.create_image(InstanceId=source, Name="stopped")["ImageId"]
    available(ec2, stopped)
    second = machines.start("cat /goodbye", ImageId=stopped)
    machines.says(second, "said-goodbye")
    assert machines.look(source)["State"]["Name"] == "stopped"


@root
def test_who_may_launch_it(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    source = machines.start()
    image = ec2.create_image(InstanceId=source, Name="shared", NoReboot=True)["ImageId"]
    available(ec2, image)
    show = lambda: ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")["LaunchPermissions"]
    assert show() == []
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": "123456789012"}, {"Group": "all"}]})
    assert show() == [{"Group": "all"}, {"UserId": "123456789012"}] and look(ec2, image)["Public"] is True
    assert [it["ImageId"] for it in ec2.describe_images(ExecutableUsers=["123456789012"])["Images"]] == [image]
    ec2.modify_image_attribute(ImageId=image, Attribute="launchPermission", OperationType="remove", UserGroups=["all"])
    assert show() == [{"UserId": "123456789012"}]
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
