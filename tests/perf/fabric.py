# SPDX-License-Identifier: Apache-2.0
"""The fabric's NAT gateway beside other ways from one namespace to another: a plain veth, nftables, HAProxy. bench.py asks
for rows; everything that is made here goes again. Figures are ratios of neighbours in one round, the middle of several."""
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time

CLIENT, SERVER, NEAR, FAR = "10.0.2.20", "192.0.2.80", "10.0.2.1", "192.0.2.1"
ROUNDS, MANY, SLICE, SLICES, LIVE = 5, 50000, 50000, 20, 200
MASQUERADE = """chain post {{
    type nat hook postrouting priority 100
    oifname "far" masquerade
}}
"""
# As many rules as the fabric's lists, and as there only the last one fits.
FILTER = """chain forward {{
    type filter hook forward priority 0; policy drop
    ct state established,related accept
    ip saddr 0.0.0.1 tcp dport 22 accept
    ip saddr 0.0.0.2 tcp dport 80 accept
    ip saddr {client} accept
}}
"""
HAPROXY = """global
    maxconn 8000
    nbthread 1
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen all
    bind {near}:5001
    bind {near}:6000-6015
    server it {server}
"""


class Unavailable(Exception):
    """Why something cannot be measured here."""


def run(*command, text=None):
    done = subprocess.run([str(part) for part in command], input=text, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"{' '.join(map(str, command[:6]))}: {' '.join(done.stderr.split())[:200]}")
    return done.stdout


