# SPDX-License-Identifier: Apache-2.0
"""What the scenarios of IAM and STS share: accounts of their own, users with keys, refusals."""
import contextlib
import json
import random

import botocore.exceptions
import pytest


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, resource="*", **more):
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def trust(principal, action="sts:AssumeRole", **more):
    return document({"Effect": "Allow", "Principal": principal, "Action": action, **more})


@contextlib.contextmanager
def refused(code, text=None, status=None):
    """The block is refused with this code, message (all of it) and status."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        yield
    response = caught.value.response
    assert response["Error"]["Code"] == code, response["Error"]
    if text is not None:
        assert response["Error"]["Message"] == text
    if status is not None:
        assert response["ResponseMetadata"]["HTTPStatusCode"] == status


class Account:
    """An account nobody else uses: its root user, and what is made in it."""

    def __init__(self, cloud, number=None):
        self.cloud = cloud
        self.id = number or "%012d" % random.randrange(10**11, 10**12)
        self.iam = self.client("iam")
        self.sts = self.client("sts")

    def client(self, service, **more):
        return self.cloud.client(service, key=self.id, secret="test", **more)

    def arn(self, resource, service="iam"):
        return f"arn:aws:{service}::{self.id}:{resource}"

    def user(self, name, *statements, **more):
        """A new user with an access key, and an inline policy when there are statements."""
        self.iam.create_user(UserName=name, **more)
        if statements:
            self.iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document(*statements))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return Caller(self.cloud, key["AccessKeyId"], key["SecretAccessKey"])


class Caller:
    """Clients for one set of credentials."""

    def __init__(self, cloud, key, secret, token=None):
        self.cloud, self.key, self.secret, self.token = cloud, key, secret, token

    @classmethod
    def of(cls, cloud, credentials):
        return cls(cloud, credentials["AccessKeyId"], credentials["SecretAccessKey"],
                   credentials["SessionToken"])

    def client(self, service, **more):
        return self.cloud.client(service, key=self.key, secret=self.secret, token=self.token, **more)

    @property
    def arn(self):
        return self.client("sts").get_caller_identity()["Arn"]


@pytest.fixture
def account(cloud):
    return Account(cloud)


@pytest.fixture
def other(cloud):
    return Account(cloud)
