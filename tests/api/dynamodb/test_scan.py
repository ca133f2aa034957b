# SPDX-License-Identifier: Apache-2.0
"""Scan: pages, segments, filters, indexes, what is refused; what was acknowledged is found again."""
import pytest

from tables import invalid, keys, not_found


def all_pages(dynamodb, **parameters):
    items, start = [], {}
    while True:
        told = dynamodb.scan(**parameters, **start)
        items += told["Items"]
        if "LastEvaluatedKey" not in told:
            return items
        start = {"ExclusiveStartKey": told["LastEvaluatedKey"]}


@pytest.fixture
def filled(dynamodb, make_table):
    it = make_table("S", "N")
    for number in range(100):
        dynamodb.put_item(TableName=it, Item={"pk": {"S": "p" + str(number % 20)}, "sk": {"N": str(number)},
                                              "big": {"BOOL": number >= 90}})
    return it


def numbers(items):
    return sorted(int(item["sk"]["N"]) for item in items)


def test_all_of_it(dynamodb, filled):
    told = dynamodb.scan(TableName=filled, ReturnConsumedCapacity="TOTAL")
    assert (told["Count"], told["ScannedCount"]) == (100, 100)
    assert numbers(told["Items"]) == list(range(100))
    assert told["ConsumedCapacity"] == {"TableName": filled, "CapacityUnits": 0.5}
    for limit in (1, 7, 100, 1000):
        items = all_pages(dynamodb, TableName=filled, Limit=limit, ConsistentRead=True)
        assert items == told["Items"]
    told = dynamodb.scan(TableName=filled, FilterExpression="big = :t", ExpressionAttributeValues={":t": {"BOOL": True}},
                         ProjectionExpression="sk")
    assert (told["Count"], told["ScannedCount"]) == (10, 100)
    assert all(set(item) == {"sk"} for item in told["Items"]) and numbers(told["Items"]) == list(range(90, 100))
    told = dynamodb.scan(TableName=filled, Select="COUNT", ScanFilter={
        "big": {"ComparisonOperator": "EQ", "AttributeValueList": [{"BOOL": False}]}})
    assert (told["Count"], told["ScannedCount"], "Items" in told) == (90, 100, False)
    told = dynamodb.scan(TableName=filled, AttributesToGet=["sk"], Limit=1)
    assert set(told["Items"][0]) == {"sk"}


def test_segments(dynamodb, filled):
    for total in (1, 2, 3, 16, 1000000):
        segments = range(total) if total < 100 else (0, 5, total - 1)
        found = [all_pages(dynamodb, TableName=filled, TotalSegments=total, Segment=segment, Limit=9) for segment in segments]
        if total < 100:
            assert numbers(sum(found, [])) == list(range(100))
        hashes = [{item["pk"]["S"] for item in items} for items in found]
        assert sum(map(len, hashes)) == len(set().union(*hashes))  # items of one hash key are together
    first = dynamodb.scan(TableName=filled, TotalSegments=2, Segment=1, Limit=1)
    with invalid("The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct "
                 "Segment. TotalSegments: 2 Segment: 0"):
        dynamodb.scan(TableName=filled, TotalSegments=2, Segment=0, ExclusiveStartKey=first["LastEvaluatedKey"])


@pytest.mark.parametrize("parameters, text", [
    ({"Segment": 0}, "The TotalSegments parameter is required but was not present in the request when Segment parameter is "
     "present"),
    ({"TotalSegments": 4}, "The Segment parameter is required but was not present in the request when parameter TotalSegments "
     "is present"),
    ({"Segment": 5, "TotalSegments": 5}, "The Segment parameter is zero-based and must be less than parameter TotalSegments"),
    ({"Segment": -1, "TotalSegments": 4}, "1 validation error detected: Value at 'Segment' failed to satisfy constraint: Member "
     "must have value greater than or equal to 0"),
    ({"Limit": 0}, "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value greater "
     "than or equal to 1"),
    ({"ExclusiveStartKey": {"bad": {"S": "p"}}}, "The provided starting key is invalid"),
    ({"ExclusiveStartKey": {"pk": {"N": "x"}}},
     "The provided starting key is invalid: The parameter cannot be converted to a numeric value: x"),
    ({"FilterExpression": "begins_with(#a, :n)", "ExpressionAttributeNames": {"#a": "data"},
      "ExpressionAttributeValues": {":n": {"N": "1"}}}, "Invalid FilterExpression: Incorrect operand type for operator or "
     "function; operator or function: begins_with, operand type: N"),
    ({"FilterExpression": "pk.x = :n", "ExpressionAttributeValues": {":n": {"N": "1"}}}, "Key attributes must be scalars; list "
     "random access '[]' and map lookup '.' are not allowed: Key: pk"),
    ({"ProjectionExpression": "a", "ExpressionAttributeValues": {":n": {"N": "1"}}},
     "ExpressionAttributeValues can only be specified when using expressions: FilterExpression is null"),
    ({"ScanFilter": {"a": {"ComparisonOperator": "NULL"}}, "FilterExpression": "a = b"}, "Can not use both expression and "
     "non-expression parameters in the same request: Non-expression parameters: {ScanFilter} Expression parameters: "
     "{FilterExpression}"),
    ({"Select": "SPECIFIC_ATTRIBUTES"}, "1 validation error detected: Must specify the AttributesToGet or ProjectionExpression "
     "when choosing to get SPECIFIC_ATTRIBUTES"),
    ({"IndexName": "nowhere"}, "The table does not have the specified index: nowhere"),
])
def test_refused(dynamodb, table, parameters, text):
    with invalid(text):
        dynamodb.scan(TableName=table, **parameters)


def test_no_table(dynamodb):
    with not_found():
        dynamodb.scan(TableName="nothing")


def test_long_keys(dynamodb, make_table):
    """Keys of all the bytes that there may be, and pages between them."""
    it = make_table("B", "B")
    for hash_key in (b"\0" * 2048, b"\xff" * 2048):
        for last in range(6):
            dynamodb.put_item(TableName=it, Item={"pk": {"B": hash_key}, "sk": {"B": b"\xff" * 1023 + bytes([last])}})
    assert len(all_pages(dynamodb, TableName=it, Limit=1)) == 12
    for forward in (True, False):
        told = dynamodb.query(TableName=it, KeyConditionExpression="pk = :p", Limit=4, ScanIndexForward=forward,
                              ExpressionAttributeValues={":p": {"B": b"\xff" * 2048}})
        rest = dynamodb.query(TableName=it, KeyConditionExpression="pk = :p", ScanIndexForward=forward,
                              ExclusiveStartKey=told["LastEvaluatedKey"],
                              ExpressionAttributeValues={":p": {"B": b"\xff" * 2048}})
        assert [item["sk"]["B"][-1] for item in told["Items"] + rest["Items"]] == (
            [0, 1, 2, 3, 4, 5] if forward else [5, 4, 3, 2, 1, 0])


def test_found_again_after_a_kill(own_cloud):
    cloud = own_cloud()
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(TableName="kept", BillingMode="PAY_PER_REQUEST", **keys("N"))
    dynamodb.get_waiter("table_exists").wait(TableName="kept")
    for number in range(50):
        dynamodb.put_item(TableName="kept", Item={"pk": {"N": str(number)}})
    cloud.restart()
    assert sorted(int(item["pk"]["N"]) for item in all_pages(dynamodb, TableName="kept", Limit=11)) == list(range(50))
