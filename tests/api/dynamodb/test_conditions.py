# SPDX-License-Identifier: Apache-2.0
"""Conditions of PutItem, UpdateItem and DeleteItem: expressions and the older Expected, what a failure tells, and which
parameters exclude each other."""
import concurrent.futures

import botocore.exceptions
import pytest

from tables import invalid, not_found, refused

ONE = "1 validation error detected: "
BAD = ONE + "One or more parameter values were invalid: "
KEY = {"pk": {"S": "c"}}
FAILED = "The conditional request failed"


def failed():
    return refused("ConditionalCheckFailedException", FAILED)


@pytest.fixture
def seeded(dynamodb, table):
    dynamodb.put_item(TableName=table, Item={**KEY, "n": {"N": "5"}, "m": {"M": {"l": {"L": [{"S": "x"}]}}}})
    return table


def test_put_if_absent(dynamodb, table):
    new = {"ConditionExpression": "attribute_not_exists(pk)"}
    dynamodb.put_item(TableName=table, Item=KEY, **new)
    with failed():
        dynamodb.put_item(TableName=table, Item={**KEY, "v": {"S": "other"}}, **new)
    assert dynamodb.get_item(TableName=table, Key=KEY)["Item"] == KEY
    with failed():
        dynamodb.delete_item(TableName=table, Key={"pk": {"S": "absent"}}, ConditionExpression="attribute_exists(pk)")
    with failed():
        dynamodb.update_item(TableName=table, Key={"pk": {"S": "absent"}}, ConditionExpression="attribute_exists(pk)",
                             UpdateExpression="REMOVE x")


def test_what_a_failure_tells(dynamodb, seeded):
    item = dynamodb.get_item(TableName=seeded, Key=KEY)["Item"]
    names = {"ConditionExpression": "#n > :n AND m.l[0] = :x", "ExpressionAttributeNames": {"#n": "n"},
             "ExpressionAttributeValues": {":n": {"N": "7"}, ":x": {"S": "x"}}}
    for call, more in ((dynamodb.put_item, {"Item": KEY}), (dynamodb.delete_item, {"Key": KEY}),
                       (dynamodb.update_item, {"Key": KEY})):
        for wanted in (None, "NONE", "ALL_OLD"):
            asked = {"ReturnValuesOnConditionCheckFailure": wanted} if wanted else {}
            with pytest.raises(botocore.exceptions.ClientError) as caught:
                call(TableName=seeded, **more, **names, **asked)
            told = caught.value.response
            assert (told["Error"]["Code"], told["Error"]["Message"]) == ("ConditionalCheckFailedException", FAILED)
            assert told.get("Item") == (item if wanted == "ALL_OLD" else None)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        dynamodb.delete_item(TableName=seeded, Key={"pk": {"S": "absent"}}, ConditionExpression="attribute_exists(n)",
                             ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert "Item" not in caught.value.response
    names["ExpressionAttributeValues"][":n"] = {"N": "4.9"}
    assert dynamodb.delete_item(TableName=seeded, Key=KEY, ReturnValues="ALL_OLD", **names)["Attributes"] == item


VALUE = {":v": {"S": "x"}}


@pytest.mark.parametrize("parameters, text", [
    ({"ConditionExpression": ""}, "Invalid ConditionExpression: The expression can not be empty;"),
    ({"ConditionExpression": "((attribute_not_exists(pk)))"},
     "Invalid ConditionExpression: The expression has redundant parentheses;"),
    ({"ConditionExpression": "a = :v"}, "Invalid ConditionExpression: An expression attribute value used in expression is "
     "not defined; attribute value: :v"),
    ({"ConditionExpression": "name = :v", "ExpressionAttributeValues": VALUE},
     "Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: name"),
    ({"ConditionExpression": "contains(#a, #a)", "ExpressionAttributeNames": {"#a": "data"}},
     "Invalid ConditionExpression: The first operand must be distinct from the remaining operands for this operator or "
     "function; operator: contains, first operand: [data]"),
    ({"ConditionExpression": "attribute_exists(a)", "ExpressionAttributeNames": {"#a": "b"}},
     "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a}"),
    ({"ConditionExpression": "attribute_exists(a)", "ExpressionAttributeValues": VALUE},
     "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}"),
    ({"ExpressionAttributeValues": VALUE}, "ExpressionAttributeValues can only be specified when using expressions"),
    ({"ExpressionAttributeNames": {"#a": "b"}}, "ExpressionAttributeNames can only be specified when using expressions"),
    ({"Expected": {"a": {"Exists": False}}, "ConditionExpression": "attribute_exists(a)"},
     "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {Expected} "
     "Expression parameters: {ConditionExpression}"),
    ({"Expected": {"a": {"Exists": True}}},
     "One or more parameter values were invalid: Value must be provided when Exists is true for Attribute: a"),
    ({"Expected": {"a": {}}},
     "One or more parameter values were invalid: Value must be provided when Exists is null for Attribute: a"),
    ({"Expected": {"a": {"Exists": False, "Value": {"S": "x"}}}},
     "One or more parameter values were invalid: Value cannot be used when Exists is false for Attribute: a"),
    ({"Expected": {"a": {"ComparisonOperator": "EQ"}}}, "One or more parameter values were invalid: Value or "
     "AttributeValueList must be used with ComparisonOperator: EQ for Attribute: a"),
    ({"Expected": {"a": {"ComparisonOperator": "EQ", "Exists": True, "Value": {"S": "x"}}}},
     "One or more parameter values were invalid: Exists and ComparisonOperator cannot be used together for Attribute: a"),
    ({"Expected": {"a": {"AttributeValueList": [], "Value": {"S": "x"}}}},
     "One or more parameter values were invalid: Value and AttributeValueList cannot be used together for Attribute: a"),
    ({"Expected": {"a": {"AttributeValueList": [{"S": "x"}]}}}, "One or more parameter values were invalid: "
     "AttributeValueList can only be used with a ComparisonOperator for Attribute: a"),
    ({"Expected": {"a": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"S": "x"}]}}},
     "One or more parameter values were invalid: Invalid number of argument(s) for the BETWEEN ComparisonOperator"),
    ({"Expected": {"a": {"ComparisonOperator": "IN", "AttributeValueList": [{"S": "x"}, {"N": "1"}]}}},
     "One or more parameter values were invalid: AttributeValues inside AttributeValueList must be of same type"),
    ({"Expected": {"a": {"ComparisonOperator": "LT", "AttributeValueList": [{"SS": ["x"]}]}}},
     "One or more parameter values were invalid: ComparisonOperator LT is not valid for SS AttributeValue type"),
    ({"Expected": {"a": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"N": "2"}, {"N": "1"}]}}},
     "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"),
    ({"ConditionalOperator": "OR"}, "ConditionalOperator cannot be used without Filter or Expected"),
    ({"ConditionalOperator": "OR", "Expected": {"a": {"Exists": False}}},
     "ConditionalOperator can only be used when Filter or Expected has two or more elements"),
])
def test_refused_conditions(dynamodb, parameters, text):
    """They are refused before the table is looked for."""
    for call, more in ((dynamodb.put_item, {"Item": KEY}), (dynamodb.delete_item, {"Key": KEY}),
                       (dynamodb.update_item, {"Key": KEY})):
        with invalid(ONE + text):
            call(TableName="missing", **more, **parameters)
    with not_found():
        dynamodb.update_item(TableName="missing", Key=KEY)


