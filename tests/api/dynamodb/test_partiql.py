# SPDX-License-Identifier: Apache-2.0
"""PartiQL: statements with literals and parameters, pages, indexes, what is returned, batches, and what is refused."""
import base64

import pytest

from tables import invalid, not_found, refused

MALFORMED = "Statement wasn't well formed, can't be processed: "


@pytest.fixture
def run(dynamodb):
    def run(statement, *parameters, **more):
        if parameters:
            more["Parameters"] = list(parameters)
        return dynamodb.execute_statement(Statement=statement, **more)
    return run


def item_of(dynamodb, table, pk):
    return dynamodb.get_item(TableName=table, Key={"pk": {"S": pk}}, ConsistentRead=True).get("Item")


def test_insert_select_update_delete(dynamodb, run, table):
    assert run(f"INSERT INTO \"{table}\" VALUE {{'pk': 'a', 'n': -1.5e1, 't': true, 'z': null, 'l': [1, 'two', {{'x': ?}}], "
               "'s': <<'b', 'a'>>, 'it''s': .5}", {"B": b"\1"})["Items"] == []
    item = {"pk": {"S": "a"}, "n": {"N": "-15"}, "t": {"BOOL": True}, "z": {"NULL": True}, "s": {"SS": ["a", "b"]},
            "l": {"L": [{"N": "1"}, {"S": "two"}, {"M": {"x": {"B": b"\1"}}}]}, "it's": {"N": "0.5"}}
    assert item_of(dynamodb, table, "a") == item
    with refused("DuplicateItemException", "Duplicate primary key exists in table"):
        run(f"INSERT INTO \"{table}\" VALUE {{'pk': 'a'}}")
    assert run(f"SELECT * FROM \"{table}\" WHERE pk = ?", {"S": "a"})["Items"] == [item]
    assert run(f'select l[2].x, n, "it\'s" FROM "{table}" WHERE pk = \'a\' AND n < 0 -- note')["Items"] == [
        {"x": {"B": b"\1"}, "n": {"N": "-15"}, "it's": {"N": "0.5"}}]
    assert run(f"SELECT * FROM \"{table}\" WHERE pk = 'none'")["Items"] == []

    run(f"UPDATE \"{table}\" SET n = n + 1 SET l = list_append(l, ['end']) SET s = set_add(s, <<'c'>>) REMOVE t, z WHERE pk = 'a'")
    item.update(n={"N": "-14"}, s={"SS": ["a", "b", "c"]}, l={"L": item["l"]["L"] + [{"S": "end"}]})
    del item["t"], item["z"]
    assert item_of(dynamodb, table, "a") == item
    for returning, told in (("ALL OLD", item), ("MODIFIED OLD", {"n": {"N": "-14"}})):
        assert run(f"UPDATE \"{table}\" SET n = ? WHERE pk = 'a' AND n < 0 RETURNING {returning} *", {"N": "-14"})["Items"] == [told]
    assert run(f"UPDATE \"{table}\" SET n = 7 WHERE pk = 'a' RETURNING MODIFIED NEW *")["Items"] == [{"n": {"N": "7"}}]
    assert run(f"UPDATE \"{table}\" REMOVE n WHERE pk = 'a' RETURNING MODIFIED NEW *")["Items"] == []
    assert run(f"UPDATE \"{table}\" SET s = SET_DELETE(s, <<'a', 'b', 'c'>>) WHERE pk = 'a' RETURNING ALL NEW *")["Items"] == [
        {name: value for name, value in item.items() if name not in ("n", "s")}]
    failed = refused("ConditionalCheckFailedException", "The conditional request failed")
    with failed:
        run(f"UPDATE \"{table}\" SET n = 1 WHERE pk = 'absent'")
    with refused("ConditionalCheckFailedException", "The conditional request failed"):
        run(f"UPDATE \"{table}\" SET n = 1 WHERE pk = 'a' AND n = 3")
    with refused("ConditionalCheckFailedException", "The conditional request failed"):
        run(f"DELETE FROM \"{table}\" WHERE pk = 'a' AND n = 3")
    run(f"DELETE FROM \"{table}\" WHERE pk = 'absent'")
    assert run(f"DELETE FROM \"{table}\" WHERE pk = 'a' AND n IS MISSING RETURNING ALL OLD *")["Items"][0]["pk"] == {"S": "a"}
    assert item_of(dynamodb, table, "a") is None


