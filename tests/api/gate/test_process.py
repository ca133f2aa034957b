# SPDX-License-Identifier: Apache-2.0
"""The process: banner, health, metrics, clock, TLS, audit, how it stops, and what it refuses to start on."""
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.error

import botocore.exceptions
import pytest

from harness import PROGRAM, STOP_S
from refusals import wait_for
from wire import Connection, Signed, query


def run(*arguments, environment=None):
    return subprocess.run([PROGRAM, *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, timeout=60, env={**os.environ, **(environment or {})})


def test_banner_says_where_and_how(cloud):
    assert cloud.endpoint in cloud.banner
    assert cloud.banner.rstrip().endswith("Ready.")
    for word in ("AWS_ENDPOINT_URL", "aws", "Terraform"):
        assert word.lower() in cloud.banner.lower()


def test_health(cloud):
    assert json.loads(cloud.get("/_kintoun/health"))["status"] == "running"


def test_metrics_count_requests_errors_and_bytes(cloud, bucket):
    def of(text):
        return sum(value for line, value in cloud.metrics().items() if text in line and "PutObject" in line
                   and "bucket{" not in line and "s3" in line.lower())

    before = of("requests_total")
    for number in range(7):
        cloud.client("s3").put_object(Bucket=bucket, Key=str(number), Body=b"x" * 1000)
    assert of("requests_total") == before + 7
    text = cloud.get("/metrics")
    for line in text.splitlines():
        assert line.startswith("#") or re.fullmatch(r'[a-zA-Z_:][\w:]*(\{(\w+="(\\.|[^"\\])*",?)*\})? [-+\w.]+', line), line
    names = {re.split(r"[{ ]", line)[0] for line in text.splitlines() if line and line[0] != "#"}
    assert any("errors" in it for it in names) and any(it.endswith("_bucket") for it in names)
    assert any("sync" in it for it in names) and any("tickets" in it for it in names)


def test_latency_histogram_is_cumulative_and_ends_in_the_count(cloud):
    for _ in range(20):
        query(cloud, "GetCallerIdentity").reply()
    rows = [(line, value) for line, value in cloud.metrics().items()
            if "_bucket{" in line and "GetCallerIdentity" in line]
    values = [value for _, value in rows]
    assert values and values == sorted(values) and 'le="+Inf"' in rows[-1][0]
    count = next(value for line, value in cloud.metrics().items()
                 if re.match(r"\w+_count\{", line) and "GetCallerIdentity" in line)
    assert values[-1] == count >= 20


def test_clock_moves_forward_only(own_cloud):
    cloud = own_cloud()
    before = cloud.advance(0)
    assert (cloud.advance(86400 * 40) - before).days == 40
    reply = query(cloud, "GetCallerIdentity").reply()
    assert reply.status == 403 and "Signature expired" in reply.element("Message")
    with pytest.raises(urllib.error.HTTPError):
        cloud.advance(-1)


def test_clock_stands_until_it_is_let_go(own_cloud):
    cloud = own_cloud()
    now = cloud.stand()
    time.sleep(0.01)
    assert cloud.stand() == cloud.advance(0) == now
    moved = cloud.advance(60)
    assert (moved - now).total_seconds() == 60
    assert cloud.set_clock(stand=False) > moved
    for body in ({"stand": 1}, {"stand": True, "advance_seconds": 1}, {"go": True}):
        with pytest.raises(urllib.error.HTTPError):
            cloud.set_clock(**body)


def test_clock_is_not_there_without_its_option(tmp_path, own_cloud):
    cloud = own_cloud()
    cloud.stop()
    process = subprocess.Popen([PROGRAM, "up", "--port", "0", "--data", str(tmp_path / "other")],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for line in process.stdout:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found:
                cloud.port = int(found[1])
            if line.startswith("Ready."):
                break
        cloud.endpoint = f"http://127.0.0.1:{cloud.port}"
        with pytest.raises(urllib.error.HTTPError):
            cloud.advance(1)
    finally:
        process.terminate()
        process.wait(STOP_S)
        process.stdout.close()


def test_tls_with_a_certificate_of_its_own(own_cloud):
    cloud = own_cloud("--tls")
    assert cloud.endpoint.startswith("https://")
    assert cloud.client("sts").get_caller_identity()["Account"] == "000000000000"
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="over-tls")
    s3.put_object(Bucket="over-tls", Key="k", Body=b"x" * 300000)  # with a trailing checksum, unsigned
    assert s3.get_object(Bucket="over-tls", Key="k")["Body"].read() == b"x" * 300000
    before = cloud.certificate.read_bytes()
    cloud.restart()
    assert cloud.certificate.read_bytes() == before, "a new authority on every start cannot be trusted"
    assert (cloud.data / "ca-key.pem").stat().st_mode & 0o777 == 0o600
    assert f"AWS_CA_BUNDLE={cloud.certificate}" in cloud.banner
    assert cloud.client("sts").get_caller_identity()


def test_tls_with_somebodys_certificate(own_cloud):
    cloud = own_cloud()
    cloud.stop()
    own = cloud.data / "tls-cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=mine", "-addext", "subjectAltName=IP:127.0.0.1", "-out", own,
                    "-keyout", cloud.data / "tls-key.pem"], check=True, capture_output=True)
    cloud.options += ("--tls",)
    cloud.start()
    assert f"AWS_CA_BUNDLE={own}" in cloud.banner and not cloud.certificate.exists()
    with socket.create_connection(("127.0.0.1", cloud.port), 20) as plain:
        context = ssl.create_default_context(cafile=own)
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as it:
            assert ("commonName", "mine") in it.getpeercert()["subject"][0]


