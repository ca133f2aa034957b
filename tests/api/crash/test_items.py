# SPDX-License-Identifier: Apache-2.0
"""DynamoDB under kill -9: indexes are what the items say, streams tell how the items came to be, and what clients saw of
conditional writes and transactions has one order that agrees with time."""
import random
import signal
import threading
import time

import botocore.exceptions

GONE = (botocore.exceptions.EndpointConnectionError, botocore.exceptions.ConnectionClosedError,
        botocore.exceptions.HTTPClientError, ConnectionError)
ROUNDS, CLIENTS, KEYS = 4, 4, 12


def key(*names):
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"))]


def index(name, *names, projection=None):
    return {"IndexName": name, "KeySchema": key(*names), "Projection": projection or {"ProjectionType": "ALL"}}


def make(client, **more):
    client.create_table(TableName="crash", BillingMode="PAY_PER_REQUEST", **more)
    client.get_waiter("table_exists").wait(TableName="crash", WaiterConfig={"Delay": 1})


def pages(client, operation, member, **parameters):
    return [it for page in client.get_paginator(operation).paginate(**parameters) for it in page[member]]


class Client(threading.Thread):
    """Does `step` until the server is gone."""

    def __init__(self, cloud, seed, step):
        super().__init__()
        self.client, self.chance, self.step, self.failure = cloud.client("dynamodb"), random.Random(seed), step, None

    def run(self):
        try:
            while True:
                self.step(self.client, self.chance)
        except GONE:
            pass
        except Exception as error:
            self.failure = error


def rounds(cloud, step, check):
    """Clients at work, a kill in the middle, and then the look at what is left; again and again."""
    chance = random.Random(7)
    for round_ in range(ROUNDS):
        clients = [Client(cloud, f"{round_}-{i}", step) for i in range(CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(chance.uniform(0.2, 0.6))
        cloud.stop(signal.SIGKILL)
        for client in clients:
            client.join()
        assert not [client.failure for client in clients if client.failure]
        cloud.start()
        check(cloud.client("dynamodb"))


# ---- indexes and streams --------------------------------------------------------------------------------------------

INDEXES = {"whole": ("g", "n", None), "some": ("g", None, {"v"}), "bare": ("n", None, set())}


def scribble(client, chance):
    pk, sk = f"p{chance.randrange(KEYS)}", f"s{chance.randrange(3)}"
    where = {"pk": {"S": pk}, "sk": {"S": sk}}
    item = {**where, "v": {"S": "x" * chance.randrange(50)}}
    item.update({name: {"S": f"{name}{chance.randrange(5)}"} for name in ("g", "n", "o") if chance.random() < 0.6})
    kind = chance.randrange(5)
    if kind == 0:
        client.delete_item(TableName="crash", Key=where)
    elif kind == 1:
        other = {"pk": {"S": pk + "x"}, "sk": {"S": sk}}
        client.transact_write_items(TransactItems=[{"Put": {"TableName": "crash", "Item": item}},
                                                   {"Delete": {"TableName": "crash", "Key": other}}])
    elif kind == 2:
        client.batch_write_item(RequestItems={"crash": [{"PutRequest": {"Item": {**item, "pk": {"S": pk + "x"}}}}]})
    elif kind == 3:
        client.update_item(TableName="crash", Key=where, UpdateExpression="SET g = :g REMOVE n",
                           ExpressionAttributeValues={":g": {"S": f"g{chance.randrange(5)}"}})
    else:
        client.put_item(TableName="crash", Item=item)


def name_of(item):
    return item["pk"]["S"], item["sk"]["S"]


def expected(items, hash_name, range_name, included):
    """The entries that an index of these items has."""
    names = {"pk", "sk", hash_name, range_name}
    return {name_of(item): item if included is None else {k: v for k, v in item.items() if k in names | included}
            for item in items if hash_name in item and (not range_name or range_name in item)}


def replayed(streams):
    """The items that the stream's records end with."""
    items = {}
    stream = streams.list_streams(TableName="crash")["Streams"][0]["StreamArn"]
    for shard in streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
        at = streams.get_shard_iterator(StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while at:
            answer = streams.get_records(ShardIterator=at)
            for record in answer["Records"]:
                change = record["dynamodb"]
                assert items.get(name_of(change["Keys"])) == change.get("OldImage")
                items[name_of(change["Keys"])] = change.get("NewImage")
            at = answer["Records"] and answer.get("NextShardIterator")
    return {name: item for name, item in items.items() if item}


def test_indexes_and_stream_follow_the_items(own_cloud):
    cloud = own_cloud()

    def check(client):
        items = pages(client, "scan", "Items", TableName="crash", ConsistentRead=True)
        told = client.describe_table(TableName="crash")["Table"]
        counts = {it["IndexName"]: it["ItemCount"] for it in told["GlobalSecondaryIndexes"] + told["LocalSecondaryIndexes"]}
        assert told["ItemCount"] == len(items)
        for name, (hash_name, range_name, included) in {**INDEXES, "local": ("pk", "n", None)}.items():
            entries = pages(client, "scan", "Items", TableName="crash", IndexName=name)
            want = expected(items, hash_name, range_name, included)
            assert {name_of(entry): entry for entry in entries} == want, name
            assert len(entries) == counts[name] == len(want)
        assert replayed(cloud.client("dynamodbstreams")) == {name_of(item): item for item in items}

    projections = {name: None if included is None else {"ProjectionType": "KEYS_ONLY"} if not included else
                   {"ProjectionType": "INCLUDE", "NonKeyAttributes": sorted(included)}
                   for name, (_, _, included) in INDEXES.items()}
    make(cloud.client("dynamodb"), KeySchema=key("pk", "sk"),
         AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "g", "n")],
         StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
         GlobalSecondaryIndexes=[index(name, *filter(None, names[:2]), projection=projections[name])
                                 for name, names in INDEXES.items()],
         LocalSecondaryIndexes=[index("local", "pk", "n")])
    rounds(cloud, scribble, check)


# ---- one order ------------------------------------------------------------------------------------------------------

class History:
    """What clients did: (begun, ended, …); ended None: no answer."""

    def __init__(self):
        self.lock, self.events = threading.Lock(), []

    def add(self, *event):
        with self.lock:
            self.events.append(event)


def test_conditional_writes_have_one_order(own_cloud):
    """A register per key that goes from one number to the next where it still has the first. Successes must be a chain; a
    read, and a success, must not be older than what had ended before it began."""
    cloud, history = own_cloud(), History()

    def step(client, chance):
        pk = f"r{chance.randrange(3)}"
        begun = time.monotonic()
        found = client.get_item(TableName="crash", Key={"pk": {"S": pk}}, ConsistentRead=True).get("Item")
        seen = int(found["n"]["N"]) if found else 0
        history.add("read", pk, begun, time.monotonic(), seen)
        begun, ended, done = time.monotonic(), None, None
        condition = {"ConditionExpression": "n = :was", "ExpressionAttributeValues": {":was": {"N": str(seen)}}} if seen else {
            "ConditionExpression": "attribute_not_exists(pk)"}
        try:
            client.put_item(TableName="crash", Item={"pk": {"S": pk}, "n": {"N": str(seen + 1)}}, **condition)
            ended, done = time.monotonic(), True
        except client.exceptions.ConditionalCheckFailedException:
            ended, done = time.monotonic(), False
        finally:
            history.add("write", pk, begun, ended, seen + 1, done)

    def check(client):
        for pk in {event[1] for event in history.events}:
            final = int(client.get_item(TableName="crash", Key={"pk": {"S": pk}}, ConsistentRead=True)["Item"]["n"]["N"])
            mine = [event for event in history.events if event[1] == pk]
            done = [event[4] for event in mine if event[0] == "write" and event[5]]
            possible = set(done) | {event[4] for event in mine if event[0] == "write" and event[3] is None}
            assert len(done) == len(set(done)), "two writers went on from the same number"
            assert set(range(1, final + 1)) <= possible and max(done, default=0) <= final
            for kind, _, begun, _, number, *_ in mine:
                floor = max((event[4] for event in mine if event[3] and event[3] < begun and
                             (event[0] == "read" or event[5])), default=0)
                if kind == "read":
                    assert number >= floor, "a read went back in time"
        history.events = [event for event in history.events if event[0] == "write" and event[5] is not False]

    make(cloud.client("dynamodb"), KeySchema=key("pk"), AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}])
    rounds(cloud, step, check)


