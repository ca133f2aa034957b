# SPDX-License-Identifier: Apache-2.0
"""Buckets: names, regions, listing, deleting, and configurations that nobody made."""
import pytest


def test_create_head_list_delete(cloud, s3, name, refused):
    bucket = name("bucket")
    made = s3.create_bucket(Bucket=bucket)
    assert made["Location"] == "/" + bucket
    assert made["BucketArn"] == "arn:aws:s3:::" + bucket
    head = s3.head_bucket(Bucket=bucket)
    assert head["BucketRegion"] == "us-east-1" and head["AccessPointAlias"] is False
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    listed = {item["Name"]: item for item in s3.list_buckets(Prefix=bucket)["Buckets"]}
    assert listed[bucket]["BucketRegion"] == "us-east-1"
    assert listed[bucket]["CreationDate"].microsecond == 0
    # Only in us-east-1 making one's own bucket again is no error.
    assert s3.create_bucket(Bucket=bucket)["Location"] == "/" + bucket
    assert s3.delete_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused("404", 404):
        s3.head_bucket(Bucket=bucket)
    with refused("NoSuchBucket", 404, "The specified bucket does not exist") as it:
        s3.delete_bucket(Bucket=bucket)
    assert it.error["BucketName"] == bucket


@pytest.mark.parametrize("bad", ["ab", "Upper-case", "under_score", "192.168.1.1", "a..b", "xn--abc", "abc-s3alias"])
def test_names_that_are_none(cloud, bad, refused):
    from botocore.handlers import validate_bucket_name
    s3 = cloud.client("s3")
    s3.meta.events.unregister("before-parameter-build.s3", validate_bucket_name)
    with refused("InvalidBucketName", 400, "The specified bucket is not valid.") as it:
        s3.create_bucket(Bucket=bad)
    assert it.error["BucketName"] == bad


