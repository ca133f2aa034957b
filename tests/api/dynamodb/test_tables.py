# SPDX-License-Identifier: Apache-2.0
"""Tables: made, told of, changed, listed, tagged, deleted; each refusal with its text."""
import datetime
import json
import re

import pytest

from tables import ACCOUNT, arn, invalid, keys, not_found, refused, units

BAD = "One or more parameter values were invalid: "
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def describe(dynamodb, table):
    return dynamodb.describe_table(TableName=table)["Table"]


def wait_gone(dynamodb, table):
    dynamodb.get_waiter("table_not_exists").wait(TableName=table)


def test_life_of_a_table(dynamodb, name):
    it = name("table")
    made = dynamodb.create_table(TableName=it, ProvisionedThroughput=units(5, 7), **keys("S", "N"))["TableDescription"]
    now = datetime.datetime.now(datetime.timezone.utc)
    assert abs(now - made.pop("CreationDateTime")) < datetime.timedelta(seconds=60)
    assert re.fullmatch(UUID, made.pop("TableId"))
    assert made == {
        **keys("S", "N"), "TableName": it, "TableStatus": "CREATING", "TableArn": arn(it),
        "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, **units(5, 7)},
        "ItemCount": 0, "TableSizeBytes": 0, "DeletionProtectionEnabled": False}

    dynamodb.get_waiter("table_exists").wait(TableName=it)
    told = describe(dynamodb, it)
    assert told["TableStatus"] == "ACTIVE"
    assert told["WarmThroughput"] == {"ReadUnitsPerSecond": 5, "WriteUnitsPerSecond": 7, "Status": "ACTIVE"}
    assert describe(dynamodb, arn(it)) == told

    gone = dynamodb.delete_table(TableName=it)["TableDescription"]
    assert gone["TableStatus"] == "DELETING"
    assert "KeySchema" not in gone and "CreationDateTime" not in gone
    assert gone["ProvisionedThroughput"] == {"NumberOfDecreasesToday": 0, **units(5, 7)}
    wait_gone(dynamodb, it)
    with not_found(it):
        dynamodb.describe_table(TableName=it)
    with not_found(it):
        dynamodb.delete_table(TableName=it)


def test_on_demand(dynamodb, name):
    it = name("table")
    made = dynamodb.create_table(TableName=it, BillingMode="PAY_PER_REQUEST", TableClass="STANDARD_INFREQUENT_ACCESS",
                                 **keys())["TableDescription"]
    assert made["BillingModeSummary"] == {"BillingMode": "PAY_PER_REQUEST"}
    assert made["ProvisionedThroughput"] == {"NumberOfDecreasesToday": 0, **units(0, 0)}
    assert made["TableClassSummary"] == {"TableClass": "STANDARD_INFREQUENT_ACCESS"}
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    told = describe(dynamodb, it)
    assert told["BillingModeSummary"].keys() == {"BillingMode", "LastUpdateToPayPerRequestDateTime"}
    assert told["WarmThroughput"] == {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000, "Status": "ACTIVE"}
    dynamodb.delete_table(TableName=it)


def test_a_table_that_is_there_is_not_made_again(dynamodb, table):
    with refused("ResourceInUseException", f"Table already exists: {table}"):
        dynamodb.create_table(TableName=table, BillingMode="PAY_PER_REQUEST", **keys())


def test_tables_belong_to_account_and_region(cloud, dynamodb, table):
    there = cloud.client("dynamodb", region="eu-west-1")
    assert table in dynamodb.list_tables()["TableNames"]
    assert table not in there.list_tables()["TableNames"]
    with not_found(table):
        there.describe_table(TableName=table)
    other = cloud.client("dynamodb", key="111111111111")
    with not_found(table):
        other.describe_table(TableName=table)
    with not_found():
        dynamodb.get_item(TableName=arn(table, region="eu-west-1"), Key={"pk": {"S": "a"}})
    foreign = arn(table, account="111111111111")
    with refused("AccessDeniedException", f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: "
                 f"dynamodb:GetItem on resource: {foreign} because no resource-based policy allows the "
                 "dynamodb:GetItem action"):
        dynamodb.get_item(TableName=foreign, Key={"pk": {"S": "a"}})


