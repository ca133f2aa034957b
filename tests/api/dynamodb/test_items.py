# SPDX-License-Identifier: Apache-2.0
"""Items: every type there and back, numbers as DynamoDB writes them, sizes, limits, capacity, and what is
refused with which text."""
import base64
import concurrent.futures
import decimal
import json
import zlib

import boto3
import pytest
from boto3.dynamodb.types import Binary

from tables import invalid, keys, not_found
from wire import json_call

BAD = "One or more parameter values were invalid: "
WRAPPED = "1 validation error detected: "

EVERYTHING = {
    "string": {"S": "caf\u00e9 \U0001f600 \" \\ \u0000 \n"}, "empty string": {"S": ""},
    "number": {"N": "-1.5"}, "binary": {"B": bytes(range(256))}, "empty binary": {"B": b""},
    "true": {"BOOL": True}, "false": {"BOOL": False}, "null": {"NULL": True},
    "strings": {"SS": ["", "a", "b\u00e9"]}, "numbers": {"NS": ["-3", "0", "2.5"]}, "binaries": {"BS": [b"", b"\0", b"x"]},
    "list": {"L": [{"S": "x"}, {"N": "1"}, {"L": []}, {"M": {}}, {"NULL": True}]},
    "map": {"M": {"": {"S": "no name"}, "inner": {"M": {"deep": {"L": [{"SS": ["z"]}]}}}}},
    "n\u00e4me with blanks": {"S": "y"},
}


def nested(levels, leaf={"S": "leaf"}):
    """A value of so many levels."""
    return leaf if levels == 1 else {"M": {"n": nested(levels - 1, leaf)}}


def test_every_type_there_and_back(dynamodb, table):
    item = {"pk": {"S": "all"}, **EVERYTHING}
    assert "Attributes" not in dynamodb.put_item(TableName=table, Item=item)
    for consistent in (False, True):
        assert dynamodb.get_item(TableName=table, Key={"pk": {"S": "all"}}, ConsistentRead=consistent)["Item"] == item


def test_with_the_resource_interface(cloud, table):
    resource = boto3.resource("dynamodb", endpoint_url=cloud.endpoint, region_name="us-east-1",
                              aws_access_key_id="test", aws_secret_access_key="test")
    it = resource.Table(table)
    item = {"pk": "r", "n": decimal.Decimal("3.14"), "set": {"a", "b"}, "blob": Binary(b"\xff"), "list": [1, None, True],
            "map": {"k": decimal.Decimal("-1")}}
    it.put_item(Item=item)
    assert it.get_item(Key={"pk": "r"})["Item"] == item
    assert it.item_count == 1
    assert it.delete_item(Key={"pk": "r"}, ReturnValues="ALL_OLD")["Attributes"] == item


@pytest.mark.parametrize("sent, told", [
    ("0", "0"), ("-0", "0"), ("0e125", "0"), ("0042.1200", "42.12"), ("+7", "7"), (".5", "0.5"), ("5.", "5"),
    ("1e3", "1000"), ("12345e-7", "0.0012345"), ("-0.010", "-0.01"),
    ("9.9999999999999999999999999999999999999E+125", "9" * 38 + "0" * 88),
    ("-1E125", "-1" + "0" * 125), ("1e-130", "0." + "0" * 129 + "1"), ("1" + "0" * 60, "1" + "0" * 60),
    ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
])
def test_numbers(dynamodb, table, sent, told):
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "n"}, "n": {"N": sent}, "s": {"NS": [sent]}})
    item = dynamodb.get_item(TableName=table, Key={"pk": {"S": "n"}})["Item"]
    assert (item["n"], item["s"]) == ({"N": told}, {"NS": [told]})


LARGE = "Number overflow. Attempting to store a number with magnitude larger than supported range"
SMALL = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
LONG = "Attempting to store more than 38 significant digits in a Number"
NOT_ONE = "The parameter cannot be converted to a numeric value: "


