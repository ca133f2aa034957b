# SPDX-License-Identifier: Apache-2.0
"""Writers of objects for the crash tests. Each has names of its own and one request under way; it notes before a request what
that may make of its names, and after the answer what it did. So whoever looks later knows what must be there."""
import base64
import contextlib
import hashlib
import itertools
import random
import threading
import urllib.parse

from wire import Connection, Signed

BUCKET, BASE = "crash", "base"
BASE_SIZE = 5 << 20  # the least that a part other than the last may have
NAMES = 6            # of one writer
SIZES = (0, 1, 2048, 2049, 100_000, 128 << 10, 131_073, 700_000, 2_500_000)  # in the index, beside it, in extents
GONE = (ConnectionError, TimeoutError)


class Refused(Exception):
    """An answer that is not the wished one: status and code."""


def some_bytes(name, size):
    seed = hashlib.sha256(name.encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


TEXT = -1  # instead of a number of bases


def content(made):
    """What a value of Writer.have stands for: (id, size, how often the base precedes it)."""
    name, size, bases = made
    if bases == TEXT:
        return some_bytes(name, size).hex().encode()[:size]
    return some_bytes(BASE, BASE_SIZE) * bases + some_bytes(name, size)


class Client:
    """One connection, made anew when it was closed."""

    def __init__(self, cloud):
        self.cloud, self.connection = cloud, None

    def ask(self, method, path, body=b"", query="", want=(200, 204), **headers):
        target = f"/{BUCKET}/{urllib.parse.quote(path)}" + (f"?{query}" if query else "")
        request = Signed(self.cloud, method, target, body, payload="UNSIGNED-PAYLOAD",
                         headers={name.replace("_", "-"): value for name, value in headers.items()})
        self.connection = self.connection or Connection(self.cloud)
        changes = {"content-length": "0"} if method in ("PUT", "POST") and not body else {}
        reply = self.connection.send(request.bytes(**changes)).reply()
        if reply is None:
            raise ConnectionResetError
        if reply.closed:
            self.close()
        if reply.status not in want:
            raise Refused(reply.status, reply.element("Code"))
        return reply

    def close(self):
        if self.connection:
            self.connection.socket.close()
        self.connection = None


class Writer(threading.Thread):
    """Does `steps` things, or things until the server is gone. `have` is what was acknowledged: a name and what it holds; a name
    with a slash is an annotation of an object. `maybe` is what the request under way may make of it, all or nothing. What was
    refused, where that is allowed, leaves names in `doubt`, with all that they may hold: they are not touched again."""

    def __init__(self, cloud, number, have=None, steps=None):
        super().__init__(daemon=True)
        self.client, self.number, self.steps = Client(cloud), number, steps
        self.have, self.maybe, self.doubt = have if have is not None else {}, {}, {}
        self.chance, self.failure = random.Random(), None
        self.may_refuse, self.done = False, 0

    def run(self):
        try:
            for step in itertools.islice(itertools.count(), self.steps):
                self.step(step)
        except GONE:
            pass
        except Exception as error:
            self.failure = error
        finally:
            self.client.close()

    def step(self, step):
        deeds = (self.put, self.put, self.put, self.delete, self.copy, self.unite, self.annotate, self.delete_many)
        deed = self.chance.choice(deeds) if self.steps is None else deeds[step % len(deeds)]
        self.maybe = {}
        try:
            deed(self.chance.choice([it for it in self.names() if it not in self.doubt]))
            self.have.update(self.maybe)
            self.done += 1
        except Refused as refusal:
            if not self.may_refuse or refusal.args[0] < 500:
                raise
            for name, made in self.maybe.items():
                self.doubt.setdefault(name.partition("/")[0], [self.have.get(name.partition("/")[0])])
                self.doubt[name] = [self.have.get(name), made]
        self.maybe = {}

    def names(self):
        """Some, beside those in doubt."""
        return [f"w{self.number:02}-{i}" for i in range(NAMES + len(self.doubt))]

    def replaces(self, name, made):
        """From here on the name may be another object, without the annotations of the old one."""
        self.maybe = {note: None for note in self.have if note.startswith(name + "/")}
        self.maybe[name] = made

    def new(self, bases=0):
        return f"{self.number}.{self.chance.random()}", self.chance.choice(SIZES), bases

    def present(self):
        return [name for name, made in self.have.items() if made and "/" not in name and name not in self.doubt]

    def put(self, name):
        made = self.new()
        self.replaces(name, made)
        self.client.ask("PUT", name, content(made))

    def delete(self, name):
        self.replaces(name, None)
        self.client.ask("DELETE", name)

    def delete_many(self, name):
        names = (self.present() or [name])[:3]
        body = "".join(f"<Object><Key>{it}</Key></Object>" for it in names)
        body = f"<Delete><Quiet>true</Quiet>{body}</Delete>".encode()
        self.maybe = {note: None for note in self.have if note.partition("/")[0] in names}
        self.maybe.update(dict.fromkeys(names))
        checksum = hashlib.md5(body).digest()
        reply = self.client.ask("POST", "", body, "delete=", content_md5=base64.b64encode(checksum).decode())
        if b"<Error>" in reply.body:
            raise Refused(500, reply.element("Code"))

    def copy(self, name):
        sources = self.present()
        if not sources:
            return self.put(name)
        source = self.chance.choice(sources)
        if source == name or self.have.get(source + "/note"):
            return self.put(name)  # copies take annotations along: a matter of its own
        self.replaces(name, self.have[source])
        self.client.ask("PUT", name, x_amz_copy_source=f"/{BUCKET}/{source}")

    def unite(self, name):
        """An object of three parts, two of which share the bytes of another object."""
        made = self.new(bases=2)
        self.replaces(name, made)
        upload = self.client.ask("POST", name, query="uploads=").element("UploadId")
        parts = []
        for number in (1, 2, 3):
            query = f"partNumber={number}&uploadId={upload}"
            if number < 3:
                etag = self.client.ask("PUT", name, query=query, x_amz_copy_source=f"/{BUCKET}/{BASE}").element("ETag")
            else:
                etag = self.client.ask("PUT", name, content((made[0], made[1], 0)), query).headers["etag"]
            parts.append(f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
        body = f"<CompleteMultipartUpload>{''.join(parts)}</CompleteMultipartUpload>".encode()
        reply = self.client.ask("POST", name, body, f"uploadId={upload}")
        if reply.element("ETag") is None:
            raise Refused(500, reply.element("Code"))

    def annotate(self, name):
        objects = self.present()
        if not objects:
            return self.put(name)
        name, made = self.chance.choice(objects), self.new()
        made = (made[0], max(1, min(made[1], 900_000)), TEXT)
        self.maybe = {f"{name}/note": made}
        self.client.ask("PUT", name, content(made), "annotation=&annotationName=note")


def begin(cloud):
    """The bucket, and the object whose bytes others share."""
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    cloud.client("s3").put_object(Bucket=BUCKET, Key=BASE, Body=some_bytes(BASE, BASE_SIZE))


def find(client, name):
    """The bytes of an object or annotation, or None."""
    key, _, note = name.partition("/")
    reply = client.ask("GET", key, query=f"annotation=&annotationName={note}" if note else "", want=(200, 404))
    return reply.body if reply.status == 200 else None


def wanted(made):
    return content(made) if made else None


def is_one_of(found, states):
    return any(all(found[name] == wanted(state.get(name)) for name in found) for state in states)


def check(cloud, writers):
    """Everything is what was acknowledged, or what was under way as a whole; the writers note which. The listing agrees."""
    with contextlib.closing(Client(cloud)) as client:
        for writer in writers:
            names = {**writer.have, **writer.maybe, **writer.doubt}
            found = {name: find(client, name) for name in names}
            sure = {name: body for name, body in found.items() if name not in writer.doubt}
            assert is_one_of(sure, [writer.have, {**writer.have, **writer.maybe}]), differences(writer, sure)
            for name, possible in writer.doubt.items():
                assert found[name] in [wanted(made) for made in possible], f"{name} is there in part"
            writer.have = {name: made for name in found if found[name] is not None for made in possible_of(writer, name)
                           if wanted(made) == found[name]}
            writer.maybe, writer.doubt = {}, {}
    pages = cloud.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    listed = {item["Key"] for page in pages for item in page.get("Contents", [])}
    assert listed == {BASE} | {name for writer in writers for name in writer.present()}


def possible_of(writer, name):
    return [writer.have.get(name), writer.maybe.get(name), *writer.doubt.get(name, [])]


def differences(writer, found):
    """For the report: each name whose bytes are neither."""
    wrong = []
    for name, body in found.items():
        bodies = [wanted(made) for made in (writer.have.get(name), writer.maybe.get(name, writer.have.get(name)))]
        if body not in bodies:
            wrong.append(f"{name} has {None if body is None else len(body)} bytes, not {[it and len(it) for it in bodies]}")
    return f"writer {writer.number}: " + ("; ".join(wrong) or f"half of a change of {sorted(writer.maybe)}")
