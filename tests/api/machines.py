# SPDX-License-Identifier: Apache-2.0
"""Instances that really run: how tests start them, wait for them, and look into them."""
import os
import subprocess
import time

import pytest

from harness import PROGRAM

SOON_S = 60
root = pytest.mark.skipif(os.geteuid() != 0, reason="instances need root")


def soon(look, what):
    """What `look` answers, once it is true."""
    deadline = time.monotonic() + SOON_S
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.01)
    return seen


class Machines:
    """The instances of one test, in one cloud."""

    def __init__(self, cloud):
        self.cloud, self.made = cloud, []

    @property
    def ec2(self):
        return self.cloud.client("ec2", parameter_validation=False)

    @property
    def image(self):
        return self.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]

    def run(self, script=None, **more):
        """One instance; its record as RunInstances tells it."""
        wish = {"ImageId": self.image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **more}
        if script:
            wish["UserData"] = "#!/bin/sh\n" + script
        made = self.ec2.run_instances(**wish)["Instances"]
        self.made += [it["InstanceId"] for it in made]
        return made[0]

    def look(self, instance):
        return self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]

    def wait(self, instance, state):
        def there():
            it = self.look(instance)
            return it if it["State"]["Name"] == state else None
        return soon(there, f"{instance} {state}")

    def start(self, script=None, **more):
        """The id of one that runs."""
        instance = self.run(script, **more)["InstanceId"]
        self.wait(instance, "running")
        return instance

    def console(self, instance):
        return self.ec2.get_console_output(InstanceId=instance).get("Output", "")

    def says(self, instance, text):
        return soon(lambda: text in self.console(instance) and self.console(instance), f"{text!r} on the console")

    def exec(self, instance, *words):
        return subprocess.run([PROGRAM, "exec", "--data", self.cloud.data, instance, "--", *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def end(self):
        there = {it["InstanceId"] for r in self.ec2.describe_instances()["Reservations"] for it in r["Instances"]}
        self.made = [it for it in self.made if it in there]
        for instance in self.made:
            self.ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": False})
            self.ec2.terminate_instances(InstanceIds=[instance])
        for instance in self.made:
            self.wait(instance, "terminated")
