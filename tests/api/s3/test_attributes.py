# SPDX-License-Identifier: Apache-2.0
"""Permissions by tags of buckets and access points, and by what requests say of new buckets, objects and inventories."""
import pytest

from identities import allow, deny
from points import Owner, localhost

OFF = "The bucket has ABAC enabled. Use TagResource and UntagResource for its tags."


@pytest.fixture
def own(cloud):
    return Owner(cloud)


def client_of(own, *statements):
    """A new user of the account with just these statements."""
    return own.user(f"user-{len(own.iam.list_users()['Users'])}", *statements).client("s3")


def test_tags_of_buckets_count_once_they_are_attributes(cloud, own, refused):
    s3, bucket = own.s3, own.bucket
    users = [client_of(own, allow("s3:*", Condition={"StringEquals": {key + "/Team": "red"}}))
             for key in ("aws:ResourceTag", "s3:BucketTag")]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "team", "Value": "red"}]})
    assert s3.get_bucket_abac(Bucket=bucket)["AbacStatus"] == {"Status": "Disabled"}
    for user in users:
        with refused("AccessDenied", 403):
            user.get_object(Bucket=bucket, Key="a/1")
    s3.put_bucket_abac(Bucket=bucket, AbacStatus={"Status": "Enabled"})
    cloud.restart()
    assert s3.get_bucket_abac(Bucket=bucket)["AbacStatus"] == {"Status": "Enabled"}
    for user in users:
        assert user.get_object(Bucket=bucket, Key="a/1")["Body"].read() == b"a/1"
        assert user.list_objects_v2(Bucket=bucket)["KeyCount"] == 2
        with refused("AccessDenied", 403):
            user.list_buckets()  # about no bucket
    # Only S3 Control changes the tags from now on, at once.
    with refused("InvalidRequest", 400, OFF):
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": []})
    with refused("InvalidRequest", 400, OFF):
        s3.delete_bucket_tagging(Bucket=bucket)
    own.control.tag_resource(AccountId=own.id, ResourceArn=own.bucket_arn(), Tags=[{"Key": "team", "Value": "blue"}])
    for user in users:
        with refused("AccessDenied", 403):
            user.get_object(Bucket=bucket, Key="a/1")
    s3.put_bucket_abac(Bucket=bucket, AbacStatus={"Status": "Disabled"})
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "team", "Value": "red"}]})
    for user in users:
        with refused("AccessDenied", 403):
            user.get_object(Bucket=bucket, Key="a/1")


def test_who_may_make_tags_attributes(own, refused):
    user = client_of(own, allow("s3:GetBucketABAC"))
    assert user.get_bucket_abac(Bucket=own.bucket)["AbacStatus"] == {"Status": "Disabled"}
    with refused("AccessDenied", 403):
        user.put_bucket_abac(Bucket=own.bucket, AbacStatus={"Status": "Enabled"})
    for bad in {}, {"Status": "Perhaps"}:
        with refused("MalformedXML", 400):
            own.s3.put_bucket_abac(Bucket=own.bucket, AbacStatus=bad)


def test_tags_of_access_points(own, refused):
    made = own.point("tagged", Tags=[{"Key": "team", "Value": "red"}])
    plain = own.point("plain")
    everything = allow("s3:GetObject", own.bucket_arn("*"))
    for key in "aws:ResourceTag", "s3:AccessPointTag":
        user = client_of(own, everything, allow("s3:*", own.point_arn("*"), Condition={"StringEquals": {key + "/team": "red"}}))
        assert user.get_object(Bucket=made["Alias"], Key="a/1")["Body"].read() == b"a/1"
        with refused("AccessDenied", 403):
            user.get_object(Bucket=plain["Alias"], Key="a/1")
    # Without a tag on the access point the bucket's count under their own name.
    own.control.tag_resource(AccountId=own.id, ResourceArn=own.bucket_arn(), Tags=[{"Key": "team", "Value": "red"}])
    own.s3.put_bucket_abac(Bucket=own.bucket, AbacStatus={"Status": "Enabled"})
    user = client_of(own, everything, allow("s3:*", own.point_arn("*"), Condition={"StringEquals": {"s3:BucketTag/team": "red"}}))
    assert user.get_object(Bucket=plain["Alias"], Key="a/1")["Body"].read() == b"a/1"


