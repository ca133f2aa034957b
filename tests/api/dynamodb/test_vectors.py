# SPDX-License-Identifier: Apache-2.0
"""Vector indexes and SearchVectors: the nearest ones exactly, by each distance, within a hash key, with filters;
indexes that come and go; what is charged; what is refused."""
import math
import random
import struct
import time

import botocore.exceptions
import pytest

from tables import arn, invalid, keys, not_found, refused

BAD = "One or more parameter values were invalid: "


def vector(values):
    return {"L": [{"N": repr(value)} for value in values]}


def index(name="byVector", dimensions=3, distance="COSINE", projection="ALL", schema=(), attribute="v"):
    made = {"IndexName": name, "VectorAttribute": {"AttributeName": attribute}, "Dimensions": dimensions,
            "DistanceFunction": distance, "Projection": {"ProjectionType": projection}}
    if schema:
        made["SearchSchema"] = [{"AttributeName": it, "SearchSchemaElementType": kind} for it, kind in schema]
    return made


def defined(*names, range_type=None):
    schema = keys("S", range_type)
    schema["AttributeDefinitions"] += [{"AttributeName": it, "AttributeType": kind} for it, kind in names]
    return schema["AttributeDefinitions"]


def put(dynamodb, table, key, values, **more):
    return dynamodb.put_item(TableName=table, Item={"pk": {"S": key}, "v": vector(values), **more},
                             ReturnConsumedCapacity="INDEXES")


def search(dynamodb, table, values, top=100, name="byVector", **how):
    return dynamodb.search_vectors(TableName=table, IndexName=name, TopK=top, SearchVector=vector(values)["L"], **how)


def found(answer):
    return [(it["Item"]["pk"]["S"], it["Score"]) for it in answer["SearchResults"]]


def single(values):
    """As 32-bit floats."""
    return [struct.unpack("f", struct.pack("f", value))[0] for value in values]


def distances(a, b):
    a, b = single(a), single(b)
    product = math.fsum(x * y for x, y in zip(a, b))
    return {"COSINE": 1 - product / math.sqrt(math.fsum(x * x for x in a) * math.fsum(y * y for y in b)),
            "EUCLIDEAN": math.dist(a, b), "DOT_PRODUCT": product}


@pytest.mark.parametrize("dimensions", (1, 3, 8, 37, 1536))
def test_the_nearest(dynamodb, make_table, dimensions):
    names = ("COSINE", "EUCLIDEAN", "DOT_PRODUCT")
    table = make_table(VectorIndexes=[index(f"by-{it}", dimensions, it, "KEYS_ONLY") for it in names])
    drawn = random.Random(dimensions)
    vectors = {f"k{i:03}": [drawn.uniform(-1, 1) for _ in range(dimensions)] for i in range(60)}
    for key, values in vectors.items():
        put(dynamodb, table, key, values)
    wanted = [drawn.uniform(-1, 1) for _ in range(dimensions)]
    for name in names:
        measured = sorted(((distances(values, wanted)[name], key) for key, values in vectors.items()),
                          key=lambda it: -it[0] if name == "DOT_PRODUCT" else it[0])
        results = found(search(dynamodb, table, wanted, 10, f"by-{name}"))
        assert [score for _, score in results] == pytest.approx([it[0] for it in measured[:10]], abs=1e-6)
        if dimensions > 1:
            assert [key for key, _ in results] == [it[1] for it in measured[:10]]


def test_scores(dynamodb, make_table):
    table = make_table(VectorIndexes=[index("cosine"), index("euclidean", distance="EUCLIDEAN"),
                                      index("product", distance="DOT_PRODUCT")])
    for key, values in {"same": [1, 0, 0], "turned": [0, 2, 0], "opposite": [-1, 0, 0], "far": [3, 4, 0]}.items():
        put(dynamodb, table, key, values)
    assert found(search(dynamodb, table, [1, 0, 0], name="cosine")) == [
        ("same", 0), ("far", pytest.approx(0.4)), ("turned", 1), ("opposite", 2)]
    assert found(search(dynamodb, table, [0, 0, 0], name="euclidean"))[-1] == ("far", 5)
    assert found(search(dynamodb, table, [1, 1, 1], name="product"))[0] == ("far", 7)
    assert found(search(dynamodb, table, [1, 0, 0], 2, "cosine")) == [("same", 0), ("far", pytest.approx(0.4))]


