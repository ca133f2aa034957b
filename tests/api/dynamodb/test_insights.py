# SPDX-License-Identifier: Apache-2.0
"""Contributor insights: states, modes and rules, and the keys that they really count."""
import collections
import json
import time
import urllib.request

import botocore.exceptions
import pytest

from tables import keys, not_found, refused, units


def settled(dynamodb, table, **index):
    deadline = time.monotonic() + 60
    while True:
        shown = dynamodb.describe_contributor_insights(TableName=table, **index)
        if not shown["ContributorInsightsStatus"].endswith("ING"):
            return shown
        assert time.monotonic() < deadline
        time.sleep(0.02)


def enable(dynamodb, table, mode=None, **index):
    more = {"ContributorInsightsMode": mode} if mode else {}
    shown = dynamodb.update_contributor_insights(TableName=table, ContributorInsightsAction="ENABLE", **index, **more)
    assert shown["ContributorInsightsStatus"] == "ENABLING"
    return settled(dynamodb, table, **index)


def counted(cloud):
    """{"PKC": {("key",): units}} of all tables; of an index "index:PKC"."""
    found = collections.defaultdict(dict)
    with urllib.request.urlopen(cloud.endpoint + "/_kintoun/contributors") as answer:
        for line in answer.read().decode().splitlines():
            rule, amount, key = line.split(" ", 2)
            found[rule.rsplit("-", 1)[0].removeprefix("DynamoDBContributorInsights-")][tuple(json.loads(key))] = (
                float(amount))
    return dict(found)


def test_states(dynamodb, table, make_table):
    shown = dynamodb.describe_contributor_insights(TableName=table)
    assert (shown["TableName"], shown["ContributorInsightsStatus"]) == (table, "DISABLED")
    shown = enable(dynamodb, table)
    assert shown["ContributorInsightsMode"] == "ACCESSED_AND_THROTTLED_KEYS" and shown["LastUpdateDateTime"]
    kinds = [it.removeprefix("DynamoDBContributorInsights-").split("-")[0]
             for it in shown["ContributorInsightsRuleList"]]
    assert shown["ContributorInsightsStatus"] == "ENABLED" and kinds == ["PKC", "PKT"]
    shown = enable(dynamodb, table, "THROTTLED_KEYS")
    assert (shown["ContributorInsightsMode"], len(shown["ContributorInsightsRuleList"])) == ("THROTTLED_KEYS", 1)
    gone = dynamodb.update_contributor_insights(TableName=table, ContributorInsightsAction="DISABLE")
    assert gone["ContributorInsightsStatus"] == "DISABLING"
    shown = settled(dynamodb, table)
    assert shown["ContributorInsightsStatus"] == "DISABLED" and not shown.get("ContributorInsightsRuleList")
    ranged = make_table("S", "N")
    kinds = [it.split("-")[1] for it in enable(dynamodb, ranged)["ContributorInsightsRuleList"]]
    assert kinds == ["PKC", "SKC", "PKT", "SKT"]


