# SPDX-License-Identifier: Apache-2.0
"""BatchWriteItem and BatchGetItem: several items of several tables at once."""
import pytest

import identities
from tables import arn, invalid, keys, not_found

BAD = "One or more parameter values were invalid: "
DOUBLED = "Provided list of item keys contains duplicates"
MISMATCH = "The provided key element does not match the schema"


def item(**attributes):
    return {name: {"S": value} for name, value in attributes.items()}


def put(**attributes):
    return {"PutRequest": {"Item": item(**attributes)}}


def delete(**attributes):
    return {"DeleteRequest": {"Key": item(**attributes)}}


def everything(dynamodb, *requests):
    return {name: sorted(items, key=str) for name, items in
            dynamodb.batch_get_item(RequestItems=dict(requests))["Responses"].items()}


def test_written_and_read(cloud, dynamodb, make_table):
    one, two = make_table(), make_table("S", "S")
    answer = dynamodb.batch_write_item(RequestItems={one: [put(pk="a", v="1"), put(pk="b")], two: [put(pk="a", sk="1")]})
    assert answer["UnprocessedItems"] == {} and "ConsumedCapacity" not in answer
    answer = dynamodb.batch_write_item(RequestItems={one: [put(pk="a", v="2"), delete(pk="b"), delete(pk="never")],
                                                     arn(two): [put(pk="b", sk="2")]})
    cloud.restart()
    wanted = {"Keys": [item(pk="a"), item(pk="b")]}
    both = {"Keys": [item(pk="a", sk="1"), item(pk="b", sk="2"), item(pk="b", sk="3")], "ConsistentRead": True}
    assert everything(dynamodb, (one, wanted), (two, both)) == {
        one: [item(pk="a", v="2")], two: [item(pk="a", sk="1"), item(pk="b", sk="2")]}
    assert dynamodb.describe_table(TableName=one)["Table"]["ItemCount"] == 1
    assert everything(dynamodb, (arn(one), wanted)).keys() == {arn(one)}


def test_part_of_an_item(dynamodb, table):
    dynamodb.batch_write_item(RequestItems={table: [put(pk="a", v="1", w="2")]})
    wanted = {"Keys": [item(pk="a")]}
    assert everything(dynamodb, (table, {**wanted, "ProjectionExpression": "#v", "ExpressionAttributeNames": {"#v": "v"}})) == {
        table: [item(v="1")]}
    assert everything(dynamodb, (table, {**wanted, "AttributesToGet": ["w", "pk"]})) == {table: [item(pk="a", w="2")]}
    with invalid("Can not use both expression and non-expression parameters in the same request: Non-expression parameters: "
                 "{AttributesToGet} Expression parameters: {ProjectionExpression}"):
        everything(dynamodb, (table, {**wanted, "AttributesToGet": ["w"], "ProjectionExpression": "v"}))
    with invalid("ExpressionAttributeNames can only be specified when using expressions"):
        everything(dynamodb, (table, {**wanted, "ExpressionAttributeNames": {"#v": "v"}}))
    with invalid("Invalid ProjectionExpression: Two document paths overlap with each other; must remove or rewrite one of "
                 "these paths; path one: [a], path two: [a]"):
        everything(dynamodb, (table, {**wanted, "ProjectionExpression": "a, a"}))