ONE = {"AttributeName": "pk", "AttributeType": "S"}
TWO = {"AttributeName": "sk", "AttributeType": "S"}
HASH = {"AttributeName": "pk", "KeyType": "HASH"}
RANGE = {"AttributeName": "sk", "KeyType": "RANGE"}
NOT_NULL = "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null"


@pytest.mark.parametrize("change, text", [
    ({"AttributeDefinitions": [ONE], "KeySchema": [HASH, RANGE]},
     "Invalid KeySchema: Some index key attribute have no definition"),
    ({"AttributeDefinitions": [TWO], "KeySchema": [HASH]},
     BAD + "Some index key attributes are not defined in AttributeDefinitions. Keys: [pk], AttributeDefinitions: [sk]"),
    ({"AttributeDefinitions": [ONE, TWO], "KeySchema": [HASH]},
     BAD + "Number of attributes in KeySchema does not exactly match number of attributes defined in "
     "AttributeDefinitions"),
    ({"AttributeDefinitions": [ONE, TWO], "KeySchema": [HASH, {**HASH, "KeyType": "RANGE"}]},
     "Both the Hash Key and the Range Key element in the KeySchema have the same name"),
    ({"AttributeDefinitions": [ONE, TWO], "KeySchema": [RANGE, HASH]},
     "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"),
    ({"AttributeDefinitions": [ONE, TWO], "KeySchema": [HASH, {**RANGE, "KeyType": "HASH"}]},
     "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"),
    ({"AttributeDefinitions": [ONE], "KeySchema": [HASH] * 3},
     "1 validation error detected: Value '[KeySchemaElement(attributeName=pk, keyType=HASH), "
     "KeySchemaElement(attributeName=pk, keyType=HASH), KeySchemaElement(attributeName=pk, keyType=HASH)]' at "
     "'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2"),
    ({"AttributeDefinitions": [ONE, {**ONE, "AttributeType": "N"}]}, "Attribute Name is duplicated: pk"),
    ({"AttributeDefinitions": None}, NOT_NULL.format("attributeDefinitions")),
    ({"KeySchema": None}, NOT_NULL.format("keySchema")),
    ({"ProvisionedThroughput": units(1, 1)},
     BAD + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"),
    ({"BillingMode": "PROVISIONED"},
     BAD + "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"),
    ({"BillingMode": "PROVISIONED", "ProvisionedThroughput": units(10**12 + 1, 1)},
     "Given value 1000000000001 for ReadCapacityUnits is out of bounds"),
    ({"BillingMode": "PROVISIONED", "ProvisionedThroughput": units(1, 10**12 + 1)},
     "Given value 1000000000001 for WriteCapacityUnits is out of bounds"),
    ({"TableName": "ab"}, "1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: "
     "Member must have length greater than or equal to 3"),
    ({"TableName": "a" * 256}, f"1 validation error detected: Value '{'a' * 256}' at 'tableName' failed to satisfy "
     "constraint: Member must have length less than or equal to 255"),
    ({"TableName": "a/bc"}, "1 validation error detected: Value 'a/bc' at 'tableName' failed to satisfy constraint: "
     "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
    ({"SSESpecification": {"Enabled": True}}, "SSESpecification with Enabled true is not supported by kintoun yet"),
    ({"WarmThroughput": {"ReadUnitsPerSecond": 1}}, "One or more parameter values were invalid: Requested ReadUnitsPerSecond for "
     "WarmThroughput for table is lower than initial throughput for OnDemand"),
    ({"Tags": [{"Key": "aws:x", "Value": "y"}]}, BAD + "Tag keys that begin with aws: are reserved: aws:x"),
    ({"Tags": [{"Key": "x", "Value": "y"}] * 2}, BAD + "Duplicate tag key: x"),
])
def test_refused_tables(dynamodb, name, change, text):
    it = name("table")
    with invalid(text):
        dynamodb.create_table(**{k: v for k, v in {"TableName": it, "BillingMode": "PAY_PER_REQUEST", **keys(),
                                                   **change}.items() if v is not None})
    assert it not in dynamodb.list_tables()["TableNames"]


def test_what_is_off_is_taken(dynamodb, make_table):
    """Terraform sends these for a table without them."""
    it = make_table(StreamSpecification={"StreamEnabled": False}, SSESpecification={"Enabled": False})
    assert describe(dynamodb, it)["TableStatus"] == "ACTIVE"


def test_deletion_protection(dynamodb, make_table):
    it = make_table(DeletionProtectionEnabled=True)
    assert describe(dynamodb, it)["DeletionProtectionEnabled"] is True
    with invalid("Resource cannot be deleted as it is currently protected against deletion. Disable deletion "
                 "protection first."):
        dynamodb.delete_table(TableName=it)
    changed = dynamodb.update_table(TableName=it, DeletionProtectionEnabled=False)["TableDescription"]
    assert (changed["TableStatus"], changed["DeletionProtectionEnabled"]) == ("UPDATING", False)
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    dynamodb.delete_table(TableName=it)
    wait_gone(dynamodb, it)


def test_update_table(dynamodb, make_table):
    it = make_table()
    dynamodb.put_item(TableName=it, Item={"pk": {"S": "a"}})
    dynamodb.update_table(TableName=it, BillingMode="PROVISIONED", ProvisionedThroughput=units(4, 6))
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    told = describe(dynamodb, it)
    assert told["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert told["ProvisionedThroughput"]["ReadCapacityUnits"] == 4
    assert "LastIncreaseDateTime" in told["ProvisionedThroughput"]

    dynamodb.update_table(TableName=it, ProvisionedThroughput=units(3, 6))
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    told = describe(dynamodb, it)["ProvisionedThroughput"]
    assert (told["ReadCapacityUnits"], told["NumberOfDecreasesToday"]) == (3, 1)
    assert "LastDecreaseDateTime" in told

    dynamodb.update_table(TableName=it, BillingMode="PAY_PER_REQUEST")
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    told = describe(dynamodb, it)
    assert told["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert told["ProvisionedThroughput"]["ReadCapacityUnits"] == 0

    dynamodb.update_table(TableName=it, TableClass="STANDARD_INFREQUENT_ACCESS")
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    assert describe(dynamodb, it)["TableClassSummary"].keys() == {"TableClass", "LastUpdateDateTime"}
    assert "Item" in dynamodb.get_item(TableName=it, Key={"pk": {"S": "a"}})


def test_refused_updates(dynamodb, make_table, name):
    it = make_table()
    with invalid("At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, "
                 "SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, "
                 "MultiRegionConsistency, DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is "
                 "required"):
        dynamodb.update_table(TableName=it)
    with invalid(BAD + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is "
                 "PAY_PER_REQUEST"):
        dynamodb.update_table(TableName=it, ProvisionedThroughput=units(1, 1))
    with invalid(BAD + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"):
        dynamodb.update_table(TableName=it, BillingMode="PROVISIONED")
    with invalid("SSESpecification is not supported by kintoun yet"):
        dynamodb.update_table(TableName=it, SSESpecification={"Enabled": True})
    missing = name("table")
    with not_found(missing):
        dynamodb.update_table(TableName=missing, BillingMode="PAY_PER_REQUEST")
    dynamodb.update_table(TableName=it, BillingMode="PROVISIONED", ProvisionedThroughput=units(4, 6))
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    with invalid("The provisioned throughput for the table will not change. The requested value equals the current "
                 "value. Current ReadCapacityUnits provisioned for the table: 4. Requested ReadCapacityUnits: 4. "
                 "Current WriteCapacityUnits provisioned for the table: 6. Requested WriteCapacityUnits: 6. Refer to "
                 "the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."):
        dynamodb.update_table(TableName=it, ProvisionedThroughput=units(4, 6))


def test_list_tables(cloud, name):
    dynamodb = cloud.client("dynamodb", region="ap-south-1")
    names = sorted(name("list") for _ in range(7))
    for it in names:
        dynamodb.create_table(TableName=it, BillingMode="PAY_PER_REQUEST", **keys())
    assert dynamodb.list_tables() | {"ResponseMetadata": None} == {"TableNames": names, "ResponseMetadata": None}
    first = dynamodb.list_tables(Limit=3)
    assert (first["TableNames"], first["LastEvaluatedTableName"]) == (names[:3], names[2])
    rest = dynamodb.list_tables(ExclusiveStartTableName=names[2], Limit=4)
    assert rest["TableNames"] == names[3:] and "LastEvaluatedTableName" not in rest
    between = dynamodb.list_tables(ExclusiveStartTableName=names[3] + "0")
    assert between["TableNames"] == names[4:]
    pages = dynamodb.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 2})
    assert [it for page in pages for it in page["TableNames"]] == names
    for limit, bound in [(0, "greater than or equal to 1"), (101, "less than or equal to 100")]:
        with invalid(f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
                     f"Member must have value {bound}"):
            cloud.client("dynamodb", region="ap-south-1", parameter_validation=False).list_tables(Limit=limit)
    for it in names:
        dynamodb.get_waiter("table_exists").wait(TableName=it)
        dynamodb.delete_table(TableName=it)


def test_tags(dynamodb, make_table):
    it = make_table(Tags=[{"Key": "stage", "Value": "test"}, {"Key": "empty", "Value": ""}])

    def tags():
        return {tag["Key"]: tag["Value"] for tag in dynamodb.list_tags_of_resource(ResourceArn=arn(it))["Tags"]}
    assert tags() == {"stage": "test", "empty": ""}
    dynamodb.tag_resource(ResourceArn=arn(it), Tags=[{"Key": "stage", "Value": "live"}, {"Key": "team", "Value": "a"}])
    assert tags() == {"stage": "live", "empty": "", "team": "a"}
    dynamodb.untag_resource(ResourceArn=arn(it), TagKeys=["empty", "never"])
    assert tags() == {"stage": "live", "team": "a"}
    with refused("LimitExceededException", "The number of tags of a resource is limited to 50"):
        dynamodb.tag_resource(ResourceArn=arn(it), Tags=[{"Key": f"k{i}", "Value": ""} for i in range(49)])
    assert len(tags()) == 2
    with invalid("Atleast one Tag needs to be provided as Input."):
        dynamodb.tag_resource(ResourceArn=arn(it), Tags=[])
    with invalid("Atleast one Tag Key needs to be provided as Input."):
        dynamodb.untag_resource(ResourceArn=arn(it), TagKeys=[])
    with invalid("Invalid TableArn: Invalid ResourceArn provided as input nonsense"):
        dynamodb.list_tags_of_resource(ResourceArn="nonsense")
    with refused("ResourceNotFoundException",
                 f"Requested resource not found: ResourcArn: {arn('missing')} not found"):
        dynamodb.list_tags_of_resource(ResourceArn=arn("missing"))
    with invalid("Invalid NextToken"):
        dynamodb.list_tags_of_resource(ResourceArn=arn(it), NextToken="x")


def test_settings_that_are_off(dynamodb, table):
    assert dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"] == {"TimeToLiveStatus": "DISABLED"}
    assert dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"] == {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"}}
    with not_found("missing"):
        dynamodb.describe_time_to_live(TableName="missing")
    with refused("TableNotFoundException", "Table not found: missing"):
        dynamodb.describe_continuous_backups(TableName="missing")


def test_account(cloud, dynamodb):
    limits = dynamodb.describe_limits()
    assert limits["TableMaxReadCapacityUnits"] == 40000 and limits["AccountMaxWriteCapacityUnits"] == 80000
    [endpoint] = dynamodb.describe_endpoints()["Endpoints"]
    assert endpoint == {"Address": f"127.0.0.1:{cloud.port}", "CachePeriodInMinutes": 1440}


def test_policies_name_tables(cloud, table, name, make_table):
    """A user who may read one table reads that one, by name and by ARN, and nothing else."""
    iam, other, user = cloud.client("iam"), make_table(), name("user")
    try:
        iam.create_user(UserName=user)
    except Exception:  # whatever botocore makes of it
        pytest.skip("IAM is not there yet")
    iam.put_user_policy(UserName=user, PolicyName="read", PolicyDocument=json.dumps({
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": arn(table)}}))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    client = cloud.client("dynamodb", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    for it in (table, arn(table)):
        assert "Item" not in client.get_item(TableName=it, Key={"pk": {"S": "a"}})
    for it, action in ((other, "GetItem"), (arn(other), "GetItem"), (table, "PutItem")):
        resource = it if it.startswith("arn:") else arn(it)
        with refused("AccessDeniedException", f"User: arn:aws:iam::{ACCOUNT}:user/{user} is not authorized to perform: "
                     f"dynamodb:{action} on resource: {resource} because no identity-based policy allows the "
                     f"dynamodb:{action} action"):
            if action == "GetItem":
                client.get_item(TableName=it, Key={"pk": {"S": "a"}})
            else:
                client.put_item(TableName=it, Item={"pk": {"S": "a"}})
    iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName=user, PolicyName="read")
    iam.delete_user(UserName=user)
