# SPDX-License-Identifier: Apache-2.0
"""Bucket policies, the public access block and callers that bring no credentials."""
import json
import urllib.error
import urllib.request

import pytest

from anonymous import get, open_up
from harness import Cloud
from identities import Account, allow, deny, document


def everybody(action, resource, **more):
    return allow(action, resource, Principal="*", **more)


def arn(bucket, key=""):
    return f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """One whose clock may be moved."""
    it = Cloud(tmp_path_factory.mktemp("moved")).start()
    yield it
    it.stop()


@pytest.fixture
def own(cloud):
    """An account of its own with a bucket that holds open/a and closed/a."""
    account = Account(cloud)
    account.s3, account.bucket = account.client("s3"), "own-" + account.id
    account.s3.create_bucket(Bucket=account.bucket)
    for key in "open/a", "closed/a":
        account.s3.put_object(Bucket=account.bucket, Key=key, Body=b"x", Tagging="room=" + key.split("/")[0])
    return account


def test_anonymous_reads_what_a_public_policy_gives(cloud, own):
    path = f"/{own.bucket}/open/a"
    assert get(cloud, path) == (403, "AccessDenied")
    open_up(own.s3, own.bucket)
    assert get(cloud, path) == (403, "AccessDenied")
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
        everybody("s3:GetObject", arn(own.bucket, "open/*"))))
    assert get(cloud, path) == (200, b"x")
    assert get(cloud, f"/{own.bucket}/closed/a") == (403, "AccessDenied")
    # Who may not list does not learn what is not there.
    assert get(cloud, f"/{own.bucket}/open/absent") == (403, "AccessDenied")
    assert get(cloud, f"/{own.bucket}") == (403, "AccessDenied")
    assert get(cloud, path, "PUT", b"y") == (403, "AccessDenied")
    assert get(cloud, path, "DELETE") == (403, "AccessDenied")
    assert get(cloud, "/" + own.bucket + "-absent/k") == (404, "NoSuchBucket")
    cloud.restart()
    assert get(cloud, path) == (200, b"x")
    own.s3.delete_bucket_policy(Bucket=own.bucket)
    assert get(cloud, path) == (403, "AccessDenied")


def test_anonymous_writes_and_lists_where_it_may(cloud, own):
    open_up(own.s3, own.bucket)
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
        everybody(["s3:PutObject", "s3:DeleteObject"], arn(own.bucket, "drop/*")),
        everybody("s3:ListBucket", arn(own.bucket), Condition={"StringEquals": {"s3:prefix": "drop/"}})))
    assert get(cloud, f"/{own.bucket}/drop/a", "PUT", b"in")[0] == 200
    assert own.s3.get_object(Bucket=own.bucket, Key="drop/a")["Body"].read() == b"in"
    status, listing = get(cloud, f"/{own.bucket}?list-type=2&prefix=drop/&fetch-owner=true")
    owner = own.s3.list_buckets()["Owner"]["ID"]
    assert status == 200 and b"<Key>drop/a</Key>" in listing and owner.encode() in listing
    assert get(cloud, f"/{own.bucket}?list-type=2&prefix=open/") == (403, "AccessDenied")
    assert get(cloud, f"/{own.bucket}/drop/a", "DELETE")[0] == 204
    assert get(cloud, f"/{own.bucket}/drop/absent") == (403, "AccessDenied")