def test_hash_keys_and_filters(dynamodb, make_table):
    table = make_table(VectorIndexes=[index(schema=[("tenant", "HASH"), ("kind", "INLINE_FILTER")])],
                       AttributeDefinitions=defined(("tenant", "S"), ("kind", "N")))
    for i in range(30):
        put(dynamodb, table, f"k{i:02}", [i, 1, 0], tenant={"S": f"t{i % 3}"}, kind={"N": str(i % 2)})
    put(dynamodb, table, "no tenant", [1, 1, 1])
    put(dynamodb, table, "no kind", [0, 1, 0], tenant={"S": "t0"})

    def within(condition, values, **names):
        return search(dynamodb, table, [0, 1, 0], SearchConditionExpression=condition,
                      ExpressionAttributeValues=values, **names)

    results = found(within("tenant = :t", {":t": {"S": "t0"}}))
    assert [key for key, _ in results[:3]] == ["k00", "no kind", "k03"] and len(results) == 11
    results = found(within("#t = :t AND kind = :k", {":t": {"S": "t0"}, ":k": {"N": "1.0"}},
                           ExpressionAttributeNames={"#t": "tenant"}))
    assert [key for key, _ in results] == ["k03", "k09", "k15", "k21", "k27"]
    assert not found(within("tenant = :t", {":t": {"S": "none"}}))
    with invalid("SearchConditionExpression must have all HASH attributes"):
        search(dynamodb, table, [0, 1, 0])
    for condition, values, text in (
            ("tenant = :t AND pk = :p", {":t": {"S": "t0"}, ":p": {"S": "x"}},
             "SearchConditionExpression must not contain any attributes outside the vector index search schema"),
            ("tenant = :t", {":t": {"N": "1"}},
             "Search condition value for attribute 'tenant' does not match type in search schema"),
            ("tenant < :t", {":t": {"S": "t0"}}, "Invalid comparator used in SearchConditionExpression"),
            ("tenant = :t OR kind = :k", {":t": {"S": "t0"}, ":k": {"N": "1"}},
             "Invalid operator used in SearchConditionExpression"),
            ("tenant.x = :t", {":t": {"S": "t0"}},
             "SearchConditionExpression cannot have conditions on nested attributes"),
            ("tenant = :t AND kind = :k AND kind = :l",
             {":t": {"S": "t0"}, ":k": {"N": "1"}, ":l": {"N": "2"}},
             "SearchConditionExpression must only contain one condition per attribute"),
            ("tenant = :u", {":t": {"S": "t0"}},
             "Invalid SearchConditionExpression: An expression attribute value used in expression is not defined; "
             "attribute value: :u"),
            ("tenant = :t", {":t": {"S": "t0"}, ":u": {"S": "t0"}},
             "Value provided in ExpressionAttributeValues unused in expressions: keys: {:u}")):
        with invalid(text):
            within(condition, values)


def test_projections(dynamodb, make_table):
    table = make_table(VectorIndexes=[index("all"), index("keys", projection="KEYS_ONLY"), {
        **index("some", schema=[("kind", "INLINE_FILTER")]),
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["a"]}}],
        AttributeDefinitions=defined(("kind", "S")))
    more = {"a": {"S": "1"}, "b": {"M": {"c": {"N": "2"}}}, "kind": {"S": "x"}}
    put(dynamodb, table, "k", [0.1, 3.4028235e38, 1e-40], **more)

    def shown(name, **how):
        return search(dynamodb, table, [1, 2, 3], name=name, **how)["SearchResults"][0]["Item"]

    key = {"pk": {"S": "k"}}
    assert shown("all") == {**key, **more}, "the vector is given back only by name"
    assert shown("keys") == key
    assert shown("some") == {**key, "a": {"S": "1"}, "kind": {"S": "x"}}
    assert shown("all", ProjectionExpression="b.c, #v", ExpressionAttributeNames={"#v": "v"}) == {
        "b": {"M": {"c": {"N": "2"}}},
        "v": {"L": [{"N": "0.1"}, {"N": "340282350000000000000000000000000000000"},
                    {"N": "0.0000000000000000000000000000000000000001"}]}}


