# SPDX-License-Identifier: Apache-2.0
"""Secondary indexes: made with the table and after it, kept in step with the items, told of, charged, deleted."""
import time

import pytest

from tables import arn, invalid, refused, units

BAD = "One or more parameter values were invalid: "
S = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "g", "n", "o")]
PK, SK, G, N, OTHER = S


def key(*names, hashes=1):
    return [{"AttributeName": name, "KeyType": "HASH" if i < hashes else "RANGE"} for i, name in enumerate(names)]


def index(name, *names, projection=None, hashes=1, **more):
    return {"IndexName": name, "KeySchema": key(*names, hashes=hashes), "Projection": {"ProjectionType": "ALL"} if projection is None else projection,
            **more}


def include(*names):
    return {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(names)}


@pytest.fixture
def make(dynamodb, name):
    """make(definitions, key, GlobalSecondaryIndexes=...): an ACTIVE table on demand."""
    made = []

    def make_it(definitions, schema, **more):
        it = name("indexed")
        dynamodb.create_table(TableName=it, **{"BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": definitions,
                                               "KeySchema": schema, **more})
        made.append(it)
        dynamodb.get_waiter("table_exists").wait(TableName=it)
        return it

    yield make_it
    for it in made:
        dynamodb.delete_table(TableName=it)


def describe(dynamodb, table):
    return dynamodb.describe_table(TableName=table)["Table"]


def index_of(dynamodb, table, name):
    told = describe(dynamodb, table)
    every = told.get("GlobalSecondaryIndexes", []) + told.get("LocalSecondaryIndexes", [])
    return next((it for it in every if it["IndexName"] == name), None)


def count_of(dynamodb, table, name):
    it = index_of(dynamodb, table, name)
    return it["ItemCount"], it["IndexSizeBytes"]


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def item(**attributes):
    return {name: {"S": value} for name, value in attributes.items()}


def test_told_of(cloud, dynamodb, name):
    it = name("indexed")
    made = dynamodb.create_table(
        TableName=it, BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[SK, PK, N, G], KeySchema=key("pk", "sk"),
        GlobalSecondaryIndexes=[index("zeta", "g", "n", projection=include("z", "a")), index("alpha", "n")],
        LocalSecondaryIndexes=[index("local", "pk", "n", projection={"ProjectionType": "KEYS_ONLY"})])["TableDescription"]
    assert made["AttributeDefinitions"] == [G, N, PK, SK]
    assert made["LocalSecondaryIndexes"] == [
        {"IndexName": "local", "KeySchema": key("pk", "n"), "Projection": {"ProjectionType": "KEYS_ONLY"},
         "IndexSizeBytes": 0, "ItemCount": 0, "IndexArn": arn(it) + "/index/local"}]
    zeta = {"IndexName": "zeta", "KeySchema": key("g", "n"), "Projection": include("a", "z"), "IndexStatus": "CREATING",
            "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, **units(0, 0)}, "IndexSizeBytes": 0, "ItemCount": 0,
            "IndexArn": arn(it) + "/index/zeta"}
    assert made["GlobalSecondaryIndexes"][0] == zeta
    assert [each["IndexName"] for each in made["GlobalSecondaryIndexes"]] == ["zeta", "alpha"]
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    warm = {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000, "Status": "ACTIVE"}
    assert index_of(dynamodb, it, "zeta") == {**zeta, "IndexStatus": "ACTIVE", "WarmThroughput": warm}
    cloud.restart()
    assert index_of(dynamodb, it, "zeta") == {**zeta, "IndexStatus": "ACTIVE", "WarmThroughput": warm}
    dynamodb.delete_table(TableName=it)