def test_within_the_account(own, refused):
    """Naming a user is enough, naming the account leaves it to the user's own policies, a deny ends it."""
    user = own.user("ann").client("s3")
    with refused("AccessDenied", 403) as it:
        user.get_object(Bucket=own.bucket, Key="open/a")
    assert it.error["Message"] == (
        f"User: arn:aws:iam::{own.id}:user/ann is not authorized to perform: s3:GetObject on resource: "
        f"\"{arn(own.bucket, 'open/a')}\" because no identity-based policy allows the s3:GetObject action")
    to_user = allow("s3:GetObject", arn(own.bucket, "*"), Principal={"AWS": own.arn("user/ann")})
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(to_user))
    assert user.get_object(Bucket=own.bucket, Key="open/a")["Body"].read() == b"x"
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document({**to_user, "Principal": {"AWS": own.id}}))
    with refused("AccessDenied", 403):
        user.get_object(Bucket=own.bucket, Key="open/a")
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
        to_user, deny("s3:*", arn(own.bucket, "closed/*"), Principal="*", Sid="NotClosed")))
    with refused("AccessDenied", 403) as it:
        user.get_object(Bucket=own.bucket, Key="closed/a")
    assert "with an explicit deny in a resource-based policy" in it.error["Message"]
    # Not even the root user.
    with refused("AccessDenied", 403):
        own.s3.get_object(Bucket=own.bucket, Key="closed/a")
    assert user.get_object(Bucket=own.bucket, Key="open/a")["Body"].read() == b"x"


def test_a_name_means_who_had_it(own, refused):
    own.user("bob")
    to_bob = allow("s3:GetObject", arn(own.bucket, "*"), Principal={"AWS": own.arn("user/bob")})
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(to_bob))
    for key in own.iam.list_access_keys(UserName="bob")["AccessKeyMetadata"]:
        own.iam.delete_access_key(UserName="bob", AccessKeyId=key["AccessKeyId"])
    own.iam.delete_user(UserName="bob")
    again = own.user("bob").client("s3")
    with refused("AccessDenied", 403):
        again.get_object(Bucket=own.bucket, Key="open/a")


def test_across_accounts_both_sides(cloud, own, refused):
    other = Account(cloud)
    user = other.user("carl", allow("s3:GetObject", arn(own.bucket, "open/*"))).client("s3")
    with refused("AccessDenied", 403, "Access Denied"):
        user.get_object(Bucket=own.bucket, Key="open/a")
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
        allow("s3:GetObject", arn(own.bucket, "*"), Principal={"AWS": other.id})))
    assert user.get_object(Bucket=own.bucket, Key="open/a")["Body"].read() == b"x"
    with refused("AccessDenied", 403, "Access Denied"):  # her own side does not allow it
        user.get_object(Bucket=own.bucket, Key="closed/a")
    assert other.client("s3").get_object(Bucket=own.bucket, Key="closed/a")["Body"].read() == b"x"
    with refused("AccessDenied", 403, "Access Denied"):
        other.client("s3").put_object(Bucket=own.bucket, Key="open/a", Body=b"")


def test_sources_of_copies_and_parts(cloud, own, refused):
    other = Account(cloud)
    theirs, s3 = "theirs-" + other.id, other.client("s3")
    s3.create_bucket(Bucket=theirs)
    source = {"Bucket": own.bucket, "Key": "open/a"}
    upload = s3.create_multipart_upload(Bucket=theirs, Key="up")["UploadId"]
    with refused("AccessDenied", 403):
        s3.copy_object(Bucket=theirs, Key="copy", CopySource=source)
    with refused("AccessDenied", 403):
        s3.upload_part_copy(Bucket=theirs, Key="up", UploadId=upload, PartNumber=1, CopySource=source)
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
        allow("s3:GetObject", arn(own.bucket, "open/*"), Principal={"AWS": other.id}),
        allow(["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"], arn(own.bucket, "in/*"),
              Principal={"AWS": other.id})))
    s3.copy_object(Bucket=theirs, Key="copy", CopySource=source)
    s3.upload_part_copy(Bucket=theirs, Key="up", UploadId=upload, PartNumber=1, CopySource=source)
    # Into somebody else's bucket: what is written there is the bucket's owner's.
    mine = s3.create_multipart_upload(Bucket=own.bucket, Key="in/up")["UploadId"]
    part = s3.upload_part(Bucket=own.bucket, Key="in/up", UploadId=mine, PartNumber=1, Body=b"abc")
    with refused("AccessDenied", 403):
        s3.upload_part(Bucket=own.bucket, Key="open/a", UploadId=mine, PartNumber=1, Body=b"abc")
    listed = s3.list_parts(Bucket=own.bucket, Key="in/up", UploadId=mine)
    assert listed["Owner"]["ID"] == own.s3.list_buckets()["Owner"]["ID"]
    assert listed["Initiator"]["ID"] == other.arn("root")
    s3.complete_multipart_upload(Bucket=own.bucket, Key="in/up", UploadId=mine, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert own.s3.get_object(Bucket=own.bucket, Key="in/up")["Body"].read() == b"abc"


def test_keys_of_a_deletion(cloud, own):
    other = Account(cloud)
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
        allow("s3:DeleteObject", arn(own.bucket, "open/*"), Principal={"AWS": other.id})))
    reply = other.client("s3").delete_objects(Bucket=own.bucket, Delete={
        "Objects": [{"Key": "open/a"}, {"Key": "closed/a"}]})
    assert [item["Key"] for item in reply["Deleted"]] == ["open/a"]
    assert [(item["Key"], item["Code"]) for item in reply["Errors"]] == [("closed/a", "AccessDenied")]