def test_what_is_used(cloud, dynamodb, make_table):
    index = {"IndexName": "byOwner", "Projection": {"ProjectionType": "ALL"},
             "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}]}
    schema = keys("S", "N")
    schema["AttributeDefinitions"] += [{"AttributeName": "owner", "AttributeType": "S"},
                                       {"AttributeName": "n", "AttributeType": "N"}]
    table = make_table("S", "N", GlobalSecondaryIndexes=[index],
                       AttributeDefinitions=schema["AttributeDefinitions"])
    enable(dynamodb, table)
    enable(dynamodb, table, IndexName="byOwner")
    for i in range(6):
        dynamodb.put_item(TableName=table, Item={"pk": {"S": "hot"}, "sk": {"N": str(i)}, "owner": {"S": "o-é\""},
                                                 "n": {"N": str(i % 2)}})
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "cold"}, "sk": {"N": "-1.5"}, "pad": {"S": "x" * 3000}})
    for _ in range(4):
        dynamodb.get_item(TableName=table, Key={"pk": {"S": "hot"}, "sk": {"N": "3"}}, ConsistentRead=True)
    dynamodb.query(TableName=table, KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": "hot"}})
    dynamodb.query(TableName=table, IndexName="byOwner", KeyConditionExpression="#o = :o",
                   ExpressionAttributeNames={"#o": "owner"}, ExpressionAttributeValues={":o": {"S": "o-é\""}})
    found = counted(cloud)
    assert found[f"PKC-{table}"] == {("hot",): 10.5, ("cold",): 3}
    assert found[f"SKC-{table}"] == {("hot", "3"): 5, ("cold", "-1.5"): 3,
                                     **{("hot", str(i)): 1 for i in (0, 1, 2, 4, 5)}}
    assert found[f"PKC-{table}-byOwner"] == {("o-é\"",): 6.5}
    assert found[f"SKC-{table}-byOwner"] == {("o-é\"", "0"): 3, ("o-é\"", "1"): 3}
    assert f"PKT-{table}" not in found
    dynamodb.update_contributor_insights(TableName=table, ContributorInsightsAction="DISABLE")
    settled(dynamodb, table)
    assert f"PKC-{table}" not in counted(cloud)


def test_what_is_throttled(own_cloud):
    cloud = own_cloud()
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(TableName="slow", ProvisionedThroughput=units(1, 1), **keys())
    dynamodb.get_waiter("table_exists").wait(TableName="slow")
    enable(dynamodb, "slow", "THROTTLED_KEYS")
    refusals = 0
    for i in range(400):
        try:
            dynamodb.put_item(TableName="slow", Item={"pk": {"S": "ab"[i % 2]}, "pad": {"S": "x" * 2000}})
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "ProvisionedThroughputExceededException"
            refusals += 1
    found = counted(cloud)
    assert set(found) == {"PKT-slow"} and set(found["PKT-slow"]) == {("a",), ("b",)}
    assert sum(found["PKT-slow"].values()) >= refusals > 0
    cloud.restart()
    assert settled(dynamodb, "slow")["ContributorInsightsMode"] == "THROTTLED_KEYS"
    assert not counted(cloud)


def test_lists(own_cloud):
    cloud = own_cloud()
    dynamodb = cloud.client("dynamodb")
    index = {"IndexName": "byPk", "Projection": {"ProjectionType": "ALL"},
             "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}
    for name in ("one", "two"):
        dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", GlobalSecondaryIndexes=[index], **keys())
        dynamodb.get_waiter("table_exists").wait(TableName=name)
    enable(dynamodb, "two", IndexName="byPk")
    first = dynamodb.list_contributor_insights(MaxResults=3)
    shown = [(it["TableName"], it.get("IndexName"), it["ContributorInsightsStatus"])
             for it in first["ContributorInsightsSummaries"]]
    assert shown == [("one", None, "DISABLED"), ("one", "byPk", "DISABLED"), ("two", None, "DISABLED")]
    rest = dynamodb.list_contributor_insights(MaxResults=3, NextToken=first["NextToken"])
    assert rest["ContributorInsightsSummaries"] == [
        {"TableName": "two", "IndexName": "byPk", "ContributorInsightsStatus": "ENABLED",
         "ContributorInsightsMode": "ACCESSED_AND_THROTTLED_KEYS"}]
    assert "NextToken" not in rest
    only = dynamodb.list_contributor_insights(TableName="two")["ContributorInsightsSummaries"]
    assert [it.get("IndexName") for it in only] == [None, "byPk"]


def test_refused(dynamodb, table, name):
    missing = name("missing")
    with not_found(missing):
        dynamodb.describe_contributor_insights(TableName=missing)
    with not_found(missing):
        dynamodb.update_contributor_insights(TableName=missing, ContributorInsightsAction="ENABLE")
    with not_found(missing):
        dynamodb.list_contributor_insights(TableName=missing)
    with refused("ResourceNotFoundException",
                 f"Requested resource not found: Table: {table} index: none not found"):
        dynamodb.describe_contributor_insights(TableName=table, IndexName="none")
    with pytest.raises(botocore.exceptions.ClientError, match="ENABLE, DISABLE|DISABLE, ENABLE"):
        dynamodb.update_contributor_insights(TableName=table, ContributorInsightsAction="ELSE")
