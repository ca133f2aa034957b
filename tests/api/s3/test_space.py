# SPDX-License-Identifier: Apache-2.0
"""The space that objects take is reported, and given back: after deletions, overwrites and aborts, in a version that goes, and
where the process was killed before it was done."""
import concurrent.futures
import os

import pytest

from refusals import wait_for

MIB = 1 << 20
LEAST = 5 * MIB
BLOCK = 4096
PARTS = 60  # more than a deletion drops itself


@pytest.fixture(params=[(), ("--encrypt-at-rest=off",)], ids=["sealed", "plain"])
def cloud(own_cloud, request):
    return own_cloud(*request.param)


@pytest.fixture
def s3(cloud):
    s3 = cloud.client("s3", max_pool_connections=8)
    s3.create_bucket(Bucket="space")
    return s3


def in_use(cloud):
    return cloud.metrics()["kintoun_extent_bytes_live"]


def becomes(cloud, least, most):
    """Space comes back in the background."""
    wait_for(lambda: least <= in_use(cloud) <= most)
    return True


def upload(s3, count, key="many"):
    """So many parts that share the bytes of the object `source`, which is as small as a part may be."""
    begun = s3.create_multipart_upload(Bucket="space", Key=key)["UploadId"]

    def copy(number):
        made = s3.upload_part_copy(Bucket="space", Key=key, UploadId=begun, PartNumber=number,
                                   CopySource={"Bucket": "space", "Key": "source"})
        return {"PartNumber": number, "ETag": made["CopyPartResult"]["ETag"]}

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return begun, list(pool.map(copy, range(1, count + 1)))


@pytest.fixture
def many(cloud, s3):
    """An object of many parts, whose bytes are shared, and which alone keeps them."""
    s3.put_object(Bucket="space", Key="source", Body=os.urandom(LEAST))
    begun, parts = upload(s3, PARTS)
    s3.complete_multipart_upload(Bucket="space", Key="many", UploadId=begun, MultipartUpload={"Parts": parts})
    s3.delete_object(Bucket="space", Key="source")
    assert s3.head_object(Bucket="space", Key="many")["ContentLength"] == PARTS * LEAST
    assert becomes(cloud, LEAST, LEAST + MIB)


def test_objects_of_every_size(cloud, s3):
    for size in 0, 100, 100_000:
        s3.put_object(Bucket="space", Key=str(size), Body=os.urandom(size))
    assert in_use(cloud) == 0  # such bytes lie in the log and the index
    s3.put_object(Bucket="space", Key="large", Body=os.urandom(3 * MIB))
    assert becomes(cloud, 3 * MIB, 3 * MIB + 2 * BLOCK)
    s3.copy_object(Bucket="space", Key="copy", CopySource={"Bucket": "space", "Key": "large"})
    s3.delete_object(Bucket="space", Key="large")
    cloud.restart()
    assert becomes(cloud, 3 * MIB, 3 * MIB + 2 * BLOCK)
    s3.put_object(Bucket="space", Key="copy", Body=os.urandom(MIB))
    assert becomes(cloud, MIB, MIB + 2 * BLOCK)
    s3.delete_object(Bucket="space", Key="copy")
    assert becomes(cloud, 0, 0)
    cloud.restart()
    assert in_use(cloud) == 0


@pytest.mark.parametrize("end", [
    lambda s3: s3.delete_object(Bucket="space", Key="many"),
    lambda s3: s3.put_object(Bucket="space", Key="many", Body=b"other"),
    lambda s3: s3.copy_object(Bucket="space", Key="many", CopySource={"Bucket": "space", "Key": "small"}),
], ids=["deleted", "overwritten", "copied over"])
def test_many_parts_go_a_few_at_a_time(cloud, s3, many, end):
    s3.put_object(Bucket="space", Key="small", Body=b"small")
    end(s3)
    assert becomes(cloud, 0, 0)


def test_a_kill_forgets_no_part(cloud, s3, many):
    s3.delete_object(Bucket="space", Key="many")
    cloud.restart()
    assert becomes(cloud, 0, 0)
    cloud.restart()
    assert in_use(cloud) == 0


def test_versions_go_one_by_one(cloud, s3, many):
    s3.put_bucket_versioning(Bucket="space", VersioningConfiguration={"Status": "Enabled"})
    hidden = s3.list_object_versions(Bucket="space")["Versions"][0]["VersionId"]
    s3.delete_object(Bucket="space", Key="many")
    assert becomes(cloud, LEAST, LEAST + MIB)
    s3.delete_object(Bucket="space", Key="many", VersionId=hidden)
    assert becomes(cloud, 0, 0)


def test_uploads_that_are_aborted_or_go_with_their_bucket(cloud, s3):
    s3.put_object(Bucket="space", Key="source", Body=os.urandom(LEAST))
    aborted, _ = upload(s3, PARTS, "aborted")
    upload(s3, PARTS, "left")
    s3.delete_object(Bucket="space", Key="source")
    s3.abort_multipart_upload(Bucket="space", Key="aborted", UploadId=aborted)
    assert becomes(cloud, LEAST, LEAST + MIB)
    s3.delete_bucket(Bucket="space")
    assert becomes(cloud, 0, 0)


def test_notes_go_with_their_object(cloud, s3):
    s3.put_object(Bucket="space", Key="noted", Body=b"x")
    for number in range(3):
        s3.put_object_annotation(Bucket="space", Key="noted", AnnotationName=f"n{number}", AnnotationPayload=b"x" * (MIB // 2))
    assert becomes(cloud, 3 * MIB // 2, 2 * MIB)
    s3.delete_object_annotation(Bucket="space", Key="noted", AnnotationName="n0")
    assert becomes(cloud, MIB, 5 * MIB // 4)
    s3.delete_object(Bucket="space", Key="noted")
    assert becomes(cloud, 0, 0)
