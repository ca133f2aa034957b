# SPDX-License-Identifier: Apache-2.0
"""Resource policies of tables and streams: kept, told, and asked by the gate, across accounts too."""
import json
import re

import pytest

import identities
from tables import arn, invalid, keys, refused

BAD = "One or more parameter values were invalid: "
NOT_FOUND = "Resource-based policy not found for the provided ResourceArn: "
KEY = {"pk": {"S": "a"}}


def allow(who, resource, *actions, effect="Allow"):
    return json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": effect, "Principal": {"AWS": who}, "Action": list(actions), "Resource": resource}]})


@pytest.fixture
def own(cloud):
    return identities.Account(cloud)


@pytest.fixture
def made(own, name):
    """A table with a stream of an account of its own: (client, table, ARN, stream's ARN)."""
    client, it = own.client("dynamodb"), name("policed")
    told = client.create_table(TableName=it, BillingMode="PAY_PER_REQUEST", **keys(),
                               StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})["TableDescription"]
    client.get_waiter("table_exists").wait(TableName=it)
    return client, it, told["TableArn"], told["LatestStreamArn"]


def test_kept(cloud, made):
    client, table, resource, _ = made
    with refused("PolicyNotFoundException", NOT_FOUND + resource):
        client.get_resource_policy(ResourceArn=resource)
    document = allow("*", resource, "dynamodb:GetItem")
    with refused("PolicyNotFoundException", NOT_FOUND + resource):
        client.put_resource_policy(ResourceArn=resource, Policy=document, ExpectedRevisionId="1")
    first = client.put_resource_policy(ResourceArn=resource, Policy=document, ExpectedRevisionId="NO_POLICY")["RevisionId"]
    cloud.restart()
    told = client.get_resource_policy(ResourceArn=resource)
    assert (told["Policy"], told["RevisionId"]) == (document, first)
    with refused("PolicyNotFoundException", f"{NOT_FOUND}Requested policy update expecting none to be present for table {table}, "
                 f"but a policy exists with revision id {first}"):
        client.put_resource_policy(ResourceArn=resource, Policy=document, ExpectedRevisionId="NO_POLICY")
    with refused("PolicyNotFoundException", f"{NOT_FOUND}Requested update for policy with revision id 7, but the policy "
                 f"associated to target table {table} has revision id {first}"):
        client.delete_resource_policy(ResourceArn=resource, ExpectedRevisionId="7")
    assert client.delete_resource_policy(ResourceArn=resource, ExpectedRevisionId=first)["RevisionId"] == first
    assert "RevisionId" not in client.delete_resource_policy(ResourceArn=resource)


def test_another_accounts_items(cloud, own, made):
    client, table, resource, stream = made
    client.put_item(TableName=table, Item=KEY)
    other = identities.Account(cloud)
    theirs = other.client("dynamodb")
    condition = {"KeyConditionExpression": "pk = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}}
    for more in {}, {"IndexName": "any"}:
        for call in (lambda: theirs.scan(TableName=resource, **more), lambda: theirs.query(TableName=resource, **condition, **more)):
            with identities.refused("AccessDeniedException"):
                call()
    reads = [lambda: theirs.get_item(TableName=resource, Key=KEY),
             lambda: theirs.batch_get_item(RequestItems={resource: {"Keys": [KEY]}}),
             lambda: theirs.transact_get_items(TransactItems=[{"Get": {"TableName": resource, "Key": KEY}}])]
    for read in reads:
        with identities.refused("AccessDeniedException"):
            read()
    client.put_resource_policy(ResourceArn=resource, Policy=allow(f"arn:aws:iam::{other.id}:root", resource, "dynamodb:GetItem",
                                                                  "dynamodb:BatchGetItem"))
    for read in reads:
        read()
    assert reads[0]()["Item"] == KEY
    with identities.refused("AccessDeniedException"):
        theirs.put_item(TableName=resource, Item=KEY)
    with refused("ResourceNotFoundException", "Requested resource not found"):
        theirs.get_item(TableName=table, Key=KEY)
    streams = other.client("dynamodbstreams")
    with identities.refused("AccessDeniedException"):
        streams.describe_stream(StreamArn=stream)


def test_a_policy_denies_its_own_account(own, made):
    client, table, resource, stream = made
    user = own.user("reader", identities.allow("dynamodb:*"))
    user.client("dynamodb").get_item(TableName=table, Key=KEY)
    client.put_resource_policy(ResourceArn=resource, Policy=allow(user.arn, resource, "dynamodb:GetItem", effect="Deny"))
    with identities.refused("AccessDeniedException"):
        user.client("dynamodb").get_item(TableName=table, Key=KEY)
    client.put_resource_policy(ResourceArn=stream, Policy=allow(user.arn, stream, "dynamodb:DescribeStream", effect="Deny"))
    with identities.refused("AccessDeniedException"):
        user.client("dynamodbstreams").describe_stream(StreamArn=stream)
    only = own.user("allowed")
    with identities.refused("AccessDeniedException"):
        only.client("dynamodb").get_item(TableName=table, Key=KEY)
    client.put_resource_policy(ResourceArn=resource, Policy=allow(only.arn, resource, "dynamodb:GetItem"))
    only.client("dynamodb").get_item(TableName=table, Key=KEY)


def test_goes_with_its_table(own, made, name):
    client, table, resource, _ = made
    client.put_resource_policy(ResourceArn=resource, Policy=allow("*", resource, "dynamodb:GetItem"))
    client.delete_table(TableName=table)
    client.get_waiter("table_not_exists").wait(TableName=table)
    client.create_table(TableName=table, BillingMode="PAY_PER_REQUEST", **keys())
    with refused("PolicyNotFoundException", NOT_FOUND + resource):
        client.get_resource_policy(ResourceArn=resource)
    it = name("policed")
    document = allow("*", arn(it, account=own.id), "dynamodb:GetItem")
    client.create_table(TableName=it, BillingMode="PAY_PER_REQUEST", ResourcePolicy=document, **keys())
    assert client.get_resource_policy(ResourceArn=arn(it, account=own.id))["Policy"] == document


def test_refused(made):
    client, table, resource, stream = made
    put = lambda where, document="{}": client.put_resource_policy(ResourceArn=where, Policy=document)
    with pytest.raises(client.exceptions.ClientError, match=re.escape(BAD + "Invalid policy document: ")):
        put(resource, "{")
    with invalid(BAD + "Maximum policy size of 20480 bytes exceeded"):
        put(resource, " " * 20481)
    with invalid(BAD + "Invalid resource arn provided, only table or stream is accepted. Provided resource arn: "
                 f"{resource}/index/i"):
        put(resource + "/index/i")
    with refused("ResourceNotFoundException", f"Requested resource not found: Table: {table}x not found"):
        put(resource + "x")
    with refused("ResourceNotFoundException", f"Requested resource not found: Stream: {stream}0 not found"):
        put(stream + "0")
