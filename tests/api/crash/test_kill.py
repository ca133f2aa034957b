# SPDX-License-Identifier: Apache-2.0
"""kill -9 at any instant: what was acknowledged is there, what was not is absent or whole, and the restart needs
no repair. Writers of several services run against one server that is killed again and again."""
import hashlib
import random
import signal
import threading
import time

import botocore.exceptions
import pytest

from refusals import wait_for

ROUNDS, WRITERS = 6, 6
GONE = (botocore.exceptions.EndpointConnectionError, botocore.exceptions.ConnectionClosedError,
        botocore.exceptions.HTTPClientError, ConnectionError)


class Writer(threading.Thread):
    """Writes until the server is gone; `sent` is all it tried, `acknowledged` what was answered."""

    def __init__(self, kind, cloud, round_, number):
        super().__init__()
        self.kind, self.number, self.round = kind, number, round_
        self.client = cloud.client(kind.service, max_pool_connections=WRITERS)
        self.sent, self.acknowledged, self.failure = [], set(), None

    def run(self):
        for step in range(100000):
            key = f"r{self.round}-w{self.number}-{step}"
            self.sent.append(key)
            try:
                self.kind.write(self.client, key)
            except GONE:
                return
            except Exception as error:  # a refusal is a failure of the test, not of this thread
                self.failure = error
                return
            self.acknowledged.add(key)


def content(key):
    """Different for each key in size and bytes; some larger than what the reply's packet holds."""
    seed = hashlib.sha256(key.encode()).digest()
    return seed * (1 + seed[0] * (8 if seed[1] < 16 else 1))


class Objects:
    service = "s3"

    @staticmethod
    def prepare(client):
        client.create_bucket(Bucket="crash")

    @staticmethod
    def write(client, key):
        client.put_object(Bucket="crash", Key=key, Body=content(key))

    @staticmethod
    def read(client, key):
        try:
            return client.get_object(Bucket="crash", Key=key)["Body"].read()
        except client.exceptions.NoSuchKey:
            return None

    @staticmethod
    def listed(client):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket="crash")
        return {item["Key"] for page in pages for item in page.get("Contents", [])}


class Items:
    service = "dynamodb"

    @staticmethod
    def prepare(client):
        client.create_table(TableName="crash", BillingMode="PAY_PER_REQUEST",
                            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}])
        client.get_waiter("table_exists").wait(TableName="crash", WaiterConfig={"Delay": 1})

    @staticmethod
    def write(client, key):
        client.put_item(TableName="crash", Item={"k": {"S": key}, "v": {"B": content(key)}})

    @staticmethod
    def read(client, key):
        item = client.get_item(TableName="crash", Key={"k": {"S": key}}, ConsistentRead=True).get("Item")
        return item and item["v"]["B"]

    listed = None


class Users:
    service = "iam"

    @staticmethod
    def prepare(client):
        pass

    @staticmethod
    def write(client, key):
        client.create_user(UserName=key, Path="/crash/")

    @staticmethod
    def read(client, key):
        try:
            return content(key) if client.get_user(UserName=key)["User"]["Path"] == "/crash/" else b""
        except client.exceptions.NoSuchEntityException:
            return None

    @staticmethod
    def listed(client):
        pages = client.get_paginator("list_users").paginate(PathPrefix="/crash/")
        return {user["UserName"] for page in pages for user in page["Users"]}


@pytest.mark.parametrize("kind", [Objects, Items, Users], ids=lambda kind: kind.service)
def test_acknowledged_is_present(own_cloud, kind):
    cloud, chance = own_cloud(), random.Random(kind.service)
    kind.prepare(cloud.client(kind.service))
    everything = set()
    for round_ in range(ROUNDS):
        writers = [Writer(kind, cloud, round_, number) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        wait_for(lambda: any(writer.acknowledged for writer in writers))
        time.sleep(chance.uniform(0.05, 0.6))
        cloud.stop(signal.SIGKILL)
        for writer in writers:
            writer.join()
        assert not [writer.failure for writer in writers if writer.failure]
        cloud.start()
        client = cloud.client(kind.service)
        acknowledged = set().union(*(writer.acknowledged for writer in writers))
        assert acknowledged, "nothing was written before the kill"
        for key in set().union(*(writer.sent for writer in writers)):
            found = kind.read(client, key)
            assert found in (None, content(key)), f"{key} is there in part"
            assert found is not None or key not in acknowledged, f"{key} was acknowledged and is lost"
            if found is not None:
                everything.add(key)
    if kind.listed:
        assert kind.listed(client) == everything


def test_multipart_upload_survives_between_its_parts(own_cloud):
    cloud = own_cloud()
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="parts")
    upload = s3.create_multipart_upload(Bucket="parts", Key="k")["UploadId"]
    parts = []
    for number in (1, 2, 3):
        body = bytes([number]) * (5 << 20 if number < 3 else 7)
        etag = s3.upload_part(Bucket="parts", Key="k", UploadId=upload, PartNumber=number, Body=body)["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
        cloud.restart()
    s3.complete_multipart_upload(Bucket="parts", Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    cloud.restart()
    body = s3.get_object(Bucket="parts", Key="k")["Body"].read()
    assert body == b"\1" * (5 << 20) + b"\2" * (5 << 20) + b"\3" * 7


def test_delete_and_overwrite_survive(own_cloud):
    cloud = own_cloud()
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="again")
    for turn in range(5):
        s3.put_object(Bucket="again", Key="kept", Body=str(turn).encode() * 100000)
        s3.put_object(Bucket="again", Key="dropped", Body=b"x" * 100000)
        s3.delete_object(Bucket="again", Key="dropped")
        cloud.restart()
        assert s3.get_object(Bucket="again", Key="kept")["Body"].read() == str(turn).encode() * 100000
        assert [it["Key"] for it in s3.list_objects_v2(Bucket="again")["Contents"]] == ["kept"]
