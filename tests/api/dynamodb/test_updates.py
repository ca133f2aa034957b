# SPDX-License-Identifier: Apache-2.0
"""UpdateItem: expressions and the older AttributeUpdates, what is returned, sizes, what it is charged; and what GetItem
projects."""
import pytest

from tables import invalid, refused

ONE = "1 validation error detected: "
KEY = {"pk": {"S": "u"}}
TYPE = "An operand in the update expression has an incorrect data type"
PATH = "The document path provided in the update expression is invalid for update"
MISSING = "The provided expression refers to an attribute that does not exist in the item"


def update(dynamodb, table, expression, values=None, names=None, **more):
    if values:
        more["ExpressionAttributeValues"] = values
    if names:
        more["ExpressionAttributeNames"] = names
    return dynamodb.update_item(TableName=table, Key=KEY, UpdateExpression=expression, **more)


def item_of(dynamodb, table):
    return dynamodb.get_item(TableName=table, Key=KEY, ConsistentRead=True).get("Item")


def test_upsert(dynamodb, table):
    assert dynamodb.update_item(TableName=table, Key=KEY, ReturnValues="ALL_OLD").get("Attributes") is None
    assert item_of(dynamodb, table) == KEY
    dynamodb.delete_item(TableName=table, Key=KEY)
    update(dynamodb, table, "REMOVE a")
    assert item_of(dynamodb, table) is None  # nothing to remove makes nothing
    told = update(dynamodb, table, "SET #l = list_append(if_not_exists(#l, :none), :more) ADD n :one, tags :tags",
                  {":none": {"L": []}, ":more": {"L": [{"S": "x"}]}, ":one": {"N": "1"}, ":tags": {"SS": ["b", "a"]}},
                  {"#l": "list"}, ReturnValues="ALL_NEW")["Attributes"]
    assert told == {**KEY, "list": {"L": [{"S": "x"}]}, "n": {"N": "1"}, "tags": {"SS": ["a", "b"]}}
    assert item_of(dynamodb, table) == told
    assert dynamodb.describe_table(TableName=table)["Table"]["ItemCount"] == 1


def test_what_is_returned(dynamodb, table):
    before = {**KEY, "n": {"N": "1"}, "m": {"M": {"a": {"S": "old"}, "b": {"S": "stays"}}}, "l": {"L": [{"N": "0"}]}}
    change = ("SET m.a = :v, n = n + :one, l[0] = :v REMOVE gone", {":v": {"S": "new"}, ":one": {"N": "1.5"}})
    after = {**KEY, "n": {"N": "2.5"}, "m": {"M": {"a": {"S": "new"}, "b": {"S": "stays"}}}, "l": {"L": [{"S": "new"}]}}
    for wanted, told in (("NONE", None), ("ALL_OLD", before), ("ALL_NEW", after),
                         ("UPDATED_OLD", {"n": {"N": "1"}, "m": {"M": {"a": {"S": "old"}}}, "l": {"L": [{"N": "0"}]}}),
                         ("UPDATED_NEW", {"n": {"N": "2.5"}, "m": {"M": {"a": {"S": "new"}}}, "l": {"L": [{"S": "new"}]}})):
        dynamodb.put_item(TableName=table, Item=before)
        assert update(dynamodb, table, *change, ReturnValues=wanted).get("Attributes") == told
        assert item_of(dynamodb, table) == after
    assert "Attributes" not in update(dynamodb, table, "REMOVE gone", ReturnValues="UPDATED_NEW")