def test_plain_text_on_the_tls_port_is_not_answered(own_cloud):
    cloud = own_cloud("--tls")
    with socket.create_connection(("127.0.0.1", cloud.port), 20) as plain:
        plain.sendall(b"GET /_kintoun/health HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            assert b"running" not in plain.recv(4096)
        except ConnectionResetError:
            pass  # as good an answer
    assert query(cloud, "GetCallerIdentity").reply().status == 200


def audited(cloud):
    """The audit records of a stopped cloud."""
    listed = run("audit", "--data", str(cloud.data))
    assert listed.returncode == 0, listed.stdout
    return [json.loads(line) for line in listed.stdout.splitlines()]


def test_audit_survives_a_kill_and_says_who_did_what(own_cloud, name):
    cloud = own_cloud()
    user = name("audited")
    cloud.client("iam").create_user(UserName=user)
    with pytest.raises(botocore.exceptions.ClientError):
        cloud.client("iam").create_user(UserName=user)
    cloud.client("s3").create_bucket(Bucket="audited")
    cloud.client("s3").put_object(Bucket="audited", Key="k", Body=b"x")
    cloud.stop(signal.SIGKILL)
    events = audited(cloud)
    made, refused = [it for it in events if it["eventName"] == "CreateUser"]
    assert made["eventSource"] == "iam.amazonaws.com" and made["readOnly"] is False
    assert made["arn"] == "arn:aws:iam::000000000000:root" and made["sourceIPAddress"] == "127.0.0.1"
    assert "Boto3" in made["userAgent"] and "errorCode" not in made
    assert refused["errorCode"] == "EntityAlreadyExists"
    assert "CreateBucket" in [it["eventName"] for it in events]
    assert "PutObject" not in [it["eventName"] for it in events], "data events were not asked for"


def test_data_events_are_audited_when_asked_for(own_cloud):
    cloud = own_cloud("--data-events")
    cloud.client("s3").create_bucket(Bucket="audited")
    cloud.client("s3").put_object(Bucket="audited", Key="k", Body=b"x")
    cloud.stop()
    assert "PutObject" in [it["eventName"] for it in audited(cloud)]


# -- stopping ---------------------------------------------------------------------------------------------------


def test_sigterm_finishes_what_is_under_way(own_cloud):
    cloud = own_cloud()
    cloud.client("s3").create_bucket(Bucket="slow")
    body = b"x" * 1000000
    put = Signed(cloud, "PUT", "/slow/k", body)
    with Connection(cloud) as busy, Connection(cloud) as idle:
        assert idle.send(query(cloud, "GetCallerIdentity").bytes()).reply().status == 200
        assert busy.send(put.head(expect="100-continue")).reply().status == 100
        busy.send(body[:500000])
        cloud.process.send_signal(signal.SIGTERM)
        assert idle.closed()
        busy.send(body[500000:])
        reply = busy.reply()
        assert reply.status == 200 and reply.closed
    assert cloud.stop() == 0
    cloud.start()
    assert cloud.client("s3").head_object(Bucket="slow", Key="k")["ContentLength"] == len(body)


def test_sigint_stops_too(own_cloud):
    assert own_cloud().stop(signal.SIGINT) == 0


def test_stop_under_load_answers_or_closes_never_both(own_cloud):
    cloud = own_cloud()
    outcomes, go = [], threading.Event()

    def work():
        try:
            with Connection(cloud) as connection:
                go.wait()
                for _ in range(10000):
                    reply = connection.send(query(cloud, "GetCallerIdentity").bytes()).reply()
                    outcomes.append(reply.status if reply else "closed")
                    if not reply or reply.closed:
                        return
        except (ConnectionError, BrokenPipeError, AssertionError) as error:
            outcomes.append("half" if isinstance(error, AssertionError) else "closed")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    go.set()
    wait_for(lambda: outcomes.count(200) > 10)
    assert cloud.stop() == 0
    for thread in threads:
        thread.join()
    assert outcomes.count(200) > 10 and set(outcomes) <= {200, "closed"}


# -- starting ---------------------------------------------------------------------------------------------------


def test_two_on_one_folder_are_refused(own_cloud):
    cloud = own_cloud()
    second = run("up", "--port", "0", "--data", str(cloud.data))
    assert second.returncode != 0 and str(cloud.data) in second.stdout
    assert query(cloud, "GetCallerIdentity").reply().status == 200


def test_port_in_use_is_said(own_cloud, tmp_path):
    cloud = own_cloud()
    second = run("up", "--port", str(cloud.port), "--data", str(tmp_path / "other"))
    assert second.returncode != 0 and str(cloud.port) in second.stdout


def test_foreign_folder_is_refused_and_left_alone(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("do not touch")
    done = run("up", "--port", "0", "--data", str(folder))
    assert done.returncode != 0 and str(folder) in done.stdout
    assert [it.name for it in folder.iterdir()] == ["thesis.txt"]


def test_damaged_folder_is_refused_and_left_alone(own_cloud):
    cloud = own_cloud()
    cloud.client("s3").create_bucket(Bucket="kept")
    cloud.stop()
    current = next(it for it in cloud.data.rglob("CURRENT"))
    current.write_text("nonsense\n")

    def files():
        return sorted((str(it), it.stat().st_size) for it in cloud.data.rglob("*")
                      if it.is_file() and "LOG" not in it.name and it.suffix != ".dbtmp")

    before = files()
    done = run("up", "--port", "0", "--data", str(cloud.data))
    assert done.returncode != 0 and str(cloud.data) in done.stdout
    assert files() == before


def test_other_addresses_need_a_key_of_ones_own(tmp_path):
    done = run("up", "--port", "0", "--data", str(tmp_path / "d"), "--listen", "0.0.0.0")
    assert done.returncode != 0 and "KINTOUN_ROOT" in done.stdout


def test_open_mode_is_for_loopback_only(tmp_path):
    done = run("up", "--port", "0", "--data", str(tmp_path / "d"), "--listen", "0.0.0.0",
               environment={"KINTOUN_AUTH": "open", "KINTOUN_ROOT_ACCESS_KEY_ID": "AKIAX",
                            "KINTOUN_ROOT_SECRET_ACCESS_KEY": "long enough a secret"})
    assert done.returncode != 0


def test_version_doctor_and_coverage():
    assert re.search(r"\d+\.\d+\.\d+", run("version").stdout)
    doctor = run("doctor").stdout
    for word in ("root", "BPF", "BTF", "namespaces", "cgroup", "FUSE", "KVM"):
        assert word.lower() in doctor.lower(), word
    coverage = run("coverage").stdout
    for word in ("s3", "dynamodb", "PutObject", "GetCallerIdentity"):
        assert word in coverage
    assert run("nonsense").returncode != 0