def test_items_change(dynamodb, make_table, cloud):
    table = make_table(VectorIndexes=[index()])
    put(dynamodb, table, "a", [1, 0, 0])
    put(dynamodb, table, "b", [0, 1, 0])
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "none"}})
    assert [key for key, _ in found(search(dynamodb, table, [1, 0, 0]))] == ["a", "b"]
    dynamodb.update_item(TableName=table, Key={"pk": {"S": "a"}}, UpdateExpression="SET v = :v",
                         ExpressionAttributeValues={":v": vector([-1, 0, 0])})
    assert [key for key, _ in found(search(dynamodb, table, [1, 0, 0]))] == ["b", "a"]
    dynamodb.update_item(TableName=table, Key={"pk": {"S": "b"}}, UpdateExpression="REMOVE v")
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": {
        "pk": {"S": "c"}, "v": vector([1, 1, 1])}}}])
    assert [key for key, _ in found(search(dynamodb, table, [1, 0, 0]))] == ["c", "a"]
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": "c"}})
    assert [key for key, _ in found(search(dynamodb, table, [1, 0, 0]))] == ["a"]
    described, = dynamodb.describe_table(TableName=table)["Table"]["VectorIndexes"]
    assert (described["ItemCount"], described["IndexSizeBytes"]) == (1, 3 + 1 + 12)


def settled(dynamodb, table):
    """The table once none of its vector indexes moves."""
    deadline = time.monotonic() + 60
    while True:
        shown = dynamodb.describe_table(TableName=table)["Table"]
        states = [it["IndexStatus"] for it in shown.get("VectorIndexes", [])]
        if shown["TableStatus"] == "ACTIVE" and all(it == "ACTIVE" for it in states):
            return shown
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_indexes_come_and_go(own_cloud):
    cloud = own_cloud()
    dynamodb = cloud.client("dynamodb", parameter_validation=False)
    dynamodb.create_table(TableName="table", BillingMode="PAY_PER_REQUEST", **keys())
    dynamodb.get_waiter("table_exists").wait(TableName="table")
    for i in range(300):
        put(dynamodb, "table", f"k{i:03}", [i, 1, 0], kind={"S": "ab"[i % 2]})
    put(dynamodb, "table", "short", [1, 2])
    put(dynamodb, "table", "other kind", [1, 1, 1], kind={"N": "1"})
    update = {"TableName": "table", "VectorIndexUpdates": [{"Create": index(schema=[("kind", "HASH")])}],
              "AttributeDefinitions": [{"AttributeName": "kind", "AttributeType": "S"}]}
    made, = dynamodb.update_table(**update)["TableDescription"]["VectorIndexes"]
    assert (made["IndexStatus"], made["Backfilling"]) == ("CREATING", False)
    cloud.restart()
    shown = settled(dynamodb, "table")
    described, = shown["VectorIndexes"]
    assert described == {
        "IndexName": "byVector", "SearchSchema": [{"AttributeName": "kind", "SearchSchemaElementType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"}, "VectorAttribute": {"AttributeName": "v"}, "Dimensions": 3,
        "DistanceFunction": "COSINE", "IndexStatus": "ACTIVE", "ItemCount": 300,
        "IndexSizeBytes": 300 * (2 + 4 + 1 + 12 + 4 + 1), "IndexArn": arn("table") + "/index/byVector"}
    assert {"AttributeName": "kind", "AttributeType": "S"} in shown["AttributeDefinitions"]
    results = found(search(dynamodb, "table", [0, 1, 0], 3, SearchConditionExpression="kind = :k",
                           ExpressionAttributeValues={":k": {"S": "b"}}))
    assert [key for key, _ in results] == ["k001", "k003", "k005"]
    with invalid("Attempting to create an index which already exists"):
        dynamodb.update_table(**update)
    with invalid(BAD + "Vector indexes are only supported for PAY_PER_REQUEST tables"):
        dynamodb.update_table(TableName="table", BillingMode="PROVISIONED",
                              ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})
    # A backup has it, too.
    backup = dynamodb.create_backup(TableName="table", BackupName="backup")["BackupDetails"]["BackupArn"]
    deadline = time.monotonic() + 60
    while dynamodb.describe_backup(BackupArn=backup)["BackupDescription"]["BackupDetails"]["BackupStatus"] != "AVAILABLE":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    told = dynamodb.describe_backup(BackupArn=backup)["BackupDescription"]["SourceTableFeatureDetails"]
    assert told["VectorIndexes"] == [{name: described[name] for name in (
        "IndexName", "SearchSchema", "Projection", "VectorAttribute", "Dimensions", "DistanceFunction")}]
    dynamodb.restore_table_from_backup(TargetTableName="restored", BackupArn=backup)
    described, = settled(dynamodb, "restored")["VectorIndexes"]
    assert described["ItemCount"] == 300
    dynamodb.update_table(TableName="table", VectorIndexUpdates=[{"Delete": {"IndexName": "byVector"}}])
    assert "VectorIndexes" not in settled(dynamodb, "table") or not settled(dynamodb, "table")["VectorIndexes"]
    with invalid("The table does not have the specified index: byVector"):
        search(dynamodb, "table", [0, 1, 0])
    with refused("ResourceNotFoundException", "Requested resource not found"):
        dynamodb.update_table(TableName="table", VectorIndexUpdates=[{"Delete": {"IndexName": "byVector"}}])