def test_regions_and_their_constraints(cloud, name, refused):
    west, east = cloud.client("s3", region="us-west-2"), cloud.client("s3")
    there = {"LocationConstraint": "us-west-2"}
    with refused("IllegalLocationConstraintException", 400) as it:
        west.create_bucket(Bucket=name())
    assert it.error["Message"].startswith("The unspecified location constraint is incompatible")
    with refused("IllegalLocationConstraintException", 400) as it:
        west.create_bucket(Bucket=name(), CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    assert it.error["Message"].startswith("The eu-central-1 location constraint")
    with refused("InvalidLocationConstraint", 400) as it:
        east.create_bucket(Bucket=name(), CreateBucketConfiguration={"LocationConstraint": "us-east-1"})
    assert it.error["LocationConstraint"] == "us-east-1"
    bucket = name()
    assert west.create_bucket(Bucket=bucket, CreateBucketConfiguration=there)["Location"].startswith("http://" + bucket)
    assert east.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "us-west-2"
    with refused("BucketAlreadyOwnedByYou", 409):
        west.create_bucket(Bucket=bucket, CreateBucketConfiguration=there)
    assert bucket in [b["Name"] for b in east.list_buckets(BucketRegion="us-west-2")["Buckets"]]
    assert bucket not in [b["Name"] for b in east.list_buckets(BucketRegion="us-east-1")["Buckets"]]
    east.delete_bucket(Bucket=bucket)
    old = name()
    cloud.client("s3", region="eu-west-1").create_bucket(
        Bucket=old, CreateBucketConfiguration={"LocationConstraint": "EU"})
    assert east.get_bucket_location(Bucket=old)["LocationConstraint"] == "EU"
    assert east.head_bucket(Bucket=old)["BucketRegion"] == "eu-west-1"
    east.delete_bucket(Bucket=old)


def test_accounts_do_not_share(cloud, bucket, refused):
    other = cloud.client("s3", key="222222222222")
    with refused("BucketAlreadyExists", 409):
        other.create_bucket(Bucket=bucket)
    with refused("AccessDenied", 403):
        other.list_objects_v2(Bucket=bucket)
    with refused("AccessDenied", 403):
        other.put_object(Bucket=bucket, Key="k", Body=b"")
    assert bucket not in [b["Name"] for b in other.list_buckets()["Buckets"]]


def test_expected_owner(s3, bucket, refused):
    s3.head_bucket(Bucket=bucket, ExpectedBucketOwner="000000000000")
    with refused("AccessDenied", 403):
        s3.get_bucket_location(Bucket=bucket, ExpectedBucketOwner="111111111111")
    with refused("InvalidBucketOwnerAWSAccountID", 400,
                 "The value of the expected bucket owner parameter must be an AWS Account ID... [0000]"):
        s3.get_bucket_location(Bucket=bucket, ExpectedBucketOwner="0000")


def test_list_buckets_in_pages(cloud, name, refused):
    s3 = cloud.client("s3", key="333333333333")
    names = sorted(name("page") for _ in range(5))
    for bucket in names + [name("other")]:
        s3.create_bucket(Bucket=bucket)
    found, token = [], {}
    while True:
        page = s3.list_buckets(MaxBuckets=2, Prefix="page-", **token)
        assert len(page["Buckets"]) <= 2 and page["Prefix"] == "page-"
        found += [b["Name"] for b in page["Buckets"]]
        if "ContinuationToken" not in page:
            break
        token = {"ContinuationToken": page["ContinuationToken"]}
    assert found == names
    with refused("InvalidArgument", 400, "Argument value eu-east-1 is not a valid AWS Region"):
        s3.list_buckets(BucketRegion="eu-east-1")
    with refused("InvalidArgument", 400):
        s3.list_buckets(ContinuationToken="bm90IGEgdG9rZW4")
    for bucket in s3.list_buckets()["Buckets"]:
        s3.delete_bucket(Bucket=bucket["Name"])


def test_a_full_bucket_stays(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with refused("BucketNotEmpty", 409, "The bucket you tried to delete is not empty") as it:
        s3.delete_bucket(Bucket=bucket)
    assert it.error["BucketName"] == bucket
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_a_new_bucket_of_an_old_name_is_empty(s3, name):
    bucket = name()
    s3.create_bucket(Bucket=bucket)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"left behind")
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    s3.delete_bucket(Bucket=bucket)


ABSENT = {
    "get_bucket_policy": "NoSuchBucketPolicy", "get_bucket_policy_status": "NoSuchBucketPolicy",
    "get_bucket_cors": "NoSuchCORSConfiguration", "get_bucket_website": "NoSuchWebsiteConfiguration",
    "get_bucket_lifecycle_configuration": "NoSuchLifecycleConfiguration",
    "get_bucket_replication": "ReplicationConfigurationNotFoundError",
    "get_object_lock_configuration": "ObjectLockConfigurationNotFoundError",
}


@pytest.mark.parametrize("operation", ABSENT)
def test_what_nobody_configured(s3, bucket, name, operation, refused):
    with refused(ABSENT[operation], 404) as it:
        getattr(s3, operation)(Bucket=bucket)
    assert it.error["BucketName"] == bucket
    with refused("NoSuchBucket", 404):
        getattr(s3, operation)(Bucket=name("absent"))


def test_empty_configurations(s3, bucket):
    for operation in ("get_bucket_versioning", "get_bucket_accelerate_configuration", "get_bucket_logging",
                      "get_bucket_notification_configuration"):
        reply = getattr(s3, operation)(Bucket=bucket)
        assert set(reply) == {"ResponseMetadata"}
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"


def test_acl_is_the_owners(s3, bucket):
    owner = s3.list_buckets()["Owner"]["ID"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    for acl in s3.get_bucket_acl(Bucket=bucket), s3.get_object_acl(Bucket=bucket, Key="k"):
        assert acl["Owner"]["ID"] == owner
        assert acl["Grants"] == [{"Grantee": {"ID": owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]


def test_bucket_tags(s3, bucket, refused):
    with refused("NoSuchTagSet", 404, "The TagSet does not exist"):
        s3.get_bucket_tagging(Bucket=bucket)
    tags = [{"Key": "team", "Value": "blue"}, {"Key": "empty", "Value": ""}]
    assert s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    with refused("InvalidTag", 400, "Cannot provide multiple Tags with the same key"):
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [tags[0], tags[0]]})
    with refused("InvalidTag", 400, "System tags cannot be added/updated by requester"):
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "aws:x", "Value": ""}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=bucket)
    with refused("NoSuchTagSet", 404):
        s3.get_bucket_tagging(Bucket=bucket)
