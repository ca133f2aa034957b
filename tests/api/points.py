# SPDX-License-Identifier: Apache-2.0
"""For scenarios of access points: an account with a bucket, and S3 Control."""
import boto3
import botocore.config

from identities import Account, document


def localhost(cloud, service, key, secret="test", **config):
    """S3 Control puts the account, and S3 the access point, before the endpoint's name."""
    return boto3.client(service, endpoint_url=f"{cloud.scheme}://localhost:{cloud.port}", region_name="us-east-1",
                        aws_access_key_id=key, aws_secret_access_key=secret,
                        config=botocore.config.Config(retries={"total_max_attempts": 1}, **config))


class Owner(Account):
    """An account with a bucket that holds a/1 and b/1."""

    def __init__(self, cloud):
        super().__init__(cloud)
        self.s3 = self.client("s3")
        self.control = localhost(cloud, "s3control", self.id)
        self.bucket = "own-" + self.id[:-1]
        self.s3.create_bucket(Bucket=self.bucket)
        for key in "a/1", "b/1":
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=key.encode())

    def point(self, name, **more):
        return self.control.create_access_point(AccountId=self.id, Name=name, Bucket=self.bucket, **more)

    def get(self, name):
        return self.control.get_access_point(AccountId=self.id, Name=name)

    def policy(self, name, *statements):
        self.control.put_access_point_policy(AccountId=self.id, Name=name, Policy=document(*statements))

    def point_arn(self, name, key=None):
        return f"arn:aws:s3:us-east-1:{self.id}:accesspoint/{name}" + ("" if key is None else f"/object/{key}")

    def bucket_arn(self, key=None):
        return f"arn:aws:s3:::{self.bucket}" + ("" if key is None else f"/{key}")