def test_transactions_have_one_order(own_cloud):
    """Each appends its name to two of three lists. All lists must agree on the order of what they share, hold what was
    acknowledged and no half of anything, and agree with time; a read of all lists must be a moment of that order."""
    cloud, history = own_cloud(), History()
    lists = ["l0", "l1", "l2"]
    number = iter(range(10**9))

    def append(pk, name):
        return {"Update": {"TableName": "crash", "Key": {"pk": {"S": pk}},
                           "UpdateExpression": "SET parts = list_append(if_not_exists(parts, :none), :one)",
                           "ExpressionAttributeValues": {":none": {"L": []}, ":one": {"L": [{"S": name}]}}}}

    def read(client):
        gets = [{"Get": {"TableName": "crash", "Key": {"pk": {"S": pk}}}} for pk in lists]
        answers = client.transact_get_items(TransactItems=gets)["Responses"]
        return [[each["S"] for each in answer["Item"]["parts"]["L"]] if "Item" in answer else [] for answer in answers]

    def step(client, chance):
        if chance.random() < 0.3:
            begun = time.monotonic()
            seen = read(client)
            history.add("read", begun, time.monotonic(), seen)
            return
        name, both = str(next(number)), chance.sample(lists, 2)
        begun, ended = time.monotonic(), None
        try:
            client.transact_write_items(TransactItems=[append(pk, name) for pk in both])
            ended = time.monotonic()
        finally:
            history.add("write", begun, ended, name, both)

    def check(client):
        final = dict(zip(lists, read(client)))
        writes = {event[3]: event for event in history.events if event[0] == "write"}
        for name, (_, _, ended, _, both) in writes.items():
            holders = [pk for pk in lists if name in final[pk]]
            assert sorted(holders) == sorted(both) or (ended is None and not holders), "half a transaction"
        for pk in lists:
            latest = 0
            for name in final[pk]:
                _, begun, ended, *_ = writes[name]
                assert ended is None or ended >= latest, "an order against time"
                latest = max(latest, begun)
        for one in lists:
            for two in lists:
                shared = set(final[one]) & set(final[two])
                assert [name for name in final[one] if name in shared] == [name for name in final[two] if name in shared]
        for _, begun, ended, seen in (event for event in history.events if event[0] == "read"):
            for pk, names in zip(lists, seen):
                assert final[pk][:len(names)] == names, "a read of what never was"
            inside = {name for names in seen for name in names}
            for name, (_, from_, to, _, both) in writes.items():
                assert name not in inside or all(name in seen[lists.index(pk)] for pk in both), "half a transaction was read"
                assert to is None or to >= begun or name in inside, "a read went back in time"
        history.events = list(writes.values())

    make(cloud.client("dynamodb"), KeySchema=key("pk"), AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}])
    rounds(cloud, step, check)
