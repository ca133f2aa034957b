# SPDX-License-Identifier: Apache-2.0
"""Query: conditions on keys of every type against what Python finds, pages, filters, what is selected, indexes, the older
parameters, and what is refused."""
import random

import pytest

from tables import invalid, not_found

BAD = "One or more parameter values were invalid: "


def texts(items, name="sk"):
    return [next(iter(item[name].values())) for item in items]


def query(dynamodb, table, condition, values, **more):
    return dynamodb.query(TableName=table, KeyConditionExpression=condition, ExpressionAttributeValues=values, **more)


@pytest.fixture(scope="module")
def filled(cloud):
    """50 items of one hash key by number, and some of others."""
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(TableName="filled", BillingMode="PAY_PER_REQUEST",
                          KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                          AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"},
                                                {"AttributeName": "sk", "AttributeType": "N"}])
    dynamodb.get_waiter("table_exists").wait(TableName="filled")
    for number in range(50):
        dynamodb.put_item(TableName="filled", Item={"pk": {"S": "a"}, "sk": {"N": str(number - 20)}, "odd": {"BOOL": number % 2 == 1},
                                                    "m": {"M": {"n": {"N": str(number)}}}})
    for other in ("", "aa", "b"):
        if other:
            dynamodb.put_item(TableName="filled", Item={"pk": {"S": other}, "sk": {"N": "1"}})
    yield "filled"
    dynamodb.delete_table(TableName="filled")


@pytest.mark.parametrize("condition, holds", [
    ("pk = :p", lambda n: True), ("pk = :p AND sk = :x", lambda n: n == -3), ("pk = :p AND sk < :x", lambda n: n < -3),
    ("pk = :p AND sk <= :x", lambda n: n <= -3), ("pk = :p AND sk > :x", lambda n: n > -3),
    ("pk = :p AND sk >= :x", lambda n: n >= -3), ("pk = :p AND sk BETWEEN :x AND :y", lambda n: -3 <= n <= 7),
    ("(pk = :p) AND (:x <= sk)", lambda n: n >= -3), ("sk > :x AND :p = pk", lambda n: n > -3),
])
def test_numbers(dynamodb, filled, condition, holds):
    values = {":p": {"S": "a"}, ":x": {"N": "-3.0"}, ":y": {"N": "7"}}
    values = {name: value for name, value in values.items() if name in condition}
    want = [str(n) for n in range(-20, 30) if holds(n)]
    told = query(dynamodb, filled, condition, values)
    assert (texts(told["Items"]), told["Count"], told["ScannedCount"]) == (want, len(want), len(want))
    assert "LastEvaluatedKey" not in told
    for forward in (True, False):
        pages, more = [], {}
        while True:
            told = query(dynamodb, filled, condition, values, Limit=7, ScanIndexForward=forward, ConsistentRead=True, **more)
            pages += texts(told["Items"])
            if "LastEvaluatedKey" not in told:
                break
            assert told["Count"] == 7
            assert told["LastEvaluatedKey"] == {name: told["Items"][-1][name] for name in ("pk", "sk")}
            more = {"ExclusiveStartKey": told["LastEvaluatedKey"]}
        assert pages == (want if forward else want[::-1])


