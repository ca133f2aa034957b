# SPDX-License-Identifier: Apache-2.0
"""Access points: made by S3 Control, used in the place of a bucket, with policies of their own; what an account blocks."""
import json

import pytest

from anonymous import get, open_up
from identities import Account, allow, deny, document
from points import Owner, localhost

BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@pytest.fixture
def own(cloud):
    return Owner(cloud)


def test_made_shown_listed_deleted(cloud, own, refused):
    made = own.point("first")
    assert made["AccessPointArn"] == own.point_arn("first")
    assert made["Alias"].startswith("first-") and made["Alias"].endswith("-s3alias")
    assert len(made["Alias"]) == len("first-") + 34 + len("-s3alias")
    shown = own.get("first")
    assert {key: shown[key] for key in ("Name", "Bucket", "NetworkOrigin", "Alias", "AccessPointArn", "BucketAccountId")} == {
        "Name": "first", "Bucket": own.bucket, "NetworkOrigin": "Internet", "Alias": made["Alias"],
        "AccessPointArn": own.point_arn("first"), "BucketAccountId": own.id}
    assert shown["PublicAccessBlockConfiguration"] == dict.fromkeys(BLOCKS, True)
    assert shown["Endpoints"] == {
        "ipv4": "s3-accesspoint.us-east-1.amazonaws.com", "fips": "s3-accesspoint-fips.us-east-1.amazonaws.com",
        "fips_dualstack": "s3-accesspoint-fips.dualstack.us-east-1.amazonaws.com",
        "dualstack": "s3-accesspoint.dualstack.us-east-1.amazonaws.com"}
    with refused("AccessPointAlreadyOwnedByYou", 409, "Your previous request to create the named accesspoint succeeded "
                                                      "and you already own it."):
        own.point("first")
    long = own.point("n" * 50)["Alias"]
    assert long.startswith("n" * 20 + "-") and len(long) == 63
    own.point("third", PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert own.get("third")["PublicAccessBlockConfiguration"] == {**dict.fromkeys(BLOCKS, False), "BlockPublicAcls": True}
    cloud.restart()
    first = own.control.list_access_points(AccountId=own.id, MaxResults=2)
    assert [it["Name"] for it in first["AccessPointList"]] == ["first", "n" * 50]
    second = own.control.list_access_points(AccountId=own.id, MaxResults=2, NextToken=first["NextToken"])
    assert [it["Name"] for it in second["AccessPointList"]] == ["third"] and "NextToken" not in second
    assert len(own.control.list_access_points(AccountId=own.id, Bucket=own.bucket)["AccessPointList"]) == 3
    assert own.control.list_access_points(AccountId=own.id, Bucket="another")["AccessPointList"] == []
    with refused("InvalidRequest", 400):
        own.control.list_access_points(AccountId=own.id, NextToken="?")
    with refused("BucketHasAccessPointsAttached", 400):
        own.s3.delete_bucket(Bucket=own.bucket)
    own.s3.delete_objects(Bucket=own.bucket, Delete={"Objects": [{"Key": "a/1"}, {"Key": "b/1"}]})
    for point in "first", "n" * 50, "third":
        answer = own.control.delete_access_point(AccountId=own.id, Name=point)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    for call in own.control.get_access_point, own.control.delete_access_point:
        with refused("NoSuchAccessPoint", 404, "The specified accesspoint does not exist") as it:
            call(AccountId=own.id, Name="first")
        assert it.error["AccessPointName"] == "first"
    own.s3.delete_bucket(Bucket=own.bucket)


def test_what_cannot_be_made(own, refused):
    for name in "xn-_test-alias", "-ab", "ab-", "x-s3alias", "n" * 51:
        with refused("InvalidURI", 400, "Couldn't parse the specified URI.") as it:
            own.point(name)
        assert it.error["URI"] == f"accesspoint/{name}"
    for more in {"Bucket": "absent-" + own.id}, {"BucketAccountId": "999999999999"}:
        with refused("InvalidRequest", 400, "Amazon S3 AccessPoint can only be created for existing bucket"):
            own.control.create_access_point(**{"AccountId": own.id, "Name": "point", "Bucket": own.bucket, **more})
    with refused("AccessDenied", 403):
        own.control.create_access_point(AccountId="999999999999", Name="point", Bucket=own.bucket)
    with refused("NotImplemented", 501):
        own.point("point", Scope={"Prefixes": ["a/"]})
    with refused("NotImplemented", 501):
        own.control.list_jobs(AccountId=own.id)


def test_used_in_the_place_of_a_bucket(cloud, own, refused):
    alias = own.point("door")["Alias"]
    virtual = localhost(cloud, "s3", own.id)
    for s3, bucket in (own.s3, alias), (virtual, alias), (virtual, own.point_arn("door")):
        s3.put_object(Bucket=bucket, Key="in", Body=b"in")
        assert s3.get_object(Bucket=bucket, Key="in")["Body"].read() == b"in"
        assert s3.head_object(Bucket=bucket, Key="in")["ContentLength"] == 2
        listed = s3.list_objects_v2(Bucket=bucket)
        assert [it["Key"] for it in listed["Contents"]] == ["a/1", "b/1", "in"]
        upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")
        part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload["UploadId"], PartNumber=1, Body=b"p")
        done = s3.complete_multipart_upload(
            Bucket=bucket, Key="parts", UploadId=upload["UploadId"],
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
        # Neither shows the name that was used.
        assert upload["Bucket"] == done["Bucket"] == own.bucket
        s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "in"})
        assert own.s3.get_object(Bucket=own.bucket, Key="copy")["Body"].read() == b"in"
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "copy"}, {"Key": "parts"}]})
        assert len(answer["Deleted"]) == 2
        s3.delete_object(Bucket=bucket, Key="in")
    own.s3.copy_object(Bucket=own.bucket, Key="copy", CopySource=own.point_arn("door", "a/1"))
    host = {"Host": f"door-{own.id}.s3-accesspoint.us-east-1.amazonaws.com"}
    assert get(cloud, "/a/1", headers=host)[0] == 403
    with refused("MethodNotAllowed", 405):
        own.s3.get_bucket_versioning(Bucket=alias)
    with refused("InvalidAccessPointAliasError", 400):
        own.s3.get_object(Bucket="door-" + "0" * 34 + "-s3alias", Key="a/1")
    with refused("NoSuchBucket", 404):
        virtual.get_object(Bucket=own.point_arn("window"), Key="a/1")
    with refused("InvalidBucketName", 400):
        own.s3.create_bucket(Bucket=alias)