def test_provisioned(dynamodb, name):
    it = name("indexed")
    dynamodb.create_table(TableName=it, ProvisionedThroughput=units(5, 5), AttributeDefinitions=[PK, G], KeySchema=key("pk"),
                          GlobalSecondaryIndexes=[index("one", "g", ProvisionedThroughput=units(2, 3))])
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    one = index_of(dynamodb, it, "one")
    assert one["ProvisionedThroughput"] == {"NumberOfDecreasesToday": 0, **units(2, 3)}
    assert one["WarmThroughput"] == {"ReadUnitsPerSecond": 2, "WriteUnitsPerSecond": 3, "Status": "ACTIVE"}
    change = {"Update": {"IndexName": "one", "ProvisionedThroughput": units(1, 4)}}
    told = dynamodb.update_table(TableName=it, GlobalSecondaryIndexUpdates=[change])["TableDescription"]
    assert told["GlobalSecondaryIndexes"][0]["IndexStatus"] == "UPDATING"
    wait_for(lambda: index_of(dynamodb, it, "one")["IndexStatus"] == "ACTIVE")
    now = index_of(dynamodb, it, "one")["ProvisionedThroughput"]
    assert (now["NumberOfDecreasesToday"], now["ReadCapacityUnits"], now["WriteCapacityUnits"]) == (1, 1, 4)
    assert "LastIncreaseDateTime" in now and "LastDecreaseDateTime" in now
    with invalid("The provisioned throughput for the index one will not change. The requested value equals the current value. "
                 "Current ReadCapacityUnits provisioned for the index: 1. Requested ReadCapacityUnits: 1. Current "
                 "WriteCapacityUnits provisioned for the index: 4. Requested WriteCapacityUnits: 4. Refer to the Amazon "
                 "DynamoDB Developer Guide for current limits and how to request higher limits."):
        dynamodb.update_table(TableName=it, GlobalSecondaryIndexUpdates=[change])
    dynamodb.update_table(TableName=it, BillingMode="PAY_PER_REQUEST")
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    assert index_of(dynamodb, it, "one")["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    with invalid(BAD + "The only Updates for index: one when TableThroughputMode is PAY_PER_REQUEST can be to "
                 "OnDemandThroughput, WarmThroughput"):
        dynamodb.update_table(TableName=it, GlobalSecondaryIndexUpdates=[change])
    with invalid(BAD + "ProvisionedThroughput must be specified for index: one"):
        dynamodb.update_table(TableName=it, BillingMode="PROVISIONED", ProvisionedThroughput=units(1, 1))
    dynamodb.update_table(TableName=it, BillingMode="PROVISIONED", ProvisionedThroughput=units(1, 1),
                          GlobalSecondaryIndexUpdates=[change])
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    dynamodb.delete_table(TableName=it)


@pytest.mark.parametrize("change, text", [
    ({"GlobalSecondaryIndexes": []}, "List of GlobalSecondaryIndexes is empty"),
    ({"LocalSecondaryIndexes": []}, "List of LocalSecondaryIndexes is empty"),
    ({"GlobalSecondaryIndexes": [index("one", "nowhere")]},
     "Some index key attributes are not defined in AttributeDefinitions. Keys: [nowhere], AttributeDefinitions: [pk, sk, g]"),
    ({"GlobalSecondaryIndexes": [index("one", "pk")]},
     "Some AttributeDefinitions are not used. AttributeDefinitions: [pk, sk, g], keys used: [pk, sk]"),
    ({"GlobalSecondaryIndexes": [index("one", "g", projection={})]}, "Unknown ProjectionType: null"),
    ({"GlobalSecondaryIndexes": [index("one", "g", projection={"ProjectionType": "INCLUDE"})]},
     "ProjectionType is INCLUDE, but NonKeyAttributes is not specified"),
    ({"GlobalSecondaryIndexes": [index("one", "g", projection={**include("x"), "ProjectionType": "KEYS_ONLY"})]},
     "ProjectionType is KEYS_ONLY, but NonKeyAttributes is specified"),
    ({"GlobalSecondaryIndexes": [index("one", "g", projection=include("x", "y", "x"))]},
     "Duplicate element in NonKeyAttributes: x"),
    ({"GlobalSecondaryIndexes": [index("one", "g"), index("one", "pk")]}, "Duplicate index name: one"),
    ({"GlobalSecondaryIndexes": [index("one", "g")], "LocalSecondaryIndexes": [index("one", "pk", "g")]},
     "Duplicate index name: one"),
    ({"GlobalSecondaryIndexes": [index(f"index{i}", "g") for i in range(21)]},
     "GlobalSecondaryIndex count exceeds the per-table limit of 20"),
    ({"LocalSecondaryIndexes": [index(f"index{i}", "pk", "g") for i in range(6)]},
     "Number of LocalSecondaryIndexes exceeds per-table limit of 5"),
    ({"GlobalSecondaryIndexes": [index(f"index{i}", "g", projection=include(*[f"a{j}" for j in range(11)]))
                                 for i in range(10)]},
     "Number of user-specified projected attributes in all indexes exceeds the per-table limit of 100"),
    ({"LocalSecondaryIndexes": [index("one", "pk")], "GlobalSecondaryIndexes": [index("two", "g")]},
     "Index KeySchema does not have a range key for index: one"),
    ({"LocalSecondaryIndexes": [index("one", "g", "sk")]},
     "Index KeySchema does not have the same leading hash key as table KeySchema for index: one. index hash key: g, table "
     "hash key: pk"),
    ({"GlobalSecondaryIndexes": [index("one", "g", ProvisionedThroughput=units(1, 1))]},
     "ProvisionedThroughput should not be specified for index: one when BillingMode is PAY_PER_REQUEST"),
    ({"BillingMode": "PROVISIONED", "ProvisionedThroughput": units(1, 1), "GlobalSecondaryIndexes": [index("one", "g")]},
     "ProvisionedThroughput is not specified for index: one"),
])
def test_refused_with_the_table(dynamodb, name, change, text):
    with invalid(BAD + text):
        dynamodb.create_table(TableName=name("refused"), **{
            "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": [PK, SK, G], "KeySchema": key("pk", "sk"), **change})