@pytest.mark.parametrize("sent, text", [
    ("1e126", LARGE), ("-1e126", LARGE), ("0e126", LARGE), ("1e99999999999", LARGE), ("1e-131", SMALL), ("0e-131", SMALL),
    ("1" * 39, LONG), ("-1.23456789012345678901234567890123456789", LONG),
    ("abc", NOT_ONE + "abc"), ("", NOT_ONE), (" 1", NOT_ONE + " 1"), ("1.2.3", NOT_ONE + "1.2.3"),
    ("0x10", NOT_ONE + "0x10"), ("1e", NOT_ONE + "1e"), ("NaN", NOT_ONE + "NaN"), ("Infinity", NOT_ONE + "Infinity"),
    ("1e9223372036854775808", NOT_ONE + "1e9223372036854775808"),
])
def test_what_is_no_number(dynamodb, make_table, sent, text):
    it = make_table("N")
    for item in ({"pk": {"N": "1"}, "n": {"N": sent}}, {"pk": {"N": "1"}, "n": {"NS": ["7", sent]}},
                 {"pk": {"N": "1"}, "n": {"M": {"x": {"L": [{"N": sent}]}}}}, {"pk": {"N": sent}}):
        with invalid(WRAPPED + text):
            dynamodb.put_item(TableName=it, Item=item)
    with invalid(WRAPPED + text):
        dynamodb.delete_item(TableName=it, Key={"pk": {"N": sent}})
    with invalid(text):
        dynamodb.get_item(TableName=it, Key={"pk": {"N": sent}})