def test_a_bucket_comes_before_an_access_point_of_its_name(cloud, own):
    own.point("same")
    own.s3.create_bucket(Bucket=f"same-{own.id}")
    assert "Contents" not in own.s3.list_objects_v2(Bucket=f"same-{own.id}")


def test_both_must_allow(cloud, own, refused):
    """The access point's policy gives what the bucket's owner has left to it, and no more."""
    alias = own.point("shared")["Alias"]
    ann = own.user("ann").client("s3")
    own.policy("shared", allow("s3:GetObject", own.point_arn("shared", "a/*"), Principal={"AWS": own.arn("user/ann")}))
    # Ann's own policies say nothing, nor does the bucket's.
    with refused("AccessDenied", 403):
        ann.get_object(Bucket=alias, Key="a/1")
    left = {"StringEquals": {"s3:DataAccessPointAccount": own.id}}
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
        allow("*", [own.bucket_arn(), own.bucket_arn("*")], Principal="*", Condition=left)))
    assert own.s3.get_bucket_policy_status(Bucket=own.bucket)["PolicyStatus"]["IsPublic"] is False
    assert ann.get_object(Bucket=alias, Key="a/1")["Body"].read() == b"a/1"
    for bucket, key in (alias, "b/1"), (own.bucket, "a/1"):
        with refused("AccessDenied", 403):
            ann.get_object(Bucket=bucket, Key=key)
    own.policy("shared", allow("s3:*", [own.point_arn("shared"), own.point_arn("shared", "*")], Principal={"AWS": own.id}),
               deny("s3:GetObject", own.point_arn("shared", "b/*"), Principal="*"))
    with refused("AccessDenied", 403):
        own.s3.get_object(Bucket=alias, Key="b/1")
    assert own.s3.get_object(Bucket=own.bucket, Key="b/1")["Body"].read() == b"b/1"
    for key, value in (("s3:DataAccessPointArn", own.point_arn("other")), ("s3:AccessPointNetworkOrigin", "VPC")):
        own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
            deny("s3:GetObject", own.bucket_arn("*"), Principal="*", Condition={"StringNotEquals": {key: value}})))
        with refused("AccessDenied", 403):
            own.s3.get_object(Bucket=alias, Key="a/1")


def test_policies(own, refused):
    own.point("point")
    control, of = own.control, {"AccountId": own.id, "Name": "point"}
    for call in control.get_access_point_policy, control.get_access_point_policy_status, control.delete_access_point_policy:
        with refused("NoSuchAccessPointPolicy", 404):
            call(**of)
    for text in "{", document(allow("s3:GetObject", own.bucket_arn("*"), Principal="*")):
        with refused("MalformedPolicy", 400):
            control.put_access_point_policy(**of, Policy=text)
    everybody = allow("s3:GetObject", own.point_arn("point", "*"), Principal="*")
    with refused("AccessDenied", 403):
        own.policy("point", everybody)
    own.point("open", PublicAccessBlockConfiguration={"BlockPublicPolicy": False})
    own.policy("open", allow("s3:GetObject", own.point_arn("open", "*"), Principal="*"))
    assert control.get_access_point_policy_status(AccountId=own.id, Name="open")["PolicyStatus"] == {"IsPublic": True}
    own.policy("point", allow("s3:GetObject", own.point_arn("point", "*"), Principal={"AWS": own.id}))
    assert json.loads(control.get_access_point_policy(**of)["Policy"])["Version"] == "2012-10-17"
    assert control.get_access_point_policy_status(**of)["PolicyStatus"] == {"IsPublic": False}
    assert control.delete_access_point_policy(**of)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused("NoSuchAccessPoint", 404):
        control.put_access_point_policy(AccountId=own.id, Name="absent", Policy=document(everybody))


