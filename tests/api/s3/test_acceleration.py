# SPDX-License-Identifier: Apache-2.0
"""Transfer acceleration: the accelerated endpoint serves buckets that are configured for it."""
from wire import Signed

MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"


def get(cloud, bucket, key):
    return Signed(cloud, "GET", f"/{key}", host=f"{bucket}.s3-accelerate.amazonaws.com").reply()


def put(s3, bucket, status):
    s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": status})


def refusal(cloud, bucket):
    reply = get(cloud, bucket, "k")
    return reply.status, reply.element("Code"), reply.element("Message")


def test_the_endpoint(s3, bucket, cloud):
    s3.put_object(Bucket=bucket, Key="k", Body=b"fast")
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    assert refusal(cloud, bucket) == (400, "InvalidRequest", "S3 Transfer Acceleration is not configured on this bucket")
    put(s3, bucket, "Enabled")
    cloud.restart()
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Enabled"
    reply = get(cloud, bucket, "k")
    assert (reply.status, reply.body) == (200, b"fast")
    assert b"<Key>k</Key>" in get(cloud, bucket, "").body
    put(s3, bucket, "Suspended")
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Suspended"
    assert refusal(cloud, bucket) == (400, "InvalidRequest", "S3 Transfer Acceleration is disabled on this bucket")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"fast"  # by the other endpoint, always


def test_refused(s3, bucket, name, refused):
    for bad in "enabled", "random":
        with refused("MalformedXML", 400, MALFORMED):
            put(s3, bucket, bad)
    dotted = name("with.dots")
    s3.create_bucket(Bucket=dotted)
    with refused("InvalidRequest", 400, "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names"):
        put(s3, dotted, "Enabled")
    s3.delete_bucket(Bucket=dotted)