@pytest.mark.parametrize("condition, status", [
    ({"StringEquals": {"s3:ExistingObjectTag/room": "open"}}, 200),
    ({"StringEquals": {"s3:ExistingObjectTag/room": "closed"}}, 403),
    ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, 200),
    ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, 403),
    ({"Bool": {"aws:SecureTransport": "false"}}, 200),
    ({"Bool": {"aws:SecureTransport": "true"}}, 403),
    ({"StringLike": {"aws:Referer": "http://example.com/*"}}, 200),
    ({"StringLike": {"aws:Referer": "http://example.org/*"}}, 403),
    ({"Null": {"s3:authType": "true"}}, 200),
    ({"StringEquals": {"s3:authType": "REST-HEADER"}}, 403),
])
def test_conditions_of_anonymous_requests(cloud, own, condition, status):
    open_up(own.s3, own.bucket)
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
        everybody("s3:GetObject", arn(own.bucket, "*"), Condition=condition)))
    headers = {"Referer": "http://example.com/page"}
    assert get(cloud, f"/{own.bucket}/open/a", headers=headers)[0] == status


def test_conditions_of_signed_requests(cloud, own, refused):
    def only(condition, action="s3:GetObject"):
        own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
            deny(action, arn(own.bucket, "*"), Principal="*", Condition=condition)))

    own.s3.get_object(Bucket=own.bucket, Key="open/a")
    only({"StringEquals": {"s3:authType": "REST-HEADER", "s3:signatureversion": "AWS4-HMAC-SHA256"}})
    with refused("AccessDenied", 403):
        own.s3.get_object(Bucket=own.bucket, Key="open/a")
    presigner = own.client("s3", signature_version="s3v4")
    url = presigner.generate_presigned_url("get_object", Params={"Bucket": own.bucket, "Key": "open/a"})
    assert urllib.request.urlopen(url).read() == b"x"
    only({"NumericGreaterThan": {"s3:signatureAge": 0}, "StringEquals": {"s3:authType": "REST-QUERY-STRING"}})
    cloud.advance(5)
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(url)
    only({"StringNotEquals": {"s3:RequestObjectTag/team": "red"}}, ["s3:PutObject", "s3:PutObjectTagging"])
    with refused("AccessDenied", 403):
        own.s3.put_object(Bucket=own.bucket, Key="t", Body=b"", Tagging="team=blue")
    own.s3.put_object(Bucket=own.bucket, Key="t", Body=b"", Tagging="team=red")
    with refused("AccessDenied", 403):
        own.s3.put_object_tagging(Bucket=own.bucket, Key="t", Tagging={"TagSet": [{"Key": "team", "Value": "x"}]})
    only({"ForAnyValue:StringEquals": {"s3:RequestObjectTagKeys": ["secret"]}}, "s3:PutObject")
    with refused("AccessDenied", 403):
        own.s3.put_object(Bucket=own.bucket, Key="t", Body=b"", Tagging="a=b&secret=1")
    own.s3.put_object(Bucket=own.bucket, Key="t", Body=b"", Tagging="a=b")


