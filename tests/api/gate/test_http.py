# SPDX-License-Identifier: Apache-2.0
"""The HTTP/1.1 edge (RFC 9112): what is malformed is refused before any service sees it, and nothing that
follows it on the connection is taken for another request."""
import time

import pytest

from wire import Connection, Signed, exchange, json_call, query

HEALTH = b"GET /_kintoun/health HTTP/1.1\r\nHost: x\r\n\r\n"

MALFORMED = {
    "no host": (b"GET / HTTP/1.1\r\n\r\n", {400}),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400}),
    "version 2.0": (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", {505}),
    "no version": (b"GET /\r\n\r\n", {400}),
    "two blanks": (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {400}),
    "method with a colon": (b"GE:T / HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "target without a slash": (b"GET foo HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "blank before the colon": (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", {400}),
    "field without a colon": (b"GET / HTTP/1.1\r\nHost: x\r\nfoo\r\n\r\n", {400}),
    "empty field name": (b"GET / HTTP/1.1\r\nHost: x\r\n: foo\r\n\r\n", {400}),
    "folded field": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", {400}),
    "NUL in a value": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", {400}),
    "bare CR in a value": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rc: d\r\n\r\n", {400}),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", {400}),
    "length with a sign": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na", {400}),
    "negative length": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", {400}),
    "hex length": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\na", {400}),
    "length list": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\na", {400}),
    "length overflow": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", {400, 413}),
    "length and chunked": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    "unknown coding": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", {400, 501}),
    "chunked twice": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", {400, 501}),
    "chunked in 1.0": (b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400, 501}),
    "long target": (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414, 431}),
    "long field": (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 70000 + b"\r\n\r\n", {431}),
    "many fields": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 400 + b"\r\n", {431}),
    "strange expectation": (b"POST / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 1\r\n\r\na", {417}),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_head_is_refused_and_the_connection_closed(cloud, case):
    data, statuses = MALFORMED[case]
    with Connection(cloud) as connection:
        # What follows must never be answered: it could be half of somebody else's request.
        reply = connection.send(data + HEALTH).reply()
        assert reply is not None, "closed without an answer"
        assert reply.status in statuses
        assert connection.closed()


@pytest.mark.parametrize("chunks", [b"zz\r\nab\r\n0\r\n\r\n", b"fffffffffffffffff\r\n", b"-1\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n",
                                    b"3\nabc\r\n0\r\n\r\n", b" 3\r\nabc\r\n0\r\n\r\n"])
def test_malformed_chunk_is_refused_and_the_connection_closed(cloud, chunks):
    head = query(cloud, "GetCallerIdentity").head(without=("content-length",), transfer_encoding="chunked")
    with Connection(cloud) as connection:
        reply = connection.send(head + chunks + HEALTH).reply()
        assert reply is None or reply.status in (400, 413)
        assert connection.closed()


def test_keep_alive_serves_one_request_after_the_other(cloud):
    with Connection(cloud) as connection:
        for _ in range(5):
            reply = connection.send(query(cloud, "GetCallerIdentity").bytes()).reply()
            assert reply.status == 200 and reply.element("Account") == "000000000000"


def test_pipelined_requests_are_answered_in_order(cloud):
    wanted = [("GetCallerIdentity", 200), ("NoSuchThing", 400), ("GetCallerIdentity", 200)] * 4
    with Connection(cloud) as connection:
        connection.send(b"".join(query(cloud, action).bytes() for action, _ in wanted))
        assert [connection.reply().status for _ in wanted] == [status for _, status in wanted]


def test_request_in_single_bytes(cloud):
    with Connection(cloud) as connection:
        for byte in query(cloud, "GetCallerIdentity").bytes():
            connection.send(bytes([byte]))
        assert connection.reply().status == 200


def test_chunked_request_body(cloud):
    call = json_call(cloud, "DynamoDB_20120810.ListTables", b'{"Limit": 1}')
    head = call.head(without=("content-length",), transfer_encoding="chunked")
    with Connection(cloud) as connection:
        connection.send(head + b"6;ext=1\r\n{\"Limi\r\n6\r\nt\": 1}\r\n0\r\nX-Trailer: yes\r\n\r\n")
        reply = connection.reply()
        assert reply.status == 200 and b"TableNames" in reply.body
        assert connection.send(query(cloud, "GetCallerIdentity").bytes()).reply().status == 200


