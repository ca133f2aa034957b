# SPDX-License-Identifier: Apache-2.0
"""Terraform's aws_launch_template, an aws_instance of it with aws_network_interface_attachment, aws_ami_from_instance: apply, no
difference, a new version, destroy."""
import pathlib
import signal

from machines import root
from plans import Terraform


@root
def test_templates(own_machines, tmp_path):
    machines, ec2 = own_machines, own_machines.ec2
    it = Terraform(machines.cloud, pathlib.Path(__file__).parent / "terraform_templates", tmp_path)
    it.apply()
    it.expect_no_change()
    instance = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["templated"]}])["Reservations"][0]["Instances"][0]
    machines.made.append(instance["InstanceId"])
    machines.says(instance["InstanceId"], "first-words")
    assert [card["Attachment"]["DeviceIndex"] for card in machines.look(instance["InstanceId"])["NetworkInterfaces"]] == [0, 1]
    assert "eth1:" in machines.exec(instance["InstanceId"], "cat", "/proc/net/dev").stdout
    image, = ec2.describe_images(Owners=["self"])["Images"]
    assert image["SourceInstanceId"] == instance["InstanceId"] and image["Name"] == "terraform"
    machines.cloud.restart(signal.SIGKILL)
    it.expect_no_change()
    it.destroy()
    assert ec2.describe_launch_templates()["LaunchTemplates"] == []
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    assert not [card for card in ec2.describe_network_interfaces()["NetworkInterfaces"]]
