# SPDX-License-Identifier: Apache-2.0
"""What policies may look at beyond the common keys, and what happens when they change."""
import datetime

import pytest

from anonymous import get, open_up
from identities import Account, allow, deny, document

UTC = datetime.timezone.utc
LOCKS_OUT = "The new bucket policy will not allow you to update the bucket policy in the future."


def arn(bucket, key=None):
    return f"arn:aws:s3:::{bucket}" + ("/" + key if key else "")


@pytest.fixture
def own(cloud):
    """An account of its own with a bucket."""
    account = Account(cloud)
    account.s3, account.bucket = account.client("s3"), "own-" + account.id
    account.s3.create_bucket(Bucket=account.bucket, ObjectOwnership="ObjectWriter", ObjectLockEnabledForBucket=True)
    open_up(account.s3, account.bucket)
    return account


def admin(own):
    """A user of the account who may do all."""
    own.iam.create_user(UserName="admin")
    own.iam.put_user_policy(UserName="admin", PolicyName="all", PolicyDocument=document(allow("*")))
    key = own.iam.create_access_key(UserName="admin")["AccessKey"]
    return own.cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])


def test_who_locks_out_himself(own, refused):
    user = admin(own)
    closed = document(deny("s3:PutBucketPolicy", arn(own.bucket), Principal="*"))
    with refused("AccessDenied", 403, LOCKS_OUT):
        user.put_bucket_policy(Bucket=own.bucket, Policy=closed)
    with refused("NoSuchBucketPolicy", 404):
        user.get_bucket_policy(Bucket=own.bucket)
    # It is the author that counts, and the policy as a whole.
    user.put_bucket_policy(Bucket=own.bucket, Policy=document(
        deny("s3:PutBucketPolicy", arn(own.bucket), Principal="*",
             Condition={"StringNotLike": {"aws:PrincipalArn": own.arn("user/admin")}})))
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=closed)  # root can always repair it
    own.s3.delete_bucket_policy(Bucket=own.bucket)
    user.put_bucket_policy(Bucket=own.bucket, Policy=closed, ConfirmRemoveSelfBucketAccess=True)
    with refused("AccessDenied", 403):
        user.put_bucket_policy(Bucket=own.bucket, Policy=closed, ConfirmRemoveSelfBucketAccess=True)
    other = Account(own.cloud)
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
        allow("s3:*", [arn(own.bucket), arn(own.bucket, "*")], Principal={"AWS": other.id})))
    with refused("AccessDenied", 403, LOCKS_OUT):
        other.client("s3").put_bucket_policy(Bucket=own.bucket, Policy=document(
            allow("s3:GetObject", arn(own.bucket, "*"), Principal={"AWS": other.id})))


def test_changes_hold_at_once(own, cloud):
    """On every thread, however many policies have been looked at."""
    buckets = [f"{own.bucket}-{number}" for number in range(20)]
    for bucket in buckets:
        own.s3.create_bucket(Bucket=bucket)
        own.s3.put_object(Bucket=bucket, Key="k", Body=bucket.encode())
        open_up(own.s3, bucket)

    def publish(bucket, key):
        own.s3.put_bucket_policy(Bucket=bucket, Policy=document(
            allow("s3:GetObject", arn(bucket, key), Principal="*")))

    for _ in range(2):
        for bucket in buckets:
            publish(bucket, "k")
        assert [get(cloud, f"/{bucket}/k") for bucket in buckets] == [(200, bucket.encode()) for bucket in buckets]
        for bucket in buckets[::2]:
            publish(bucket, "other")
        for bucket in buckets[1::2]:
            own.s3.delete_bucket_policy(Bucket=bucket)
        assert {get(cloud, f"/{bucket}/k") for bucket in buckets for _ in range(4)} == {(403, "AccessDenied")}
    cloud.restart()
    assert get(cloud, f"/{buckets[0]}/k") == (403, "AccessDenied")


def in_days(days):
    return datetime.datetime.now(UTC) + datetime.timedelta(days=days)