class Path:
    """Two namespaces and what lies between them; `source` is whom the server sees injected frames come from, before
    anything translates them."""
    target, source = SERVER, CLIENT

    def __init__(self, name, load):
        self.name, self.load = name, load
        short = f"kb{os.getpid()}-{name.split()[0]}"
        self.client, self.middle, self.server = f"{short}-c", f"{short}-m", f"{short}-s"
        self.inject_at = (self.middle, "near")

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        with contextlib.ExitStack() as made:
            for namespace in (self.client, self.server, *self.between()):
                run("ip", "netns", "add", namespace)
                made.callback(subprocess.run, ["ip", "netns", "delete", namespace], capture_output=True)
                run("ip", "-n", namespace, "link", "set", "lo", "up")
            self.connect(made)
            self.serving = made.enter_context(subprocess.Popen(
                self.inside(self.server, self.load, "server"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            made.callback(self.serving.kill)
            run(*self.inside(self.client, self.load, "client", "packets", self.target, 0.1, 1))  # neighbours get known
            self.stack = made.pop_all()
        return self

    def __exit__(self, *error):
        self.stack.close()

    def between(self):
        return (self.middle,)

    def connect(self, made):
        self.veth(self.client, "eth0", self.middle, "near")
        self.veth(self.middle, "far", self.server, "eth0")
        for namespace, device, address in ((self.client, "eth0", CLIENT), (self.middle, "near", NEAR),
                                           (self.middle, "far", FAR), (self.server, "eth0", SERVER)):
            run("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", device)
        run("ip", "-n", self.client, "route", "add", "default", "via", NEAR)

    @staticmethod
    def veth(one, device, other, other_device):
        run("ip", "-n", one, "link", "add", device, "up", "mtu", "9001", "type", "veth", "peer", other_device, "netns", other,
            "mtu", "9001")
        run("ip", "-n", other, "link", "set", other_device, "up")

    @staticmethod
    def inside(namespace, *command):
        return ["nsenter", f"--net=/run/netns/{namespace}", *map(str, command)]

    def counted(self):
        self.serving.stdin.write("\n")
        self.serving.stdin.flush()
        return json.loads(self.serving.stdout.readline())

    def clear(self):
        """No flow of before is left."""

    def send(self, what, seconds, flows=1):
        """What arrived, per second."""
        client = self.inside(self.client, self.load, "client", what, self.target, seconds, flows)
        if flows > 1:
            run(*client)  # so that flows are there
        before = self.counted()
        sent = json.loads(run(*client))
        got = sent["count"] if what == "connections" else self.counted()[what] - before[what]
        return got / sent["seconds"]

    def inject(self, flows, count, times=1):
        """Nanoseconds of processor per frame until it is at the server's device, when it went best."""
        done = json.loads(run(self.load, "inject", *self.inject_at, self.source, self.server, flows, count, 10000, 0, times))
        if done["counted"] < 0.999 * count * times:
            raise Unavailable(f"{self.name}: only {done['counted']} of {count * times} frames came through")
        return done["ns"]


class Veth(Path):
    source = FAR

    def between(self):
        return ()

    def connect(self, made):
        self.inject_at = (self.server, "eth0")
        self.veth(self.client, "eth0", self.server, "eth0")
        for namespace, address in ((self.client, FAR), (self.server, SERVER)):
            run("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", "eth0")


class Gateway(Path):
    def between(self):
        return ()

    def connect(self, made):
        self.fabric = f"{self.client[:-2]}-f"
        made.callback(subprocess.run, [self.load, "down", self.fabric], capture_output=True)
        run(self.load, "up", self.fabric, self.client, self.server)
        self.inject_at = (self.fabric, "eni2")
        run("ip", "-n", self.client, "address", "add", f"{CLIENT}/24", "dev", "eth0")
        run("ip", "-n", self.client, "route", "add", "default", "via", NEAR)
        run("ip", "-n", self.server, "address", "add", f"{SERVER}/24", "dev", "eth0")
        run("ip", "-n", self.server, "route", "add", "default", "dev", "eth0")

    def clear(self):
        run(self.load, "clear", self.fabric)

    def race(self):
        """Two processors open 30,000 connections each towards one destination: (live, refused)."""
        self.clear()
        before = json.loads(run(self.load, "counted", self.fabric))
        both = [subprocess.Popen([self.load, "inject", *self.inject_at, self.source, "-", "30000", "30000", str(first),
                                  str(processor), "1"], stdout=subprocess.DEVNULL)
                for processor, first in enumerate((1000, 31000))]
        if any([one.wait() for one in both]):
            raise Unavailable("an injector failed")
        after = json.loads(run(self.load, "counted", self.fabric))
        self.clear()
        return after["live"], after["port_errors"] - before["port_errors"]

    def killed(self, count):
        """How many of so many live connections talk when the process that had the fabric open was killed, and when the next
        one has told everything again."""
        live = subprocess.Popen(self.inside(self.client, self.load, "client", "live", self.target, 0, count),
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        talking = [json.loads(live.stdout.readline())["talk"]]
        for _ in range(2):
            holder = subprocess.Popen([self.load, "hold", self.fabric], stdout=subprocess.PIPE, text=True)
            if not holder.stdout.readline():
                raise Unavailable("the fabric could not be taken over")
            holder.kill()
            holder.communicate()
            live.stdin.write("\n")
            live.stdin.flush()
            talking.append(json.loads(live.stdout.readline())["talk"])
        live.communicate()
        return min(talking)

    def change(self):
        """Microseconds from taking a route away to the last packet that came through: the middle and the worst of 20."""
        self.serving.stdin.close()  # its port is asked for
        self.serving.wait()
        done = json.loads(run(self.load, "change", self.fabric, self.client, self.server, "20"))
        return done["middle_us"], done["worst_us"]


class Masquerade(Path):
    rules = MASQUERADE

    def connect(self, made):
        super().connect(made)
        run(*self.inside(self.middle, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.netfilter.nf_conntrack_tcp_timeout_close=1"))
        run(*self.inside(self.middle, "nft", "-f", "-"), text="table ip it {\n" + self.rules.format(client=CLIENT) + "}\n")

    def clear(self):
        if shutil.which("conntrack"):
            subprocess.run(self.inside(self.middle, "conntrack", "-F"), capture_output=True)


class Filter(Masquerade):
    rules = MASQUERADE + FILTER


class Proxy(Path):
    target = NEAR

    def connect(self, made):
        super().connect(made)
        folder = made.enter_context(tempfile.TemporaryDirectory(prefix="bench-haproxy-"))
        with open(f"{folder}/it.cfg", "w", encoding="ascii") as file:
            file.write(HAPROXY.format(near=NEAR, server=SERVER))
        proxy = made.enter_context(subprocess.Popen(self.inside(self.middle, "haproxy", "-db", "-f", f"{folder}/it.cfg"),
                                                    stderr=subprocess.DEVNULL))
        made.callback(proxy.kill)
        for _ in range(100):
            if ":5001" in run(*self.inside(self.middle, "ss", "-ltnH")):
                return
            time.sleep(0.05)
        raise Unavailable("it does not listen")


PATHS = ((Veth, "veth", ()), (Gateway, "nat", ()), (Masquerade, "nft masquerade", ("nft",)),
         (Filter, "nftf masquerade and filter", ("nft",)), (Proxy, "haproxy", ("haproxy",)))


class Fabric:
    def __init__(self, load, seconds, say):
        self.load, self.seconds, self.say, self.notes = load, seconds, say, []

    def open(self, stack):
        if os.geteuid():
            raise Unavailable("needs root")
        paths = {}
        for kind, name, programs in PATHS:
            missing = [program for program in programs if not shutil.which(program)]
            if missing:
                self.notes.append(f"fabric: {name} was left out: {missing[0]} is not installed")
                continue
            try:
                paths[kind] = stack.enter_context(kind(name, self.load))
            except Unavailable as error:
                if kind in (Veth, Gateway):
                    raise
                self.notes.append(f"fabric: {name} was left out: {error}")
        return paths

    def rounds(self, what, paths, measure):
        """{path: figures of the rounds}; all are asked in turn in each round."""
        figures = {path: [] for path in paths}
        for number in range(ROUNDS):
            for path in paths:
                path.clear()
                figures[path].append(measure(path))
            self.say(f"fabric: {what} {number + 1}/{ROUNDS}: " +
                     ", ".join(f"{path.name} {made[-1]:,.0f}" for path, made in figures.items()))
        return figures

    def compared(self, title, figures, nat, wanted, scale=1):
        """A row: the gateway's figure, and as a multiple of each other path's in the same round."""
        ratios = [(path, statistics.median(a / b for a, b in zip(figures[nat], made)))
                  for path, made in figures.items() if path is not nat]
        middle = statistics.median(figures[nat]) / scale
        return (f"fabric: {title}", f"{middle:,.2f}: " + ", ".join(f"{path.name} × {ratio:.2f}" for path, ratio in ratios),
                wanted)

    def throughput(self, paths):
        nat, everything = paths[Gateway], list(paths.values())
        packets = [path for path in everything if not isinstance(path, Proxy)]
        for flows, name in ((1, "1 flow"), (MANY, f"{MANY:,} flows")):
            figures = self.rounds(f"packets/s, {name}", packets, lambda path: path.send("packets", self.seconds, flows))
            yield self.compared(f"NAT gateway, UDP, {name}, Mpackets/s", figures, nat, "veth × 0.90", 1e6)
        yield self.compared("NAT gateway, TCP, one stream, Gbit/s",
                            self.rounds("bytes/s", everything, lambda path: path.send("bytes", self.seconds)), nat,
                            "veth × 0.95", 1e9 / 8)
        yield self.compared("NAT gateway, thousand connections/s",
                            self.rounds("connections/s", everything,
                                        lambda path: path.send("connections", min(self.seconds, 1))), nat,
                            "veth × 0.85", 1e3)

    def cost(self, title, paths, flows, warm, wanted):
        """Nanoseconds per frame beyond those of putting it before the server's device, on one processor."""
        def measure(path):
            if not warm:
                return path.inject(flows, flows)
            path.inject(flows, max(flows, 10000))
            return path.inject(flows, SLICE, SLICES)
        figures = self.rounds(title, paths, measure)
        bare = figures.pop(paths[0])
        beyond = {path: [max(a - b, 1) for a, b in zip(made, bare)] for path, made in figures.items()}
        nat, *others = beyond
        ratios = [f"{path.name} × {statistics.median(b / a for a, b in zip(beyond[nat], beyond[path])):.1f}" for path in others]
        return f"fabric: {title}, ns", ": ".join((f"{statistics.median(beyond[nat]):.0f}", ", ".join(ratios))), wanted

    def costs(self, paths):
        injected = [paths[kind] for kind in (Veth, Gateway, Masquerade, Filter) if kind in paths]
        for flows, name in ((1, "1 flow"), (MANY, f"{MANY:,} flows")):
            yield self.cost(f"a packet through lists, groups and gateway, {name}", injected, flows, True,
                            "masquerade and filter cost 4 × that")
        yield self.cost("the first packet of a flow", injected, MANY, False, "masquerade costs 1.3 × that")

    def exactness(self, paths):
        live, refused = paths[Gateway].race()
        yield "fabric: connections to one destination, 60,000 tried by two processors", f"{live:,}, {refused:,} refused", "55,000"
        yield (f"fabric: of {LIVE} live TCP connections, talking when its process was killed and came back",
               f"{paths[Gateway].killed(LIVE)}", f"{LIVE}")
        middle, worst = paths[Gateway].change()
        yield "fabric: from the call to the last packet by a deleted route", f"{middle:.0f} µs, worst {worst:.0f}", "< 1 ms"

    def figures(self):
        """Rows (what, figure, wanted)."""
        rows = []
        with contextlib.ExitStack() as stack:
            try:
                paths = self.open(stack)
            except (Unavailable, OSError) as error:
                self.notes.append(f"fabric: nothing measured: {error}")
                return []
            for part in (self.costs, self.throughput, self.exactness):
                try:
                    rows += part(paths)
                except (Unavailable, OSError) as error:
                    self.notes.append(f"fabric: {part.__name__} broke off: {error}")
        self.notes.append("fabric: × is the figure (of a cost: theirs) as a multiple of the other path's (of a cost: ours) in "
                          f"the same round, the middle of {ROUNDS}; frames are injected as if received and dropped at the "
                          "server's device, in processor time because this kernel may have no counters of cycles")
        return rows
