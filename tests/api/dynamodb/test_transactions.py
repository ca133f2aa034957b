# SPDX-License-Identifier: Apache-2.0
"""TransactWriteItems and TransactGetItems: all or nothing, with the reason of each action."""
import contextlib
import threading
import uuid

import botocore.exceptions
import pytest

import harness
import identities
from tables import arn, invalid, keys, not_found, refused

BAD = "One or more parameter values were invalid: "
MISMATCH = "The provided key element does not match the schema"
TWICE = "Transaction request cannot include multiple operations on one item"
FAILED = "The conditional request failed"


def item(**attributes):
    return {name: {"S": value} for name, value in attributes.items()}


def put(table, **attributes):
    return {"Put": {"TableName": table, "Item": item(**attributes)}}


def delete(table, **attributes):
    return {"Delete": {"TableName": table, "Key": item(**attributes)}}


def update(table, expression, values, **attributes):
    return {"Update": {"TableName": table, "Key": item(**attributes), "UpdateExpression": expression,
                       "ExpressionAttributeValues": values}}


def check(table, condition, **attributes):
    return {"ConditionCheck": {"TableName": table, "Key": item(**attributes), "ConditionExpression": condition}}


def when(action, condition, **more):
    kind, body = next(iter(action.items()))
    return {kind: {**body, "ConditionExpression": condition, **more}}


def get(table, **attributes):
    return {"Get": {"TableName": table, "Key": item(**attributes)}}


@contextlib.contextmanager
def cancelled(*reasons):
    """Each reason: None, or (code, message), or (code, message, item)."""
    codes = ", ".join(each[0] if each else "None" for each in reasons)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        yield
    response = caught.value.response
    assert response["Error"]["Code"] == "TransactionCanceledException"
    assert response["Error"]["Message"] == (
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]")
    names = "Code", "Message", "Item"
    assert response["CancellationReasons"] == [dict(zip(names, each)) if each else {"Code": "None"} for each in reasons]


def write(dynamodb, *actions, **more):
    return dynamodb.transact_write_items(TransactItems=list(actions), **more)


def read(dynamodb, *gets):
    return [each.get("Item") for each in dynamodb.transact_get_items(TransactItems=list(gets))["Responses"]]


def test_all_of_it(cloud, dynamodb, make_table):
    one, two = make_table(), make_table("S", "S")
    write(dynamodb, put(one, pk="old", n="1"), put(one, pk="gone"), put(two, pk="a", sk="1"))
    answer = write(dynamodb, put(one, pk="new"), delete(one, pk="gone"), delete(one, pk="never"),
                   update(one, "SET n = :n", {":n": {"S": "2"}}, pk="old"),
                   update(arn(two), "SET n = :n", {":n": {"S": "3"}}, pk="b", sk="2"),
                   check(two, "attribute_exists(pk)", pk="a", sk="1"))
    assert answer.keys() == {"ResponseMetadata"}
    cloud.restart()
    assert read(dynamodb, get(one, pk="old"), get(one, pk="gone"), get(one, pk="new"), get(arn(two), pk="b", sk="2")) == [
        item(pk="old", n="2"), None, item(pk="new"), item(pk="b", sk="2", n="3")]


def test_none_of_it(dynamodb, make_table):
    table = make_table()
    write(dynamodb, put(table, pk="a", v="1"))
    absent = "attribute_not_exists(pk)"
    with cancelled(None, ("ConditionalCheckFailed", FAILED)):
        write(dynamodb, put(table, pk="b"), when(put(table, pk="a"), absent))
    with cancelled(("ConditionalCheckFailed", FAILED, item(pk="a", v="1")), None, ("ConditionalCheckFailed", FAILED)):
        write(dynamodb, when(delete(table, pk="a"), absent, ReturnValuesOnConditionCheckFailure="ALL_OLD"),
              put(table, pk="b"), check(table, "attribute_exists(pk)", pk="c"))
    with cancelled(("ConditionalCheckFailed", FAILED)):
        write(dynamodb, when(update(table, "SET v = :v", {":v": {"S": "x"}}, pk="never"), "attribute_exists(pk)"))
    assert read(dynamodb, get(table, pk="a"), get(table, pk="b")) == [item(pk="a", v="1"), None]
    assert dynamodb.describe_table(TableName=table)["Table"]["ItemCount"] == 1


def test_reasons_of_single_actions(dynamodb, make_table):
    table = make_table()
    write(dynamodb, put(table, pk="a", v="1"))
    wrong = {"N": "5"}
    with cancelled(None, ("ValidationError", BAD + "Type mismatch for key pk expected: S actual: N")):
        write(dynamodb, put(table, pk="b"), {"Put": {"TableName": table, "Item": {"pk": wrong}}})
    with cancelled(("ValidationError", BAD + "Missing the key pk in the item")):
        write(dynamodb, put(table, other="b"))
    for action in delete(table), check(table, "attribute_exists(pk)"), update(table, "SET v = :v", {":v": wrong}):
        next(iter(action.values()))["Key"] = {"pk": wrong}
        with cancelled(("ValidationError", MISMATCH)):
            write(dynamodb, action)
    with cancelled(("ValidationError", MISMATCH)):
        read(dynamodb, {"Get": {"TableName": table, "Key": {}}})
    with cancelled(("ValidationError", "An operand in the update expression has an incorrect data type"), None):
        write(dynamodb, update(table, "SET v = v + :n", {":n": {"N": "1"}}, pk="a"), put(table, pk="b"))