# ---- the document ----

def test_the_document(own, refused):
    with refused("NoSuchBucketPolicy", 404, "The bucket policy does not exist"):
        own.s3.get_bucket_policy(Bucket=own.bucket)
    with refused("NoSuchBucketPolicy", 404):
        own.s3.get_bucket_policy_status(Bucket=own.bucket)
    text = document(allow("s3:GetObject", arn(own.bucket, "*"), Principal={"AWS": own.id}))
    assert own.s3.put_bucket_policy(Bucket=own.bucket, Policy=text)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert own.s3.get_bucket_policy(Bucket=own.bucket)["Policy"] == text
    own.cloud.restart()
    assert own.s3.get_bucket_policy(Bucket=own.bucket)["Policy"] == text
    for _ in range(2):
        own.s3.delete_bucket_policy(Bucket=own.bucket)
    with refused("NoSuchBucketPolicy", 404):
        own.s3.get_bucket_policy(Bucket=own.bucket)


@pytest.mark.parametrize("make, message", [
    (lambda b: "", "Policies must be valid JSON and the first byte must be '{'"),
    (lambda b: "[1]", "Policies must be valid JSON and the first byte must be '{'"),
    (lambda b: "{}", "Missing required field Statement"),
    (lambda b: document(allow("s3:GetObject", arn(b, "*"))), "Missing required field Principal"),
    (lambda b: document(everybody("ec2:RunInstances", arn(b, "*"))), "Policy has invalid action"),
    (lambda b: document(everybody("s3:GetObject", arn(b + "-other", "*"))), "Policy has invalid resource"),
    (lambda b: document(everybody("s3:GetObject", "*")), "Policy has invalid resource"),
    (lambda b: document(everybody("s3:GetObject", arn(b))), "Action does not apply to any resource(s) in statement"),
    (lambda b: document(everybody("s3:ListBucket", arn(b, "*"))),
     "Action does not apply to any resource(s) in statement"),
    (lambda b: document(allow("s3:GetObject", arn(b, "*"), Principal={"AWS": "arn:aws:iam::111122223333:user/none"})),
     "Invalid principal in policy"),
    (lambda b: document(allow("s3:GetObject", [arn(b, "x" * 1000 + str(i)) for i in range(21)], Principal="*")),
     "Normalized policy document exceeds the maximum allowed size of 20480 bytes"),
])
def test_malformed(own, refused, make, message):
    with refused("MalformedPolicy", 400, message):
        own.s3.put_bucket_policy(Bucket=own.bucket, Policy=make(own.bucket))
    with refused("NoSuchBucketPolicy", 404):
        own.s3.get_bucket_policy(Bucket=own.bucket)


def test_who_may_set_it(cloud, own, refused):
    other = Account(cloud)
    text = document(allow("s3:*", [arn(own.bucket), arn(own.bucket, "*")], Principal={"AWS": other.id}))
    with refused("AccessDenied", 403, "Access Denied"):
        other.client("s3").get_bucket_policy(Bucket=own.bucket)
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=text)
    assert other.client("s3").get_bucket_policy(Bucket=own.bucket)["Policy"] == text
    # The owner's root user can always repair it.
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(deny("s3:*", arn(own.bucket), Principal="*")))
    with refused("AccessDenied", 403):
        own.s3.list_objects_v2(Bucket=own.bucket)
    own.s3.delete_bucket_policy(Bucket=own.bucket)
    own.s3.list_objects_v2(Bucket=own.bucket)


# ---- what is public ----