def test_of_a_vpc_nobody_comes_from_elsewhere(own, refused):
    alias = own.point("inner", VpcConfiguration={"VpcId": "vpc-0123456789abcdef0"})["Alias"]
    shown = own.get("inner")
    assert shown["NetworkOrigin"] == "VPC" and shown["VpcConfiguration"] == {"VpcId": "vpc-0123456789abcdef0"}
    with refused("AccessDenied", 403, f"User: arn:aws:iam::{own.id}:root is not authorized to perform: s3:GetObject on "
                 f"resource: \"{own.point_arn('inner', 'a/1')}\" with an explicit deny in a resource-based policy"):
        own.s3.get_object(Bucket=alias, Key="a/1")
    assert own.s3.get_object(Bucket=own.bucket, Key="a/1")["Body"].read() == b"a/1"


def test_what_an_account_blocks(cloud, own, refused):
    def put(**blocks):
        own.control.put_public_access_block(AccountId=own.id, PublicAccessBlockConfiguration=blocks)

    def absent():
        with refused("NoSuchPublicAccessBlockConfiguration", 404, "The public access block configuration was not found") as it:
            own.control.get_public_access_block(AccountId=own.id)
        assert it.error["AccountId"] == own.id

    absent()
    with refused("InvalidRequest", 400, "Must specify at least one configuration."):
        put()
    with refused("AccessDenied", 403):
        own.control.get_public_access_block(AccountId="999999999999")
    open_up(own.s3, own.bucket)
    public = document(allow("s3:GetObject", own.bucket_arn("*"), Principal="*"))
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=public)
    assert get(cloud, f"/{own.bucket}/a/1") == (200, b"a/1")
    put(RestrictPublicBuckets=True)
    assert get(cloud, f"/{own.bucket}/a/1") == (403, "AccessDenied")
    cloud.restart()
    assert own.control.get_public_access_block(AccountId=own.id)["PublicAccessBlockConfiguration"] == {
        **dict.fromkeys(BLOCKS, False), "RestrictPublicBuckets": True}
    put(BlockPublicPolicy=True, BlockPublicAcls=True)
    assert get(cloud, f"/{own.bucket}/a/1") == (200, b"a/1")
    with refused("AccessDenied", 403):
        own.s3.put_bucket_policy(Bucket=own.bucket, Policy=public)
    own.s3.put_bucket_ownership_controls(Bucket=own.bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    with refused("AccessDenied", 403):
        own.s3.put_object(Bucket=own.bucket, Key="c", Body=b"", ACL="public-read")
    assert own.s3.get_public_access_block(Bucket=own.bucket)["PublicAccessBlockConfiguration"] == dict.fromkeys(BLOCKS, False)
    for _ in range(2):
        assert own.control.delete_public_access_block(AccountId=own.id)["ResponseMetadata"]["HTTPStatusCode"] == 204
    absent()
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=public)


def test_tags(own, refused):
    own.point("tagged", Tags=[{"Key": "a", "Value": "1"}])
    control = own.control
    for arn in own.point_arn("tagged"), own.bucket_arn():
        of = {"AccountId": own.id, "ResourceArn": arn}
        control.tag_resource(**of, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}])
        assert control.list_tags_for_resource(**of)["Tags"] == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]
        for _ in range(2):
            control.untag_resource(**of, TagKeys=["a"])
        assert control.list_tags_for_resource(**of)["Tags"] == [{"Key": "b", "Value": ""}]
        for tags, message in (([{"Key": "aws:a", "Value": ""}], "User-defined tag keys can't start with \"aws:\". This "
                               "prefix is reserved for system tags. Remove \"aws:\" from your tag keys and try again."),
                              ([{"Key": "k", "Value": ""}] * 2, "There are duplicate tag keys in your request. Remove the "
                               "duplicate tag keys and try again."),
                              ([{"Key": "k,", "Value": ""}], None), ([{"Key": "k", "Value": "v,"}], None),
                              ([{"Key": f"k{i}", "Value": ""} for i in range(50)], None)):
            with refused("InvalidTag", 400, message):
                control.tag_resource(**of, Tags=tags)
    for arn in own.point_arn("absent"), "arn:aws:s3:::absent-" + own.id:
        of = {"AccountId": own.id, "ResourceArn": arn}
        for call in (lambda: control.tag_resource(**of, Tags=[{"Key": "k", "Value": ""}]),
                     lambda: control.untag_resource(**of, TagKeys=["k"]), lambda: control.list_tags_for_resource(**of)):
            with refused("NoSuchResource", 404, "The specified resource doesn't exist."):
                call()