def test_what_new_buckets_are(own, refused):
    user = client_of(own, allow("s3:CreateBucket", Condition={"StringEquals": {"s3:LocationConstraint": "eu-north-1"}}))
    name = "made-" + own.id
    for wish in {}, {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-3"}}:
        with refused("AccessDenied", 403):
            user.create_bucket(Bucket=name, **wish)
    user.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
    user = client_of(own, allow(["s3:CreateBucket", "s3:TagResource"], Condition={
        "StringEquals": {"aws:RequestTag/team": "red"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}))
    with refused("AccessDenied", 403):
        user.create_bucket(Bucket="tagged-" + own.id)
    with refused("AccessDenied", 403):
        user.create_bucket(Bucket="tagged-" + own.id, CreateBucketConfiguration={
            "Tags": [{"Key": "team", "Value": "red"}, {"Key": "more", "Value": ""}]})
    user.create_bucket(Bucket="tagged-" + own.id, CreateBucketConfiguration={"Tags": [{"Key": "team", "Value": "red"}]})


def test_writes_that_make_objects(own, refused):
    """Conditional writes for whatever makes an object; parts of one are not it."""
    user = client_of(own, allow("s3:*"), deny("s3:PutObject", Condition={
        "Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}))
    with refused("AccessDenied", 403):
        user.put_object(Bucket=own.bucket, Key="new", Body=b"")
    user.put_object(Bucket=own.bucket, Key="new", Body=b"", IfNoneMatch="*")
    with refused("AccessDenied", 403):
        user.copy_object(Bucket=own.bucket, Key="copy", CopySource=f"{own.bucket}/new")
    upload = {"Bucket": own.bucket, "Key": "whole",
              "UploadId": user.create_multipart_upload(Bucket=own.bucket, Key="whole")["UploadId"]}
    etag = user.upload_part(PartNumber=1, Body=b"x", **upload)["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    with refused("AccessDenied", 403):
        user.complete_multipart_upload(MultipartUpload=parts, **upload)
    user.complete_multipart_upload(MultipartUpload=parts, IfNoneMatch="*", **upload)


def test_fields_of_inventories(own, refused):
    own.s3.create_bucket(Bucket="reports-" + own.id)

    def put(user, fields):
        user.put_bucket_inventory_configuration(Bucket=own.bucket, Id="i", InventoryConfiguration={
            "Id": "i", "IsEnabled": True, "IncludedObjectVersions": "All", "Schedule": {"Frequency": "Daily"},
            "OptionalFields": fields,
            "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::reports-" + own.id, "Format": "CSV"}}})

    user = client_of(own, allow("s3:PutInventoryConfiguration"), deny("s3:PutInventoryConfiguration", Condition={
        "ForAnyValue:StringNotEquals": {"s3:InventoryAccessibleOptionalFields": ["Size", "ETag"]}}))
    put(user, ["Size", "ETag"])
    put(user, ["Size"])
    with refused("AccessDenied", 403):
        put(user, ["Size", "StorageClass"])


def test_who_changes_tags_and_makes_access_points(own, refused):
    """S3 Control asks with the same attributes."""
    tag = {"AccountId": own.id, "ResourceArn": own.bucket_arn(), "Tags": [{"Key": "more", "Value": "1"}]}
    own.control.tag_resource(**{**tag, "Tags": [{"Key": "team", "Value": "red"}]})
    caller = own.user("tagger", allow("s3:TagResource", Condition={"StringEquals": {"aws:ResourceTag/team": "red"}}))
    control = localhost(own.cloud, "s3control", caller.key, caller.secret)
    with refused("AccessDenied", 403):
        control.tag_resource(**tag)
    own.s3.put_bucket_abac(Bucket=own.bucket, AbacStatus={"Status": "Enabled"})
    control.tag_resource(**tag)
    own.point("tagged", Tags=[{"Key": "team", "Value": "red"}])
    control.tag_resource(**{**tag, "ResourceArn": own.point_arn("tagged")})
    own.point("plain")
    with refused("AccessDenied", 403):
        control.tag_resource(**{**tag, "ResourceArn": own.point_arn("plain")})
    caller = own.user("inside", allow("s3:CreateAccessPoint", Condition={"StringEquals": {"s3:AccessPointNetworkOrigin": "VPC"}}),
                      allow("s3:GetAccessPoint", Condition={"StringEquals": {"s3:AccessPointNetworkOrigin": "VPC"}}))
    control = localhost(own.cloud, "s3control", caller.key, caller.secret)
    make = {"AccountId": own.id, "Bucket": own.bucket}
    with refused("AccessDenied", 403):
        control.create_access_point(Name="outer", **make)
    control.create_access_point(Name="inner", VpcConfiguration={"VpcId": "vpc-0123456789abcdef0"}, **make)
    assert control.get_access_point(AccountId=own.id, Name="inner")["NetworkOrigin"] == "VPC"
    with refused("AccessDenied", 403):
        control.get_access_point(AccountId=own.id, Name="plain")
