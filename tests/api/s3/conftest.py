# SPDX-License-Identifier: Apache-2.0
"""What the scenarios of S3 share."""
import datetime
import json

import botocore.auth
import botocore.exceptions
import pytest

from harness import Cloud
from moved_clock import DAY

MIB = 1024 * 1024


class Refused:
    """with refused("NoSuchKey", 404) as it: ... ; it.error is then the error element."""

    def __init__(self, code, status, message=None):
        self.code, self.status, self.message = code, status, message

    def __enter__(self):
        return self

    def __exit__(self, kind, exception, trace):
        assert kind is not None, f"not refused with {self.code}"
        if not issubclass(kind, botocore.exceptions.ClientError):
            return False
        self.error = exception.response["Error"]
        have = (self.error["Code"], exception.response["ResponseMetadata"]["HTTPStatusCode"])
        assert have == (self.code, self.status), exception
        if self.message:
            assert self.error["Message"] == self.message
        return True


@pytest.fixture
def refused():
    return Refused


@pytest.fixture
def s3(cloud):
    """A client that sends no checksums of its own accord."""
    return cloud.client("s3", request_checksum_calculation="when_required",
                        response_checksum_validation="when_required")


@pytest.fixture
def parts(s3, bucket):
    """parts(key, [body, …]): uploads them as parts; the upload's id and the list for completing it."""

    def upload(key, bodies, **options):
        it = s3.create_multipart_upload(Bucket=bucket, Key=key, **options)["UploadId"]
        done = []
        for number, body in enumerate(bodies, 1):
            reply = s3.upload_part(Bucket=bucket, Key=key, UploadId=it, PartNumber=number, Body=body)
            part = {"PartNumber": number, "ETag": reply["ETag"]}
            algorithm = options.get("ChecksumAlgorithm")
            if algorithm:
                part["Checksum" + algorithm] = reply["Checksum" + algorithm]
            done.append(part)
        return it, done

    return upload


@pytest.fixture
def user(cloud, name):
    """user(statement, …): an S3 client of a new user with just these statements."""
    iam, made = cloud.client("iam"), []

    def make(*statements):
        who = name("user")
        iam.create_user(UserName=who)
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(UserName=who, PolicyName="only", PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName=who)["AccessKey"]
        made.append((who, key["AccessKeyId"]))
        return cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    yield make
    for who, key in made:
        iam.delete_access_key(UserName=who, AccessKeyId=key)
        iam.delete_user_policy(UserName=who, PolicyName="only")
        iam.delete_user(UserName=who)


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """A server whose clock the tests of a file move."""
    it = Cloud(tmp_path_factory.mktemp("moved")).start()
    it.shift = 0
    yield it
    assert it.stop() == 0


@pytest.fixture
def skew(moved, monkeypatch):
    """skew(days): moves the server's clock, and the one that requests are signed by."""
    real = botocore.auth.get_current_datetime
    monkeypatch.setattr(botocore.auth, "get_current_datetime",
                        lambda: real() + datetime.timedelta(seconds=moved.shift))

    def advance(days):
        moved.shift += int(days * DAY)
        moved.advance(int(days * DAY))
        for client in moved.clients.values():  # the server closes what has been idle for so long
            client._endpoint.http_session.close()

    return advance


@pytest.fixture
def mine(moved, skew, name):
    """(client, bucket) of the server whose clock moves."""
    s3, it = moved.client("s3"), name("bucket")
    s3.create_bucket(Bucket=it)
    return s3, it
