# SPDX-License-Identifier: Apache-2.0
"""Terraform's aws_instance and aws_key_pair: apply, a change of the type, kill and restart, no difference; destroy."""
import signal

from machines import root


@root
def test_instances(own_machines, configuration):
    machines = own_machines
    it = configuration(machines.cloud, "terraform_instances")
    it.apply()
    it.expect_no_change()
    instance = machines.ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["terraform"]}])[
        "Reservations"][0]["Instances"][0]
    assert instance["PrivateIpAddress"] == "10.20.1.10" and instance["KeyName"] == "terraform"
    machines.made.append(instance["InstanceId"])
    machines.says(instance["InstanceId"], "made-by-terraform")
    it.apply("-var=size=t3.small")
    assert machines.look(instance["InstanceId"])["InstanceType"] == "t3.small"
    assert machines.ec2.get_image_block_public_access_state()["ImageBlockPublicAccessState"] == "unblocked"
    machines.cloud.restart(signal.SIGKILL)
    it.expect_no_change("-var=size=t3.small")
    it.destroy("-var=size=t3.small")
    assert machines.look(instance["InstanceId"])["State"]["Name"] == "terminated"
    assert machines.ec2.describe_key_pairs()["KeyPairs"] == []
