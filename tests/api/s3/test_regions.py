# SPDX-License-Identifier: Apache-2.0
"""A bucket belongs to a region: what requests signed for another one meet, and that SDKs find their way."""
import urllib.error
import urllib.request

import pytest

from wire import Signed


@pytest.fixture
def there(cloud, name):
    s3, it = cloud.client("s3", region="eu-west-3"), name("bucket")
    s3.create_bucket(Bucket=it, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    s3.put_object(Bucket=it, Key="k", Body=b"x")
    yield it
    s3.delete_object(Bucket=it, Key="k")
    s3.delete_bucket(Bucket=it)


def test_redirect(cloud, there):
    reply = Signed(cloud, "GET", f"/{there}/k").reply()
    assert (reply.status, reply.element("Code")) == (301, "PermanentRedirect")
    assert reply.element("Message").startswith("The bucket you are attempting to access must be addressed using")
    assert reply.headers["x-amz-bucket-region"] == "eu-west-3"
    assert reply.element("Bucket") == there
    assert reply.element("Endpoint") == f"127.0.0.1:{cloud.port}"
    head = Signed(cloud, "HEAD", f"/{there}").reply()
    assert (head.status, head.headers["x-amz-bucket-region"]) == (301, "eu-west-3")
    assert Signed(cloud, "GET", f"/{there}/k", region="eu-west-3").reply().body == b"x"
    deletion = Signed(cloud, "POST", f"/{there}?delete=", b"<Delete><Object><Key>k</Key></Object></Delete>",
                      headers={"x-amz-checksum-crc32": "AAAAAA=="})
    assert deletion.reply().element("Code") == "BadDigest"


def test_location_is_told_in_the_first_region(cloud, there):
    assert Signed(cloud, "GET", f"/{there}?location=").reply().element("LocationConstraint") == "eu-west-3"
    assert Signed(cloud, "GET", f"/{there}?location=", region="us-west-2").reply().status == 301


def test_presigned(cloud, there):
    url = cloud.client("s3", signature_version="s3v4").generate_presigned_url("get_object", Params={"Bucket": there, "Key": "k"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url)
    text = caught.value.read().decode()
    assert caught.value.code == 400 and "<Code>AuthorizationQueryParametersError</Code>" in text
    assert "the region 'us-east-1' is wrong; expecting 'eu-west-3'" in text
    assert "<Region>eu-west-3</Region>" in text


def test_boto3_follows(cloud, there, s3):
    assert s3.get_object(Bucket=there, Key="k")["Body"].read() == b"x"
    assert s3.head_bucket(Bucket=there)["BucketRegion"] == "eu-west-3"
    s3.delete_objects(Bucket=there, Delete={"Objects": [{"Key": "absent"}]})
