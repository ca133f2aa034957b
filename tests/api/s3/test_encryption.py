# SPDX-License-Identifier: Apache-2.0
"""Encryption at rest (SSE-S3), keys of customers (SSE-C), what buckets say of both."""
import base64
import hashlib
import os
import stat
import urllib.request

import pytest

from refusals import wait_for
from identities import Account, deny, document

MIB = 1024 * 1024
SIZES = [1, 2000, 60_000, 130 * 1024, MIB, 9 * MIB + 77]
KEY, OTHER = bytes(range(32)), b"k" * 32


def customer(key=KEY, prefix=""):
    return {prefix + "SSECustomerAlgorithm": "AES256", prefix + "SSECustomerKey": key}


def is_on_disk(cloud, text):
    return any(text in path.read_bytes() for path in cloud.data.rglob("*") if path.is_file())


def upload(s3, bucket, key, bodies, part=None, **options):
    """A multipart upload: (reply of its begin, of a part, of its end)."""
    begun = s3.create_multipart_upload(Bucket=bucket, Key=key, **options)
    parts = [s3.upload_part(Bucket=bucket, Key=key, UploadId=begun["UploadId"], PartNumber=number, Body=body, **part or {})
             for number, body in enumerate(bodies, 1)]
    done = s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=begun["UploadId"], MultipartUpload={
        "Parts": [{"PartNumber": n, "ETag": p["ETag"]} for n, p in enumerate(parts, 1)]})
    return begun, parts[0], done


@pytest.mark.parametrize("size", SIZES)
def test_objects_are_encrypted_and_come_back(s3, bucket, size):
    body = os.urandom(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    got = s3.get_object(Bucket=bucket, Key="k")
    head = s3.head_object(Bucket=bucket, Key="k")
    assert put["ServerSideEncryption"] == got["ServerSideEncryption"] == head["ServerSideEncryption"] == "AES256"
    assert got["Body"].read() == body and got["ContentLength"] == head["ContentLength"] == size
    for first, last in (0, 0), (size // 2, size // 2 + 70_000), (65_535, 65_536), (size - 1, size - 1), (1, size - 1):
        if first < size and first <= last:
            part = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={first}-{last}")
            assert part["Body"].read() == body[first:last + 1]
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k", ServerSideEncryption="AES256")
    assert copied["ServerSideEncryption"] == "AES256"
    s3.delete_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == body


def test_nothing_readable_lies_on_the_disk(own_cloud):
    cloud = own_cloud()
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="clear")
    small, large = b"a small secret " * 3, b"a larger secret " * 20_000
    s3.put_object(Bucket="clear", Key="small", Body=small)
    s3.put_object(Bucket="clear", Key="large", Body=large)
    upload(s3, "clear", "parts", [large * 20, large])
    cloud.restart()
    assert s3.get_object(Bucket="clear", Key="small")["Body"].read() == small
    assert s3.get_object(Bucket="clear", Key="parts")["Body"].read() == large * 21
    assert not is_on_disk(cloud, b"small secret") and not is_on_disk(cloud, b"larger secret")
    assert stat.S_IMODE((cloud.data / "master-key").stat().st_mode) == 0o600


def test_without_its_key_a_directory_does_not_open(own_cloud):
    cloud = own_cloud()
    cloud.stop()
    kept = (cloud.data / "master-key").read_bytes()
    for change in (lambda path: path.unlink(), lambda path: path.write_bytes(OTHER)):
        change(cloud.data / "master-key")
        with pytest.raises(RuntimeError, match="master-key"):
            cloud.start()
    (cloud.data / "master-key").write_bytes(kept)
    cloud.start()


def test_damage_does_not_go_unnoticed(own_cloud):
    cloud = own_cloud()
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="damaged")
    s3.put_object(Bucket="damaged", Key="k", Body=b"x" * 200_000)
    segment = next((cloud.data / "extents").glob("*.seg"))
    with open(segment, "r+b") as file:
        file.seek(100_000)
        byte = file.read(1)[0]
        file.seek(100_000)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(Exception):
        s3.get_object(Bucket="damaged", Key="k")["Body"].read()
    assert s3.get_object(Bucket="damaged", Key="k", Range="bytes=0-9")["Body"].read() == b"x" * 10