@pytest.mark.parametrize("statement, public", [
    ({"Principal": "*"}, True),
    ({"Principal": {"AWS": ["arn:aws:iam::111122223333:root", "*"]}}, True),
    ({"Principal": {"AWS": "111122223333"}}, False),
    ({"Principal": "*", "Effect": "Deny"}, False),
    ({"Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}, False),
    ({"Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "0.0.0.0/1"]}}}, True),
    ({"Principal": "*", "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}, True),
    ({"Principal": "*", "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-91237329"}}}, False),
    ({"Principal": "*", "Condition": {"StringLike": {"aws:SourceVpc": "vpc-*"}}}, True),
    ({"Principal": "*", "Condition": {"StringEqualsIfExists": {"aws:SourceVpc": "vpc-91237329"}}}, True),
    ({"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}, False),
    ({"Principal": "*", "Condition": {"StringEquals": {"aws:Referer": "x"}}}, True),
])
def test_policy_status(own, statement, public):
    open_up(own.s3, own.bucket)
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
        {**allow("s3:GetObject", arn(own.bucket, "*")), **statement}))
    assert own.s3.get_bucket_policy_status(Bucket=own.bucket)["PolicyStatus"]["IsPublic"] is public


def test_block_configuration(cloud, own, refused):
    full = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
    assert own.s3.get_public_access_block(Bucket=own.bucket)["PublicAccessBlockConfiguration"] == full
    some = {**full, "IgnorePublicAcls": False, "RestrictPublicBuckets": False}
    own.s3.put_public_access_block(Bucket=own.bucket, PublicAccessBlockConfiguration=some)
    cloud.restart()
    assert own.s3.get_public_access_block(Bucket=own.bucket)["PublicAccessBlockConfiguration"] == some
    for _ in range(2):
        own.s3.delete_public_access_block(Bucket=own.bucket)
    with refused("NoSuchPublicAccessBlockConfiguration", 404, "The public access block configuration was not found"):
        own.s3.get_public_access_block(Bucket=own.bucket)


def test_block_public_policy(own, refused):
    text = document(everybody("s3:GetObject", arn(own.bucket, "*")))
    with refused("AccessDenied", 403) as it:
        own.s3.put_bucket_policy(Bucket=own.bucket, Policy=text)
    assert it.error["Message"] == (
        f"User: {own.arn('root')} is not authorized to perform: s3:PutBucketPolicy on resource: "
        f"\"{arn(own.bucket)}\" because public policies are blocked by the BlockPublicPolicy block public access setting.")
    open_up(own.s3, own.bucket)
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=text)


def test_restrict_public_buckets(cloud, own, refused):
    other = Account(cloud).client("s3")
    open_up(own.s3, own.bucket)
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(everybody("s3:GetObject", arn(own.bucket, "*"))))
    assert get(cloud, f"/{own.bucket}/open/a")[0] == 200
    other.get_object(Bucket=own.bucket, Key="open/a")
    open_up(own.s3, own.bucket, RestrictPublicBuckets=True)
    assert get(cloud, f"/{own.bucket}/open/a") == (403, "AccessDenied")
    with refused("AccessDenied", 403):
        other.get_object(Bucket=own.bucket, Key="open/a")
    user = own.user("dan").client("s3")
    assert user.get_object(Bucket=own.bucket, Key="open/a")["Body"].read() == b"x"


def test_policies_end_with_their_bucket(own, refused):
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
        allow("s3:GetObject", arn(own.bucket, "*"), Principal={"AWS": own.id})))
    own.s3.delete_objects(Bucket=own.bucket, Delete={"Objects": [{"Key": "open/a"}, {"Key": "closed/a"}]})
    own.s3.delete_bucket(Bucket=own.bucket)
    own.s3.create_bucket(Bucket=own.bucket)
    with refused("NoSuchBucketPolicy", 404):
        own.s3.get_bucket_policy(Bucket=own.bucket)
    assert json.loads(document())["Statement"] == []