@pytest.fixture
def filled(dynamodb, name):
    it = name("table")
    dynamodb.create_table(
        TableName=it, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": type_} for name, type_ in
                              (("pk", "S"), ("sk", "N"), ("g", "S"))],
        GlobalSecondaryIndexes=[{"IndexName": "by-g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                                 "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]}}])
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    for n in range(20):
        dynamodb.put_item(TableName=it, Item={"pk": {"S": "ab"[n % 2]}, "sk": {"N": str(n)}, "g": {"S": "g" + str(n % 3)},
                                              "x": {"N": str(n * n)}, "m": {"M": {"deep": {"L": [{"S": "v" + str(n)}]}}}})
    yield it
    dynamodb.delete_table(TableName=it)


@pytest.mark.parametrize("where, holds", [
    ("pk = 'a'", lambda n: n % 2 == 0), ("pk = 'a' AND sk > 6", lambda n: n % 2 == 0 and n > 6),
    ("pk = 'a' AND sk BETWEEN 4 AND 8 AND x <> 36", lambda n: n in (4, 8)),
    ("pk = 'a' OR sk = 3", lambda n: n % 2 == 0 or n == 3), ("sk IN [1, 2, ?]", lambda n: n in (1, 2, 5)),
    ("NOT (pk = 'a') AND 9 <= sk", lambda n: n % 2 and n >= 9), ("contains(m.deep, 'v7')", lambda n: n == 7),
    ("begins_with(m.deep[0], 'v1') AND pk = 'b'", lambda n: n % 2 and str(n).startswith("1")),
    ("size(m.deep) = 1 AND attribute_type(x, 'N') AND sk >= 18", lambda n: n >= 18),
    ("nothing IS MISSING AND x IS NOT NULL AND x != 0 AND sk < 3", lambda n: n in (1, 2)), ("x IS NULL", lambda n: False),
])
def test_where(run, filled, where, holds):
    parameters = [{"N": "5"}] if "?" in where else []
    found = run(f'SELECT sk FROM "{filled}" WHERE {where}', *parameters)["Items"]
    assert sorted(int(item["sk"]["N"]) for item in found) == [n for n in range(20) if holds(n)]


def test_pages_and_order(run, filled):
    for order, want in (("ASC", list(range(0, 20, 2))), ("DESC", list(range(18, -1, -2)))):
        statement, found, more = f"SELECT * FROM \"{filled}\" WHERE pk = 'a' ORDER BY sk {order}", [], {}
        while True:
            told = run(statement, Limit=3, **more)
            found += [int(item["sk"]["N"]) for item in told["Items"]]
            if "NextToken" not in told:
                break
            assert told["LastEvaluatedKey"] == {name: told["Items"][-1][name] for name in ("pk", "sk")}
            more = {"NextToken": told["NextToken"]}
        assert found == want
    told = run(f'SELECT * FROM "{filled}"', Limit=3, ReturnConsumedCapacity="TOTAL")
    assert len(told["Items"]) == 3 and told["ConsumedCapacity"]["CapacityUnits"] == 0.5
    for token in ("x", base64.b64encode(b"nothing").decode(), told["NextToken"]):
        with invalid("NextToken does not match request"):
            run(f"SELECT * FROM \"{filled}\" WHERE pk = 'a'", NextToken=token)