def test_whole_refusals(dynamodb, make_table, name):
    table, binary = make_table(), make_table("B")
    empty = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {} value. Key: pk"
    for action in put(table, pk=""), delete(table, pk=""), check(table, "attribute_exists(pk)", pk=""):
        with invalid(empty.format("string")):
            write(dynamodb, action)
    with invalid(empty.format("binary")):
        write(dynamodb, {"Delete": {"TableName": binary, "Key": {"pk": {"B": b""}}}})
    with invalid(TWICE):
        write(dynamodb, put(table, pk="a"), check(arn(table), "attribute_exists(pk)", pk="a"))
    with invalid(TWICE):
        read(dynamodb, get(table, pk="a"), get(table, pk="a"))
    with invalid("TransactItems can only contain one of Check, Put, Update or Delete"):
        write(dynamodb, {**put(table, pk="a"), **delete(table, pk="b")})
    with invalid("TransactItems can only contain one of Check, Put, Update or Delete"):
        write(dynamodb, {})
    with not_found():
        write(dynamodb, put(table, pk="a"), put(name("never"), pk="a"))
    with not_found():
        read(dynamodb, get(name("never"), pk="a"))
    with invalid('Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "("'):
        write(dynamodb, put(name("never"), pk="a"), check(table, "attribute_not_exists(", pk="b"))
    with invalid("Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}"):
        write(dynamodb, when(put(table, pk="a"), "attribute_exists(pk)", ExpressionAttributeValues={":v": {"S": "x"}}))
    with invalid("ExpressionAttributeValues can only be specified when using expressions"):
        write(dynamodb, {"Put": {**put(table, pk="a")["Put"], "ExpressionAttributeValues": {":v": {"S": "x"}}}})
    with invalid(BAD + "Cannot update attribute pk. This attribute is part of the key"):
        write(dynamodb, update(table, "SET pk = :v", {":v": {"S": "x"}}, pk="a"))
    with invalid("Item size has exceeded the maximum allowed size"):
        write(dynamodb, put(table, pk="a", v="x" * 409_600))
    with invalid("ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: abc "
                 "for key :v"):
        write(dynamodb, update(table, "SET v = :v", {":v": {"N": "abc"}}, pk="a"))
    with invalid("The aggregate size of the items in the transaction cannot exceed 4 MB"):
        write(dynamodb, *[put(table, pk=str(i), v="x" * 400_000) for i in range(11)])
    for i in range(11):
        dynamodb.put_item(TableName=table, Item=item(pk=str(i), v="x" * 400_000))
    with invalid("The aggregate size of the items in the transaction cannot exceed 4 MB"):
        read(dynamodb, *[get(table, pk=str(i)) for i in range(11)])
    for count, text in (0, "greater than or equal to 1"), (101, "less than or equal to 100"):
        for call in write, read:
            with pytest.raises(botocore.exceptions.ClientError, match=f"Member must have length {text}"):
                call(dynamodb, *[(put if call is write else get)(table, pk=str(i)) for i in range(count)])


