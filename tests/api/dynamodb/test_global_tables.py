# SPDX-License-Identifier: Apache-2.0
"""Global tables: every region is written to and all come to have the same items."""
import concurrent.futures
import random
import threading
import time

import botocore.exceptions
import pytest

import harness
from tables import keys, refused, units

HERE, THERE, FAR = "us-east-1", "eu-west-1", "ap-south-1"
INVALID, IN_USE = "ValidationException", "ResourceInUseException"
BAD = "One or more parameter values were invalid: "
SOURCED = ("Replica cannot be deleted because it has acted as a source region for new replica(s) being added to the table in the "
           "last 24 hours.")
DAY = 86_400


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """One whose clock may leave that of the signatures."""
    it = harness.Cloud(tmp_path_factory.mktemp("global"), "--auth", "open").start()
    yield it
    assert it.stop() == 0, it.log.read_text(errors="replace")[-4000:]


@pytest.fixture
def here(cloud):
    return cloud.client("dynamodb", region=HERE, parameter_validation=False)


@pytest.fixture
def there(cloud):
    return cloud.client("dynamodb", region=THERE, parameter_validation=False)


@pytest.fixture
def far(cloud):
    return cloud.client("dynamodb", region=FAR, parameter_validation=False)


def until(wanted, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not wanted((got := what())):
        assert time.monotonic() < deadline, got
        time.sleep(0.02)
    return got


def create(client, table, region=THERE, **more):
    return client.update_table(TableName=table, ReplicaUpdates=[{"Create": {"RegionName": region, **more}}])["TableDescription"]


def describe(client, table):
    return client.describe_table(TableName=table)["Table"]


def replicas(client, table):
    return [(it["RegionName"], it["ReplicaStatus"]) for it in describe(client, table).get("Replicas", [])]


def joined(here, there, table):
    until(lambda it: it == [(THERE, "ACTIVE")], lambda: replicas(here, table))
    for client in (here, there):
        client.get_waiter("table_exists").wait(TableName=table)


def items(client, table):
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return {it["pk"]["S"]: it for page in pages for it in page["Items"]}


def converge(here, there, table):
    """The items of both, once they are the same."""
    return until(lambda both: both[0] == both[1], lambda: (items(here, table), items(there, table)))[0]


@pytest.fixture
def table(cloud, here, there, name):
    it = name("global")
    here.create_table(TableName=it, BillingMode="PAY_PER_REQUEST", **keys())
    here.get_waiter("table_exists").wait(TableName=it)
    yield it
    for client in (there, here):
        try:
            client.delete_table(TableName=it)
        except botocore.exceptions.ClientError:
            pass


def put(client, table, key, value="v"):
    client.put_item(TableName=table, Item={"pk": {"S": key}, "v": {"S": value}})


def test_a_replica_has_what_was_there_and_what_comes(cloud, here, there, table):
    for i in range(300):
        put(here, table, str(i))
    told = create(here, table)
    assert (told["TableStatus"], told["GlobalTableVersion"], told["Replicas"]) == ("UPDATING", "2019.11.21", [])
    assert told["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    put(here, table, "meanwhile")
    joined(here, there, table)
    mine, other = describe(here, table), describe(there, table)
    assert replicas(there, table) == [(HERE, "ACTIVE")]
    assert other["TableArn"].split(":")[3] == THERE and other["TableId"] != mine["TableId"]
    assert other["StreamSpecification"] == mine["StreamSpecification"]
    assert len(converge(here, there, table)) == 301
    put(there, table, "from there")
    here.delete_item(TableName=table, Key={"pk": {"S": "7"}})
    both = converge(here, there, table)
    assert "from there" in both and "7" not in both and len(both) == 301
    until(lambda it: it == 301, lambda: describe(there, table)["ItemCount"])
    assert not any(name.startswith("aws:rep") for it in both.values() for name in it)


def test_the_later_write_stays(cloud, here, there, table):
    create(here, table)
    joined(here, there, table)
    rounds = 40
    for i in range(rounds):
        first, second = random.sample((here, there), 2)
        put(first, table, str(i), "early")
        put(second, table, str(i), "late")
        put(first, table, f"gone {i}", "early")
        second.delete_item(TableName=table, Key={"pk": {"S": f"gone {i}"}})
    both = converge(here, there, table)
    assert {it["v"]["S"] for key, it in both.items() if "gone" not in key} == {"late"}


def test_both_converge_over_crashes(cloud, here, there, table):
    create(here, table)
    joined(here, there, table)
    stop = threading.Event()
    told = []

    def write(client, seed):
        chance = random.Random(seed)
        while not stop.is_set():
            key = str(chance.randrange(50))
            try:
                if chance.random() < 0.2:
                    client.delete_item(TableName=table, Key={"pk": {"S": key}})
                else:
                    put(client, table, key, f"{seed} {chance.random()}")
                unique = f"own {seed} {chance.random()}"
                put(client, table, unique)
                told.append(unique)
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                time.sleep(0.01)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, client, i) for i, client in enumerate((here, there, here, there))]
        for _ in range(3):
            time.sleep(0.6)
            cloud.restart()
        stop.set()
        for writer in writers:
            writer.result()
    both = converge(here, there, table)
    assert told and set(told) <= set(both)
    for client in (here, there):
        assert describe(client, table)["ItemCount"] == len(both)