def test_connection_close_is_honoured(cloud):
    with Connection(cloud) as connection:
        reply = connection.send(query(cloud, "GetCallerIdentity").bytes(connection="close")).reply()
        assert reply.status == 200 and reply.closed
        assert connection.closed()


def test_http_1_0_closes_after_the_reply(cloud):
    with Connection(cloud) as connection:
        reply = connection.send(b"GET /_kintoun/health HTTP/1.0\r\nHost: x\r\n\r\n").reply()
        assert reply.status == 200
        assert connection.closed()


def test_absolute_target_names_the_host(cloud):
    reply = exchange(cloud, b"GET http://localhost/_kintoun/health HTTP/1.1\r\nHost: other\r\n\r\n")
    assert reply.status == 200


def test_100_continue_comes_before_the_body(cloud, bucket):
    put = Signed(cloud, "PUT", f"/{bucket}/expected", b"body", headers={"expect": "100-continue"})
    with Connection(cloud) as connection:
        assert connection.send(put.head()).reply().status == 100
        assert connection.send(b"body").reply().status == 200
    assert cloud.client("s3").get_object(Bucket=bucket, Key="expected")["Body"].read() == b"body"


def test_100_continue_comes_before_an_empty_body_too(cloud, bucket):
    """botocore takes a final status that comes instead for the status of its next request on the connection as well."""
    with Connection(cloud) as connection:
        connection.send(Signed(cloud, "PUT", f"/{bucket}/empty", b"", headers={"expect": "100-continue"}).bytes())
        assert connection.reply().status == 100
        assert connection.reply().status == 200


def test_100_continue_is_withheld_from_a_wrong_signature(cloud, bucket):
    put = Signed(cloud, "PUT", f"/{bucket}/unexpected", b"body", secret="wrong",
                 headers={"expect": "100-continue"})
    with Connection(cloud) as connection:
        reply = connection.send(put.head()).reply()
        assert reply.status == 403 and reply.element("Code") == "SignatureDoesNotMatch"


def test_head_reply_has_a_length_and_no_body(cloud, bucket):
    cloud.client("s3").put_object(Bucket=bucket, Key="empty", Body=b"")
    assert Signed(cloud, "HEAD", f"/{bucket}/empty").reply().headers["content-length"] == "0"
    cloud.client("s3").put_object(Bucket=bucket, Key="k", Body=b"12345")
    with Connection(cloud) as connection:
        reply = connection.send(Signed(cloud, "HEAD", f"/{bucket}/k").bytes()).reply(head_only=True)
        assert reply.status == 200 and reply.headers["content-length"] == "5"
        reply = connection.send(Signed(cloud, "GET", f"/{bucket}/k").bytes()).reply()
        assert reply.body == b"12345"


def test_replies_carry_a_date(cloud):
    reply = query(cloud, "GetCallerIdentity").reply()
    assert time.strptime(reply.headers["date"], "%a, %d %b %Y %H:%M:%S GMT")


def test_body_above_the_ceiling_is_refused_unread(cloud):
    call = json_call(cloud, "DynamoDB_20120810.ListTables")
    with Connection(cloud) as connection:
        reply = connection.send(call.head(content_length=str(1 << 40))).reply()
        assert reply.status == 413
        assert reply.headers["content-type"] == "application/x-amz-json-1.0"
        assert '"com.amazon.coral.service#RequestEntityTooLargeException"' in reply.text
        assert connection.closed()
    with Connection(cloud) as connection:
        deletion = Signed(cloud, "POST", "/bucket?delete=", b"x")
        reply = connection.send(deletion.head(content_length=str(1 << 40))).reply()
        assert (reply.status, reply.element("Code")) == (413, "EntityTooLarge")
        assert reply.headers["content-type"] == "application/xml"
        assert connection.closed()


def test_slow_head_is_given_up(cloud):
    started = time.monotonic()
    with Connection(cloud, timeout=120) as connection:
        reply = connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n").reply()
        assert reply is None or reply.status == 408
        assert connection.closed()
    assert 2 < time.monotonic() - started < 100


def test_peer_that_leaves_in_the_middle_harms_nobody(cloud, bucket):
    for cut in range(0, 400, 40):
        data = Signed(cloud, "PUT", f"/{bucket}/half", b"x" * 200).bytes()
        with Connection(cloud) as connection:
            connection.send(data[:-1 - cut])
    assert "Contents" not in cloud.client("s3").list_objects_v2(Bucket=bucket)
    assert query(cloud, "GetCallerIdentity").reply().status == 200
