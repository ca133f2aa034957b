#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Documents of any size: what is said about them in DynamoDB, large bodies in S3.

    examples/documents.py ENDPOINT NAME

An item has at most 400 KB, so a document that fits stays in its item, and a larger one is an object whose place and
ETag the item has. The script shows the refusal that makes this necessary, and both orders that keep the two in step:
a body is there before the item that names it, and goes after it. NAME is of the bucket and of the table.
"""
import hashlib
import random
import sys
import time

import boto3
import botocore.exceptions

INLINE_MOST = 300_000  # bytes of a body in its item: names and attributes count, too


class Documents:
    def __init__(self, endpoint, name):
        self.s3 = boto3.client("s3", endpoint_url=endpoint)
        self.dynamodb = boto3.client("dynamodb", endpoint_url=endpoint)
        self.name = name

    def make(self):
        self.s3.create_bucket(Bucket=self.name)
        self.s3.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})
        self.dynamodb.create_table(
            TableName=self.name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
        self.dynamodb.get_waiter("table_exists").wait(TableName=self.name)

    def put_item(self, identity, **attributes):
        return self.dynamodb.put_item(TableName=self.name, ReturnValues="ALL_OLD",
                                      Item={"id": {"S": identity}, **attributes}).get("Attributes", {})

    def put(self, identity, body):
        """The body first: whoever finds the item finds what it names. A version is never overwritten, so readers of the
        item that was there before still find theirs."""
        known = {"size": {"N": str(len(body))}, "sha256": {"S": hashlib.sha256(body).hexdigest()},
                 "written": {"N": str(int(time.time()))}}
        if len(body) <= INLINE_MOST:
            old = self.put_item(identity, body={"B": body}, **known)
        else:
            made = self.s3.put_object(Bucket=self.name, Key=identity, Body=body)
            old = self.put_item(identity, version={"S": made["VersionId"]}, etag={"S": made["ETag"]}, **known)
        self.drop_body(identity, old)

    def get(self, identity):
        item = self.dynamodb.get_item(TableName=self.name, Key={"id": {"S": identity}}, ConsistentRead=True).get("Item")
        if not item:
            return None
        body = item["body"]["B"] if "body" in item else self.s3.get_object(
            Bucket=self.name, Key=identity, VersionId=item["version"]["S"], IfMatch=item["etag"]["S"])["Body"].read()
        assert hashlib.sha256(body).hexdigest() == item["sha256"]["S"] and len(body) == int(item["size"]["N"])
        return body

    def delete(self, identity):
        """The item first: from then on nobody looks for the body."""
        old = self.dynamodb.delete_item(TableName=self.name, Key={"id": {"S": identity}}, ReturnValues="ALL_OLD")
        self.drop_body(identity, old.get("Attributes", {}))

    def drop_body(self, identity, item):
        if "version" in item:
            self.s3.delete_object(Bucket=self.name, Key=identity, VersionId=item["version"]["S"])

    def bodies(self):
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.name)
        return sorted((it["Key"], it["VersionId"]) for page in pages for it in page.get("Versions", []))

    def named_bodies(self):
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True)
        return sorted((it["id"]["S"], it["version"]["S"]) for page in pages for it in page["Items"] if "version" in it)


def show_the_limit(documents):
    """Why: one byte more than 400 KB is refused, whatever is in it."""
    fits = 400 * 1024 - len("id" + "limit" + "body")
    documents.put_item("limit", body={"B": b"x" * fits})
    try:
        documents.put_item("limit", body={"B": b"x" * (fits + 1)})
    except botocore.exceptions.ClientError as refusal:
        error = refusal.response["Error"]
        print(f"an item of {400 * 1024} bytes is stored; one byte more: {error['Code']}: {error['Message']}")
    else:
        sys.exit("documents: an item of more than 400 KB was stored")
    documents.delete("limit")


def work(documents, dice, rounds=200):
    """Random documents, written, replaced and deleted; what should be there is kept here, too."""
    wanted = {}
    for number in range(rounds):
        identity = f"document-{dice.randrange(20)}"
        if identity in wanted and dice.random() < 0.25:
            documents.delete(identity)
            del wanted[identity]
        else:
            size = dice.choice([0, 100, 20_000, INLINE_MOST, INLINE_MOST + 1, 1_000_000])
            wanted[identity] = dice.randbytes(size)
            documents.put(identity, wanted[identity])
        assert documents.get(identity) == wanted.get(identity), (number, identity)
    return wanted


def main():
    endpoint, name = sys.argv[1:]
    documents = Documents(endpoint, name)
    documents.make()
    show_the_limit(documents)
    wanted = work(documents, random.Random(1))
    for identity, body in wanted.items():
        assert documents.get(identity) == body, identity
    assert documents.bodies() == documents.named_bodies()
    print(f"{len(wanted)} documents are as they should be, {len(documents.bodies())} of them with bodies in S3, none left over")


main()