def test_a_crash_while_a_replica_is_made(cloud, here, there, table):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: put(here, table, str(i), "x" * 20_000), range(400)))
    create(here, table)
    cloud.restart()
    joined(here, there, table)
    assert len(converge(here, there, table)) == 400


def test_settings_are_shared(cloud, here, there, table):
    create(here, table)
    joined(here, there, table)
    there.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ends"})
    for client in (here, there):
        until(lambda it: it == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ends"},
              lambda: client.describe_time_to_live(TableName=table)["TimeToLiveDescription"])
    put(here, table, "ended")
    here.update_item(TableName=table, Key={"pk": {"S": "ended"}}, UpdateExpression="SET ends = :e",
                     ExpressionAttributeValues={":e": {"N": str(int(time.time()) - 100)}})
    until(lambda both: both == ({}, {}), lambda: (items(here, table), items(there, table)))
    for client in (here, there):
        client.get_waiter("table_exists").wait(TableName=table)
    index = {"IndexName": "by-v", "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
    put(here, table, "a", "value")
    here.update_table(TableName=table, AttributeDefinitions=[{"AttributeName": "v", "AttributeType": "S"}],
                      GlobalSecondaryIndexUpdates=[{"Create": index}])
    for client in (here, there):
        until(lambda it: it and it[0]["IndexStatus"] == "ACTIVE", lambda: describe(client, table).get("GlobalSecondaryIndexes"))
        until(lambda it: it == 1, lambda: client.query(
            TableName=table, IndexName="by-v", KeyConditionExpression="v = :v", ExpressionAttributeValues={":v": {"S": "value"}})["Count"])
    there.update_table(TableName=table, OnDemandThroughput={"MaxWriteRequestUnits": 9})
    for client in (here, there):
        client.get_waiter("table_exists").wait(TableName=table)
        assert describe(client, table)["OnDemandThroughput"]["MaxWriteRequestUnits"] == 9
    here.update_table(TableName=table, DeletionProtectionEnabled=True)
    here.get_waiter("table_exists").wait(TableName=table)
    assert not describe(there, table)["DeletionProtectionEnabled"]
    here.update_table(TableName=table, DeletionProtectionEnabled=False)


def settled(table, *clients):
    """Each region's table knows all the others, and all are ACTIVE."""
    regions = sorted(client.meta.region_name for client in clients)
    for client in clients:
        until(lambda it: sorted(it) == [(region, "ACTIVE") for region in regions if region != client.meta.region_name],
              lambda: replicas(client, table))
        until(lambda it: it == "ACTIVE", lambda: describe(client, table)["TableStatus"])


def same(table, *clients):
    return until(lambda all_of: all(it == all_of[0] for it in all_of), lambda: [items(client, table) for client in clients])[0]


def remove(table, client, *others):
    client.delete_table(TableName=table)
    client.get_waiter("table_not_exists").wait(TableName=table)
    settled(table, *others)


def test_three_converge_over_crashes_and_a_third_that_joins(cloud, here, there, far, table):
    create(here, table)
    settled(table, here, there)
    stop, told = threading.Event(), []

    def write(client, seed):
        chance = random.Random(seed)
        while not stop.is_set():
            key = str(chance.randrange(40))
            try:
                if chance.random() < 0.2:
                    client.delete_item(TableName=table, Key={"pk": {"S": key}})
                else:
                    put(client, table, key, f"{seed} {chance.random()}")
                unique = f"own {seed} {chance.random()}"
                put(client, table, unique)
                told.append(unique)
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                time.sleep(0.01)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, client, i) for i, client in enumerate((here, there, far))]
        time.sleep(0.3)
        create(there, table, FAR)
        for _ in range(3):
            time.sleep(0.6)
            cloud.restart()
        stop.set()
        for writer in writers:
            writer.result()
    settled(table, here, there, far)
    both = same(table, here, there, far)
    assert told and set(told) <= set(both)
    for client in (here, there, far):
        assert describe(client, table)["ItemCount"] == len(both)