def test_capacity(dynamodb, make_table, name):
    one, two = make_table(), make_table()
    write = lambda wanted, *requests: dynamodb.batch_write_item(RequestItems=dict(requests), ReturnConsumedCapacity=wanted)
    answer = write("TOTAL", (one, [put(pk="a", v="x" * 1100), delete(pk="b")]), (two, [put(pk="a")]))
    assert {each["TableName"]: each["CapacityUnits"] for each in answer["ConsumedCapacity"]} == {one: 3, two: 1}
    answer = write("INDEXES", (one, [put(pk="a")]))
    assert answer["ConsumedCapacity"] == [{"TableName": one, "CapacityUnits": 2, "Table": {"CapacityUnits": 2}}]
    read = lambda **more: dynamodb.batch_get_item(
        RequestItems={one: {"Keys": [item(pk="a"), item(pk="b")], **more}}, ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"]
    assert read() == [{"TableName": one, "CapacityUnits": 1}]
    assert read(ConsistentRead=True) == [{"TableName": one, "CapacityUnits": 2}]


def test_collections(dynamodb, name):
    it = name("collected")
    parts = [("pk", "HASH"), ("sk", "RANGE")]
    dynamodb.create_table(
        TableName=it, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": n, "KeyType": k} for n, k in parts],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk", "n")],
        LocalSecondaryIndexes=[{"IndexName": "lsi", "Projection": {"ProjectionType": "ALL"}, "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}]}])
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    requests = [put(pk="a", sk="1", n="1"), put(pk="a", sk="2"), put(pk="b", sk="2"), delete(pk="c", sk="1")]
    answer = dynamodb.batch_write_item(RequestItems={it: requests}, ReturnItemCollectionMetrics="SIZE",
                                       ReturnConsumedCapacity="INDEXES")
    assert answer["ItemCollectionMetrics"] == {it: [{"ItemCollectionKey": item(pk=pk), "SizeEstimateRangeGB": [0.0, 1.0]}
                                                    for pk in "abc"]}
    assert answer["ConsumedCapacity"][0]["LocalSecondaryIndexes"] == {"lsi": {"CapacityUnits": 1}}
    dynamodb.delete_table(TableName=it)


def test_more_than_an_answer_holds(dynamodb, table):
    for first in range(0, 44, 4):
        dynamodb.batch_write_item(RequestItems={table: [put(pk=str(i), v="x" * 400_000) for i in range(first, first + 4)]})
    wanted = {"Keys": [item(pk=str(i)) for i in range(44)], "ProjectionExpression": "pk"}
    answer = dynamodb.batch_get_item(RequestItems={table: wanted})
    rest = answer["UnprocessedKeys"]
    assert len(answer["Responses"][table]) == 41 and len(rest[table]["Keys"]) == 3
    assert rest[table]["ProjectionExpression"] == "pk"
    again = dynamodb.batch_get_item(RequestItems=rest)
    assert len(again["Responses"][table]) == 3 and again["UnprocessedKeys"] == {}


def test_refused_writes(dynamodb, make_table, name):
    table, ranged, binary = make_table(), make_table("S", "S"), make_table("B")
    write = lambda *requests: dynamodb.batch_write_item(RequestItems={table: list(requests)})
    with invalid(DOUBLED):
        write(put(pk="a"), delete(pk="a"))
    with invalid(DOUBLED):
        dynamodb.batch_write_item(RequestItems={table: [put(pk="a")], arn(table): [put(pk="a")]})
    with invalid(MISMATCH):
        write({"PutRequest": {"Item": {"pk": {"N": "5"}}}})
    with invalid(MISMATCH):
        write(put(other="x"))
    with invalid(MISMATCH):
        write(delete(other="x"))
    with invalid(MISMATCH):
        dynamodb.batch_write_item(RequestItems={ranged: [put(pk="a")]})
    empty = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {} value. Key: pk"
    with invalid(empty.format("string")):
        write(put(pk=""))
    with invalid(empty.format("binary")):
        dynamodb.batch_write_item(RequestItems={binary: [{"DeleteRequest": {"Key": {"pk": {"B": b""}}}}]})
    with invalid("Item size has exceeded the maximum allowed size"):
        write(put(pk="a", v="x" * 409_600))
    with invalid("The parameter cannot be converted to a numeric value: abc"):
        write({"PutRequest": {"Item": {**item(pk="a"), "n": {"N": "abc"}}}})
    with invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"):
        write({**put(pk="a"), **delete(pk="b")})
    with invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"):
        write({})
    with invalid("Too many items requested for the BatchWriteItem call"):
        dynamodb.batch_write_item(RequestItems={table: [put(pk=str(i)) for i in range(13)],
                                                ranged: [put(pk=str(i), sk="1") for i in range(13)]})
    with not_found():
        dynamodb.batch_write_item(RequestItems={table: [put(pk="a")], name("never"): [put(pk="a")]})
    assert dynamodb.describe_table(TableName=table)["Table"]["ItemCount"] == 0


def test_refused_reads(dynamodb, make_table, name):
    table, binary = make_table(), make_table("B")
    read = lambda *keys: dynamodb.batch_get_item(RequestItems={table: {"Keys": list(keys)}})
    with invalid(DOUBLED):
        read(item(pk="a"), item(pk="a"))
    with invalid(MISMATCH):
        read({"pk": {"N": "1"}})
    with invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty "
                 "binary value. Key: pk"):
        dynamodb.batch_get_item(RequestItems={binary: {"Keys": [{"pk": {"B": b""}}]}})
    with invalid("Too many items requested for the BatchGetItem call"):
        dynamodb.batch_get_item(RequestItems={table: {"Keys": [item(pk=str(i)) for i in range(51)]},
                                              binary: {"Keys": [{"pk": {"B": str(i)}} for i in range(51)]}})
    with not_found():
        dynamodb.batch_get_item(RequestItems={name("never"): {"Keys": [item(pk="a")]}})


@pytest.mark.parametrize("operation, request_items, text", [
    ("batch_get_item", {}, "Member must have length greater than or equal to 1"),
    ("batch_get_item", {"abc": {"Keys": []}}, "Member must have length greater than or equal to 1"),
    ("batch_get_item", {"abc": {"Keys": [item(pk=str(i)) for i in range(101)]}}, "Member must have length less than or equal to 100"),
    ("batch_write_item", {}, "Member must have length greater than or equal to 1"),
    ("batch_write_item", {"abc": [put(pk=str(i)) for i in range(26)]}, "Member must have length less than or equal to 25"),
])
def test_refused_shapes(dynamodb, operation, request_items, text):
    """The service's regions show the refused value in different ways; the constraint is the same."""
    with pytest.raises(dynamodb.exceptions.ClientError) as caught:
        getattr(dynamodb, operation)(RequestItems=request_items)
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert error["Message"].startswith("1 validation error detected: ") and text in error["Message"]


def test_each_table_needs_its_permission(cloud, name):
    account = identities.Account(cloud)
    root = account.client("dynamodb")
    mine, other = name("mine"), name("other")
    for table in mine, other:
        root.create_table(TableName=table, BillingMode="PAY_PER_REQUEST", **keys())
        root.get_waiter("table_exists").wait(TableName=table)
    client = account.user("batcher", identities.allow("dynamodb:Batch*", arn(mine, account=account.id))).client("dynamodb")
    client.batch_write_item(RequestItems={mine: [put(pk="a")]})
    for call in (lambda: client.batch_write_item(RequestItems={mine: [put(pk="b")], other: [put(pk="a")]}),
                 lambda: client.batch_get_item(RequestItems={other: {"Keys": [item(pk="a")]}})):
        with identities.refused("AccessDeniedException"):
            call()
    assert "Item" not in root.get_item(TableName=mine, Key=item(pk="b"))