@pytest.mark.parametrize("expression, values, text", [
    ("", None, ONE + "Invalid UpdateExpression: The expression can not be empty;"),
    ("INVALID SYNTAX HERE", {":v": {"S": "x"}},
     ONE + 'Invalid UpdateExpression: Syntax error; token: "INVALID", near: "INVALID SYNTAX"'),
    ("SET a = :x", None, ONE + "Invalid UpdateExpression: An expression attribute value used in expression is not defined; "
     "attribute value: :x"),
    ("SET a = :v SET b = :v", {":v": {"S": "x"}},
     ONE + 'Invalid UpdateExpression: The "SET" section can only be used once in an update expression;'),
    ("SET a.b = :v, a.b = :v", {":v": {"S": "x"}}, ONE + "Invalid UpdateExpression: Two document paths overlap with each "
     "other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, b]"),
    ("SET pk = :v", {":v": {"S": "x"}},
     "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key"),
    ("ADD pk :v", {":v": {"N": "1"}},
     "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key"),
    ("SET a = s + :v", {":v": {"N": "1"}}, TYPE), ("ADD s :v", {":v": {"N": "1"}}, TYPE),
    ("DELETE s :v", {":v": {"SS": ["x"]}}, TYPE), ("SET a = list_append(s, :v)", {":v": {"L": []}}, TYPE),
    ("SET a = nothing", None, MISSING), ("SET a = nothing + :v", {":v": {"N": "1"}}, MISSING),
    ("SET nothing.x = :v", {":v": {"N": "1"}}, PATH), ("SET s.x = :v", {":v": {"N": "1"}}, PATH),
    ("REMOVE s[0]", None, PATH),
    ("SET n = n + :v", {":v": {"N": "9e125"}},
     "Number overflow. Attempting to store a number with magnitude larger than supported range"),
    ("SET n = n + :v", {":v": {"N": "1e50"}},
     "Number overflow. Attempting to store a number with magnitude larger than supported range"),
])
def test_refused_updates(dynamodb, table, expression, values, text):
    before = {**KEY, "n": {"N": "9e125"} if "9e125" in str(values) else {"N": "1"}, "s": {"S": "text"}}
    dynamodb.put_item(TableName=table, Item=before)
    stored = item_of(dynamodb, table)
    with invalid(text):
        update(dynamodb, table, expression, values)
    assert item_of(dynamodb, table) == stored


def test_parameters_that_exclude_each_other(dynamodb, table):
    with invalid(ONE + "Can not use both expression and non-expression parameters in the same request: Non-expression "
                 "parameters: {AttributeUpdates} Expression parameters: {UpdateExpression}"):
        update(dynamodb, table, "SET a = :v", {":v": {"S": "x"}}, AttributeUpdates={"a": {"Action": "DELETE"}})
    with invalid(ONE + "Invalid ConditionExpression: An expression attribute value used in expression is not defined; "
                 "attribute value: :v"):
        update(dynamodb, table, "SET b = :w", {":w": {"S": "x"}}, ConditionExpression="a = :v")


def test_400_kb(dynamodb, table):
    """The item that comes out, and what is written with a fee of 3 bytes and 19 for each SET."""
    over = "Item size to update has exceeded the maximum allowed size"
    room = 409600 - len("b") - 22  # written: b and its value
    update(dynamodb, table, "SET b = :v", {":v": {"S": "x" * room}})
    with invalid(over):
        update(dynamodb, table, "SET b = :v", {":v": {"S": "x" * (room + 1)}})
    update(dynamodb, table, "SET b = :v", {":v": {"S": "x" * (409600 - 200)}})
    update(dynamodb, table, "SET c = :v", {":v": {"S": "x" * (200 - len("b") - len("c") - len("pk") - len("u"))}})
    with invalid(over):
        update(dynamodb, table, "SET d = :v", {":v": {"BOOL": True}})
    with invalid(over):
        update(dynamodb, table, "SET d = b, e = b")
    dynamodb.put_item(TableName=table, Item={**KEY, "l": {"L": [{"NULL": True}] * 100000}})
    with invalid(over):
        update(dynamodb, table, "SET l = list_append(list_append(list_append(l, l), list_append(l, l)), list_append(l, l))")