def test_both_kinds_in_one_directory(own_cloud, refused):
    cloud = own_cloud("--encrypt-at-rest=off")
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="both")
    large = b"plain and large " * 40_000
    for key, body in ("small", b"plain and small"), ("large", large):
        assert "ServerSideEncryption" not in s3.put_object(Bucket="both", Key=key, Body=body)
    assert is_on_disk(cloud, b"plain and small") and is_on_disk(cloud, b"plain and large")
    with refused("NotImplemented", 501):
        s3.put_object(Bucket="both", Key="k", Body=b"", ServerSideEncryption="AES256")
    with refused("ServerSideEncryptionConfigurationNotFoundError", 404):
        s3.get_bucket_encryption(Bucket="both")
    cloud.options = ()
    cloud.restart()
    got = s3.get_object(Bucket="both", Key="large")
    assert got["Body"].read() == large and "ServerSideEncryption" not in got
    # A copy shares the bytes, which are plain, and says so.
    assert "ServerSideEncryption" not in s3.copy_object(Bucket="both", Key="c", CopySource="both/large")
    with refused("NotImplemented", 501):
        s3.copy_object(Bucket="both", Key="c", CopySource="both/large", ServerSideEncryption="AES256")
    assert s3.copy_object(Bucket="both", Key="s", CopySource="both/small")["ServerSideEncryption"] == "AES256"
    s3.put_object(Bucket="both", Key="sealed", Body=large)
    begun = s3.create_multipart_upload(Bucket="both", Key="m")
    with refused("NotImplemented", 501):
        s3.upload_part_copy(Bucket="both", Key="m", UploadId=begun["UploadId"], PartNumber=1, CopySource="both/large")
    s3.upload_part_copy(Bucket="both", Key="m", UploadId=begun["UploadId"], PartNumber=1, CopySource="both/sealed")
    cloud.options = ("--encrypt-at-rest", "off")
    cloud.restart()
    assert s3.get_object(Bucket="both", Key="sealed")["Body"].read() == large
    copied = s3.copy_object(Bucket="both", Key="t", CopySource="both/sealed")
    assert copied["ServerSideEncryption"] == "AES256"
    assert s3.get_object(Bucket="both", Key="t")["Body"].read() == large