def test_how_long_a_lock_may_be(own, refused):
    key = {"Bucket": own.bucket, "Key": "k"}
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
        deny(["s3:PutObject", "s3:PutObjectRetention"], arn(own.bucket, "*"), Principal="*",
             Condition={"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}}),
        deny("s3:PutObjectRetention", arn(own.bucket, "*"), Principal="*",
             Condition={"StringEquals": {"s3:object-lock-mode": "COMPLIANCE"}}),
        deny("s3:PutObjectLegalHold", arn(own.bucket, "*"), Principal="*",
             Condition={"StringEquals": {"s3:object-lock-legal-hold": "ON"}}),
        deny("s3:PutObjectRetention", arn(own.bucket, "*"), Principal="*",
             Condition={"DateLessThan": {"s3:object-lock-retain-until-date": in_days(2).strftime("%Y-%m-%dT%H:%M:%SZ")}})))

    def retain(days, mode="GOVERNANCE"):
        own.s3.put_object_retention(**key, Retention={"Mode": mode, "RetainUntilDate": in_days(days)})

    own.s3.put_object(**key, Body=b"x")
    with refused("AccessDenied", 403):
        own.s3.put_object(**key, Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=in_days(11))
    own.s3.put_object(**key, Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=in_days(3))
    for days, mode in ((11, "GOVERNANCE"), (10.1, "GOVERNANCE"), (5, "COMPLIANCE"), (1, "GOVERNANCE")):
        with refused("AccessDenied", 403):
            retain(days, mode)
    retain(9)
    with refused("AccessDenied", 403):
        own.s3.put_object_legal_hold(**key, LegalHold={"Status": "ON"})
    own.s3.put_object_legal_hold(**key, LegalHold={"Status": "OFF"})


def test_lists_and_tags_are_those_of_the_version(own, cloud):
    key = {"Bucket": own.bucket, "Key": "k"}
    shown = own.s3.put_object(**key, Body=b"shown", ACL="public-read")["VersionId"]
    hidden = own.s3.put_object(**key, Body=b"hidden", Tagging="open=yes")["VersionId"]
    path = f"/{own.bucket}/k?versionId="
    assert get(cloud, path + shown) == (200, b"shown")
    assert get(cloud, path + hidden) == get(cloud, f"/{own.bucket}/k") == (403, "AccessDenied")
    own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
        allow(["s3:GetObject", "s3:GetObjectVersion"], arn(own.bucket, "*"), Principal="*",
              Condition={"StringEquals": {"s3:ExistingObjectTag/open": "yes"}})))
    own.s3.put_object_acl(**key, VersionId=shown, ACL="private")
    assert get(cloud, path + shown) == (403, "AccessDenied")
    assert get(cloud, path + hidden) == (200, b"hidden")


def test_what_a_request_says_of_encryption_grants_and_places(own, refused):
    """A policy that keeps out what does not ask to be encrypted, and others that look at headers."""
    def deny_where(action, operator, key, value):
        own.s3.put_bucket_policy(Bucket=own.bucket, Policy=document(
            deny(action, f"arn:aws:s3:::{own.bucket}/*", Principal="*", Condition={operator: {key: value}})))

    def put(**more):
        own.s3.put_object(Bucket=own.bucket, Key="k", Body=b"", **more)

    deny_where("s3:PutObject", "StringNotEquals", "s3:x-amz-server-side-encryption", "AES256")
    with refused("AccessDenied", 403):
        put()
    put(ServerSideEncryption="AES256")
    deny_where("s3:PutObject", "Null", "s3:x-amz-grant-full-control", "true")
    with refused("AccessDenied", 403):
        put()
    deny_where("s3:PutObject", "StringLike", "s3:x-amz-website-redirect-location", "http:*")
    with refused("AccessDenied", 403):
        put(WebsiteRedirectLocation="http://elsewhere/")
    put(WebsiteRedirectLocation="/here")
    deny_where("s3:GetObject", "NumericLessThan", "s3:TlsVersion", "1.2")
    own.s3.get_object(Bucket=own.bucket, Key="k")  # in the clear there is none
    deny_where("s3:GetObject", "NumericLessThanIfExists", "s3:TlsVersion", "1.2")
    with refused("AccessDenied", 403):
        own.s3.get_object(Bucket=own.bucket, Key="k")