def test_what_it_is_charged(dynamodb, table):
    def used(*change):
        return update(dynamodb, table, *change, ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"]["CapacityUnits"]
    assert used("SET a = :v", {":v": {"S": "x" * 3000}}) == 3
    assert used("SET b = :v", {":v": {"S": "x"}}) == 3
    assert used("REMOVE a, c") == 3
    assert used("REMOVE b") == 1


def test_attribute_updates(dynamodb, table):
    def legacy(updates, **more):
        return dynamodb.update_item(TableName=table, Key=KEY, AttributeUpdates=updates, **more)
    legacy({"a": {"Action": "DELETE"}})
    assert item_of(dynamodb, table) is None
    told = legacy({"a": {"Value": {"S": "x"}}, "n": {"Value": {"N": "1"}, "Action": "ADD"},
                   "s": {"Value": {"SS": ["x", "y"]}, "Action": "ADD"}, "l": {"Value": {"L": [{"N": "1"}]}, "Action": "ADD"}},
                  ReturnValues="ALL_NEW")["Attributes"]
    assert told == {**KEY, "a": {"S": "x"}, "n": {"N": "1"}, "s": {"SS": ["x", "y"]}, "l": {"L": [{"N": "1"}]}}
    told = legacy({"a": {"Action": "DELETE"}, "n": {"Value": {"N": "-3"}, "Action": "ADD"},
                   "s": {"Value": {"SS": ["x", "z"]}, "Action": "DELETE"},
                   "l": {"Value": {"L": [{"N": "2"}]}, "Action": "ADD"}}, ReturnValues="UPDATED_NEW")["Attributes"]
    assert told == {"n": {"N": "-2"}, "s": {"SS": ["y"]}, "l": {"L": [{"N": "1"}, {"N": "2"}]}}
    with invalid("Type mismatch for attribute to update"):
        legacy({"s": {"Value": {"N": "1"}, "Action": "ADD"}})
    with invalid("One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key"):
        legacy({"pk": {"Value": {"S": "x"}}})
    for updates, text in (
            ({"a": {"Action": "PUT"}}, "Only DELETE action is allowed when no attribute value is specified"),
            ({"a": {"Action": "DELETE", "Value": {"S": "x"}}}, "DELETE action with value is not supported for the type S"),
            ({"a": {"Action": "ADD", "Value": {"BOOL": True}}}, "ADD action is not supported for the type BOOL")):
        with invalid(ONE + "One or more parameter values were invalid: " + text):
            legacy(updates)


def test_an_index_keeps_its_types(dynamodb, name):
    it = name("table")
    dynamodb.create_table(TableName=it, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                          AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "v")],
                          GlobalSecondaryIndexes=[{"IndexName": "by-v", "Projection": {"ProjectionType": "ALL"},
                                                   "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}]}])
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    used = update(dynamodb, it, "SET v = :v", {":v": {"S": "x"}}, ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
    assert used["GlobalSecondaryIndexes"]["by-v"]["CapacityUnits"] == 1
    with invalid("The update expression attempted to update the secondary index key to unsupported type"):
        update(dynamodb, it, "SET v = :v", {":v": {"N": "1"}})
    update(dynamodb, it, "REMOVE v")
    assert item_of(dynamodb, it) == KEY
    dynamodb.delete_table(TableName=it)


def test_projections(dynamodb, table):
    item = {**KEY, "a": {"M": {"b": {"S": "bb"}, "c": {"S": "cc"}}}, "l": {"L": [{"S": "l0"}, {"S": "l1"}, {"S": "l2"}]},
            "size": {"N": "1"}}
    dynamodb.put_item(TableName=table, Item=item)

    def get(projection=None, names=None, **more):
        if names:
            more["ExpressionAttributeNames"] = names
        if projection is not None:
            more["ProjectionExpression"] = projection
        return dynamodb.get_item(TableName=table, Key=KEY, **more)
    assert get("a.b, l[2], l[0]")["Item"] == {"a": {"M": {"b": {"S": "bb"}}}, "l": {"L": [{"S": "l0"}, {"S": "l2"}]}}
    assert get("#s", {"#s": "size"})["Item"] == {"size": {"N": "1"}}
    assert get("nothing, a.x")["Item"] == {}
    assert get(AttributesToGet=["size", "pk", "x"])["Item"] == {**KEY, "size": {"N": "1"}}
    for parameters, text in (
            ({"projection": "a, a.b"}, "Invalid ProjectionExpression: Two document paths overlap with each other; must remove "
             "or rewrite one of these paths; path one: [a], path two: [a, b]"),
            ({"projection": "#x"}, "Invalid ProjectionExpression: An expression attribute name used in the document path is "
             "not defined; attribute name: #x"),
            ({"projection": ""}, "Invalid ProjectionExpression: The expression can not be empty;"),
            ({"projection": "a", "names": {"#x": "x"}},
             "Value provided in ExpressionAttributeNames unused in expressions: keys: {#x}"),
            ({"names": {"#x": "x"}}, "ExpressionAttributeNames can only be specified when using expressions"),
            ({"projection": "a", "AttributesToGet": ["a"]}, "Can not use both expression and non-expression parameters in the "
             "same request: Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}"),
            ({"AttributesToGet": ["a", "b", "a"]},
             "One or more parameter values were invalid: Duplicate value in attribute name: a"),
            ({"projection": "pk.x"}, "Key attributes must be scalars; list random access '[]' and map lookup '.' are not "
             "allowed: Key: pk")):
        with invalid(text):
            get(**parameters)


def test_survives_a_restart(own_cloud):
    cloud = own_cloud()
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(TableName="kept", BillingMode="PAY_PER_REQUEST",
                          KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                          AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}])
    dynamodb.get_waiter("table_exists").wait(TableName="kept")
    for _ in range(20):
        update(dynamodb, "kept", "ADD n :one", {":one": {"N": "0.1"}})
    cloud.restart()
    assert item_of(dynamodb, "kept") == {**KEY, "n": {"N": "2"}}
    with refused("ConditionalCheckFailedException", "The conditional request failed"):
        update(dynamodb, "kept", "ADD n :one", {":one": {"N": "1"}}, ConditionExpression="n < :one")
