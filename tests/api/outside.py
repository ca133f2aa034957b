# SPDX-License-Identifier: Apache-2.0
"""The internet of a test: a network namespace behind the edge, with a server that tells callers who they are."""
import subprocess
import uuid

from harness import PROGRAM

EDGE = "203.0.113.1"  # of the namespace: the first address of the pool
# A server that answers each caller with the caller's address.
SERVER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.client_address[0].encode())
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""
FETCH = "import urllib.request as u; print(u.urlopen('http://{}:8080/', timeout={}).read().decode())"
PYTHON = "/usr/bin/python3"


class Outside:
    """The namespace that plays the internet, with a server in it."""

    def __init__(self):
        self.name = f"internet-{uuid.uuid4().hex[:8]}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        subprocess.run(["ip", "-n", self.name, "link", "set", "lo", "up"], check=True)
        self.server = subprocess.Popen(["ip", "netns", "exec", self.name, PYTHON, "-c", SERVER])

    def fetch(self, address, seconds=1):
        """What a server answers to somebody out here; "" where nothing comes."""
        done = subprocess.run(["ip", "netns", "exec", self.name, PYTHON, "-c", FETCH.format(address, seconds)],
                              capture_output=True, text=True)
        return done.stdout.strip()

    def end(self):
        self.server.kill()
        self.server.wait()
        subprocess.run(["ip", "netns", "del", self.name], check=True)


def fetched(machines, instance, address=EDGE, seconds=1):
    """The address that a server sees of the instance; "" where nothing comes in so long."""
    return machines.exec(instance, PYTHON, "-c", FETCH.format(address, seconds)).stdout.strip()


def serving():
    return f"cd /tmp; cat > serve.py <<'END'\n{SERVER}END\nexec {PYTHON} serve.py\n"


def nat_table(cloud, *words):
    return subprocess.run([PROGRAM, "nat", *words, "--port", str(cloud.port)], capture_output=True, text=True, timeout=60)
