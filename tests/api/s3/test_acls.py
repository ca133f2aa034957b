# SPDX-License-Identifier: Apache-2.0
"""Ownership controls and access control lists of buckets and objects."""
import pytest

from anonymous import get, open_up
from identities import Account

ALL = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOGS = "http://acs.amazonaws.com/groups/s3/LogDelivery"


@pytest.fixture
def own(cloud):
    """An account of its own with a bucket whose lists are heeded and not blocked."""
    account = Account(cloud)
    account.s3, account.bucket = account.client("s3"), "own-" + account.id
    account.s3.create_bucket(Bucket=account.bucket, ObjectOwnership="ObjectWriter")
    open_up(account.s3, account.bucket)
    account.canonical = account.s3.list_buckets()["Owner"]["ID"]
    return account


def grants(reply):
    """Owner's id, and (grantee, permission) of each grant."""
    return reply["Owner"]["ID"], [(g["Grantee"].get("ID") or g["Grantee"]["URI"], g["Permission"])
                                  for g in reply["Grants"]]


def test_ownership_controls(cloud, own, s3, bucket, refused):
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={
        "Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]})
    cloud.restart()
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerPreferred"}]
    for _ in range(2):
        s3.delete_bucket_ownership_controls(Bucket=bucket)
    with refused("OwnershipControlsNotFoundError", 404, "The bucket ownership controls were not found"):
        s3.get_bucket_ownership_controls(Bucket=bucket)
    for rules in [], [{"ObjectOwnership": "Nobody"}], [{"ObjectOwnership": "ObjectWriter"}] * 2:
        with refused("MalformedXML", 400):
            s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": rules})
    with refused("InvalidArgument", 400, "Invalid x-amz-object-ownership header: RandomValue"):
        s3.create_bucket(Bucket=bucket + "-x", ObjectOwnership="RandomValue")
    own.s3.put_bucket_acl(Bucket=own.bucket, ACL="public-read")
    with refused("InvalidBucketAclWithObjectOwnership", 400):
        own.s3.put_bucket_ownership_controls(Bucket=own.bucket, OwnershipControls={
            "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})


def test_where_lists_are_not_heeded(s3, bucket, refused):
    owner = s3.list_buckets()["Owner"]["ID"]
    assert grants(s3.get_bucket_acl(Bucket=bucket)) == (owner, [(owner, "FULL_CONTROL")])
    s3.put_object(Bucket=bucket, Key="k", Body=b"", ACL="bucket-owner-full-control")
    assert grants(s3.get_object_acl(Bucket=bucket, Key="k")) == (owner, [(owner, "FULL_CONTROL")])
    for call in (lambda: s3.put_bucket_acl(Bucket=bucket, ACL="public-read"),
                 lambda: s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read"),
                 lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"", ACL="public-read"),
                 lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"", GrantRead=f'uri="{ALL}"'),
                 lambda: s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k", ACL="public-read"),
                 lambda: s3.create_multipart_upload(Bucket=bucket, Key="m", ACL="public-read")):
        with refused("AccessControlListNotSupported", 400, "The bucket does not allow ACLs"):
            call()


@pytest.mark.parametrize("canned, more", [
    ("private", []), ("public-read", [(ALL, "READ")]), ("public-read-write", [(ALL, "READ"), (ALL, "WRITE")]),
    ("authenticated-read", [(AUTHENTICATED, "READ")]),
])
def test_canned(cloud, own, canned, more):
    mine = (own.canonical, "FULL_CONTROL")
    own.s3.put_bucket_acl(Bucket=own.bucket, ACL=canned)
    own.s3.put_object(Bucket=own.bucket, Key="k", Body=b"", ACL=canned)
    own.s3.put_object(Bucket=own.bucket, Key="l", Body=b"")
    own.s3.put_object_acl(Bucket=own.bucket, Key="l", ACL=canned)
    cloud.restart()
    for reply in (own.s3.get_bucket_acl(Bucket=own.bucket), own.s3.get_object_acl(Bucket=own.bucket, Key="k"),
                  own.s3.get_object_acl(Bucket=own.bucket, Key="l")):
        assert grants(reply) == (own.canonical, [mine, *more])


def test_grants_in_headers_and_bodies(own, refused):
    def policy(*given, owner=None):
        return {"Owner": {"ID": owner or own.canonical}, "Grants": [
            {"Grantee": grantee, "Permission": permission} for grantee, permission in given]}

    own.s3.put_bucket_acl(Bucket=own.bucket, GrantRead=f'uri="{LOGS}"', GrantWriteACP=f"id={own.canonical}")
    assert grants(own.s3.get_bucket_acl(Bucket=own.bucket))[1] == [(LOGS, "READ"), (own.canonical, "WRITE_ACP")]
    me, logs = {"Type": "CanonicalUser", "ID": own.canonical}, {"Type": "Group", "URI": LOGS}
    own.s3.put_bucket_acl(Bucket=own.bucket, AccessControlPolicy=policy((me, "FULL_CONTROL"), (logs, "WRITE")))
    assert grants(own.s3.get_bucket_acl(Bucket=own.bucket))[1] == [(own.canonical, "FULL_CONTROL"), (LOGS, "WRITE")]

    def put(**options):
        return lambda: own.s3.put_bucket_acl(Bucket=own.bucket, **options)

    for call, code, message in [
            (put(ACL="fake-acl"), "InvalidArgument", None),
            (put(GrantWrite='uri="http://acs.amazonaws.com/groups/s3/FakeGroup"'), "InvalidArgument", "Invalid group uri"),
            (put(GrantWrite='fakekey="1234"'), "InvalidArgument", "Argument format not recognized"),
            (put(GrantWrite='id="wrong-id"'), "InvalidArgument", "Invalid id"),
            (put(GrantWrite='emailAddress="a@b.example"'), "UnresolvableGrantByEmailAddress", None),
            (put(ACL="private", GrantRead=f'uri="{ALL}"'), "InvalidRequest",
             "Specifying both Canned ACLs and Header Grants is not allowed"),
            (put(ACL="private", AccessControlPolicy=policy((me, "READ"))), "UnexpectedContent",
             "This request does not support content"),
            (put(), "MissingSecurityHeader", "Your request was missing a required header"),
            (put(AccessControlPolicy={}), "MalformedACLError", None),
            (put(AccessControlPolicy={"Owner": {"ID": own.canonical}}), "MalformedACLError", None),
            (put(AccessControlPolicy=policy((me, "DANCE"))), "MalformedACLError", None),
            (put(AccessControlPolicy=policy(({"Type": "Group"}, "READ"))), "MalformedACLError", None),
            (put(AccessControlPolicy=policy(({**me, "ID": "wrong-id"}, "READ"))), "InvalidArgument", "Invalid id"),
            (put(AccessControlPolicy=policy((me, "READ"), owner="wrong-id")), "InvalidArgument", "Invalid id"),
            (put(AccessControlPolicy=policy((me, "READ"), owner="a" * 64)), "AccessDenied", None)]:
        with refused(code, 403 if code == "AccessDenied" else 400, message):
            call()
    assert grants(own.s3.get_bucket_acl(Bucket=own.bucket))[1] == [(own.canonical, "FULL_CONTROL"), (LOGS, "WRITE")]


def test_what_lists_give(cloud, own, refused):
    other = Account(cloud)
    theirs = other.client("s3")
    own.s3.put_object(Bucket=own.bucket, Key="k", Body=b"x")
    path = f"/{own.bucket}/k"
    with refused("AccessDenied", 403):
        theirs.get_object(Bucket=own.bucket, Key="k")
    own.s3.put_object_acl(Bucket=own.bucket, Key="k", GrantRead=f'id="{theirs.list_buckets()["Owner"]["ID"]}"')
    assert theirs.get_object(Bucket=own.bucket, Key="k")["Body"].read() == b"x"
    user = other.user("eve").client("s3")
    with refused("AccessDenied", 403):  # her own side has to allow it, too
        user.get_object(Bucket=own.bucket, Key="k")
    assert get(cloud, path) == (403, "AccessDenied")
    own.s3.put_object_acl(Bucket=own.bucket, Key="k", ACL="authenticated-read")
    theirs.get_object(Bucket=own.bucket, Key="k")
    assert get(cloud, path) == (403, "AccessDenied")
    own.s3.put_object_acl(Bucket=own.bucket, Key="k", ACL="public-read")
    assert get(cloud, path) == (200, b"x")
    assert get(cloud, path + "?acl") == (403, "AccessDenied")
    assert get(cloud, f"/{own.bucket}") == (403, "AccessDenied")
    own.s3.put_bucket_acl(Bucket=own.bucket, ACL="public-read")
    assert get(cloud, f"/{own.bucket}")[0] == 200
    assert get(cloud, f"/{own.bucket}/new", "PUT", b"y") == (403, "AccessDenied")


def test_whoever_writes_owns(cloud, own, refused):
    other = Account(cloud)
    theirs = other.client("s3")
    canonical = theirs.list_buckets()["Owner"]["ID"]
    own.s3.put_bucket_acl(Bucket=own.bucket, ACL="public-read-write")
    theirs.put_object(Bucket=own.bucket, Key="k", Body=b"x")
    assert grants(theirs.get_object_acl(Bucket=own.bucket, Key="k")) == (canonical, [(canonical, "FULL_CONTROL")])
    with refused("AccessDenied", 403):
        own.s3.get_object(Bucket=own.bucket, Key="k")
    theirs.put_object(Bucket=own.bucket, Key="k", Body=b"y", ACL="bucket-owner-full-control")
    assert own.s3.get_object(Bucket=own.bucket, Key="k")["Body"].read() == b"y"
    assert own.s3.get_object_acl(Bucket=own.bucket, Key="k")["Owner"]["ID"] == canonical
    own.s3.put_bucket_ownership_controls(Bucket=own.bucket, OwnershipControls={
        "Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]})
    theirs.put_object(Bucket=own.bucket, Key="k", Body=b"z", ACL="bucket-owner-full-control")
    assert own.s3.get_object_acl(Bucket=own.bucket, Key="k")["Owner"]["ID"] == own.canonical
    # Nobody in particular.
    assert get(cloud, f"/{own.bucket}/anon", "PUT", b"a")[0] == 200
    assert get(cloud, f"/{own.bucket}/anon") == (200, b"a")
    with refused("AccessDenied", 403):
        own.s3.get_object(Bucket=own.bucket, Key="anon")
    own.s3.delete_object(Bucket=own.bucket, Key="anon")


def test_blocks(cloud, own, refused):
    own.s3.put_object(Bucket=own.bucket, Key="k", Body=b"x", ACL="public-read")
    assert get(cloud, f"/{own.bucket}/k") == (200, b"x")
    open_up(own.s3, own.bucket, IgnorePublicAcls=True)
    assert get(cloud, f"/{own.bucket}/k") == (403, "AccessDenied")
    open_up(own.s3, own.bucket, BlockPublicAcls=True)
    assert get(cloud, f"/{own.bucket}/k") == (200, b"x")
    for call, action, resource in [
            (lambda: own.s3.put_bucket_acl(Bucket=own.bucket, ACL="public-read"), "s3:PutBucketAcl", own.bucket),
            (lambda: own.s3.put_object_acl(Bucket=own.bucket, Key="k", ACL="public-read"), "s3:PutObjectAcl",
             own.bucket + "/k"),
            (lambda: own.s3.put_object(Bucket=own.bucket, Key="k", Body=b"", ACL="authenticated-read"), "s3:PutObject",
             own.bucket + "/k")]:
        with refused("AccessDenied", 403) as it:
            call()
        assert it.error["Message"] == (
            f"User: {own.arn('root')} is not authorized to perform: {action} on resource: \"arn:aws:s3:::{resource}\" "
            "because public access control lists (ACLs) are blocked by the BlockPublicAcls block public access setting.")
    own.s3.put_object_acl(Bucket=own.bucket, Key="k", ACL="private")


def test_lists_of_new_buckets(own, name, refused):
    with refused("InvalidBucketAclWithObjectOwnership", 400):
        own.s3.create_bucket(Bucket=name(), ACL="public-read")
    with refused("InvalidBucketAclWithBlockPublicAccessError", 400):
        own.s3.create_bucket(Bucket=name(), ACL="public-read", ObjectOwnership="ObjectWriter")
    bucket = name()
    own.s3.create_bucket(Bucket=bucket, ACL="private", ObjectOwnership="ObjectWriter")
    assert grants(own.s3.get_bucket_acl(Bucket=bucket))[1] == [(own.canonical, "FULL_CONTROL")]


def test_a_list_needs_a_permission_of_its_own(own, refused):
    user = own.user("fay", {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}).client("s3")
    user.put_object(Bucket=own.bucket, Key="k", Body=b"")
    with refused("AccessDenied", 403):
        user.put_object(Bucket=own.bucket, Key="k", Body=b"", ACL="public-read")


def test_a_copy_has_its_own_list(own):
    own.s3.put_object(Bucket=own.bucket, Key="k", Body=b"", ACL="public-read")
    own.s3.copy_object(Bucket=own.bucket, Key="c", CopySource=f"{own.bucket}/k")
    assert grants(own.s3.get_object_acl(Bucket=own.bucket, Key="c"))[1] == [(own.canonical, "FULL_CONTROL")]
    upload = own.s3.create_multipart_upload(Bucket=own.bucket, Key="m", ACL="public-read")["UploadId"]
    part = own.s3.upload_part(Bucket=own.bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"x")
    own.s3.complete_multipart_upload(Bucket=own.bucket, Key="m", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert (ALL, "READ") in grants(own.s3.get_object_acl(Bucket=own.bucket, Key="m"))[1]
