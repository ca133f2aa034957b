# SPDX-License-Identifier: Apache-2.0
"""Requests below the SDKs: raw bytes over a socket, and a signer of its own that can also sign wrongly."""
import datetime
import hashlib
import hmac
import re
import socket
import ssl
import urllib.parse


class Reply:
    def __init__(self, status, headers, body, closed):
        self.status, self.headers, self.body, self.closed = status, headers, body, closed

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def element(self, name):
        """Text of the first XML element of that name, or None."""
        found = re.search(rf"<{name}(?:\s[^>]*)?>(.*?)</{name}>", self.text, re.DOTALL)
        return found and found[1]


class Connection:
    """One TCP (or TLS) connection to the cloud; replies are read one by one."""

    def __init__(self, cloud, timeout=60):
        self.socket = socket.create_connection(("127.0.0.1", cloud.port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if cloud.scheme == "https":
            context = ssl._create_unverified_context()
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def _more(self):
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            piece = b""
        self.pending += piece
        return bool(piece)

    def closed(self):
        """True when the server has closed and nothing more came."""
        return not self.pending and not self._more()

    def reply(self, head_only=False):
        """The next reply, interim ones too; None when the server closed instead."""
        while b"\r\n\r\n" not in self.pending:
            if not self._more():
                assert not self.pending, f"half a head: {self.pending!r}"
                return None
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split()[1])
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        assert len(headers) == len(lines), f"a field stands there twice: {lines}"
        body = b"" if head_only or status < 200 or status in (204, 304) else self._body(headers)
        return Reply(status, headers, body, headers.get("connection", "").lower() == "close")

    def _take(self, count):
        while len(self.pending) < count:
            assert self._more(), "the body ended early"
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def _line(self):
        while b"\r\n" not in self.pending:
            assert self._more(), "a chunk ended early"
        line, self.pending = self.pending.split(b"\r\n", 1)
        return line

    def _body(self, headers):
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while size := int(self._line().split(b";")[0], 16):
                body += self._take(size)
                assert self._line() == b""
            while self._line():
                pass
            return body
        if "content-length" in headers:
            return self._take(int(headers["content-length"]))
        while self._more():
            pass
        body, self.pending = self.pending, b""
        return body


def exchange(cloud, data, head_only=False):
    """Sends bytes on a new connection; the first reply, or None when the server just closed."""
    with Connection(cloud) as connection:
        return connection.send(data).reply(head_only)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def _mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def stamp(offset_s=0):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=offset_s)
    return now.strftime("%Y%m%dT%H%M%SZ")


class Signed:
    """A request with its SigV4 signature in headers; every part can be given, to be wrong on purpose.

    Signed(cloud, "GET", "/bucket?list-type=2").reply()
    """

    def __init__(self, cloud, method, target, body=b"", service="s3", region="us-east-1", key="test",
                 secret="test", headers=None, when=None, payload=None, scope_date=None, host=None,
                 unsigned=None, algorithm="AWS4-HMAC-SHA256"):
        self.cloud, self.body = cloud, body
        when = when or stamp()
        date = scope_date or when[:8]
        path, _, query = target.partition("?")
        given = {"host": host or f"127.0.0.1:{cloud.port}", "x-amz-date": when,
                 "x-amz-content-sha256": payload or digest(body)}
        given.update({name.lower(): value for name, value in (headers or {}).items()})
        names = ";".join(sorted(given))
        pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
        if service != "s3":
            path_signed = urllib.parse.quote(path, safe="/~")
        else:
            path_signed = path
        self.canonical = "\n".join([
            method, path_signed,
            "&".join(f"{urllib.parse.quote(n, safe='-_.~')}={urllib.parse.quote(v, safe='-_.~')}"
                     for n, v in pairs),
            "".join(f"{n}:{' '.join(given[n].split())}\n" for n in sorted(given)), names,
            given["x-amz-content-sha256"]])
        scope = f"{date}/{region}/{service}/aws4_request"
        self.to_sign = "\n".join(["AWS4-HMAC-SHA256", when, scope, digest(self.canonical.encode())])
        signing = ("AWS4" + secret).encode()
        for part in scope.split("/"):
            signing = _mac(signing, part)
        self.signature = _mac(signing, self.to_sign).hex()
        given["authorization"] = (f"{algorithm} Credential={key}/{scope}, SignedHeaders={names}, "
                                  f"Signature={self.signature}")
        given.update(unsigned or {})
        self.headers = given
        self.line = f"{method} {target} HTTP/1.1"

    def head(self, without=(), **changes):
        given = {**self.headers, **{name.replace("_", "-"): value for name, value in changes.items()}}
        if self.body and "transfer-encoding" not in given:
            given.setdefault("content-length", str(len(self.body)))
        lines = [f"{name}: {value}" for name, value in given.items() if name not in without]
        return ("\r\n".join([self.line, *lines]) + "\r\n\r\n").encode()

    def bytes(self, **changes):
        return self.head(**changes) + self.body

    def reply(self, **changes):
        return exchange(self.cloud, self.bytes(**changes), self.line.startswith("HEAD "))


def query(cloud, action, service="sts", version="2011-06-15", fields=None, **more):
    """A signed request of the query or ec2 protocol."""
    body = urllib.parse.urlencode({"Action": action, "Version": version, **(fields or {})}).encode()
    more["headers"] = {"content-type": "application/x-www-form-urlencoded; charset=utf-8",
                       **more.get("headers", {})}
    return Signed(cloud, "POST", "/", body, service=service, **more)


def json_call(cloud, target, body=b"{}", service="dynamodb", version="1.0", **more):
    """A signed request of the json protocols."""
    more["headers"] = {"content-type": f"application/x-amz-json-{version}", "x-amz-target": target,
                       **more.get("headers", {})}
    return Signed(cloud, "POST", "/", body, service=service, **more)