@pytest.mark.parametrize("schema, text", [
    ([{"AttributeName": "g", "KeyType": "RANGE"}], "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"),
    (key("g", "g"), "Both the Hash Key and the Range Key element in the KeySchema have the same name"),
    (key("g", "n", "n"), "The KeySchema contains multiple key attributes with the same name"),
    ([*key("g", "n"), *key("pk")], BAD + "All HASH key attributes must precede RANGE key attributes in the KeySchema"),
    (key("a0", "a1", "a2", "a3", "a4", hashes=5),
     BAD + "The KeySchema exceeds the maximum allowed number of HASH key attributes"),
    (key("g", "a0", "a1", "a2", "a3", "a4"),
     BAD + "The KeySchema exceeds the maximum allowed number of RANGE key attributes"),
])
def test_refused_keys(dynamodb, name, schema, text):
    names = sorted({"pk", *(part["AttributeName"] for part in schema)})
    with invalid(text):
        dynamodb.create_table(TableName=name("refused"), BillingMode="PAY_PER_REQUEST", KeySchema=key("pk"),
                              AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in names],
                              GlobalSecondaryIndexes=[{**index("one", "g"), "KeySchema": schema}])


def test_a_local_index_needs_a_range_key(dynamodb, name):
    with invalid(BAD + "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"):
        dynamodb.create_table(TableName=name("refused"), BillingMode="PAY_PER_REQUEST", KeySchema=key("pk"),
                              AttributeDefinitions=[PK, G], LocalSecondaryIndexes=[index("one", "pk", "g")])
    with invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"):
        dynamodb.create_table(TableName=name("refused"), BillingMode="PAY_PER_REQUEST", KeySchema=key("pk", "sk"),
                              AttributeDefinitions=[PK, SK, G],
                              LocalSecondaryIndexes=[index("one", "pk", "g", hashes=2)])


def test_entries_follow_the_items(cloud, dynamodb, make):
    it = make([PK, SK, G, N], key("pk", "sk"),
              GlobalSecondaryIndexes=[index("keys", "g", "n", projection={"ProjectionType": "KEYS_ONLY"}),
                                      index("some", "g", projection=include("v"))],
              LocalSecondaryIndexes=[index("all", "pk", "n")])
    put = lambda **attributes: dynamodb.put_item(TableName=it, Item=item(**attributes))
    put(pk="a", sk="1", g="x", n="1", v="value", w="more")
    put(pk="a", sk="2", g="x")
    put(pk="a", sk="3")
    counts = lambda: {name: count_of(dynamodb, it, name) for name in ("keys", "some", "all")}
    assert counts() == {"keys": (1, 3 + 3 + 2 + 2), "some": (2, 3 + 3 + 2 + 6 + 3 + 3 + 2), "all": (1, 10 + 6 + 5)}
    cloud.restart()
    assert counts()["all"] == (1, 21)
    put(pk="a", sk="1", n="1")
    assert counts() == {"keys": (0, 0), "some": (1, 8), "all": (1, 8)}
    dynamodb.delete_item(TableName=it, Key=item(pk="a", sk="1"))
    dynamodb.delete_item(TableName=it, Key=item(pk="a", sk="2"))
    assert counts() == {"keys": (0, 0), "some": (0, 0), "all": (0, 0)}