@pytest.mark.parametrize("value, text", [
    ({}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
    ({"S": "a", "N": "1"}, "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
     "supported datatypes"),
    ({"NULL": False}, BAD + "Null attribute value types must have the value of true"),
    ({"SS": []}, BAD + "An string set  may not be empty"),
    ({"NS": []}, BAD + "An number set  may not be empty"),
    ({"BS": []}, BAD + "Binary sets should not be empty"),
    ({"SS": ["b", "a", "b", "a"]}, BAD + 'Input collection ["a", "b", "b", "a"] contains duplicates.'),
    ({"SS": ["", ""]}, BAD + 'Input collection ["", ""] contains duplicates.'),
    ({"NS": ["1", "2", "1.0"]}, BAD + "Input collection contains duplicates."),
    ({"BS": [b"\xff", b"\0", b"\0"]}, BAD + 'Input collection ["AA==","/w==","AA=="]of type BS contains duplicates.'),
    (nested(33), "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond "
     "supported limit"),
])
def test_refused_values(dynamodb, table, value, text):
    for item in ({"pk": {"S": "v"}, "v": value}, {"pk": {"S": "v"}, "v": {"L": [value]}}):
        with invalid(WRAPPED + text):
            dynamodb.put_item(TableName=table, Item=item)
    assert "Item" not in dynamodb.get_item(TableName=table, Key={"pk": {"S": "v"}})


def test_32_levels(dynamodb, table):
    item = {"pk": {"S": "deep"}, "v": nested(32)}
    dynamodb.put_item(TableName=table, Item=item)
    assert dynamodb.get_item(TableName=table, Key={"pk": {"S": "deep"}})["Item"] == item


def test_400_kb(dynamodb, table):
    """Names and values of exactly 409,600 bytes go in; one more does not."""
    fill = 409600 - len("pk") - len("big") - len("p")
    item = {"pk": {"S": "big"}, "p": {"S": "x" * fill}}
    dynamodb.put_item(TableName=table, Item=item)
    assert dynamodb.get_item(TableName=table, Key={"pk": {"S": "big"}})["Item"] == item
    told = dynamodb.describe_table(TableName=table)["Table"]
    assert (told["ItemCount"], told["TableSizeBytes"]) == (1, 409600)
    for over in ({**item, "p": {"S": "x" * (fill + 1)}}, {**item, "b": {"BOOL": True}},
                 {"pk": {"S": "big"}, **{f"{i}" + "n" * 65000: {"NULL": True} for i in range(7)}}):
        with invalid("Item size has exceeded the maximum allowed size"):
            dynamodb.put_item(TableName=table, Item=over)


@pytest.mark.parametrize("literal, size", [
    ("0", 1), ("1", 2), ("123", 3), ("1234", 3), ("1E125", 2), ("1.5", 3), ("3.14159", 5), ("123456", 4), ("-1", 3)])
def test_what_a_number_weighs(dynamodb, table, literal, size):
    fill = 409600 - len("pk") - len("w") - len("n") - size - len("p")
    item = {"pk": {"S": "w"}, "n": {"N": literal}, "p": {"S": "x" * fill}}
    dynamodb.put_item(TableName=table, Item=item)
    with invalid("Item size has exceeded the maximum allowed size"):
        dynamodb.put_item(TableName=table, Item={**item, "p": {"S": "x" * (fill + 1)}})


KEY_EMPTY = ("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty "
             "{} value. Key: {}")
HASH_SIZE = BAD + "Size of hashkey has exceeded the maximum size limit of2048 bytes"
RANGE_SIZE = BAD + "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"


def test_keys_of_items(dynamodb, make_table):
    it = make_table("S", "B")

    def put(**item):
        dynamodb.put_item(TableName=it, Item=item)
    with invalid(BAD + "Missing the key pk in the item"):
        put(sk={"B": b"x"})
    with invalid(BAD + "Missing the key sk in the item"):
        put(pk={"S": "x"})
    with invalid(BAD + "Type mismatch for key pk expected: S actual: N"):
        put(pk={"N": "1"}, sk={"B": b"x"})
    with invalid(BAD + "Type mismatch for key sk expected: B actual: M"):
        put(pk={"S": "x"}, sk={"M": {}})
    with invalid(KEY_EMPTY.format("string", "pk")):
        put(pk={"S": ""}, sk={"B": b"x"})
    with invalid(KEY_EMPTY.format("binary", "sk")):
        put(pk={"S": "x"}, sk={"B": b""})
    with invalid(HASH_SIZE):
        put(pk={"S": "x" * 2049}, sk={"B": b"x"})
    with invalid(RANGE_SIZE):
        put(pk={"S": "x"}, sk={"B": b"x" * 1025})
    largest = {"pk": {"S": "\u00e9" * 1024}, "sk": {"B": b"\0" * 1024}}
    put(**largest)
    assert dynamodb.get_item(TableName=it, Key=largest)["Item"] == largest


def test_keys_of_requests(dynamodb, make_table):
    it = make_table("S", "N")
    for key in ({"pk": {"S": "a"}}, {"pk": {"S": "a"}, "sk": {"S": "1"}}, {"pk": {"S": "a"}, "other": {"N": "1"}},
                {"pk": {"S": "a"}, "sk": {"N": "1"}, "other": {"S": "b"}}, {}):
        for call in (dynamodb.get_item, dynamodb.delete_item):
            with invalid("The provided key element does not match the schema"):
                call(TableName=it, Key=key)
    for call in (dynamodb.get_item, dynamodb.delete_item):
        with invalid(KEY_EMPTY.format("string", "pk")):
            call(TableName=it, Key={"pk": {"S": ""}, "sk": {"N": "1"}})
        with invalid(HASH_SIZE):
            call(TableName=it, Key={"pk": {"S": "x" * 2049}, "sk": {"N": "1"}})


def test_equal_numbers_are_one_key(dynamodb, make_table):
    it = make_table("N", "N")
    dynamodb.put_item(TableName=it, Item={"pk": {"N": "1.0"}, "sk": {"N": "1e2"}, "v": {"S": "first"}})
    old = dynamodb.put_item(TableName=it, Item={"pk": {"N": "01"}, "sk": {"N": "100.00"}}, ReturnValues="ALL_OLD")
    assert old["Attributes"] == {"pk": {"N": "1"}, "sk": {"N": "100"}, "v": {"S": "first"}}
    assert dynamodb.describe_table(TableName=it)["Table"]["ItemCount"] == 1


def test_items_with_one_hash_key(dynamodb, make_table):
    it = make_table("S", "N")
    for number in range(-20, 20):
        dynamodb.put_item(TableName=it, Item={"pk": {"S": "one"}, "sk": {"N": str(number)}, "v": {"N": str(number * 2)}})
    for number in range(-20, 20):
        item = dynamodb.get_item(TableName=it, Key={"pk": {"S": "one"}, "sk": {"N": str(number)}})["Item"]
        assert item["v"] == {"N": str(number * 2)}


def test_old_values(dynamodb, table):
    key = {"pk": {"S": "old"}}
    one, two = {**key, "v": {"N": "1"}}, {**key, "v": {"N": "2"}}
    assert "Attributes" not in dynamodb.put_item(TableName=table, Item=one, ReturnValues="ALL_OLD")
    assert "Attributes" not in dynamodb.put_item(TableName=table, Item=one, ReturnValues="NONE")
    assert dynamodb.put_item(TableName=table, Item=two, ReturnValues="ALL_OLD")["Attributes"] == one
    assert dynamodb.delete_item(TableName=table, Key=key, ReturnValues="ALL_OLD")["Attributes"] == two
    assert "Attributes" not in dynamodb.delete_item(TableName=table, Key=key, ReturnValues="ALL_OLD")
    assert "Item" not in dynamodb.get_item(TableName=table, Key=key)
    for wanted in ("ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"):
        with invalid(WRAPPED + "ReturnValues can only be ALL_OLD or NONE"):
            dynamodb.put_item(TableName=table, Item=one, ReturnValues=wanted)
        with invalid(WRAPPED + "ReturnValues can only be ALL_OLD or NONE"):
            dynamodb.delete_item(TableName=table, Key=key, ReturnValues=wanted)


def test_capacity(dynamodb, table):
    def used(call, **more):
        return call(TableName=table, ReturnConsumedCapacity="TOTAL", **more)["ConsumedCapacity"]["CapacityUnits"]

    def of_size(size):
        return {"pk": {"S": "c"}, "p": {"S": "x" * (size - len("pk") - len("c") - len("p"))}}
    key = {"pk": {"S": "c"}}
    assert used(dynamodb.get_item, Key=key) == 0.5
    assert used(dynamodb.get_item, Key=key, ConsistentRead=True) == 1
    assert used(dynamodb.delete_item, Key=key) == 1
    assert used(dynamodb.put_item, Item=of_size(1024)) == 1
    assert used(dynamodb.put_item, Item=of_size(1025)) == 2
    assert used(dynamodb.put_item, Item=of_size(10 * 1024)) == 10
    assert used(dynamodb.put_item, Item=of_size(4096)) == 10  # what was there counts
    assert used(dynamodb.get_item, Key=key, ConsistentRead=True) == 1
    assert used(dynamodb.put_item, Item=of_size(4097)) == 5
    assert used(dynamodb.get_item, Key=key, ConsistentRead=True) == 2
    assert used(dynamodb.get_item, Key=key) == 1
    whole = dynamodb.delete_item(TableName=table, Key=key, ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
    assert whole == {"TableName": table, "CapacityUnits": 5, "Table": {"CapacityUnits": 5}}
    assert "ConsumedCapacity" not in dynamodb.get_item(TableName=table, Key=key, ReturnConsumedCapacity="NONE")


def test_counts_are_true(dynamodb, make_table):
    it = make_table()

    def counts():
        told = dynamodb.describe_table(TableName=it)["Table"]
        return told["ItemCount"], told["TableSizeBytes"]
    assert counts() == (0, 0)
    for i in range(30):
        dynamodb.put_item(TableName=it, Item={"pk": {"S": f"{i:02}"}, "v": {"S": "12345"}})
    assert counts() == (30, 30 * 10)
    dynamodb.put_item(TableName=it, Item={"pk": {"S": "00"}})
    assert counts() == (30, 30 * 10 - 6)
    for i in range(0, 30, 2):
        dynamodb.delete_item(TableName=it, Key={"pk": {"S": f"{i:02}"}})
    dynamodb.delete_item(TableName=it, Key={"pk": {"S": "never"}})
    assert counts() == (15, 15 * 10)


def test_a_new_table_of_the_same_name_is_empty(dynamodb, make_table):
    it = make_table()
    dynamodb.put_item(TableName=it, Item={"pk": {"S": "a"}})
    dynamodb.delete_table(TableName=it)
    dynamodb.get_waiter("table_not_exists").wait(TableName=it)
    dynamodb.create_table(TableName=it, BillingMode="PAY_PER_REQUEST", **keys("S", "S"))
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    key = {"pk": {"S": "a"}, "sk": {"S": "a"}}
    assert "Item" not in dynamodb.get_item(TableName=it, Key=key)
    dynamodb.put_item(TableName=it, Item=key)
    assert dynamodb.describe_table(TableName=it)["Table"]["ItemCount"] == 1


def test_values_are_checked_before_the_table(dynamodb):
    with not_found():
        dynamodb.put_item(TableName="missing", Item={"pk": {"S": "a"}})
    with not_found():
        dynamodb.get_item(TableName="missing", Key={"pk": {"S": "a"}})
    with not_found():
        dynamodb.delete_item(TableName="missing", Key={"pk": {"S": "a"}})
    with invalid(WRAPPED + NOT_ONE + "x"):
        dynamodb.put_item(TableName="missing", Item={"pk": {"N": "x"}})
    with invalid("Item size has exceeded the maximum allowed size"):
        dynamodb.put_item(TableName="missing", Item={"pk": {"S": "x" * 409600}})


def test_missing_parameters(dynamodb):
    with invalid("2 validation errors detected: Value null at 'tableName' failed to satisfy constraint: Member must not be "
                 "null; Value null at 'item' failed to satisfy constraint: Member must not be null"):
        dynamodb.put_item()
    with invalid("1 validation error detected: Value null at 'key' failed to satisfy constraint: Member must not be null"):
        dynamodb.get_item(TableName="abc")


def test_replies_carry_their_checksum(cloud, dynamodb, table):
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}})
    for body in (b'{"TableName": "%s", "Key": {"pk": {"S": "a"}}}' % table.encode(), b'{"TableName": "x"}', b"{}", b"["):
        reply = json_call(cloud, "DynamoDB_20120810.GetItem", body).reply()
        assert int(reply.headers["x-amz-crc32"]) == zlib.crc32(reply.body)