def test_multipart_says_it_everywhere(s3, bucket):
    bodies = [os.urandom(5 * MIB + 1), os.urandom(100)]
    for reply in upload(s3, bucket, "k", bodies):
        assert reply["ServerSideEncryption"] == "AES256"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"".join(bodies)
    # A slice over the seam of the parts, and one that ends in bytes in memory, before another part.
    begun = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    parts = []
    for number in (1, 2):
        part = s3.upload_part_copy(Bucket=bucket, Key="m", UploadId=begun, PartNumber=number, CopySource=f"{bucket}/k",
                                   CopySourceRange=f"bytes=7-{5 * MIB + 50}")
        assert part["ServerSideEncryption"] == "AES256"
        parts.append({"PartNumber": number, "ETag": part["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=begun, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="m")["Body"].read() == b"".join(bodies)[7:5 * MIB + 51] * 2


def test_reading_takes_no_method(cloud, s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    reader = cloud.client("s3", user_agent_extra="with-method")
    reader.meta.events.register("before-sign.s3.GetObject", lambda request, **_: request.headers.add_header(
        "x-amz-server-side-encryption", "AES256"))
    with refused("InvalidArgument", 400, "x-amz-server-side-encryption header is not supported for this operation."):
        reader.get_object(Bucket=bucket, Key="k")


def test_configuration_of_a_bucket(s3, bucket, name, refused):
    def rule():
        return s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]

    def put(*rules):
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": list(rules)})

    aes = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    default = [{**aes, "BucketKeyEnabled": False, "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}]
    assert rule() == default
    put({**aes, "BucketKeyEnabled": True, "BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}})
    changed = [{**aes, "BucketKeyEnabled": True, "BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}]
    assert rule() == changed
    with refused("MalformedXML", 400):
        put(aes, aes)
    with refused("MalformedXML", 400):
        put()
    with refused("InvalidArgument", 400, "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms "
                                         "or aws:kms:dsse"):
        put({"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "k"}})
    with refused("NotImplemented", 501):
        put({"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}})
    assert rule() == changed
    s3.delete_bucket_encryption(Bucket=bucket)
    assert rule()[0]["BucketKeyEnabled"] is False
    with refused("NoSuchBucket", 404):
        s3.put_bucket_encryption(Bucket=name("absent"), ServerSideEncryptionConfiguration={"Rules": [aes]})
    with refused("NotImplemented", 501) as it:
        s3.put_object(Bucket=bucket, Key="k", Body=b"", ServerSideEncryption="aws:kms")
    assert it.error["Header"] == "x-amz-server-side-encryption"


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    from harness import Cloud
    cloud = Cloud(tmp_path_factory.mktemp("tls"), "--tls").start()
    yield cloud
    assert cloud.stop() == 0


@pytest.fixture
def safe(tls, name):
    """(client over TLS, a bucket in which customers' keys are allowed)"""
    s3, bucket = tls.client("s3"), name("safe")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={
        "Rules": [{"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}]})
    return s3, bucket


@pytest.mark.parametrize("size", [10, 60_000, 3 * MIB])
def test_keys_of_customers(tls, safe, size, refused):
    s3, bucket = safe
    body = b"under my own key " * (size // 17 + 1)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, **customer())
    md5 = base64.b64encode(hashlib.md5(KEY).digest()).decode()
    assert put["SSECustomerAlgorithm"] == "AES256" and put["SSECustomerKeyMD5"] == md5
    assert "ServerSideEncryption" not in put
    tls.restart()
    got = s3.get_object(Bucket=bucket, Key="k", **customer())
    assert got["Body"].read() == body and got["SSECustomerKeyMD5"] == md5
    assert s3.head_object(Bucket=bucket, Key="k", **customer())["SSECustomerAlgorithm"] == "AES256"
    spelt = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": base64.b64encode(KEY).decode(), "SSECustomerKeyMD5": md5}
    assert s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectSize"], **spelt)["ObjectSize"]
    with refused("InvalidRequest", 400, "The object was stored using a form of Server Side Encryption. The correct "
                                        "parameters must be provided to retrieve the object."):
        s3.get_object(Bucket=bucket, Key="k")
    with refused("AccessDenied", 403, "Requests specifying Server Side Encryption with Customer provided keys must provide "
                                      "the correct secret key."):
        s3.get_object(Bucket=bucket, Key="k", **customer(OTHER))
    with refused("400", 400):
        s3.head_object(Bucket=bucket, Key="k")
    assert not is_on_disk(tls, b"under my own key") and not is_on_disk(tls, KEY)
    s3.delete_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize("size", [50, 2 * MIB])
def test_copies_change_the_key_and_share_the_bytes(safe, size, refused):
    s3, bucket = safe
    body = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="a", Body=body, **customer())
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a")
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a", **customer(prefix="CopySource"), **customer(OTHER))
    assert s3.get_object(Bucket=bucket, Key="b", **customer(OTHER))["Body"].read() == body
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/b", **customer(OTHER, "CopySource"))
    assert copied["ServerSideEncryption"] == "AES256"
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == body
    s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/c", ChecksumAlgorithm="SHA256", **customer())
    s3.delete_object(Bucket=bucket, Key="a")
    assert s3.get_object(Bucket=bucket, Key="c", **customer())["Body"].read() == body
    with refused("InvalidRequest", 400, "The encryption parameters are not applicable to this object."):
        s3.put_object(Bucket=bucket, Key="d", Body=b"")
        s3.get_object(Bucket=bucket, Key="d", **customer())


def test_uploads_under_a_key(safe, refused):
    s3, bucket = safe
    bodies = [os.urandom(5 * MIB), os.urandom(1000)]
    upload(s3, bucket, "k", bodies, part=customer(), **customer())
    assert s3.get_object(Bucket=bucket, Key="k", **customer())["Body"].read() == b"".join(bodies)
    begun = s3.create_multipart_upload(Bucket=bucket, Key="m", **customer())
    assert begun["SSECustomerAlgorithm"] == "AES256"
    place = {"Bucket": bucket, "Key": "m", "UploadId": begun["UploadId"], "PartNumber": 1}
    asked = ("The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate "
             "encryption parameters.")
    with refused("InvalidRequest", 400, asked):
        s3.upload_part(**place, Body=b"x")
    with refused("InvalidRequest", 400, "The provided encryption parameters did not match the ones used originally."):
        s3.upload_part(**place, Body=b"x", **customer(OTHER))
    part = s3.upload_part_copy(**place, CopySource=f"{bucket}/k", CopySourceRange="bytes=5-2000000",
                               **customer(prefix="CopySource"), **customer())
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=begun["UploadId"], MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]})
    assert s3.get_object(Bucket=bucket, Key="m", **customer())["Body"].read() == bodies[0][5:2000001]
    plain = s3.create_multipart_upload(Bucket=bucket, Key="n")
    with refused("InvalidRequest", 400, asked):
        s3.upload_part(**{**place, "Key": "n", "UploadId": plain["UploadId"]}, Body=b"x", **customer())


def md5_of(key):
    return base64.b64encode(hashlib.md5(key).digest()).decode()


HEAD = "Requests specifying Server Side Encryption with Customer provided keys must "


@pytest.mark.parametrize("options, code, message", [
    ({"SSECustomerAlgorithm": "AES128", "SSECustomerKey": KEY}, "InvalidEncryptionAlgorithmError",
     "The Encryption request you specified is not valid. Supported value: AES256."),
    ({"SSECustomerKey": KEY}, "InvalidArgument", HEAD + "provide a valid encryption algorithm."),
    ({"SSECustomerAlgorithm": "AES256"}, "InvalidArgument", HEAD + "provide an appropriate secret key."),
    ({"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"short"}, "InvalidArgument",
     "The secret key was invalid for the specified algorithm."),
    ({"SSECustomerAlgorithm": "AES256", "SSECustomerKey": base64.b64encode(KEY).decode(),
      "SSECustomerKeyMD5": md5_of(OTHER)}, "InvalidArgument",
     "The calculated MD5 hash of the key did not match the hash that was provided."),
    ({**customer(), "ServerSideEncryption": "AES256"}, "InvalidArgument",
     "Server Side Encryption with Customer provided key is incompatible with the encryption method specified"),
])
def test_malformed_keys(safe, options, code, message, refused):
    s3, bucket = safe
    with refused(code, 400, message):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **options)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_keys_are_blocked_until_they_are_allowed(tls, name, refused):
    s3, bucket = tls.client("s3"), name("blocked")
    s3.create_bucket(Bucket=bucket)
    for call in (lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x", **customer()),
                 lambda: s3.create_multipart_upload(Bucket=bucket, Key="k", **customer())):
        with refused("AccessDenied", 403) as it:
            call()
        assert "because this bucket has blocked upload requests that specify Server Side Encryption with Customer " \
               "provided keys (SSE-C)" in it.error["Message"]


def test_keys_do_not_travel_in_the_clear(s3, bucket, refused):
    with refused("InvalidRequest", 400, HEAD + "be made over a secure connection."):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **customer())


def scrub(cloud):
    """A pass of the scrubber without pauses; how many extents it found damaged."""
    before = cloud.metrics()["kintoun_scrub_passes_total"]
    urllib.request.urlopen(urllib.request.Request(cloud.endpoint + "/_kintoun/scrub", method="POST", data=b""), timeout=60)
    wait_for(lambda: cloud.metrics()["kintoun_scrub_passes_total"] > before)
    return cloud.metrics()["kintoun_scrub_damaged_extents"]


@pytest.mark.parametrize("options", [(), ("--encrypt-at-rest=off",)])
def test_the_scrubber_finds_what_rots(own_cloud, options):
    cloud = own_cloud(*options)
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="rotten")
    for number in range(5):
        s3.put_object(Bucket="rotten", Key=str(number), Body=os.urandom(300_000 * (number + 1)))
    assert scrub(cloud) == 0
    segment = next((cloud.data / "extents").glob("*.seg"))
    with open(segment, "r+b") as file:
        file.seek(50_000)
        byte = file.read(1)[0]
        file.seek(50_000)
        file.write(bytes([byte ^ 128]))
    assert scrub(cloud) == 1
    assert "stored bytes are damaged" in cloud.log.read_text()
    s3.delete_object(Bucket="rotten", Key="0")
    assert scrub(cloud) == 0


def test_policies_look_at_the_version_of_tls(tls, refused):
    own = Account(tls)
    s3, bucket = own.client("s3"), "versions-" + own.id[:-1]
    s3.create_bucket(Bucket=bucket)
    for least, fits in ("1.2", True), ("1.4", False):
        s3.put_bucket_policy(Bucket=bucket, Policy=document(
            deny("s3:PutObject", f"arn:aws:s3:::{bucket}/*", Principal="*",
                 Condition={"NumericLessThan": {"s3:TlsVersion": least}})))
        if fits:
            s3.put_object(Bucket=bucket, Key="k", Body=b"")
        else:
            with refused("AccessDenied", 403):
                s3.put_object(Bucket=bucket, Key="k", Body=b"")