def test_values_that_are_no_keys(dynamodb, make):
    it = make([PK, SK, {"AttributeName": "b", "AttributeType": "B"}, G], key("pk", "sk"),
              GlobalSecondaryIndexes=[index("first", "g"), index("binary", "b")],
              LocalSecondaryIndexes=[index("local", "pk", "g")])
    put = lambda **attributes: dynamodb.put_item(TableName=it, Item={**item(pk="a", sk="1"), **attributes})
    with invalid(BAD + "Type mismatch for Index Key g Expected: S Actual: N IndexName: first"):
        put(g={"N": "1"})
    with invalid(BAD + "Type mismatch for Index Key g Expected: S Actual: NULL IndexName: first"):
        put(g={"NULL": True})
    secondary = ("One or more parameter values are not valid. A value specified for a secondary index key is not supported. "
                 "The AttributeValue for a key attribute cannot contain an empty {} value. IndexName: {}, IndexKey: {}")
    with invalid(secondary.format("string", "first", "g")):
        put(g={"S": ""})
    with invalid(secondary.format("binary", "binary", "b")):
        put(b={"B": b""})
    with invalid(BAD + "Size of hashkey has exceeded the maximum size limit of2048 bytes"):
        put(g={"S": "x" * 2049})
    with invalid(BAD + "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"):
        put(g={"S": "x" * 1025})
    put(g={"S": "x" * 1024}, b={"B": b"\0"})
    assert count_of(dynamodb, it, "binary")[0] == 1


def test_capacity_of_writes(dynamodb, make):
    """The ladder that the real service was measured to climb."""
    it = make([PK, SK, G, N], key("pk", "sk"), GlobalSecondaryIndexes=[index("gsi", "g", projection=include("p"))],
              LocalSecondaryIndexes=[index("lsi", "pk", "n")])

    def charged(consumed):
        parts = [consumed["CapacityUnits"], consumed["Table"]["CapacityUnits"]]
        for kind, name in ("Global", "gsi"), ("Local", "lsi"):
            arms = consumed.get(f"{kind}SecondaryIndexes", {})
            assert arms.keys() <= {name}
            parts.append(arms[name]["CapacityUnits"] if arms else None)
        return tuple(parts)

    def put(wanted="INDEXES", **attributes):
        return dynamodb.put_item(TableName=it, Item=item(sk="1", **attributes), ReturnConsumedCapacity=wanted)["ConsumedCapacity"]

    assert charged(put(pk="a", g="1", p="p")) == (2, 1, 1, None)
    assert put("TOTAL", pk="b", g="1", p="p") == {"TableName": it, "CapacityUnits": 2}
    assert charged(put(pk="c", o="o")) == (1, 1, None, None)
    assert charged(put(pk="d", n="1")) == (2, 1, None, 1)
    full = {"pk": "e", "g": "1", "n": "1", "p": "p", "o": "o"}
    assert charged(put(**full)) == (3, 1, 1, 1)
    assert charged(put(**full)) == (1, 1, None, None)
    assert charged(put(**{**full, "o": "2"})) == (2, 1, None, 1)
    assert charged(put(**{**full, "o": "2", "p": "2"})) == (3, 1, 1, 1)
    assert charged(put(**{**full, "o": "2", "p": "2", "g": "2"})) == (4, 1, 2, 1)
    assert charged(put(**{**full, "o": "2", "p": "2", "g": "2", "n": "2"})) == (3, 1, None, 2)
    assert charged(put(pk="e", n="2", p="2", o="2")) == (3, 1, 1, 1)
    gone = dynamodb.delete_item(TableName=it, Key=item(pk="e", sk="1"), ReturnConsumedCapacity="INDEXES")
    assert charged(gone["ConsumedCapacity"]) == (2, 1, None, 1)
    assert charged(put(pk="f", g="1", p="x" * 1100)) == (4, 2, 2, None)