def test_indexes(run, filled):
    told = run(f"SELECT sk, x FROM \"{filled}\".\"by-g\" WHERE g = 'g1' AND x > 50", ReturnConsumedCapacity="INDEXES")
    assert sorted(int(item["sk"]["N"]) for item in told["Items"]) == [10, 13, 16, 19]
    assert told["ConsumedCapacity"]["GlobalSecondaryIndexes"] == {"by-g": {"CapacityUnits": 0.5}}
    bad = "One or more parameter values were invalid: "
    for statement, more, text in (
            ('SELECT * FROM "{t}"."none" WHERE g = \'g1\'', {}, "The table does not have the specified index"),
            ('SELECT * FROM "{t}"."by-g"."x" WHERE g = \'g1\'', {}, "A path may contain at most 2 components in the FROM clause"),
            ('SELECT * FROM "{t}"."" WHERE g = \'g1\'', {}, "Path component cannot be an empty string"),
            ('SELECT * FROM "{t}"."by-g" WHERE g = \'g1\'', {"ConsistentRead": True},
             "Strongly consistent read is not supported on Global Secondary Indexes"),
            ('SELECT sk FROM "{t}"."by-g" WHERE g = \'g1\' AND m = 1', {},
             bad + "Secondary index by-g does not project one or more filter attributes: [m]"),
            ('SELECT m FROM "{t}"."by-g" WHERE g = \'g1\'', {}, bad + "Global secondary index by-g does not project [m]")):
        with invalid(text):
            run(statement.replace("{t}", filled), **more)


@pytest.mark.parametrize("statement, text", [
    ("SLECT * FROM \"{t}\"", MALFORMED + "Expected data manipulation"), ("SELECT * FROM \"{t}\" t WHERE pk = 'a'", None),
    ("SELECT * FROM \"{t}\" WHERE pk = 'a' # note", None), ("SELECT * FROM \"{t}", None), ("SELECT * FROM \"{t}\" WHERE", None),
    ("INSERT INTO \"{t}\" VALUE {'pk': 'a'} foo", None), ("DELETE FROM \"{t}\" WHERE pk = 'a' ORDER BY pk", None),
    ("SELECT * FROM \"\" WHERE pk = 'p'", "Path component cannot be an empty string"),
    ("SELECT * FROM \"{t}\" WHERE pk = ?", "Number of parameters in request and statement don't match."),
    ("SELECT attribute_exists(ss) FROM \"{t}\"", "Unexpected path component at 1:8:16"),
    ("SELECT * FROM \"{t}\" WHERE attribute_exists('x')",
     "Operator or function requires a document path; operator or function: attribute_exists"),
    ("SELECT * FROM \"{t}\" WHERE attribute_exists()", "Incorrect number of operands for operator or function; operator or "
     "function: attribute_exists, number of operands: 0"),
    ("SELECT * FROM \"{t}\" WHERE pk = 'x' AND v < true", "Incorrect operand type for operator or function; operator or "
     "function: <, operand type: BOOL"),
    ("SELECT * FROM \"{t}\" ORDER BY pk", "Must have WHERE clause in the statement when using ORDER BY clause."),
    ("SELECT * FROM \"{t}\" WHERE v = 1 ORDER BY pk",
     "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause."),
    ("UPDATE \"{t}\" SET v = 1 WHERE v = 2", "Where clause does not contain a mandatory equality on all key attributes"),
    ("UPDATE \"{t}\" SET pk = 'b' WHERE pk = 'a'",
     "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key"),
    ("UPDATE \"{t}\" SET v = set_add(v, <<>>) WHERE pk = 'a'", "Empty bags are not supported"),
    ("UPDATE \"{t}\" SET v = set_add(v, <<'x', 'x'>>) WHERE pk = 'a'",
     "One or more parameter values were invalid: Input collection [x, x] contains duplicates."),
    ("DELETE FROM \"{t}\" WHERE pk = 'x' RETURNING MODIFIED OLD *",
     "Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is allowed in DELETE statements."),
    ("SELECT * FROM \"{t}\" WHERE pk = 5",
     "One or more parameter values were invalid: Condition parameter type does not match schema type"),
    ("INSERT INTO \"{t}\" VALUE {'v': 5}", "One or more parameter values were invalid: Missing the key pk in the item"),
    ("SELECT * FROM \"{t}\" WHERE pk = 1e99999999999", None),
    ("SELECT * FROM \"{t}\" WHERE " + "(" * 3000 + "pk", None), ("INSERT INTO \"{t}\" VALUE " + "[" * 5000, None),
])
def test_refused(run, dynamodb, table, statement, text):
    with pytest.raises(dynamodb.exceptions.ClientError) as caught:
        run(statement.replace("{t}", table))
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert error["Message"] == text if text else error["Message"]


