# SPDX-License-Identifier: Apache-2.0
"""DNS of tests: a name server of the host's, and questions that instances ask their resolver."""
import ast
import random
import socket
import struct
import threading

PYTHON = "/usr/bin/python3"
A, CNAME, PTR, AAAA = 1, 5, 12, 28
FAR = "192.0.2.7"  # what the name server says of far.example

# Prints the code, whether it was cut, the answers to a question, and the zone and negative time of an SOA; None where nothing comes.
ASK = """
import socket, struct, sys
server, way, kind, name = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
query = struct.pack(">6H", 77, 0x100, 1, 0, 0, 0)
query += b"".join(bytes([len(it)]) + it.encode() for it in name.split(".")) + b"\\0" + struct.pack(">2H", kind, 1)
s = socket.socket(type=socket.SOCK_STREAM if way == "tcp" else socket.SOCK_DGRAM)
s.settimeout(float(sys.argv[5]))
try:
    s.connect((server, 53))
    s.sendall((struct.pack(">H", len(query)) if way == "tcp" else b"") + query)
    data = s.recv(4096)
except OSError:
    print(None)
    sys.exit()
if way == "tcp":
    while len(data) < 2 or len(data) < 2 + struct.unpack(">H", data[:2])[0]:
        data += s.recv(4096)
    data = data[2:]
ident, flags, _, count, authorities = struct.unpack(">5H", data[:10])
assert ident == 77 and flags & 0x8080 == 0x8080
at, found, soa = 12 + len(query) - 12, [], None

def labels(i):
    text = []
    while data[i]:
        text.append(data[i + 1:i + 1 + data[i]].decode())
        i += 1 + data[i]
    return ".".join(text), i + 1

for _ in range(count):
    kind, _, ttl, size = struct.unpack(">2HIH", data[at + 2:at + 12])
    body, at = data[at + 12:at + 12 + size], at + 12 + size
    if kind in (1, 28):
        found.append(socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, body))
    else:
        found.append(labels(at - size)[0])
if authorities == 1:
    zone, at = labels(at)
    kind, _, ttl, size = struct.unpack(">2HIH", data[at:at + 10])
    primary, i = labels(at + 10)
    contact, i = labels(i)
    assert kind == 6 and i + 20 == at + 10 + size == len(data)
    soa = zone, primary, contact, ttl, struct.unpack(">5I", data[i:i + 20])[-1]
print((flags & 15, bool(flags & 0x200), found, soa))
"""


class NameServer:
    """The host's name server, at an address of its own. `known`: names and their address; big.example only fits into TCP,
    an alias leads to another name, 192-0-2-9.at.example has its address in it, silent.example is not answered."""

    def __init__(self, folder):
        self.asked = []
        self.known = {"far.example": FAR, "big.example": FAR}
        self.aliases = {}
        self.sockets = []
        while not self.sockets:
            self.address = "127." + ".".join(str(random.randint(1, 250)) for _ in range(3))
            udp, tcp = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
            try:
                udp.bind((self.address, 53))
                tcp.bind((self.address, 53))
            except OSError:
                continue
            tcp.listen()
            self.sockets = [udp, tcp]
        self.file = folder / "resolv.conf"
        self.file.write_text(f"# of a test\nnameserver {self.address}\n")
        for work in (self.datagrams, self.connections):
            threading.Thread(target=work, daemon=True).start()

    def answer(self, query, way):
        end = query.index(b"\0", 12)
        name = b".".join(self.labels(query[12:end])).decode()
        self.asked.append((way, name))
        if name == "silent.example":
            return None
        if name == "big.example" and way == "udp":
            return query[:2] + struct.pack(">5H", 0x8380, 1, 0, 0, 0) + query[12:end + 5]
        names = [name]
        while names[-1] in self.aliases:
            names.append(self.aliases[names[-1]])
        label, _, zone = names[-1].partition(".")
        known = label.replace("-", ".") if zone == "at.example" else self.known.get(names[-1])
        owners = [b"\xc0\x0c", *map(self.packed, names[1:])]  # the first is the question's
        records = [self.record(owner, CNAME, self.packed(to)) for owner, to in zip(owners, names[1:])]
        records += [self.record(owners[-1], A, socket.inet_aton(known))] if known else []
        head = query[:2] + struct.pack(">5H", 0x8180 if known else 0x8183, 1, len(records), 0, 0)
        return head + query[12:end + 5] + b"".join(records)

    @staticmethod
    def record(owner, kind, data):
        return owner + struct.pack(">2HIH", kind, 1, 30, len(data)) + data

    @staticmethod
    def packed(name):
        return b"".join(bytes([len(it)]) + it.encode() for it in name.split(".")) + b"\0"

    @staticmethod
    def labels(text):
        while text:
            yield text[1:1 + text[0]]
            text = text[1 + text[0]:]

    def datagrams(self):
        while True:
            query, peer = self.sockets[0].recvfrom(4096)
            reply = self.answer(query, "udp")
            if reply:
                self.sockets[0].sendto(reply, peer)

    def connections(self):
        while True:
            peer, _ = self.sockets[1].accept()
            query = peer.recv(4096)
            reply = self.answer(query[2:], "tcp")
            peer.sendall(struct.pack(">H", len(reply)) + reply)
            peer.close()


def resolved(machines, instance, name, kind=A, way="udp", server="172.31.0.2", seconds=6):
    done = machines.exec(instance, PYTHON, "-c", ASK, server, way, str(kind), name, str(seconds))
    assert done.returncode == 0, done.stderr
    told = ast.literal_eval(done.stdout.strip())
    return told and told[:3]