def test_raw_requests(cloud, table):
    """What no SDK sends."""
    def call(body):
        reply = json_call(cloud, "DynamoDB_20120810.PutItem", body.encode()).reply()
        return reply.status, json.loads(reply.body)
    status, error = call(json.dumps({"TableName": table, "Item": {"pk": {"S": 5}}}))
    assert (status, error["__type"]) == (400, "com.amazon.coral.service#SerializationException")
    status, error = call(json.dumps({"TableName": table, "Item": {"pk": {"S": "a"}, "b": {"B": "!"}}}))
    assert status == 400
    assert call('{"TableName": "%s", "Item": {"pk": {"S": "twice"}, "pk": {"S": "once"}, "x": {"Unknown": 1, "N": "1"}}}'
                % table) == (200, {})
    assert call(json.dumps({"TableName": table, "Item": {"pk": {"S": "b"}, "b": {"B": base64.b64encode(b"x").decode()}}})
                )[0] == 200


def test_writers_of_one_item(dynamodb, cloud, table):
    """Every old value is told exactly once: writes of one item follow one another."""
    def put(number):
        old = dynamodb.put_item(TableName=table, Item={"pk": {"S": "one"}, "v": {"N": str(number)}},
                                ReturnValues="ALL_OLD").get("Attributes")
        return old["v"]["N"] if old else None
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        olds = list(pool.map(put, range(200)))
    last = dynamodb.get_item(TableName=table, Key={"pk": {"S": "one"}}, ConsistentRead=True)["Item"]["v"]["N"]
    assert sorted([old for old in olds if old] + [last], key=int) == [str(i) for i in range(200)]
    assert dynamodb.describe_table(TableName=table)["Table"]["ItemCount"] == 1