def test_item_collections(dynamodb, make, table):
    it = make([PK, SK, N], key("pk", "sk"), LocalSecondaryIndexes=[index("lsi", "pk", "n")])
    told = {"ItemCollectionKey": item(pk="a"), "SizeEstimateRangeGB": [0.0, 1.0]}
    put = dynamodb.put_item(TableName=it, Item=item(pk="a", sk="1", n="1"), ReturnItemCollectionMetrics="SIZE")
    assert put["ItemCollectionMetrics"] == told
    gone = dynamodb.delete_item(TableName=it, Key=item(pk="a", sk="1"), ReturnItemCollectionMetrics="SIZE")
    assert gone["ItemCollectionMetrics"] == told
    assert "ItemCollectionMetrics" not in dynamodb.put_item(TableName=it, Item=item(pk="a", sk="1"))
    assert "ItemCollectionMetrics" not in dynamodb.put_item(TableName=table, Item=item(pk="a"),
                                                            ReturnItemCollectionMetrics="SIZE")


def test_an_index_is_made_and_deleted_later(cloud, dynamodb, make):
    it = make([PK], key("pk"))
    for i in range(300):
        dynamodb.put_item(TableName=it, Item={**item(pk=str(i), g=str(i % 7)), "n": {"N": "1"} if i % 3 else {"S": "x"}})
    create = {"Create": index("late", "g", "n")}
    told = dynamodb.update_table(TableName=it, AttributeDefinitions=[G, {**N, "AttributeType": "N"}],
                                 GlobalSecondaryIndexUpdates=[create])["TableDescription"]
    assert told["TableStatus"] == "UPDATING"
    assert told["GlobalSecondaryIndexes"][0]["IndexStatus"] == "CREATING"
    wait_for(lambda: index_of(dynamodb, it, "late")["IndexStatus"] == "ACTIVE")
    late = index_of(dynamodb, it, "late")
    assert late["ItemCount"] == 200 and "Backfilling" not in late  # those whose n is no number are left out
    assert [each["AttributeName"] for each in describe(dynamodb, it)["AttributeDefinitions"]] == ["g", "n", "pk"]
    dynamodb.delete_item(TableName=it, Key=item(pk="1"))
    assert index_of(dynamodb, it, "late")["ItemCount"] == 199
    with invalid("Attempting to create an index which already exists"):
        dynamodb.update_table(TableName=it, AttributeDefinitions=[G], GlobalSecondaryIndexUpdates=[create])
    gone = dynamodb.update_table(TableName=it, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "late"}}])
    assert gone["TableDescription"]["GlobalSecondaryIndexes"][0]["IndexStatus"] == "DELETING"
    wait_for(lambda: index_of(dynamodb, it, "late") is None)
    assert [each["AttributeName"] for each in describe(dynamodb, it)["AttributeDefinitions"]] == ["pk"]
    with refused("ResourceNotFoundException", "Requested resource not found"):
        dynamodb.update_table(TableName=it, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "late"}}])


def test_filling_survives_a_kill(cloud, dynamodb, make):
    it = make([PK], key("pk"))
    for i in range(400):
        dynamodb.put_item(TableName=it, Item=item(pk=str(i), g="x"))
    dynamodb.update_table(TableName=it, AttributeDefinitions=[G], GlobalSecondaryIndexUpdates=[{"Create": index("late", "g")}])
    cloud.restart()
    wait_for(lambda: index_of(dynamodb, it, "late")["IndexStatus"] == "ACTIVE")
    assert index_of(dynamodb, it, "late")["ItemCount"] == 400


ONE = {"AttributeDefinitions": [PK, N]}


