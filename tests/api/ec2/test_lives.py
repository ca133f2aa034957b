# SPDX-License-Identifier: Apache-2.0
"""Random lives of instances of every kind of image, several at a time, while the server is killed again and again: nothing is left of
them. LIVES says how many (40); a thousand take some minutes."""
import concurrent.futures
import contextlib
import hashlib
import os
import pathlib
import random
import signal
import subprocess
import time

import botocore.exceptions

from archives import Imports, root_archive
from machines import root, soon
from refusals import wait_for

LIVES, AT_ONCE, KILLS = int(os.environ.get("LIVES", "40")), 6, 4
GROUPS = pathlib.Path("/sys/fs/cgroup")
AWAY = (botocore.exceptions.EndpointConnectionError, botocore.exceptions.ConnectionClosedError, botocore.exceptions.ConnectTimeoutError,
        botocore.exceptions.ReadTimeoutError, botocore.exceptions.HTTPClientError)


def groups(instance):
    return [it for it in (*GROUPS.glob(f"*/kintoun-{instance}"), GROUPS / f"kintoun-{instance}") if it.exists()]


class Lives:
    def __init__(self, machines, images):
        self.machines, self.images, self.begun, self.problems = machines, images, [], []
        self.data = machines.cloud.data

    def call(self, name, **arguments):
        """Again, as long as there is no server; what is called bears that."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return getattr(self.machines.ec2, name)(**arguments)
            except AWAY:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def state(self, instance):
        found = self.call("describe_instances", InstanceIds=[instance])["Reservations"]
        return found[0]["Instances"][0]["State"]["Name"]

    def wait(self, instance, state):
        deadline = time.monotonic() + 60
        while (seen := self.state(instance)) != state:
            assert time.monotonic() < deadline, f"{instance} is {seen}, not {state}"
            time.sleep(0.03)

    def die(self, instance):
        """Its first process, from which the others descend."""
        for group in groups(instance):
            with contextlib.suppress(OSError, IndexError):  # it is going already
                os.kill(int((group / "cgroup.procs").read_text().split()[0]), signal.SIGKILL)

    def once(self, code, name, **arguments):
        """None when an earlier try, whose answer was lost, has done it: then it is refused with this code."""
        try:
            return self.call(name, **arguments)
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == code:
                return None
            raise

    def make_image(self, instance, dice):
        name = f"of {instance} {dice.random()}"
        self.once("InvalidAMIName.Duplicate", "create_image", InstanceId=instance, Name=name, NoReboot=dice.random() < 0.5)
        look = lambda: self.call("describe_images", Filters=[{"Name": "name", "Values": [name]}])["Images"][0]
        wait_for(lambda: look()["State"] != "pending")
        image = look()["ImageId"]
        second = self.begin(image, dice)
        if dice.random() < 0.5:
            self.wait(second, "running")
        self.once("InvalidAMIID.NotFound", "deregister_image", ImageId=image)
        self.end(second, dice)

    def begin(self, image, dice):
        made = self.call("run_instances", ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, ClientToken=str(dice.random()),
                         UserData="#!/bin/sh\necho alive\n")
        self.begun.append(made["Instances"][0]["InstanceId"])
        return self.begun[-1]

    def end(self, instance, dice):
        self.call("terminate_instances", InstanceIds=[instance], SkipOsShutdown=dice.random() < 0.3)
        self.wait(instance, "terminated")

    def live(self, number):
        dice = random.Random(number)
        instance = self.begin(dice.choice(self.images), dice)
        for step in dice.choices(("stop", "reboot", "wait", "die", "image"), k=dice.randrange(4)):
            if step == "wait":
                time.sleep(dice.random() / 20)
                continue
            self.wait(instance, "running")
            if step == "reboot":
                self.call("reboot_instances", InstanceIds=[instance])
            elif step == "image":
                self.make_image(instance, dice)
            else:
                self.die(instance) if step == "die" else self.call("stop_instances", InstanceIds=[instance])
                self.wait(instance, "stopped")
                self.call("start_instances", InstanceIds=[instance])
        self.end(instance, dice)

    def left(self):
        """What is left of them all, on the host."""
        loops = [it.read_text() for it in pathlib.Path("/sys/block").glob("loop*/loop/backing_file")]
        mounts = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
        here = str(self.data.resolve())
        return {"control groups": [it for instance in self.begun for it in groups(instance)],
                "loop devices": [it for it in loops if it.startswith(here)],
                "mounts": [it for it in mounts if here in it],
                "folders": list((self.data / "instances").iterdir()),
                "disks": [it for it in (self.data / "images").iterdir() if it.name not in self.images],
                "interfaces": self.call("describe_network_interfaces")["NetworkInterfaces"],
                "links": self.links()}

    def links(self):
        """Beyond those that the fabric has without an instance."""
        digest = hashlib.sha256(os.path.realpath(self.data).encode()).hexdigest()
        told = subprocess.run(["ip", "-n", f"kintoun-{digest[:12]}", "-o", "link"], capture_output=True, text=True).stdout
        return [line.split(":")[1].strip() for line in told.splitlines()][self.machines.fabric_links:]


@root
def test_lives(own_machines):
    imports = Imports(own_machines.cloud)
    imports.make_role()
    imports.put(root_archive(("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")), "root")
    task = imports.begin("root")["ImportTaskId"]
    imported = soon(lambda: imports.look(task).get("ImageId"), "the imported image")
    own_machines.fabric_links = 0
    lives = Lives(own_machines, [own_machines.image, imported])
    lives.live(0)
    own_machines.fabric_links = len(lives.links())
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        ended = [pool.submit(lives.live, number) for number in range(1, LIVES)]
        for kill in range(KILLS):
            wait_for(lambda: sum(it.done() for it in ended) > (kill + 1) * LIVES // (KILLS + 2), 1200)
            own_machines.cloud.restart(signal.SIGKILL)
        problems = [it.exception() for it in ended if it.exception()]
    assert not problems, problems[:3]
    wait_for(lambda: not any(lives.left().values()))
    print(f"{LIVES} lives of {len(lives.begun)} instances: nothing is left, {(time.monotonic() - begun) / LIVES * 1000:.0f} ms each")
