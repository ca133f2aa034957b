# SPDX-License-Identifier: Apache-2.0
"""Uploads by forms of browsers (PostObject): signatures, policies, what is made and what is told."""
import base64
import json

import pytest

from anonymous import open_up
from identities import document
from wire import Connection

BOUNDARY = "----form7d9f"


def body_of(fields, file=b"hello", file_name="photo one.jpg", end="--\r\n"):
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
             for name, value in fields.items()]
    if file is not None:
        parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\n'
                     "Content-Type: image/jpeg\r\n\r\n".encode() + file + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}{end}".encode()


def send(cloud, bucket, body, content_type=f"multipart/form-data; boundary={BOUNDARY}", pieces=None):
    head = (f"POST /{bucket} HTTP/1.1\r\nHost: 127.0.0.1:{cloud.port}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
    with Connection(cloud) as connection:
        connection.send(head)
        for at in range(0, len(body), pieces or len(body) or 1):
            connection.send(body[at:at + (pieces or len(body))])
        return connection.reply()


@pytest.fixture(params=["s3v4", "s3"])
def form(request, cloud, bucket):
    """form(key, fields, conditions): the fields of a signed form, in both versions of the signature."""
    signer = cloud.client("s3", signature_version=request.param)

    def make(key="up/${filename}", fields=None, conditions=None, expires=60):
        fields = fields or {}
        every = [{name: value} for name, value in fields.items()] if conditions is None else conditions
        return signer.generate_presigned_post(bucket, key, Fields=dict(fields), Conditions=list(every),
                                              ExpiresIn=expires)["fields"]

    make.version = request.param
    return make


def test_upload(cloud, s3, bucket, form):
    fields = form(fields={"Content-Type": "image/png", "x-amz-meta-who": "me", "Cache-Control": "no-store",
                          "tagging": "<Tagging><TagSet><Tag><Key>a</Key><Value>b c</Value></Tag></TagSet></Tagging>"})
    for pieces in None, 1:
        reply = send(cloud, bucket, body_of(fields, b"x\r\n--" + b"y" * 3000), pieces=pieces)
        assert (reply.status, reply.body) == (204, b"")
        assert reply.headers["location"] == f"http://127.0.0.1:{cloud.port}/{bucket}/up%2Fphoto%20one.jpg"
        made = s3.get_object(Bucket=bucket, Key="up/photo one.jpg")
        assert made["Body"].read() == b"x\r\n--" + b"y" * 3000 and reply.headers["etag"] == made["ETag"]
        assert (made["ContentType"], made["CacheControl"]) == ("image/png", "no-store")
        assert made["Metadata"] == {"who": "me"}
        assert s3.get_object_tagging(Bucket=bucket, Key="up/photo one.jpg")["TagSet"] == [{"Key": "a", "Value": "b c"}]
    large = b"z" * (3 << 20)
    assert send(cloud, bucket, body_of(form(), large)).status == 204
    cloud.restart()
    assert s3.get_object(Bucket=bucket, Key="up/photo one.jpg")["Body"].read() == large
    assert send(cloud, bucket, body_of(form("empty"), b"")).status == 204
    assert s3.head_object(Bucket=bucket, Key="empty")["ContentLength"] == 0


def test_what_the_browser_is_told(cloud, bucket, form):
    reply = send(cloud, bucket, body_of(form("a&b", {"success_action_status": "201"})))
    assert reply.status == 201 and reply.element("Key") == "a&amp;b" and reply.element("Bucket") == bucket
    assert reply.element("Location") == reply.headers["location"] and reply.element("ETag").startswith("&quot;")
    assert send(cloud, bucket, body_of(form("k", {"success_action_status": "200"}))).status == 200
    assert send(cloud, bucket, body_of(form("k", {"success_action_status": "418"}))).status == 204
    reply = send(cloud, bucket, body_of(form("k", {"success_action_redirect": "http://example.com/done?x=1"})))
    assert reply.status == 303
    assert reply.headers["location"] == (f"http://example.com/done?x=1&bucket={bucket}&key=k"
                                         "&etag=%225d41402abc4b2a76b9719d911017c592%22")


def refused(reply, status, code, message):
    assert (reply.status, reply.element("Code"), reply.element("Message")) == (status, code, message)


def test_policies(cloud, s3, bucket, form):
    def denied(fields, why):
        refused(send(cloud, bucket, body_of(fields)), 403, "AccessDenied", f"Invalid according to Policy: {why}")

    denied({**form("k"), "key": "other"}, 'Policy Condition failed: [&quot;eq&quot;, &quot;$key&quot;, &quot;k&quot;]')
    denied({**form("k"), "x-amz-meta-a": "b"}, "Extra input fields: x-amz-meta-a")
    denied({**form("k"), "x-amz-acl": "private"}, "Extra input fields: x-amz-acl")
    assert send(cloud, bucket, body_of({**form("k"), "x-ignore-this": "b"})).status == 204
    starts = [["starts-with", "$Content-Type", "image/"]]
    assert send(cloud, bucket, body_of({**form("k", {}, starts), "Content-Type": "image/gif"})).status == 204
    denied({**form("k", {}, starts), "Content-Type": "text/html"},
           "Policy Condition failed: [&quot;starts-with&quot;, &quot;$Content-Type&quot;, &quot;image/&quot;]")
    denied(form("k", {}, [["eq", "success_action_status", "200"]]),
           "Policy Condition failed: [&quot;eq&quot;, &quot;success_action_status&quot;, &quot;200&quot;]")
    denied(form("k", {}, [["content-length-range", "test", 10]]),
           "Policy Condition failed: [&quot;content-length-range&quot;, &quot;test&quot;, &quot;10&quot;]")
    denied(form("k", expires=-10), "Policy expired.")
    refused(send(cloud, bucket, body_of(form("k", {}, [{"a": "b", "c": "d"}]))), 400, "InvalidPolicyDocument",
            "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
    sizes = [["content-length-range", 5, 10]]
    refused(send(cloud, bucket, body_of(form("size", {}, sizes), b"1")), 400, "EntityTooSmall",
            "Your proposed upload is smaller than the minimum allowed size")
    refused(send(cloud, bucket, body_of(form("size", {}, sizes), b"x" * 11)), 400, "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="size")
    assert send(cloud, bucket, body_of(form("size", {}, sizes), b"x" * 10)).status == 204


def test_signatures(cloud, bucket, form):
    fields = form("k")
    names = {"s3v4": ("x-amz-signature", "x-amz-algorithm", "X-Amz-Signature", "X-Amz-Algorithm"),
             "s3": ("signature", "AWSAccessKeyId", "Signature", "AWSAccessKeyId")}[form.version]
    policy = json.loads(base64.b64decode(fields["policy"]))
    policy["conditions"] = []
    forged = {**fields, "policy": base64.b64encode(json.dumps(policy).encode()).decode()}
    refused(send(cloud, bucket, body_of(forged)), 403, "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing "
            "method.")
    for at in 0, 1:
        short = {name: value for name, value in fields.items() if name != names[at]}
        refused(send(cloud, bucket, body_of(short)), 400, "InvalidArgument",
                f"Bucket POST must contain a field named '{names[at + 2]}'.  If it is specified, please check the order of the fields.")
    unknown = {name: value.replace("test", "nobody") if name in ("AWSAccessKeyId", "x-amz-credential") else value
               for name, value in fields.items()}
    assert send(cloud, bucket, body_of(unknown)).element("Code") == "InvalidAccessKeyId"
    unsigned = {"key": "k"}
    refused(send(cloud, bucket, body_of(unsigned)), 403, "AccessDenied", "Access Denied")


def test_a_user_needs_the_permission(cloud, bucket, account):
    signer = account.user("gus").client("s3", signature_version="s3v4")
    fields = signer.generate_presigned_post(bucket, "k")["fields"]
    assert send(cloud, bucket, body_of(fields)).status == 403


def test_forms_of_nobody(cloud, s3, bucket):
    open_up(s3, bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=document(
        {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/drop/*"}))
    assert send(cloud, bucket, body_of({"key": "drop/${filename}"})).status == 204
    assert s3.get_object(Bucket=bucket, Key="drop/photo one.jpg")["Body"].read() == b"hello"
    assert send(cloud, bucket, body_of({"key": "else"})).status == 403


@pytest.mark.parametrize("body, code", [
    (body_of({"key": "k"}, None), "InvalidArgument"),
    (body_of({"a": "x" * 21000}), "MaxPostPreDataLengthExceeded"),
    (body_of({f"x-ignore-{i}": "" for i in range(101)}), "MaxPostPreDataLengthExceeded"),
    (b"no form at all", "MalformedPOSTRequest"),
    (b"", "MalformedPOSTRequest"),
    (body_of({"key": "drop/k"})[:-30], "MalformedPOSTRequest"),
    (body_of({"": "k"}), "MalformedPOSTRequest"),
    (body_of({"policy": "x"}), "InvalidArgument"),
    (body_of({"no": "key"}), "InvalidArgument"),
])
def test_broken_forms(cloud, s3, bucket, body, code):
    open_up(s3, bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=document(
        {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}))
    reply = send(cloud, bucket, body)
    assert (reply.status, reply.element("Code")) == (400, code)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_fields_come_once(cloud, bucket):
    twice = body_of({"key": "a"}, None, end="")[:-len("--" + BOUNDARY)] + body_of({"key": "b"})
    assert send(cloud, bucket, twice).element("Code") == "InvalidArgument"


def test_it_must_be_a_form(cloud, bucket):
    reply = send(cloud, bucket, b"x", "text/plain")
    refused(reply, 412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    assert reply.element("Condition") == "Bucket POST must be of the enclosure-type multipart/form-data"
    assert send(cloud, bucket, b"x", "multipart/form-data").status == 412


def test_no_such_bucket(cloud, bucket):
    assert send(cloud, bucket + "-absent", body_of({"key": "k"})).element("Code") == "NoSuchBucket"