def test_capacity(dynamodb, make_table):
    """Bytes as the real service was measured to charge them."""
    table = make_table(VectorIndexes=[index(dimensions=1024, schema=[("tenant", "HASH")], attribute="emb")],
                       AttributeDefinitions=defined(("tenant", "S")))

    def write(key, **more):
        item = {"pk": {"S": key}, "tenant": {"S": "t1"}, "emb": vector([0.1] * 1024), **more}
        answer = dynamodb.put_item(TableName=table, Item=item, ReturnConsumedCapacity="INDEXES")
        return answer["ConsumedCapacity"].get("VectorIndexes", {}).get("byVector", {}).get("VectorWriteRequestBytes")

    assert write("b1") == 4111
    assert write("b1") is None, "what does not change an entry is not charged"
    assert write("b2", blob={"S": "x" * 2000}) == 6115
    assert write("pred-g", a={"S": "1"}, bb={"S": "22"}, ccc={"S": "333"}) == 4127
    assert write("mv1") == 4112
    assert write("mv1", tenant={"S": "t9"}) == 8224
    gone = dynamodb.delete_item(TableName=table, Key={"pk": {"S": "b2"}}, ReturnConsumedCapacity="INDEXES")
    assert gone["ConsumedCapacity"]["VectorIndexes"]["byVector"]["VectorWriteRequestBytes"] == 6115
    # Of a search: 30.6875 a dimension, 72 a result of keys alone.
    plain = make_table(VectorIndexes=[index(dimensions=128, attribute="v")])
    for i in range(10):
        put(dynamodb, plain, f"k{i:03}", [i / 10] * 128)
    answer = search(dynamodb, plain, [1] * 128, 10, ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"] == {"VectorSearchRequestBytes": 3928 + 10 * (65 + 2 + 4 + 1)}
    answer = search(dynamodb, plain, [1] * 128, 10, ReturnConsumedCapacity="INDEXES", ProjectionExpression="pk, v")
    assert answer["ConsumedCapacity"] == {"VectorSearchRequestBytes": 3928 + 10 * (65 + 7 + 4 * 128)}
    assert "ConsumedCapacity" not in search(dynamodb, plain, [1] * 128, 1)


def test_items_that_do_not_fit(dynamodb, make_table):
    table = make_table(VectorIndexes=[index(schema=[("h", "HASH"), ("f", "INLINE_FILTER")])],
                       AttributeDefinitions=defined(("h", "S"), ("f", "N")))
    twice = "One or more parameter values are not valid. One or more parameter values were invalid . "
    once = "One or more parameter values were invalid. "
    for attribute, value, text in (
            ("v", {"S": "x"}, twice + "Invalid type for parameter v, Expected: L, Actual: S. IndexName: byVector"),
            ("v", vector([1, 2]),
             twice + "Invalid size for parameter v, Expected: 3, Actual: 2. IndexName: byVector"),
            ("v", {"L": [{"N": "1"}, {"S": "x"}, {"N": "1"}]},
             once + "Invalid type for parameter v[1], Expected: 32-bit floating point number, Actual: S. "
                    "IndexName: byVector"),
            ("v", {"L": [{"N": "1"}, {"N": "1"}, {"N": "1E39"}]},
             twice + "Invalid value for parameter v[2], Value: 1.0E39 is outside valid range "
                     "[-3.4028235E38, 3.4028235E38]. IndexName: byVector"),
            ("h", {"N": "1"}, once + "Attribute 'h' type mismatch. Expected: S, Actual: N. IndexName: byVector"),
            ("f", {"S": "1"}, once + "Attribute 'f' type mismatch. Expected: N, Actual: S. IndexName: byVector"),
            ("h", {"S": ""}, "One or more parameter values are not valid. A value specified for a secondary index "
                             "key is not supported. The AttributeValue for a key attribute cannot contain an empty "
                             "string value. IndexName: byVector, IndexKey: h"),
            ("h", {"S": "x" * 2049}, BAD + "Aggregate size for HASH key attributes exceeds the maximum of 2048 bytes")):
        with invalid(text):
            dynamodb.put_item(TableName=table, Item={"pk": {"S": "k"}, attribute: value})
        with invalid(text):
            dynamodb.update_item(TableName=table, Key={"pk": {"S": "k"}}, UpdateExpression="SET #a = :v",
                                 ExpressionAttributeNames={"#a": attribute}, ExpressionAttributeValues={":v": value})
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "k"}})