def test_key_attributes_are_scalars(dynamodb, table):
    with invalid("Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: pk"):
        dynamodb.put_item(TableName=table, Item=KEY, ConditionExpression="attribute_not_exists(pk.x)")


@pytest.mark.parametrize("expected, holds", [
    ({"n": {"Value": {"N": "5.0"}}}, True), ({"n": {"Value": {"S": "5"}}}, False),
    ({"x": {"Exists": False}}, True), ({"n": {"Exists": False}}, False),
    ({"n": {"ComparisonOperator": "GE", "AttributeValueList": [{"N": "5"}]}}, True),
    ({"n": {"ComparisonOperator": "GT", "Value": {"N": "5"}}}, False),
    ({"n": {"ComparisonOperator": "NE", "Value": {"N": "5"}}}, False),
    ({"x": {"ComparisonOperator": "NE", "Value": {"N": "5"}}}, True),
    ({"n": {"ComparisonOperator": "IN", "AttributeValueList": [{"N": "4"}, {"N": "5"}]}}, True),
    ({"n": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"N": "4"}, {"N": "5"}]}}, True),
    ({"n": {"ComparisonOperator": "NOT_NULL"}}, True), ({"n": {"ComparisonOperator": "NULL"}}, False),
    ({"l": {"ComparisonOperator": "CONTAINS", "Value": {"S": "x"}}}, True),
    ({"l": {"ComparisonOperator": "NOT_CONTAINS", "Value": {"S": "y"}}}, True),
    ({"x": {"ComparisonOperator": "NOT_CONTAINS", "Value": {"S": "y"}}}, False),
    ({"s": {"ComparisonOperator": "BEGINS_WITH", "Value": {"S": "ab"}}}, True),
])
def test_expected(dynamodb, table, expected, holds):
    item = {**KEY, "n": {"N": "5"}, "l": {"SS": ["x"]}, "s": {"S": "abc"}}
    dynamodb.put_item(TableName=table, Item=item)
    if holds:
        dynamodb.put_item(TableName=table, Item=item, Expected=expected)
    else:
        with failed():
            dynamodb.put_item(TableName=table, Item=item, Expected=expected)
    both = {**expected, "pk": {"Value": {"S": "other"}}}
    with failed():
        dynamodb.delete_item(TableName=table, Key=KEY, Expected=both)
    if holds:
        dynamodb.update_item(TableName=table, Key=KEY, Expected=both, ConditionalOperator="OR")


def test_only_one_wins(dynamodb, table):
    """Of many who take the same number, one does."""
    dynamodb.put_item(TableName=table, Item={**KEY, "n": {"N": "0"}})

    def take(number):
        try:
            dynamodb.update_item(TableName=table, Key=KEY, UpdateExpression="SET n = n + :one, who = :who",
                                 ConditionExpression="n = :n",
                                 ExpressionAttributeValues={":one": {"N": "1"}, ":n": {"N": str(number // 4)},
                                                            ":who": {"N": str(number)}})
            return number
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "ConditionalCheckFailedException"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        winners = [n for n in pool.map(take, range(160)) if n is not None]
    last = dynamodb.get_item(TableName=table, Key=KEY, ConsistentRead=True)["Item"]
    assert last["n"]["N"] == str(len(winners)) == str(len({n // 4 for n in winners}))