def test_indexes_and_what_is_charged(dynamodb, name):
    it = name("charged")
    schema = keys("S", "S")
    schema["AttributeDefinitions"].append({"AttributeName": "g", "AttributeType": "S"})
    dynamodb.create_table(
        TableName=it, BillingMode="PAY_PER_REQUEST", **schema,
        GlobalSecondaryIndexes=[{"IndexName": "gsi", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                                 "Projection": {"ProjectionType": "ALL"}}],
        LocalSecondaryIndexes=[{"IndexName": "lsi", "Projection": {"ProjectionType": "KEYS_ONLY"}, "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "g", "KeyType": "RANGE"}]}])
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    answer = write(dynamodb, put(it, pk="a", sk="1", g="1"), put(it, pk="b", sk="1", v="x" * 1100),
                   ReturnConsumedCapacity="INDEXES", ReturnItemCollectionMetrics="SIZE")
    assert answer["ConsumedCapacity"] == [{
        "TableName": it, "CapacityUnits": 10, "WriteCapacityUnits": 10, "Table": {"CapacityUnits": 6},
        "GlobalSecondaryIndexes": {"gsi": {"CapacityUnits": 2}}, "LocalSecondaryIndexes": {"lsi": {"CapacityUnits": 2}}}]
    assert answer["ItemCollectionMetrics"] == {it: [{"ItemCollectionKey": item(pk=pk), "SizeEstimateRangeGB": [0.0, 1.0]}
                                                    for pk in "ab"]}
    reads = dynamodb.transact_get_items(TransactItems=[get(it, pk="a", sk="1"), get(it, pk="z", sk="1")],
                                        ReturnConsumedCapacity="TOTAL")
    assert reads["ConsumedCapacity"] == [{"TableName": it, "CapacityUnits": 4, "ReadCapacityUnits": 4}]
    with cancelled(("ValidationError", BAD + "Type mismatch for Index Key g Expected: S Actual: N IndexName: gsi")):
        write(dynamodb, {"Put": {"TableName": it, "Item": {**item(pk="a", sk="1"), "g": {"N": "5"}}}})
    with invalid("One or more parameter values are not valid. A value specified for a secondary index key is not supported. "
                 "The AttributeValue for a key attribute cannot contain an empty string value. IndexName: gsi, IndexKey: g"):
        write(dynamodb, put(it, pk="a", sk="1", g=""))
    with cancelled(None, ("ConditionalCheckFailed", FAILED)):
        write(dynamodb, put(it, pk="c", sk="1", g="1"), check(it, "attribute_exists(pk)", pk="d", sk="1"))
    told = dynamodb.describe_table(TableName=it)["Table"]
    assert told["ItemCount"] == 2 and told["GlobalSecondaryIndexes"][0]["ItemCount"] == 1
    dynamodb.delete_table(TableName=it)


def test_projections(dynamodb, table):
    write(dynamodb, put(table, pk="a", v="1", w="2"))
    wanted = get(table, pk="a")
    wanted["Get"].update(ProjectionExpression="#v", ExpressionAttributeNames={"#v": "v"})
    assert read(dynamodb, wanted) == [item(v="1")]
    wanted["Get"]["ProjectionExpression"] = "!!!"
    with invalid('Invalid ProjectionExpression: Syntax error; token: "!", near: "!!"'):
        read(dynamodb, wanted)


def test_a_token_is_done_once(tmp_path, name):
    cloud = harness.Cloud(tmp_path, "--auth", "open").start()
    dynamodb = cloud.client("dynamodb", parameter_validation=False)
    table, token = name("table"), str(uuid.uuid4())
    dynamodb.create_table(TableName=table, BillingMode="PAY_PER_REQUEST", **keys())
    dynamodb.get_waiter("table_exists").wait(TableName=table)
    once = lambda: write(dynamodb, update(table, "ADD n :n", {":n": {"N": "1"}}, pk="a"), ClientRequestToken=token,
                         ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"]
    count = lambda: dynamodb.get_item(TableName=table, Key=item(pk="a"))["Item"]["n"]["N"]
    assert once() == [{"TableName": table, "CapacityUnits": 2, "WriteCapacityUnits": 2}]
    assert once() == [{"TableName": table, "CapacityUnits": 2, "ReadCapacityUnits": 2}]
    cloud.restart()
    once()
    assert count() == "1"
    with refused("IdempotentParameterMismatchException", "Request was retried with a different payload but with an "
                 "idempotent token that was already used"):
        write(dynamodb, put(table, pk="a"), ClientRequestToken=token)
    cloud.advance(601)
    once()
    assert count() == "2"
    failing = when(put(table, pk="a"), "attribute_not_exists(pk)")
    for _ in range(2):
        with cancelled(("ConditionalCheckFailed", FAILED)):
            write(dynamodb, failing, ClientRequestToken="kept-only-when-done")
    cloud.stop()


def test_transfers_are_serial(cloud, dynamodb, table):
    """Whoever reads sees the sum that was there in the beginning."""
    accounts = [str(i) for i in range(4)]
    for each in accounts:
        dynamodb.put_item(TableName=table, Item={**item(pk=each), "n": {"N": "100"}})
    wrong = []

    def transfer(seed):
        client = cloud.client("dynamodb")
        for i in range(40):
            one, two = accounts[(i + seed) % 4], accounts[(i + seed + 1 + i % 3) % 4]
            write(client, update(table, "ADD n :n", {":n": {"N": "-7"}}, pk=one),
                  update(table, "ADD n :n", {":n": {"N": "7"}}, pk=two))
            total = sum(int(each["n"]["N"]) for each in read(client, *[get(table, pk=each) for each in accounts]))
            if total != 400:
                wrong.append(total)

    threads = [threading.Thread(target=transfer, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_each_action_needs_its_permission(cloud, name):
    account = identities.Account(cloud)
    root = account.client("dynamodb")
    table = name("mine")
    root.create_table(TableName=table, BillingMode="PAY_PER_REQUEST", **keys())
    root.get_waiter("table_exists").wait(TableName=table)
    user = account.user("writer", identities.allow(["dynamodb:PutItem", "dynamodb:ConditionCheckItem"],
                                                   arn(table, account=account.id))).client("dynamodb")
    write(user, put(table, pk="a"), check(table, "attribute_not_exists(pk)", pk="b"))
    for call in (lambda: write(user, put(table, pk="b"), delete(table, pk="a")),
                 lambda: write(user, update(table, "SET v = :v", {":v": {"S": "x"}}, pk="a")),
                 lambda: read(user, get(table, pk="a"))):
        with identities.refused("AccessDeniedException"):
            call()
