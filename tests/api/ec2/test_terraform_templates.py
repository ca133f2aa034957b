# SPDX-License-Identifier: Apache-2.0
"""Terraform's aws_launch_template, an aws_instance of it with aws_key_pair and aws_network_interface_attachment, aws_ami_from_instance,
aws_ami_copy: apply, no difference, kill and restart, no difference, destroy."""
import signal

from machines import root
from refusals import wait_for


@root
def test_templates(own_machines, configuration):
    machines, ec2 = own_machines, own_machines.ec2
    it = configuration(machines.cloud, "terraform_templates")
    it.apply()
    it.expect_no_change()
    instance, = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["templated"]}])["Reservations"][0]["Instances"]
    machines.made.append(instance["InstanceId"])
    machines.says(instance["InstanceId"], "first-words")
    assert instance["KeyName"] == "templated" and instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
    cards = machines.look(instance["InstanceId"])["NetworkInterfaces"]
    assert [card["Attachment"]["DeviceIndex"] for card in cards] == [0, 1]
    assert "eth1:" in machines.exec(instance["InstanceId"], "cat", "/proc/net/dev").stdout
    images = {image["Name"]: image for image in ec2.describe_images(Owners=["self"])["Images"]}
    assert set(images) == {"terraform", "copied"} and images["terraform"]["SourceInstanceId"] == instance["InstanceId"]
    assert images["copied"]["SourceImageId"] == images["terraform"]["ImageId"]
    machines.cloud.restart(signal.SIGKILL)
    it.expect_no_change()
    # The provider waits two and a half minutes for a state "detached" that AWS does not show either (its issue 45835).
    it.call("state", "rm", "aws_network_interface_attachment.second")
    machines.ec2.detach_network_interface(AttachmentId=cards[1]["Attachment"]["AttachmentId"])
    it.destroy()
    ec2 = machines.ec2
    assert machines.look(instance["InstanceId"])["State"]["Name"] == "terminated"
    assert ec2.describe_launch_templates()["LaunchTemplates"] == ec2.describe_key_pairs()["KeyPairs"] == []
    assert ec2.describe_images(Owners=["self"])["Images"] == ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    wait_for(lambda: not list((machines.cloud.data / "images").iterdir()))