def test_refused_definitions(dynamodb, make_table, name):
    def make(*indexes, **how):
        how.setdefault("BillingMode", "PAY_PER_REQUEST")
        dynamodb.create_table(TableName=name("vectors"), **{**keys(), **how}, VectorIndexes=list(indexes))

    for indexes, how, text in (
            ([index(dimensions=4097)], {}, BAD + "Number of dimensions must be between 1 and 4096 inclusive."),
            ([index()], {"BillingMode": "PROVISIONED",
                         "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}},
             BAD + "Vector indexes are only supported for PAY_PER_REQUEST tables"),
            ([index(f"index{i}") for i in range(6)], {},
             BAD + "VectorIndex count exceeds the per-table limit of 5"),
            ([index(schema=[("a", "HASH"), ("b", "HASH")])], {},
             BAD + "Value '2' at 'SearchSchema' failed to satisfy constraint: Member must have HASH count less than "
                   "or equal to 1"),
            ([index(schema=[(f"f{i}", "INLINE_FILTER") for i in range(19)])], {},
             BAD + "Value '19' at 'SearchSchema' failed to satisfy constraint: Member must have INLINE_FILTER count "
                   "less than or equal to 18"),
            ([index(schema=[("a", "HASH")])], {},
             BAD + "One element in SearchSchema is not defined in attribute definitions"),
            ([index(attribute="pk")], {},
             BAD + "Conflicting attribute definition for 'pk'. An attribute cannot be defined in "
                   "AttributeDefinitions when used as a VectorAttribute."),
            ([index(), index()], {}, BAD + "Duplicate index name: byVector"),
            ([index(projection="INCLUDE")], {},
             BAD + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified")):
        with invalid(text):
            make(*indexes, **how)
    table = make_table()
    with invalid(BAD + "Attributes cannot be redefined. Please check that your attribute has the same type as "
                       "previously defined. Existing schema: Schema:[SchemaElement: key{pk:S:HASH}] New schema: "
                       "VectorIndexSchema:[VectorAttribute: key{pk:L:3}]"):
        dynamodb.update_table(TableName=table, VectorIndexUpdates=[{"Create": index(attribute="pk")}])
    five = make_table(VectorIndexes=[index(f"index{i}") for i in range(5)])
    with refused("LimitExceededException",
                 "Subscriber limit exceeded: Number of vector secondary indexes exceeds per-table limit of 5"):
        dynamodb.update_table(TableName=five, VectorIndexUpdates=[{"Create": index()}])


def test_refused_searches(dynamodb, make_table, name):
    table = make_table(VectorIndexes=[index()])
    with not_found():
        search(dynamodb, name("missing"), [1, 2, 3])
    for how, text in (
            ({"name": "other"}, "The table does not have the specified index: other"),
            ({"top": 101}, "Provided TopK value '101' is out of valid range. The value must be between 1 and 100 "
                           "inclusive"),
            ({"values": [1, 2]}, "Input search vector dimension 2 does not match vector index dimension 3")):
        with invalid(text):
            search(dynamodb, table, **{"values": [1, 2, 3], **how})
    for element in ({"S": "x"}, {"N": "1E39"}, {"N": "x"}):
        with invalid("Search vector contains invalid values"):
            dynamodb.search_vectors(TableName=table, IndexName="byVector", TopK=1, SearchVector=[element] * 3)
    with pytest.raises(botocore.exceptions.ClientError, match="greater than or equal to 1"):
        search(dynamodb, table, [1, 2, 3], 0)
    # Such an index is for nothing else.
    with invalid("The table does not have the specified index: byVector"):
        dynamodb.scan(TableName=table, IndexName="byVector")