@pytest.mark.parametrize("updates, more, code, text", [
    ([{}], {}, "ValidationException", BAD + "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
     "GlobalSecondaryIndexUpdate.Delete must not be null"),
    ([{"Delete": {"IndexName": "one"}, "Create": index("one", "n")}], ONE, "ValidationException",
     BAD + "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object"),
    ([{"Delete": {"IndexName": "one"}}, {"Create": index("one", "n")}], ONE, "ValidationException",
     BAD + "Only one global secondary index update per index is allowed simultaneously. Index: one"),
    ([{"Create": index("two", "n")}, {"Delete": {"IndexName": "one"}}], ONE, "LimitExceededException",
     "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"),
    ([{"Create": index("two", "n")}], {}, "ValidationException",
     BAD + "AttributeDefinitions is not specified for index: two"),
    ([{"Create": index("two", "o")}], ONE, "ValidationException",
     BAD + "Some index key attributes are not defined in AttributeDefinitions. Keys: [o], AttributeDefinitions: [pk, n, g, "
     "pk, sk]"),
    ([{"Create": index("two", "n", ProvisionedThroughput=units(1, 1))}], ONE, "ValidationException",
     BAD + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: two when BillingMode is "
     "PAY_PER_REQUEST"),
    ([{"Create": index("two", "n", OnDemandThroughput={"MaxReadRequestUnits": 0})}], ONE, "ValidationException",
     BAD + "Requested MaxReadRequestUnits for OnDemandThroughput for index : two is outside of valid range"),
    ([{"Create": index("two", "n", WarmThroughput={"ReadUnitsPerSecond": 1})}], ONE, "ValidationException",
     BAD + "Requested ReadUnitsPerSecond for WarmThroughput for index two is lower than initial throughput for OnDemand"),
    ([{"Create": index("two", "n")}], {**ONE, "ProvisionedThroughput": units(1, 1)}, "ValidationException",
     BAD + "You cannot create or delete index while updating table IOPS"),
    ([{"Create": index("two", "n")}], {**ONE, "DeletionProtectionEnabled": True}, "ValidationException",
     BAD + "DeletionProtection modification must be the only operation in the request"),
    ([{"Create": index("two", "n")}], {**ONE, "TableClass": "STANDARD"}, "ValidationException",
     BAD + "TableClass modification must be the only operation in the request"),
    ([], {"DeletionProtectionEnabled": True}, "ValidationException", BAD + "List of GlobalSecondaryIndexUpdates is empty"),
    ([{"Delete": {"IndexName": "local"}}], {}, "ValidationException",
     "Cannot delete an index that is not a GlobalSecondaryIndex: local"),
    ([{"Update": {"IndexName": "local", "ProvisionedThroughput": units(1, 1)}}], {}, "ValidationException",
     "Cannot update an index that is not a GlobalSecondaryIndex: local"),
    ([{"Update": {"IndexName": "one"}}], {}, "ValidationException",
     BAD + "ProvisionedThroughput must be specified for index: one"),
])
def test_refused_updates(dynamodb, shared, updates, more, code, text):
    with refused(code, text):
        dynamodb.update_table(TableName=shared, GlobalSecondaryIndexUpdates=updates, **more)


def test_a_provisioned_table_wants_units_for_a_new_index(dynamodb, name):
    it = name("indexed")
    dynamodb.create_table(TableName=it, ProvisionedThroughput=units(1, 1), AttributeDefinitions=[PK], KeySchema=key("pk"))
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    with invalid(BAD + "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: one"):
        dynamodb.update_table(TableName=it, AttributeDefinitions=[G], GlobalSecondaryIndexUpdates=[{"Create": index("one", "g")}])
    dynamodb.delete_table(TableName=it)


def test_no_more_than_twenty(dynamodb, make):
    it = make([PK, G], key("pk"), GlobalSecondaryIndexes=[index(f"index{i}", "g") for i in range(20)])
    with refused("LimitExceededException", BAD + "GlobalSecondaryIndex count exceeds the per-table limit of 20"):
        dynamodb.update_table(TableName=it, AttributeDefinitions=[G],
                              GlobalSecondaryIndexUpdates=[{"Create": index("last", "g")}])


@pytest.fixture(scope="module")
def shared(cloud):
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(TableName="shared-indexed", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[PK, SK, G],
                          KeySchema=key("pk", "sk"), GlobalSecondaryIndexes=[index("one", "g")],
                          LocalSecondaryIndexes=[index("local", "pk", "g")])
    dynamodb.get_waiter("table_exists").wait(TableName="shared-indexed")
    return "shared-indexed"
