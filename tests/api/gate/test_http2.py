# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 (RFC 9113) as curl speaks it: in clear by prior knowledge, under TLS by ALPN, with bodies of both ways, many
requests on one connection, and a server that is stopped under them."""
import hashlib
import os
import shutil
import signal
import subprocess

import pytest

BODY = os.urandom(5_000_001)


@pytest.fixture(scope="module", autouse=True)
def needs_curl():
    if not shutil.which("curl") or "nghttp2" not in subprocess.run(["curl", "-V"], capture_output=True, text=True).stdout:
        pytest.skip("no curl with HTTP/2")


def curl(cloud, path, *options, code=200, service="s3"):
    """The body; the reply must be of HTTP/2 and have this status."""
    done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge" if cloud.scheme == "http" else "--http2", "-k",
                           "--aws-sigv4", f"aws:amz:us-east-1:{service}", "-u", "test:test",
                           "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "-w", "%{stderr}%{http_version} %{http_code}",
                           *options, cloud.endpoint + path], capture_output=True, timeout=60)
    assert done.stderr.decode() == f"2 {code}", done.stderr
    return done.stdout


@pytest.mark.parametrize("options", [[], ["--tls"]], ids=["clear", "tls"])
def test_objects(own_cloud, options, name):
    cloud, bucket = own_cloud(*options), name("h2")
    curl(cloud, f"/{bucket}", "-X", "PUT")
    path = cloud.folder / "body"
    path.write_bytes(BODY)
    curl(cloud, f"/{bucket}/k", "-T", str(path))
    assert hashlib.sha256(curl(cloud, f"/{bucket}/k")).digest() == hashlib.sha256(BODY).digest()
    assert curl(cloud, f"/{bucket}/k", "-r", "1000-1009", code=206) == BODY[1000:1010]
    assert b"content-length: 5000001" in curl(cloud, f"/{bucket}/k", "-I")
    assert b"<Code>NoSuchKey</Code>" in curl(cloud, f"/{bucket}/none", code=404)
    # A reply before the end of the request's body reaches its client.
    assert b"<Code>NoSuchBucket</Code>" in curl(cloud, f"/{bucket}-none/k", "-T", str(path), code=404)
    # A body of unknown length is refused as in HTTP/1.1.
    done = subprocess.run(["head", "-c", "10000", str(path)], capture_output=True).stdout
    piped = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "-k", "--aws-sigv4", "aws:amz:us-east-1:s3", "-u", "test:test",
                            "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "-T", "-", f"{cloud.endpoint}/{bucket}/piped"],
                           input=done, capture_output=True, timeout=60)
    assert b"<Code>MissingContentLength</Code>" in piped.stdout
    curl(cloud, f"/{bucket}/k", "-X", "DELETE", code=204)
    curl(cloud, f"/{bucket}", "-X", "DELETE", code=204)


def test_many_requests_on_one_connection(own_cloud, name):
    # Under TLS, since curl 7.88 cannot use a connection of prior knowledge twice (nor with nginx).
    cloud, bucket = own_cloud("--tls"), name("h2")
    curl(cloud, f"/{bucket}", "-X", "PUT")
    done = subprocess.run(["curl", "-sSk", "--http2", "-Z", "--parallel-max", "50", "--aws-sigv4", "aws:amz:us-east-1:s3",
                           "-u", "test:test", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "-o", "/dev/null",
                           "-w", "%{http_version} %{http_code} %{num_connects}\n", f"{cloud.endpoint}/{bucket}?prefix=[1-300]"],
                          capture_output=True, text=True, timeout=60)
    lines = done.stdout.split("\n")[:-1]
    assert len(lines) == 300 and {line[:5] for line in lines} == {"2 200"}, done
    assert sum(int(line[6:]) for line in lines) < 50  # those that began before the first was connected
    curl(cloud, f"/{bucket}", "-X", "DELETE", code=204)


def test_a_wrong_signature_and_too_many_fields(cloud):
    reply = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--aws-sigv4", "aws:amz:us-east-1:sts", "-u", "test:wrong",
                            "-d", "Action=GetCallerIdentity&Version=2011-06-15", cloud.endpoint + "/"],
                           capture_output=True, timeout=60).stdout
    assert b"<Code>SignatureDoesNotMatch</Code>" in reply
    fields = [word for n in range(201) for word in ("-H", f"x{n}: y")]
    done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", *fields, "-w", "%{http_code}", "-o", "/dev/null",
                           cloud.endpoint + "/"], capture_output=True, text=True, timeout=60)
    assert done.stdout == "431"



def test_a_stopped_server_answers_what_it_has_begun(own_cloud, name):
    cloud, bucket = own_cloud(), name("h2")
    curl(cloud, f"/{bucket}", "-X", "PUT")
    (cloud.folder / "body").write_bytes(BODY)
    curl(cloud, f"/{bucket}/k", "-T", str(cloud.folder / "body"))
    reading = subprocess.Popen(["curl", "-sS", "-v", "--http2-prior-knowledge", "--limit-rate", "3M", "--aws-sigv4",
                                "aws:amz:us-east-1:s3", "-u", "test:test", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
                                f"{cloud.endpoint}/{bucket}/k"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    first = reading.stdout.read(1)
    cloud.process.send_signal(signal.SIGTERM)
    out, said = reading.communicate(timeout=60)
    assert first + out == BODY and b"not closed cleanly" not in said, said[-2000:]
    assert cloud.process.wait(timeout=60) == 0