def test_positions(run, table):
    statement = f"UPDATE \"{table}\" SET t = set_add(ss, <<'x'>>) WHERE pk = 'a'"
    with invalid(f"The first argument to SET_ADD must equal the assignment value at 1:{statement.index('set_add') + 1}:7"):
        run(statement)
    statement = f"UPDATE \"{table}\" SET ss = set_add(ss, 'x') WHERE pk = 'a'"
    with invalid("The second argument to SET_ADD must be a value with type SET at "
                 f"1:{statement.index('(ss') + 2}:2"):
        run(statement)
    statement = f"SELECT * FROM \"{table}\" WHERE EXISTS(ss)"
    with invalid(f"Unrecognized function: exists at 1:{statement.index('EXISTS') + 1}:6"):
        run(statement)


def test_no_table(run):
    with not_found():
        run("SELECT * FROM \"nothing\" WHERE pk = 'a'")


def test_batches(dynamodb, table):
    def batch(*statements, **more):
        return dynamodb.batch_execute_statement(Statements=[{"Statement": it} if isinstance(it, str) else it
                                                            for it in statements], **more)
    told = batch(*(f"INSERT INTO \"{table}\" VALUE {{'pk': '{pk}'}}" for pk in "abca"), ReturnConsumedCapacity="TOTAL")
    assert [response.get("Error", {}).get("Code") for response in told["Responses"]] == [None, None, None, "DuplicateItem"]
    assert all(response["TableName"] == table for response in told["Responses"])
    assert told["ConsumedCapacity"] == [{"TableName": table, "CapacityUnits": 3}]
    told = batch(f"UPDATE \"{table}\" SET v = 1 WHERE pk = 'a' RETURNING MODIFIED NEW *",
                 f"DELETE FROM \"{table}\" WHERE pk = 'b' RETURNING ALL OLD *",
                 {"Statement": f"UPDATE \"{table}\" SET v = 1 WHERE pk = 'c' AND v = 2",
                  "ReturnValuesOnConditionCheckFailure": "ALL_OLD"},
                 "SLECT", "UPDATE \"nothing\" SET v = 1 WHERE pk = 'c'")["Responses"]
    assert told[0]["Item"] == {"v": {"N": "1"}} and told[1]["Item"] == {"pk": {"S": "b"}}
    assert told[2]["Error"] == {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed",
                                "Item": {"pk": {"S": "c"}}}
    assert told[3]["Error"] == {"Code": "ValidationError", "Message": MALFORMED + "Expected data manipulation"}
    assert told[4]["Error"]["Code"] == "ResourceNotFound"
    told = batch({"Statement": f"SELECT * FROM \"{table}\" WHERE pk = ?", "Parameters": [{"S": "a"}], "ConsistentRead": True},
                 f"SELECT v FROM \"{table}\" WHERE pk = 'b'", f"SELECT * FROM \"{table}\" WHERE pk = 'a' AND v = 1",
                 ReturnConsumedCapacity="TOTAL")
    assert told["Responses"][0]["Item"] == {"pk": {"S": "a"}, "v": {"N": "1"}} and "Item" not in told["Responses"][1]
    assert told["Responses"][2]["Error"]["Message"] == (
        "Select statements within BatchExecuteStatement must specify the primary key in the where clause.")
    assert told["ConsumedCapacity"][0]["CapacityUnits"] == 1.5
    with invalid("A batch must consist of either read statements or write statements"):
        batch(f"SELECT * FROM \"{table}\" WHERE pk = 'a'", f"DELETE FROM \"{table}\" WHERE pk = 'a'")