def test_three_regions(cloud, here, there, far, table):
    for i in range(100):
        put(here, table, str(i))
    create(here, table)
    settled(table, here, there)
    put(there, table, "of there")
    told = create(there, table, FAR)  # made of a table that is a copy itself
    assert [it["RegionName"] for it in told["Replicas"]] == [HERE]
    put(here, table, "meanwhile")
    settled(table, here, there, far)
    for client in (here, there, far):
        put(client, table, f"by {client.meta.region_name}")
        client.delete_item(TableName=table, Key={"pk": {"S": str(len(client.meta.region_name))}})
    both = same(table, here, there, far)
    assert {"of there", "meanwhile", f"by {HERE}", f"by {THERE}", f"by {FAR}"} <= set(both)
    assert len(both) == 100 + 5 - len({len(it) for it in (HERE, THERE, FAR)})
    far.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ends"})
    here.update_table(TableName=table, OnDemandThroughput={"MaxReadRequestUnits": 50})
    for client in (here, there, far):
        until(lambda it: it == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ends"},
              lambda: client.describe_time_to_live(TableName=table)["TimeToLiveDescription"])
        assert describe(client, table)["OnDemandThroughput"]["MaxReadRequestUnits"] == 50
    with refused(INVALID, SOURCED):
        there.delete_table(TableName=table)
    put(far, table, "last words")
    remove(table, far, here, there)
    assert "last words" in same(table, here, there)
    put(here, table, "two are left")
    same(table, here, there)
    cloud.advance(DAY)
    remove(table, there, here)
    assert not replicas(here, table) and "GlobalTableVersion" not in describe(here, table)
    here.delete_table(TableName=table)


