# SPDX-License-Identifier: Apache-2.0
"""Instances: how soon user data runs, many at once, what an idle one holds, and whether a life leaves anything behind.
bench.py asks for the rows."""
import hashlib
import os
import pathlib
import random
import re
import statistics
import subprocess
import time

LAUNCHES, AT_ONCE, LIVES = 30, 100, 50
GROUPS = pathlib.Path("/sys/fs/cgroup")
SCRIPT = "#!/bin/sh\ndate +%s.%N\n"
SOON_S = 60


def left_behind():
    """What instances are made of, counted on the whole host."""
    lines = lambda path: len(pathlib.Path(path).read_text().splitlines())
    return {"mounts": lines("/proc/self/mountinfo"),
            "control groups": len(list(GROUPS.glob("*/kintoun-i-*")) + list(GROUPS.glob("kintoun-i-*"))),
            "loop devices in use": len(list(pathlib.Path("/sys/block").glob("loop*/loop/backing_file"))),
            "network namespaces": len({os.readlink(it) for it in pathlib.Path("/proc").glob("[0-9]*/ns/net")
                                       if os.path.lexists(it)})}


class Launcher:
    """The instances of one server."""

    def __init__(self, server, connect):
        self.data, self.ec2 = server.folder / "data", connect(server)["ec2"]
        self.image = self.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]

    def run(self, count=1):
        made = self.ec2.run_instances(ImageId=self.image, InstanceType="t3.micro", MinCount=count, MaxCount=count, UserData=SCRIPT)
        return [it["InstanceId"] for it in made["Instances"]]

    def first_line(self, instance):
        """When its user data said so, by its own clock, which is the host's."""
        console, deadline = self.data / "instances" / instance / "console", time.monotonic() + SOON_S
        while time.monotonic() < deadline:
            found = re.search(rb"\d{10}\.\d{9}", console.read_bytes() if console.exists() else b"")
            if found:
                return float(found[0])
            time.sleep(0.002)
        raise TimeoutError(f"{instance} says nothing")

    def launch(self):
        """Milliseconds from the call to the first line."""
        begun = time.time()
        instance, = self.run()
        taken = (self.first_line(instance) - begun) * 1000
        self.end([instance])
        return taken

    def state(self, instance):
        found = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
        return found[0]["Instances"][0]["State"]["Name"]

    def await_state(self, instance, state):
        deadline = time.monotonic() + SOON_S
        while self.state(instance) != state:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{instance} does not become {state}")
            time.sleep(0.005)

    def end(self, instances):
        for instance in instances:
            self.ec2.terminate_instances(InstanceIds=[instance])
        for instance in instances:
            self.await_state(instance, "terminated")

    def live(self, dice):
        """One random life."""
        instance, = self.run()
        for step in dice.choices(("stop", "reboot", "wait", "die"), k=dice.randrange(3)):
            if step == "wait":
                time.sleep(dice.random() / 20)
                continue
            self.await_state(instance, "running")
            if step == "reboot":
                self.ec2.reboot_instances(InstanceIds=[instance])
                continue
            if step == "die":
                kill_all(instance)
            else:
                self.ec2.stop_instances(InstanceIds=[instance])
            self.await_state(instance, "stopped")
            self.ec2.start_instances(InstanceIds=[instance])
        self.end([instance])


def members(instance):
    for place in (GROUPS / "pids", GROUPS):
        file = place / f"kintoun-{instance}" / "cgroup.procs"
        if file.exists():
            return file.read_text().split()
    return []


def kill_all(instance):
    """Its first process is the one that the others descend from."""
    if processes := members(instance):
        os.kill(int(processes[0]), 9)


def pss_kib(instance):
    texts = [pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in members(instance)]
    return sum(int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) for text in texts)


class Instances:
    def __init__(self, bench, connect):
        self.bench, self.connect, self.notes = bench, connect, []

    def remove_fabric(self, server):
        digest = hashlib.sha256(os.path.realpath(server.folder / "data").encode()).hexdigest()
        if os.path.exists(f"/run/netns/kintoun-{digest[:12]}"):
            subprocess.run([server.program, "fabric", "remove", "--data", server.folder / "data"], check=True)

    def one(self, launcher):
        launcher.launch()
        times = sorted(launcher.launch() for _ in range(LAUNCHES))
        return [("EC2: from RunInstances to the first line of user data (boto3), p50 and p90",
                 f"{statistics.median(times):.0f} and {times[len(times) * 9 // 10]:.0f} ms", "p50 ≤ 50 ms")]

    def many(self, launcher):
        begun = time.time()
        instances = launcher.run(AT_ONCE)
        taken = max(map(launcher.first_line, instances)) - begun
        time.sleep(1)
        held = statistics.mean(map(pss_kib, instances))
        launcher.end(instances)
        return [(f"EC2: {AT_ONCE} instances by one call, to the last one's first line", f"{taken:.1f} s", "≤ 5 s"),
                ("… each idle, its share of memory (PSS)", f"{held:.0f} KiB", "≤ 1 MiB")]

    def lives(self, launcher):
        dice, before, begun = random.Random(1), left_behind(), time.monotonic()
        for _ in range(LIVES):
            launcher.live(dice)
        time.sleep(1)  # namespaces go a moment after their last process
        after = left_behind()
        left = [f"{after[what] - count} {what}" for what, count in before.items() if after[what] > count]
        return [(f"EC2: {LIVES:,} random lives of instances leave", ", ".join(left) or "nothing",
                 f"nothing ({(time.monotonic() - begun) / LIVES * 1000:.0f} ms each)")]

    def figures(self):
        if os.geteuid():
            self.notes.append("instances: nothing measured: they need root")
            return []
        rows = []
        with self.bench.kintoun("instances") as server:
            launcher = Launcher(server, self.connect)
            for measure in (self.one, self.many, self.lives):
                try:
                    rows += measure(launcher)
                except Exception as error:
                    self.notes.append(f"instances, {measure.__name__}: {' '.join(str(error).split())[:300]}")
        self.remove_fabric(server)
        return rows