def test_no_empty_lists(dynamodb):
    with invalid("1 validation error detected: Value '[]' at 'parameters' failed to satisfy constraint: Member must have length "
                 "greater than or equal to 1"):
        dynamodb.execute_statement(Statement="SELECT * FROM x", Parameters=[])
    with invalid("1 validation error detected: Value '[]' at 'statements' failed to satisfy constraint: Member must have length "
                 "greater than or equal to 1"):
        dynamodb.batch_execute_statement(Statements=[])


def test_transactions(dynamodb, table):
    def transact(*statements, **more):
        return dynamodb.execute_transaction(TransactStatements=[{"Statement": it} for it in statements], **more)
    insert = f"INSERT INTO \"{table}\" VALUE {{'pk': '%s', 'n': 1}}"
    assert transact(insert % "a", insert % "b")["Responses"] == []
    with pytest.raises(dynamodb.exceptions.ClientError) as caught:
        transact(insert % "c", insert % "a", f"UPDATE \"{table}\" SET n = 5 WHERE pk = 'b' AND n = 2")
    told = caught.value.response
    assert told["Error"]["Code"] == "TransactionCanceledException"
    assert [reason["Code"] for reason in told["CancellationReasons"]] == ["None", "DuplicateItem", "ConditionalCheckFailed"]
    assert item_of(dynamodb, table, "c") is None
    update = f"UPDATE \"{table}\" SET n = n + 1 WHERE pk = 'a'"
    first = transact(update, f"EXISTS(SELECT * FROM \"{table}\" WHERE pk = 'b' AND n = 1)", ClientRequestToken="t1",
                     ReturnConsumedCapacity="TOTAL")
    assert first["ConsumedCapacity"][0]["WriteCapacityUnits"] == 4
    again = transact(update, f"EXISTS(SELECT * FROM \"{table}\" WHERE pk = 'b' AND n = 1)", ClientRequestToken="t1",
                     ReturnConsumedCapacity="TOTAL")
    assert again["ConsumedCapacity"][0]["ReadCapacityUnits"] == 4
    assert item_of(dynamodb, table, "a")["n"] == {"N": "2"}
    told = transact(f"SELECT n FROM \"{table}\" WHERE pk = 'a'", f"SELECT * FROM \"{table}\" WHERE pk = 'none'")["Responses"]
    assert told == [{"Item": {"n": {"N": "2"}}}, {}]
    where = "Validation failed in TransactStatements[0]: "
    for statement, text in (
            (f"UPDATE \"{table}\" SET n = 1 WHERE pk = 'a' RETURNING ALL NEW *",
             where + "RETURNING clause is not supported in ExecuteTransaction."),
            (f"SELECT * FROM \"{table}\".\"by\" WHERE pk = 'a'", where + "Reads on indices are not supported within transactions."),
            (f"SELECT * FROM \"{table}\" WHERE pk = 'a' AND n = 2",
             where + "Select statements within ExecuteTransaction must specify the primary key in the where clause."),
            (f"EXISTS(SELECT * FROM \"{table}\" WHERE pk = 'a')",
             where + "EXISTS() must contain a single item read with additional condition"),
            ("SLECT", where + MALFORMED + "Expected data manipulation")):
        with invalid(text):
            transact(statement)
    with invalid("Transaction request cannot include multiple operations on one item"):
        transact(update, update)
    with invalid("A transaction must consist of either read statements or write statements"):
        transact(update, f"SELECT * FROM \"{table}\" WHERE pk = 'b'")