def test_what_a_stream_tells(cloud, here, there, table):
    create(here, table)
    joined(here, there, table)
    put(here, table, "a")
    converge(here, there, table)
    streams = cloud.client("dynamodbstreams", region=THERE)
    arn = describe(there, table)["LatestStreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    at = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    (record,) = until(len, lambda: streams.get_records(ShardIterator=at)["Records"])
    assert (record["eventName"], record["awsRegion"]) == ("INSERT", THERE)
    assert record["dynamodb"]["NewImage"] == {"pk": {"S": "a"}, "v": {"S": "v"}}


def test_a_replica_goes(cloud, here, there, table):
    create(here, table)
    joined(here, there, table)
    for i in range(50):
        put(there, table, str(i))
    with refused(INVALID, SOURCED):
        here.delete_table(TableName=table)
    with refused(INVALID, SOURCED):
        there.update_table(TableName=table, ReplicaUpdates=[{"Delete": {"RegionName": HERE}}])
    told = here.update_table(TableName=table, ReplicaUpdates=[{"Delete": {"RegionName": THERE}}])["TableDescription"]
    assert told["TableStatus"] == "UPDATING"
    until(lambda it: not it, lambda: replicas(here, table))
    there.get_waiter("table_not_exists").wait(TableName=table)
    assert "GlobalTableVersion" not in describe(here, table)
    assert len(items(here, table)) == 50, "what the replica was written last has arrived"
    here.get_waiter("table_exists").wait(TableName=table)
    create(here, table)
    joined(here, there, table)
    assert len(converge(here, there, table)) == 50
    cloud.advance(DAY)
    here.delete_table(TableName=table)
    here.get_waiter("table_not_exists").wait(TableName=table)
    until(lambda it: not it, lambda: replicas(there, table))
    assert len(items(there, table)) == 50


def test_what_is_refused(cloud, here, there, table, name):
    def update(*updates, **more):
        return here.update_table(TableName=table, ReplicaUpdates=list(updates), **more)
    added, gone = {"Create": {"RegionName": THERE}}, {"Delete": {"RegionName": "eu-west-2"}}
    missing = ("Update global table operation failed because one or more replicas were not part of the global table. Please retry "
               "the request without these replicas: [eu-west-2].")
    exists = (f"Failed to create a the new replica of table with name: ‘{table}’ because one or more replicas already existed as "
              "tables.")
    nothing = "There are no actions specified in the Replica Update Action of the request."
    local = ("Cannot add or delete the local region through ReplicaUpdates. Use CreateTable, DeleteTable, or UpdateTable as "
             "required.")
    with refused(INVALID, BAD + "Replica modification must be the only operation in the request"):
        update(added, DeletionProtectionEnabled=True)
    with refused(INVALID, nothing):
        update({})
    with refused(INVALID, "Update table operation with more than one type of replica actions not allowed"):
        update({**added, **gone})
    with refused(INVALID, "Update table operation with more than one create or delete replica actions not allowed"):
        update(added, {"Create": {"RegionName": "eu-west-2"}})
    for action in ("Create", "Delete"):
        with refused(INVALID, local):
            update({action: {"RegionName": HERE}})
    with pytest.raises(botocore.exceptions.ClientError, match=r"Region us-fake-1 is not supported. The latest version of global "
                                                              r"tables are only supported in the following regions: \[.*us-west-2"):
        update({"Create": {"RegionName": "us-fake-1"}})
    with refused(INVALID, missing):
        update(gone)
    with refused(INVALID, BAD + "KMSMasterKeyId must be specified for each replica."):
        update({"Create": {"RegionName": THERE, "KMSMasterKeyId": "alias/x"}})
    with refused(INVALID, "MultiRegionConsistency STRONG is not supported by kintoun yet"):
        update(added, MultiRegionConsistency="STRONG")
    there.create_table(TableName=table, BillingMode="PAY_PER_REQUEST", **keys())
    with refused(INVALID, exists):
        update(added)
    there.get_waiter("table_exists").wait(TableName=table)
    there.delete_table(TableName=table)
    there.get_waiter("table_not_exists").wait(TableName=table)
    update(added, added)
    joined(here, there, table)
    with refused(INVALID, exists):
        update(added)
    with refused(INVALID, nothing):
        update({"Update": {"RegionName": THERE}})
    for client in (here, there):
        with refused(INVALID, BAD + "Disabling Stream is not allowed for a Global Table replica."):
            client.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    there.update_table(TableName=table, DeletionProtectionEnabled=True)
    there.get_waiter("table_exists").wait(TableName=table)
    with refused(INVALID, "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection "
                          "first."):
        update({"Delete": {"RegionName": THERE}})
    there.update_table(TableName=table, DeletionProtectionEnabled=False)
    it = name("provisioned")
    here.create_table(TableName=it, ProvisionedThroughput=units(1, 1), **keys())
    here.get_waiter("table_exists").wait(TableName=it)
    with refused(INVALID, "Table write capacity should either be Pay-Per-Request or AutoScaled."):
        create(here, it)
    here.delete_table(TableName=it)


def test_the_legacy_version_is_made_no_more(here, there, table):
    create(here, table)
    joined(here, there, table)
    gone = BAD + ("DynamoDB global tables version 2017.11.29 is not supported. We recommend using DynamoDB global tables version "
                  "2019.11.21, instead of version 2017.11.29 (Legacy).")
    with refused(INVALID, gone):
        here.create_global_table(GlobalTableName=table, ReplicationGroup=[{"RegionName": HERE}])
    with refused(INVALID, gone):
        here.update_global_table(GlobalTableName="some", ReplicaUpdates=[{"Create": {"RegionName": HERE}}])
    with refused(INVALID, "One or more parameter values were invalid"):
        here.update_global_table(GlobalTableName="some", ReplicaUpdates=[])
    missing, unknown = "GlobalTableNotFoundException", f"Global table with name: '{table}' does not exist."
    with refused(missing, "Global table not found: " + unknown):
        here.describe_global_table(GlobalTableName=table)
    with refused(missing, "Global table not found: " + unknown):
        here.update_global_table(GlobalTableName=table, ReplicaUpdates=[{"Delete": {"RegionName": HERE}}])
    with refused(missing, unknown):
        here.describe_global_table_settings(GlobalTableName=table)
    with refused(missing, unknown):
        here.update_global_table_settings(GlobalTableName=table, GlobalTableBillingMode="PROVISIONED")
    assert here.list_global_tables()["GlobalTables"] == []
