# SPDX-License-Identifier: Apache-2.0
"""Buckets whose requesters pay."""
from anonymous import get, open_up
from identities import Account, document


def test_configuration(cloud, s3, bucket, refused):
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    cloud.restart()
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
    with refused("MalformedXML", 400):
        s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Nobody"})
    with refused("NoSuchBucket", 404):
        s3.put_bucket_request_payment(Bucket=bucket + "-x", RequestPaymentConfiguration={"Payer": "Requester"})


def test_who_has_to_agree(cloud, s3, bucket, refused):
    other = Account(cloud).client("s3")
    open_up(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_bucket_policy(Bucket=bucket, Policy=document(
        {"Effect": "Allow", "Principal": "*", "Action": "s3:*",
         "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}))
    assert get(cloud, f"/{bucket}/k")[0] == 200
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert get(cloud, f"/{bucket}/k", headers={"x-amz-request-payer": "requester"}) == (403, "AccessDenied")
    with refused("AccessDenied", 403):
        other.get_object(Bucket=bucket, Key="k")
    reply = other.get_object(Bucket=bucket, Key="k", RequestPayer="requester")
    assert reply["RequestCharged"] == "requester"
    assert other.put_object(Bucket=bucket, Key="l", Body=b"", RequestPayer="requester")["RequestCharged"] == "requester"
    with refused("AccessDenied", 403):
        other.list_objects_v2(Bucket=bucket)
    other.list_objects_v2(Bucket=bucket, RequestPayer="requester")
    assert "RequestCharged" not in s3.get_object(Bucket=bucket, Key="k")
