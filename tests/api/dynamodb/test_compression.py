# SPDX-License-Identifier: Apache-2.0
"""Compressed requests and replies, as the real service was measured to treat them."""
import gzip
import json
import zlib

import pytest

from wire import json_call

REPLY_MIN = 4096
PLAIN = (None, "identity", "", "br", "zstd", "x-gzip", "gzip;q=0", "gzip ;q=0", "*;q=0", "identity;q=0", '"gzip"', "gzip br",
         "gzip:q=1", "gzip;nq=1;q=0", "br;q=0.8,identity;q=0.5,*;q=0")
GZIP = ("gzip", "GZIP, identity", "dog, gzip ,, cat", "gzip, deflate", "gzip;q=0.8, deflate;q=0.5", "*", "*, deflate;q=0.5",
        "*, identity", "*;q=0.5,identity", "gzip;q=0.5,identity;q=0.8", "deflate;q=0.5, gzip;q=31", "gzip;q=31,deflate;q=51",
        "deflate;q=0.5, gzip;q=1;q=0.2", "deflate;q=0.5,gzip;q=0.x", "deflate;q=-0.5,gzip;q=0.2",
        "gzip;q=0, gzip;q=1, gzip;q=0", "br,identity;q=0.5,gzip;q=0.0001")
DEFLATE = ("deflate", "br, identity, deflate, gzip", "br, gzip;q=0, deflate; q = 0.5 , identity;q=0", "*, deflate", "*, gzip;q=0.5",
           "deflate;q=0.5, gzip;q=0.2", "deflate;q=0.5,gzip;q=0.")


def call(cloud, operation, body, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    return json_call(cloud, f"DynamoDB_20120810.{operation}", body, headers=named).reply()


def get(table, paths="pk, x"):
    return json.dumps({"TableName": table, "Key": {"pk": {"S": "a"}}, "ProjectionExpression": paths}).encode()


@pytest.fixture
def filled(dynamodb, table):
    """One item, whose x alone is told in a reply just below the threshold."""
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "x": {"S": "x" * (REPLY_MIN - 24)}})
    return table


@pytest.mark.parametrize("coding,headers", [(None, PLAIN), ("gzip", GZIP), ("deflate", DEFLATE)])
def test_which_coding_is_chosen(cloud, filled, coding, headers):
    plain = call(cloud, "GetItem", get(filled)).body
    for header in headers:
        reply = call(cloud, "GetItem", get(filled), accept_encoding=header)
        assert reply.headers.get("content-encoding") == coding, header
        assert int(reply.headers["x-amz-crc32"]) == zlib.crc32(reply.body)
        text = {None: bytes, "gzip": gzip.decompress, "deflate": zlib.decompress}[coding](reply.body)
        assert text == plain
        assert coding is None or len(reply.body) * 30 < len(plain)


def test_small_replies_are_sent_as_they_are(cloud, dynamodb, filled):
    reply = call(cloud, "GetItem", get(filled, "x"), accept_encoding="gzip")
    assert (len(reply.body), reply.headers.get("content-encoding")) == (REPLY_MIN - 1, None)
    dynamodb.put_item(TableName=filled, Item={"pk": {"S": "a"}, "x": {"S": "x" * (REPLY_MIN - 23)}})
    reply = call(cloud, "GetItem", get(filled, "x"), accept_encoding="gzip")
    assert reply.headers["content-encoding"] == "gzip"


def put(table, key):
    return json.dumps({"TableName": table, "Item": {"pk": {"S": key}, "x": {"S": key * 5000}}}).encode()


def test_packed_requests(cloud, dynamodb, table):
    body = put(table, "q")
    for packed in (gzip.compress(body), gzip.compress(body[:10]) + gzip.compress(body[10:])):
        assert call(cloud, "PutItem", packed, content_encoding="gzip").status == 200
        assert dynamodb.get_item(TableName=table, Key={"pk": {"S": "q"}})["Item"]["x"] == {"S": "q" * 5000}
        dynamodb.delete_item(TableName=table, Key={"pk": {"S": "q"}})
    assert call(cloud, "PutItem", body, content_encoding="identity").status == 200


def test_packed_requests_that_are_none(cloud, dynamodb, table):
    packed = gzip.compress(put(table, "q"))
    for body, coding in ((b"{}", "gzip"), (b"", "gzip"), (packed[:-1], "gzip"), (packed[:20], "gzip"), (packed, "deflate"),
                         (packed, "garbage"), (put(table, "q"), "gzip")):
        reply = call(cloud, "PutItem", body, content_encoding=coding)
        assert (reply.status, json.loads(reply.body)["__type"].split("#")[1]) == (500, "InternalServerError"), (body[:20], coding)
    assert "Item" not in dynamodb.get_item(TableName=table, Key={"pk": {"S": "q"}})
    assert call(cloud, "PutItem", packed).status == 400


def test_a_request_that_unpacks_to_too_much(cloud, dynamodb, table):
    """Bounded like one that is not packed."""
    body = put(table, "q")
    bomb = gzip.compress(body[:-1] + b" " * (64 << 20) + body[-1:])
    assert len(bomb) < 100_000
    reply = call(cloud, "PutItem", bomb, content_encoding="gzip")
    assert (reply.status, json.loads(reply.body)["__type"].split("#")[1]) == (413, "RequestEntityTooLargeException")
    assert "Item" not in dynamodb.get_item(TableName=table, Key={"pk": {"S": "q"}})


def test_a_packed_request_is_signed_as_it_is_sent(cloud, table):
    packed = gzip.compress(put(table, "q"))
    signed = json_call(cloud, "DynamoDB_20120810.PutItem", packed, headers={"content-encoding": "gzip"})
    signed.body = gzip.compress(put(table, "r"))
    assert b"InvalidSignatureException" in signed.reply().body