@pytest.mark.parametrize("range_type", ["S", "B", "N"])
def test_random_keys(dynamodb, make_table, range_type):
    """All bounds, both directions, by pages, on random keys."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    it = make_table("B", range_type)
    if range_type == "N":
        keys = {f"{dice.choice(['-', ''])}{dice.randrange(1000)}e{dice.randrange(-5, 6)}" for _ in range(60)}
        parse = float
        keys = list({float(key): key for key in keys}.values())
    else:
        keys = list({bytes(dice.choice(b"\0\1ab\xff") if range_type == "B" else dice.choice(b"\x01ab~") for _ in range(
            dice.randrange(1, 5))) for _ in range(60)})
        parse = bytes

    def value(key):
        return {range_type: key.decode() if range_type == "S" else key}
    for hash_key in (b"\0", b"\0\0", b"x"):
        for key in keys:
            dynamodb.put_item(TableName=it, Item={"pk": {"B": hash_key}, "sk": value(key)})
    ordered = sorted(keys, key=parse)
    for _ in range(25):
        low, high = sorted((dice.choice(keys), dice.choice(keys)), key=parse)
        condition, holds = dice.choice([
            ("sk < :l", lambda k: parse(k) < parse(low)), ("sk <= :l", lambda k: parse(k) <= parse(low)),
            ("sk > :l", lambda k: parse(k) > parse(low)), ("sk >= :l", lambda k: parse(k) >= parse(low)),
            ("sk = :l", lambda k: k == low), ("sk BETWEEN :l AND :h", lambda k: parse(low) <= parse(k) <= parse(high))] +
            ([("begins_with(sk, :l)", lambda k: k.startswith(low))] if range_type != "N" else []))
        want = [key for key in ordered if holds(key)]
        if dice.random() < 0.5:
            want.reverse()
            more = {"ScanIndexForward": False}
        else:
            more = {}
        values = {":p": {"B": b"\0"}, ":l": value(low)} | ({":h": value(high)} if ":h" in condition else {})
        got, start = [], {}
        while True:
            told = query(dynamodb, it, "pk = :p AND " + condition, values, Limit=dice.randrange(1, 70), **more, **start)
            got += texts(told["Items"])
            if "LastEvaluatedKey" not in told:
                break
            start = {"ExclusiveStartKey": told["LastEvaluatedKey"]}
        assert [parse(k.encode() if range_type == "S" else k) for k in got] == [parse(key) for key in want], condition


def test_filters_and_counts(dynamodb, filled):
    values = {":p": {"S": "a"}, ":t": {"BOOL": True}}
    told = query(dynamodb, filled, "pk = :p", values, FilterExpression="odd = :t")
    assert (told["Count"], told["ScannedCount"]) == (25, 50)
    told = query(dynamodb, filled, "pk = :p", values, FilterExpression="odd = :t", Limit=10)
    assert (told["Count"], told["ScannedCount"], texts(told["Items"])) == (5, 10, ["-19", "-17", "-15", "-13", "-11"])
    assert told["LastEvaluatedKey"] == {"pk": {"S": "a"}, "sk": {"N": "-11"}}
    told = query(dynamodb, filled, "pk = :p", values, FilterExpression="odd = :t", Select="COUNT")
    assert (told["Count"], told["ScannedCount"], "Items" in told) == (25, 50, False)
    told = query(dynamodb, filled, "pk = :p", {":p": {"S": "none"}}, ReturnConsumedCapacity="TOTAL")
    assert (told["Items"], told["Count"], told["ConsumedCapacity"]["CapacityUnits"]) == ([], 0, 0.5)
    told = query(dynamodb, filled, "pk = :p AND sk = :s", {":p": {"S": "a"}, ":s": {"N": "5"}}, ProjectionExpression="m.n")
    assert told["Items"] == [{"m": {"M": {"n": {"N": "25"}}}}]
    told = query(dynamodb, filled, "pk = :p AND sk = :s", {":p": {"S": "a"}, ":s": {"N": "5"}}, Select="SPECIFIC_ATTRIBUTES",
                 ProjectionExpression="sk")
    assert told["Items"] == [{"sk": {"N": "5"}}]


def test_a_page_is_a_megabyte(dynamodb, make_table):
    """Measured before the filter; the item that passes it is still in the page."""
    it = make_table("S", "N")
    for number in range(20):
        dynamodb.put_item(TableName=it, Item={"pk": {"S": "a"}, "sk": {"N": str(number)}, "v": {"S": "x" * 60000}})
    told = query(dynamodb, it, "pk = :p", {":p": {"S": "a"}}, ReturnConsumedCapacity="TOTAL")
    assert told["Count"] == 18  # 18 * 60,0xx bytes are the first more than 1,048,576
    assert told["LastEvaluatedKey"] == {"pk": {"S": "a"}, "sk": {"N": "17"}}
    size = sum(len("pk") + 1 + len("sk") + (1 if n == 0 else 2) + 1 + 60000 for n in range(18))
    assert told["ConsumedCapacity"]["CapacityUnits"] == (size + 4095) // 4096 * 0.5
    none = query(dynamodb, it, "pk = :p", {":p": {"S": "a"}, ":n": {"S": "none"}}, FilterExpression="v = :n")
    assert (none["Items"], none["ScannedCount"], none["LastEvaluatedKey"]) == ([], 18, told["LastEvaluatedKey"])
    rest = query(dynamodb, it, "pk = :p", {":p": {"S": "a"}}, ExclusiveStartKey=told["LastEvaluatedKey"])
    assert texts(rest["Items"]) == ["18", "19"] and "LastEvaluatedKey" not in rest


def test_older_parameters(dynamodb, filled):
    keys = {"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]}}
    below = {"sk": {"ComparisonOperator": "LT", "AttributeValueList": [{"N": "-15"}]}}
    odd = {"odd": {"ComparisonOperator": "EQ", "AttributeValueList": [{"BOOL": True}]}}
    told = dynamodb.query(TableName=filled, KeyConditions={**keys, **below})
    assert texts(told["Items"]) == ["-20", "-19", "-18", "-17", "-16"]
    told = dynamodb.query(TableName=filled, KeyConditions={**keys, **below}, QueryFilter=odd, AttributesToGet=["sk"])
    assert told["Items"] == [{"sk": {"N": "-19"}}, {"sk": {"N": "-17"}}]
    told = dynamodb.query(TableName=filled, KeyConditions={**keys, **below}, ConditionalOperator="OR", QueryFilter={
        **odd, "m": {"ComparisonOperator": "NULL"}})
    assert told["Count"] == 2
    told = dynamodb.query(TableName=filled, KeyConditions=keys, FilterExpression="odd = :t", Select="COUNT",
                          ExpressionAttributeValues={":t": {"BOOL": True}})
    assert told["Count"] == 25
    for parameters, text in (
            ({"KeyConditions": {"pk": {"ComparisonOperator": "NE", "AttributeValueList": [{"S": "a"}]}}},
             "Attempted conditional constraint is not an indexable operation"),
            ({"KeyConditions": {"pk": {"ComparisonOperator": "GT", "AttributeValueList": [{"S": "a"}]}}},
             "Query key condition not supported"),
            ({"KeyConditions": below}, "Query condition missed key schema element: pk"),
            ({"KeyConditions": keys, "QueryFilter": below},
             "QueryFilter can only contain non-primary key attributes: Primary key attribute: sk"),
            ({"KeyConditions": keys, "ConditionalOperator": "AND"},
             "ConditionalOperator cannot be used without Filter or Expected"),
            ({"KeyConditions": keys, "QueryFilter": odd, "ProjectionExpression": "sk"},
             "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: "
             "{QueryFilter} Expression parameters: {ProjectionExpression}")):
        with invalid(text):
            dynamodb.query(TableName=filled, **parameters)


A, N, P = {":p": {"S": "a"}}, {":p": {"S": "a"}, ":n": {"N": "1"}}, "pk = :p"


@pytest.mark.parametrize("condition, values, more, text", [
    ("", A, {}, "Invalid KeyConditionExpression: The expression can not be empty;"),
    ("((pk = :p))", A, {}, "Invalid KeyConditionExpression: The expression has redundant parentheses;"),
    ("sk = :n", N, {}, "Value provided in ExpressionAttributeValues unused in expressions: keys: {:p}"),
    ("sk = :n", {":n": {"N": "1"}}, {}, "Query condition missed key schema element: pk"),
    ("attr1 = :p", A, {}, "Query condition missed key schema element: pk"),
    ("pk = :p AND attr1 = :n", N, {}, "Query condition missed key schema element: sk"),
    ("pk = :p OR sk = :n", N, {}, "Invalid operator used in KeyConditionExpression: OR"),
    ("NOT pk = :p", A, {}, "Invalid operator used in KeyConditionExpression: NOT"),
    ("pk IN (:p)", A, {}, "Invalid operator used in KeyConditionExpression: IN"),
    ("pk <> :p", A, {}, "Invalid operator used in KeyConditionExpression: <>"),
    ("pk = :p AND attribute_exists(sk)", A, {}, "Invalid operator used in KeyConditionExpression: attribute_exists"),
    ("pk = :p AND size(sk) = :n", N, {}, "KeyConditionExpressions cannot contain nested operations"),
    ("pk = :p AND :n BETWEEN sk AND :n", N, {},
     "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its first operand"),
    ("pk = sk", None, {}, "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"),
    (":p = :p", A, {}, "Invalid condition in KeyConditionExpression: No key attribute specified"),
    ("pk = :p AND sk.x = :n", N, {}, "KeyConditionExpressions cannot have conditions on nested attributes"),
    ("pk = :p AND sk > :n AND sk < :n", N, {}, "KeyConditionExpressions must only contain one condition per key"),
    ("pk > :p", A, {}, "Query key condition not supported"),
    ("pk = :n", {":n": {"N": "1"}}, {}, BAD + "Condition parameter type does not match schema type"),
    ("pk = :p AND sk = :p", A, {}, BAD + "Condition parameter type does not match schema type"),
    ("pk = :p", {":p": {"S": ""}}, {}, "One or more parameter values are not valid. The AttributeValue for a key attribute "
     "cannot contain an empty string value. Key: pk"),
    (P, A, {"FilterExpression": "attribute_exists(sk)"},
     "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk"),
    (P, A, {"FilterExpression": "#x = :p"},
     "Invalid FilterExpression: An expression attribute name used in the document path is not defined; attribute name: #x"),
    (P, A, {"ProjectionExpression": "a, a"}, "Invalid ProjectionExpression: Two document paths overlap with each other; must "
     "remove or rewrite one of these paths; path one: [a], path two: [a]"),
    (P, A, {"ExpressionAttributeNames": {"#unused": "x"}},
     "Value provided in ExpressionAttributeNames unused in expressions: keys: {#unused}"),
    (P, A, {"Select": "SPECIFIC_ATTRIBUTES"}, "1 validation error detected: Must specify the AttributesToGet or "
     "ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"),
    (P, A, {"Select": "ALL_ATTRIBUTES", "ProjectionExpression": "sk"},
     "1 validation error detected: Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES"),
    (P, A, {"Select": "ALL_PROJECTED_ATTRIBUTES"},
     "1 validation error detected: ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"),
    (P, A, {"IndexName": "nowhere"}, "The table does not have the specified index: nowhere"),
    (P, A, {"ExclusiveStartKey": {"bad": {"S": "p"}}}, "The provided starting key is invalid"),
    (P, A, {"ExclusiveStartKey": {"pk": {"S": "a"}, "sk": {"S": "x"}}},
     "The provided starting key is invalid: The provided key element does not match the schema"),
    (P, A, {"ExclusiveStartKey": {"pk": {"S": "b"}, "sk": {"N": "1"}}},
     "The provided starting key is outside query boundaries based on provided conditions"),
    ("pk = :p AND sk > :n", N, {"ExclusiveStartKey": {"pk": {"S": "a"}, "sk": {"N": "1"}}},
     "The provided starting key does not match the range key predicate"),
    ("pk = :p AND sk > :n", N, {"ExclusiveStartKey": {"pk": {"S": "b"}, "sk": {"N": "2"}}},
     "The query can return at most one row and cannot be restarted"),
    (P, A, {"Limit": 0}, "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value "
     "greater than or equal to 1"),
])
def test_refused(dynamodb, filled, condition, values, more, text):
    if values:
        more = {**more, "ExpressionAttributeValues": values}
    with invalid(text):
        dynamodb.query(TableName=filled, KeyConditionExpression=condition, **more)


def test_refused_parameters(dynamodb, filled):
    with invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."):
        dynamodb.query(TableName=filled)
    with invalid("ExpressionAttributeValues can only be specified when using expressions: FilterExpression and "
                 "KeyConditionExpression are null"):
        dynamodb.query(TableName=filled, ProjectionExpression="a", ExpressionAttributeValues=A)
    with not_found():
        dynamodb.query(TableName="nothing", KeyConditionExpression=P, ExpressionAttributeValues=A)


def index(name, kind, *keys, **projection):
    return {"IndexName": name, "Projection": projection or {"ProjectionType": "ALL"},
            "KeySchema": [{"AttributeName": key, "KeyType": "RANGE" if i >= kind else "HASH"} for i, key in enumerate(keys)]}


@pytest.fixture
def indexed(dynamodb, name):
    it = name("table")
    dynamodb.create_table(
        TableName=it, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": type_} for name, type_ in
                              (("pk", "S"), ("sk", "N"), ("l", "S"), ("g", "S"), ("r", "N"), ("b", "B"))],
        LocalSecondaryIndexes=[index("local", 1, "pk", "l", ProjectionType="INCLUDE", NonKeyAttributes=["x"])],
        GlobalSecondaryIndexes=[index("global", 1, "g", "r", ProjectionType="INCLUDE", NonKeyAttributes=["x"]),
                                index("many", 1, "g", "r", "l", "b")])
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    for n in range(12):
        dynamodb.put_item(TableName=it, Item={
            "pk": {"S": "p"}, "sk": {"N": str(n)}, "g": {"S": "g" + str(n % 2)}, "r": {"N": str(-(n // 4))},
            "x": {"N": str(n * n)}, "y": {"S": "y"}, "b": {"B": bytes([n, 0, n])}} | ({"l": {"S": chr(108 - n)}} if n % 3 else {}))
    yield it
    dynamodb.delete_table(TableName=it)


def test_indexes(dynamodb, indexed):
    told = query(dynamodb, indexed, "g = :g", {":g": {"S": "g1"}}, IndexName="global", ReturnConsumedCapacity="INDEXES")
    assert sorted(texts(told["Items"]), key=int) == ["1", "3", "5", "7", "9", "11"]
    assert texts(told["Items"], "r") == ["-2", "-2", "-1", "-1", "0", "0"]
    assert all(set(item) == {"pk", "sk", "g", "r", "x"} for item in told["Items"])
    used = told["ConsumedCapacity"]
    assert (used["CapacityUnits"], used["Table"]["CapacityUnits"]) == (0.5, 0)
    assert used["GlobalSecondaryIndexes"] == {"global": {"CapacityUnits": 0.5}}
    pages, start = [], {}
    while True:
        told = query(dynamodb, indexed, "g = :g AND r < :r", {":g": {"S": "g1"}, ":r": {"N": "0"}}, IndexName="global", Limit=1,
                     ScanIndexForward=False, **start)
        pages += texts(told["Items"], "r")
        if "LastEvaluatedKey" not in told:
            break
        assert set(told["LastEvaluatedKey"]) == {"pk", "sk", "g", "r"}
        start = {"ExclusiveStartKey": told["LastEvaluatedKey"]}
    assert pages == ["-1", "-1", "-2", "-2"]

    told = query(dynamodb, indexed, "pk = :p AND begins_with(l, :l)", {":p": {"S": "p"}, ":l": {"S": "h"}}, IndexName="local",
                 ConsistentRead=True)
    assert told["Items"] == [{"pk": {"S": "p"}, "sk": {"N": "4"}, "l": {"S": "h"}, "x": {"N": "16"}}]
    told = query(dynamodb, indexed, "pk = :p", {":p": {"S": "p"}}, IndexName="local", Select="ALL_ATTRIBUTES", Limit=3,
                 ReturnConsumedCapacity="INDEXES")
    assert texts(told["Items"]) == ["11", "10", "8"] and told["Items"][0]["y"] == {"S": "y"}
    used = told["ConsumedCapacity"]
    assert (used["CapacityUnits"], used["Table"]["CapacityUnits"]) == (2, 1.5)
    assert used["LocalSecondaryIndexes"] == {"local": {"CapacityUnits": 0.5}}
    told = query(dynamodb, indexed, "pk = :p", {":p": {"S": "p"}}, IndexName="local", ProjectionExpression="y", Limit=1)
    assert told["Items"] == [{"y": {"S": "y"}}]
    assert dynamodb.scan(TableName=indexed, IndexName="local", Select="COUNT")["Count"] == 8


def test_keys_of_several_attributes(dynamodb, indexed):
    values = {":g": {"S": "g0"}, ":r": {"N": "-1"}, ":l": {"S": "h"}, ":b": {"B": b"\4"}}

    def numbers(condition):
        used = {name: value for name, value in values.items() if name in condition}
        return texts(query(dynamodb, indexed, condition, used, IndexName="many")["Items"])
    assert numbers("g = :g") == ["10", "8", "4", "2"]
    assert numbers("g = :g AND r = :r") == ["4"]
    assert numbers("r > :r AND g = :g") == ["2"]
    assert numbers("g = :g AND r = :r AND l <= :l") == ["4"]
    assert numbers("g = :g AND r = :r AND l = :l AND begins_with(b, :b)") == ["4"]
    with invalid("RANGE key attributes r must have equality conditions specified in the query because a condition is present on "
                 "key attribute l"):
        numbers("g = :g AND l = :l")
    with invalid("RANGE key attributes r must have equality conditions specified in the query because a condition is present on "
                 "key attribute l"):
        numbers("g = :g AND r > :r AND l = :l")


def test_refused_on_indexes(dynamodb, indexed):
    for parameters, text in (
            ({"ConsistentRead": True}, "Consistent reads are not supported on global secondary indexes"),
            ({"Select": "ALL_ATTRIBUTES"}, BAD + "Select type ALL_ATTRIBUTES is not supported for global secondary index global "
             "because its projection type is not ALL"),
            ({"ProjectionExpression": "x, y"}, BAD + "Global secondary index global does not project [y]"),
            ({"FilterExpression": "attribute_exists(y)"},
             BAD + "Global secondary index global does not project one or more filter attributes: [y]"),
            ({"ExclusiveStartKey": {"pk": {"S": "p"}, "sk": {"N": "1"}}}, "The provided starting key is invalid")):
        with invalid(text):
            query(dynamodb, indexed, "g = :g", {":g": {"S": "g1"}}, IndexName="global", **parameters)
