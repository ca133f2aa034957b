# SPDX-License-Identifier: Apache-2.0
"""Backups and recovery to a point in time: copies that are consistent under writers and independent of their table."""
import datetime
import signal
import threading
import time

import botocore.exceptions
import pytest

from harness import Cloud
from refusals import wait_for
from tables import arn, fill, invalid, keys, latest, put, refused, switch, units


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """One whose clock may leave that of the signatures."""
    it = Cloud(tmp_path_factory.mktemp("backups"), "--auth", "open").start()
    yield it
    assert it.stop() == 0, it.log.read_text(errors="replace")[-4000:]


@pytest.fixture
def backup_of(dynamodb, name):
    """backup_of(table): the ARN of an AVAILABLE backup."""
    def make(table):
        details = dynamodb.create_backup(TableName=table, BackupName=name("backup"))["BackupDetails"]
        assert details["BackupStatus"] in ("CREATING", "AVAILABLE")
        return wait_for_backup(dynamodb, details["BackupArn"])
    return make


def wait_for_backup(dynamodb, backup):
    deadline = time.monotonic() + 60
    while (status := describe(dynamodb, backup)["BackupDetails"]["BackupStatus"]) != "AVAILABLE":
        assert status == "CREATING" and time.monotonic() < deadline
        time.sleep(0.02)
    return backup


def describe(dynamodb, backup):
    return dynamodb.describe_backup(BackupArn=backup)["BackupDescription"]


def wait_for_table(dynamodb, table):
    dynamodb.get_waiter("table_exists").wait(TableName=table)
    return dynamodb.describe_table(TableName=table)["Table"]


def values(dynamodb, table, **how):
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, **how)
    return {item["pk"]["S"]: int(item["v"]["N"]) for page in pages for item in page["Items"]}


class Writer(threading.Thread):
    """Step n writes n to the item n mod `keys`, or deletes it when n is a multiple of 7: what is there says how far
    it came. One step after another, so any consistent copy is the state after some step."""

    def __init__(self, cloud, table, count):
        super().__init__(daemon=True)
        self.client, self.table, self.keys = cloud.client("dynamodb"), table, count
        self.done, self.over = 0, threading.Event()

    def run(self):
        while not self.over.is_set():
            n = self.done + 1
            key = f"k{n % self.keys}"
            if n % 7:
                put(self.client, self.table, key, n)
            else:
                self.client.delete_item(TableName=self.table, Key={"pk": {"S": key}})
            self.done = n

    def state_after(self, steps):
        state = {f"k{i}": i for i in range(self.keys)}
        for n in range(1, steps + 1):
            if n % 7:
                state[f"k{n % self.keys}"] = n
            else:
                state.pop(f"k{n % self.keys}", None)
        return state

    def stop(self):
        self.over.set()
        self.join()


# ---- backups --------------------------------------------------------------------------------------------------------

def test_a_backup_tells_of_its_table(dynamodb, table, name):
    fill(dynamodb, table, 3)
    made = dynamodb.create_backup(TableName=table, BackupName="nightly")["BackupDetails"]
    assert made["BackupArn"].startswith(arn(table) + "/backup/0")
    told = dynamodb.describe_table(TableName=table)["Table"]
    wait_for_backup(dynamodb, made["BackupArn"])
    shown = describe(dynamodb, made["BackupArn"])
    assert shown["BackupDetails"] == {**made, "BackupStatus": "AVAILABLE", "BackupName": "nightly", "BackupType": "USER",
                                      "BackupSizeBytes": told["TableSizeBytes"]}
    assert shown["SourceTableFeatureDetails"] == {}
    assert shown["SourceTableDetails"] == {
        "TableName": table, "TableId": told["TableId"], "TableArn": arn(table), "ItemCount": 3,
        "TableSizeBytes": told["TableSizeBytes"], "TableCreationDateTime": told["CreationDateTime"],
        "KeySchema": told["KeySchema"], "ProvisionedThroughput": units(0, 0), "BillingMode": "PAY_PER_REQUEST"}


def test_a_backup_does_not_follow_its_table(dynamodb, table, backup_of, name):
    fill(dynamodb, table, 30)
    backup = backup_of(table)
    for i in range(30):
        put(dynamodb, table, f"k{i}", -1)
    dynamodb.delete_table(TableName=table)
    dynamodb.get_waiter("table_not_exists").wait(TableName=table)
    target = name("target")
    shown = dynamodb.restore_table_from_backup(TargetTableName=target, BackupArn=backup)["TableDescription"]
    assert shown["TableStatus"] == "CREATING" and shown["RestoreSummary"]["RestoreInProgress"]
    assert shown["RestoreSummary"]["SourceBackupArn"] == backup
    assert shown["RestoreSummary"]["SourceTableArn"] == arn(table)
    restored = wait_for_table(dynamodb, target)
    assert "RestoreSummary" not in restored
    assert values(dynamodb, target) == {f"k{i}": i for i in range(30)}
    assert restored["ItemCount"] == 30
    dynamodb.delete_table(TableName=target)


def test_a_backup_is_the_table_at_one_moment(cloud, dynamodb, table, name):
    fill(dynamodb, table, 200, 2000)
    writer = Writer(cloud, table, 200)
    writer.start()
    backups = []
    for turn in range(4):
        wait_for(lambda: writer.done > 15 * (turn + 1))
        before = writer.done
        backup = dynamodb.create_backup(TableName=table, BackupName="moment")["BackupDetails"]["BackupArn"]
        backups.append((backup, before, writer.done + 1))
    for backup, _, _ in backups:
        wait_for_backup(dynamodb, backup)
    writer.stop()
    assert writer.done > 50
    for backup, first, last in backups:
        target = name("moment")
        dynamodb.restore_table_from_backup(TargetTableName=target, BackupArn=backup)
        wait_for_table(dynamodb, target)
        assert values(dynamodb, target) in [writer.state_after(n) for n in range(first, last + 1)]
        dynamodb.delete_table(TableName=target)


def test_a_backup_goes_on_after_a_crash(cloud, dynamodb, table, name):
    fill(dynamodb, table, 1500, 4000)
    backup = dynamodb.create_backup(TableName=table, BackupName="crash")["BackupDetails"]["BackupArn"]
    put(dynamodb, table, "k7", -1)
    put(dynamodb, table, "new", 1)
    cloud.restart(signal.SIGKILL)
    put(dynamodb, table, "k8", -1)
    wait_for_backup(dynamodb, backup)
    target = name("crash")
    dynamodb.restore_table_from_backup(TargetTableName=target, BackupArn=backup)
    cloud.restart(signal.SIGKILL)
    wait_for_table(dynamodb, target)
    assert values(dynamodb, target) == {f"k{i}": i for i in range(1500)}
    dynamodb.delete_table(TableName=target)


def test_backups_are_listed(cloud, dynamodb, make_table, backup_of):
    one, two = make_table(), make_table()
    first = [backup_of(one)]
    cloud.advance(100)
    first.append(backup_of(one))
    other = backup_of(two)

    def listed(**how):
        return [it["BackupArn"] for it in dynamodb.list_backups(**how)["BackupSummaries"]]
    assert listed(TableName=one) == first
    assert listed(TableName=arn(two)) == [other]
    assert set(listed()) >= {*first, other}
    middle = describe(dynamodb, first[1])["BackupDetails"]["BackupCreationDateTime"] - datetime.timedelta(seconds=50)
    assert listed(TableName=one, TimeRangeLowerBound=middle) == first[1:]
    assert listed(TableName=one, TimeRangeUpperBound=middle) == first[:1]
    assert listed(TableName=one, BackupType="SYSTEM") == []
    page = dynamodb.list_backups(TableName=one, Limit=1)
    assert page["LastEvaluatedBackupArn"] == first[0]
    page = dynamodb.list_backups(TableName=one, Limit=1, ExclusiveStartBackupArn=first[0])
    assert [it["BackupArn"] for it in page["BackupSummaries"]] == first[1:] and "LastEvaluatedBackupArn" not in page
    with invalid("Invalid BackupArn: " + "x" * 37):
        dynamodb.list_backups(ExclusiveStartBackupArn="x" * 37)


def test_a_deleted_backup_is_gone(dynamodb, table, backup_of):
    backup = backup_of(table)
    shown = dynamodb.delete_backup(BackupArn=backup)["BackupDescription"]["BackupDetails"]
    assert shown["BackupStatus"] == "DELETED"
    for call in (dynamodb.describe_backup, dynamodb.delete_backup):
        with refused("BackupNotFoundException", f"Backup not found: {backup}"):
            call(BackupArn=backup)
    with refused("BackupNotFoundException", f"Backup not found: {backup}"):
        dynamodb.restore_table_from_backup(TargetTableName="target", BackupArn=backup)
    assert dynamodb.list_backups(TableName=table)["BackupSummaries"] == []


def test_what_is_copied_is_in_use(dynamodb, table, name):
    fill(dynamodb, table, 6000, 16000)  # long enough to copy that there is time to ask
    backup = dynamodb.create_backup(TableName=table, BackupName="busy")["BackupDetails"]["BackupArn"]
    with refused("BackupInUseException", f"Backup is being created: {backup}"):
        dynamodb.delete_backup(BackupArn=backup)
    with refused("BackupInUseException", f"Backup is being created: {backup}"):
        dynamodb.restore_table_from_backup(TargetTableName=name("early"), BackupArn=backup)
    with refused("ResourceInUseException",
                 f"Attempt to change a resource which is still in use: Table is being copied: {table}"):
        dynamodb.delete_table(TableName=table)
    wait_for_backup(dynamodb, backup)
    target = name("target")
    dynamodb.restore_table_from_backup(TargetTableName=target, BackupArn=backup)
    with refused("BackupInUseException", f"Backup is being used to restore table: {backup}"):
        dynamodb.delete_backup(BackupArn=backup)
    with refused("BackupInUseException", f"Backup is being used to restore another table: {backup}"):
        dynamodb.restore_table_from_backup(TargetTableName=name("second"), BackupArn=backup)
    with refused("TableInUseException", f"Table: {target} is already being restored from backup: {backup}"):
        dynamodb.restore_table_from_backup(TargetTableName=target, BackupArn=backup)
    wait_for_table(dynamodb, target)
    dynamodb.delete_backup(BackupArn=backup)
    dynamodb.delete_table(TableName=target)


def test_refused_backups(dynamodb, table, backup_of):
    with refused("TableNotFoundException", "Table not found: missing"):
        dynamodb.create_backup(TableName="missing", BackupName="name")
    backup = backup_of(table)
    with refused("TableAlreadyExistsException", f"Table already exists: {table}"):
        dynamodb.restore_table_from_backup(TargetTableName=table, BackupArn=backup)
    with pytest.raises(botocore.exceptions.ClientError, match="Value 'a' at 'backupName' failed to satisfy"):
        dynamodb.create_backup(TableName=table, BackupName="a")
    for parameter in ({"SSESpecificationOverride": {"Enabled": True}},
                      {"OnDemandThroughputOverride": {"MaxReadRequestUnits": 5}}):
        with pytest.raises(botocore.exceptions.ClientError, match="not supported by kintoun yet"):
            dynamodb.restore_table_from_backup(TargetTableName="target", BackupArn=backup, **parameter)


# ---- what is restored -----------------------------------------------------------------------------------------------

GLOBAL = {"IndexName": "byV", "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}],
          "Projection": {"ProjectionType": "KEYS_ONLY"}}
LOCAL = {"IndexName": "local", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"},
                                             {"AttributeName": "v", "KeyType": "RANGE"}],
         "Projection": {"ProjectionType": "ALL"}}


@pytest.fixture
def indexed(dynamodb, name):
    it = name("indexed")
    schema = keys("S", "S")
    schema["AttributeDefinitions"].append({"AttributeName": "v", "AttributeType": "N"})
    dynamodb.create_table(TableName=it, ProvisionedThroughput=units(50, 60), **schema, LocalSecondaryIndexes=[LOCAL],
                          GlobalSecondaryIndexes=[{**GLOBAL, "ProvisionedThroughput": units(70, 80)}],
                          StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    wait_for_table(dynamodb, it)
    dynamodb.update_time_to_live(TableName=it, TimeToLiveSpecification={"Enabled": True, "AttributeName": "end"})
    for i in range(20):
        put(dynamodb, it, f"k{i}", i, sk={"S": "s"})
    yield it
    dynamodb.delete_table(TableName=it)


def test_indexes_and_units_are_restored(dynamodb, indexed, backup_of, name):
    backup = backup_of(indexed)
    features = describe(dynamodb, backup)["SourceTableFeatureDetails"]
    assert features["GlobalSecondaryIndexes"] == [{**GLOBAL, "ProvisionedThroughput": units(70, 80)}]
    assert features["LocalSecondaryIndexes"] == [LOCAL]
    assert features["StreamDescription"] == {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    assert features["TimeToLiveDescription"]["AttributeName"] == "end"
    target = name("target")
    dynamodb.restore_table_from_backup(TargetTableName=target, BackupArn=backup)
    restored = wait_for_table(dynamodb, target)
    assert restored["ProvisionedThroughput"]["WriteCapacityUnits"] == 60
    assert restored["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["ReadCapacityUnits"] == 70
    assert restored["GlobalSecondaryIndexes"][0]["ItemCount"] == 20
    assert "LatestStreamArn" not in restored
    assert dynamodb.describe_time_to_live(TableName=target)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
    for index in ("byV", "local"):
        assert values(dynamodb, target, IndexName=index) == {f"k{i}": i for i in range(20)}
    dynamodb.delete_table(TableName=target)


def test_overrides(dynamodb, indexed, backup_of, name):
    backup = backup_of(indexed)
    target = name("target")
    shown = dynamodb.restore_table_from_backup(
        TargetTableName=target, BackupArn=backup, BillingModeOverride="PAY_PER_REQUEST",
        GlobalSecondaryIndexOverride=[], LocalSecondaryIndexOverride=[{**LOCAL, "IndexName": "renamed"}])["TableDescription"]
    assert shown["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    restored = wait_for_table(dynamodb, target)
    assert "GlobalSecondaryIndexes" not in restored and restored["LocalSecondaryIndexes"][0]["IndexName"] == "renamed"
    assert values(dynamodb, target) == {f"k{i}": i for i in range(20)}
    dynamodb.delete_table(TableName=target)
    with invalid("Index other does not match a secondary index that existed in the source table and cannot be created "
                 "during the restore operation"):
        dynamodb.restore_table_from_backup(
            TargetTableName=target, BackupArn=backup,
            GlobalSecondaryIndexOverride=[{**GLOBAL, "IndexName": "other", "Projection": {"ProjectionType": "ALL"}}])
    with invalid("Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED"):
        dynamodb.restore_table_from_backup(TargetTableName=target, BackupArn=backup,
                                           BillingModeOverride="PAY_PER_REQUEST",
                                           ProvisionedThroughputOverride=units(1, 1))


def test_from_on_demand_to_units(dynamodb, table, backup_of, name):
    backup = backup_of(table)
    with invalid("Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED"):
        dynamodb.restore_table_from_backup(TargetTableName="target", BackupArn=backup, BillingModeOverride="PROVISIONED")
    target = name("target")
    dynamodb.restore_table_from_backup(TargetTableName=target, BackupArn=backup, BillingModeOverride="PROVISIONED",
                                       ProvisionedThroughputOverride=units(3, 4))
    assert wait_for_table(dynamodb, target)["ProvisionedThroughput"]["WriteCapacityUnits"] == 4
    dynamodb.delete_table(TableName=target)


# ---- recovery to a point in time ------------------------------------------------------------------------------------

def restored(dynamodb, source, target, **how):
    dynamodb.restore_table_to_point_in_time(SourceTableName=source, TargetTableName=target, **how)
    wait_for_table(dynamodb, target)
    found = values(dynamodb, target)
    dynamodb.delete_table(TableName=target)
    return found


def test_recovery_is_switched(cloud, dynamodb, table):
    shown = switch(dynamodb, table)
    assert shown["ContinuousBackupsStatus"] == "ENABLED"
    recovery = shown["PointInTimeRecoveryDescription"]
    assert set(recovery) == {"PointInTimeRecoveryStatus", "RecoveryPeriodInDays", "EarliestRestorableDateTime",
                             "LatestRestorableDateTime"}
    assert (recovery["PointInTimeRecoveryStatus"], recovery["RecoveryPeriodInDays"]) == ("ENABLED", 35)
    cloud.restart()
    again = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    again = again["PointInTimeRecoveryDescription"]
    assert again["EarliestRestorableDateTime"] == recovery["EarliestRestorableDateTime"]
    assert switch(dynamodb, table, RecoveryPeriodInDays=2)["PointInTimeRecoveryDescription"]["RecoveryPeriodInDays"] == 2
    assert switch(dynamodb, table)["PointInTimeRecoveryDescription"]["RecoveryPeriodInDays"] == 2
    assert switch(dynamodb, table, False) == {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"}}
    for days in (0, 36):
        with pytest.raises(botocore.exceptions.ClientError, match="recoveryPeriodInDays' failed to satisfy"):
            switch(dynamodb, table, RecoveryPeriodInDays=days)
    with refused("TableNotFoundException", "Table not found: missing"):
        switch(dynamodb, "missing")


def test_any_second_can_be_restored(cloud, dynamodb, table, name):
    put(dynamodb, table, "before", 0)
    earliest = switch(dynamodb, table)["PointInTimeRecoveryDescription"]["EarliestRestorableDateTime"]
    moments = {earliest: {"before": 0}}
    state = {"before": 0}
    for i in range(6):
        cloud.advance(10)
        put(dynamodb, table, f"k{i}", i)
        put(dynamodb, table, "same", i)
        dynamodb.delete_item(TableName=table, Key={"pk": {"S": f"k{i - 2}"}})
        state = {key: value for key, value in state.items() if key != f"k{i - 2}"} | {f"k{i}": i, "same": i}
        cloud.advance(10)
        moments[latest(dynamodb, table)] = dict(state)
    cloud.restart()
    cloud.advance(3600)  # a restart takes the clock back
    for moment, expected in moments.items():
        assert restored(dynamodb, table, name("past"), RestoreDateTime=moment) == expected
    assert restored(dynamodb, table, name("now"), UseLatestRestorableTime=True) == state


def test_recovery_under_a_writer(cloud, dynamodb, table, name):
    fill(dynamodb, table, 100, 1000)
    switch(dynamodb, table)
    writer = Writer(cloud, table, 100)
    writer.start()
    wait_for(lambda: writer.done > 50)
    first = writer.done
    target = name("moment")
    dynamodb.restore_table_to_point_in_time(SourceTableArn=arn(table), TargetTableName=target,
                                            UseLatestRestorableTime=True)
    last = writer.done + 1
    wait_for_table(dynamodb, target)
    writer.stop()
    assert values(dynamodb, target) in [writer.state_after(n) for n in range(first, last + 1)]
    dynamodb.delete_table(TableName=target)


def test_the_window_moves(cloud, dynamodb, table, name):
    switch(dynamodb, table, RecoveryPeriodInDays=1)
    put(dynamodb, table, "old", 1)
    cloud.advance(86400 + 60)
    put(dynamodb, table, "old", 2)
    put(dynamodb, table, "new", 2)
    cloud.advance(100)
    now = latest(dynamodb, table)
    outside = lambda: pytest.raises(botocore.exceptions.ClientError, match=(
        r"InvalidRestoreTimeException.*RestoreDateTime '\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ' must be within "
        r"EarliestRestorableDateTime '.*Z' and LatestRestorableDateTime '.*Z'"))
    for moment in (now - datetime.timedelta(seconds=86400 + 60), now + datetime.timedelta(hours=1)):
        with outside():
            restored(dynamodb, table, "target", RestoreDateTime=moment)
    assert restored(dynamodb, table, name("past"), RestoreDateTime=now - datetime.timedelta(seconds=150)) == {"old": 1}
    # A longer period does not bring back what was forgotten.
    switch(dynamodb, table, RecoveryPeriodInDays=35)
    with outside():
        restored(dynamodb, table, "target", RestoreDateTime=now - datetime.timedelta(seconds=86400 + 60))


def test_refused_recoveries(dynamodb, table):
    with refused("PointInTimeRecoveryUnavailableException",
                 f"Point in time recovery is not enabled for table '{table}'"):
        restored(dynamodb, table, "target", UseLatestRestorableTime=True)
    with refused("TableNotFoundException", "Table not found: missing"):
        restored(dynamodb, "missing", "target", UseLatestRestorableTime=True)
    switch(dynamodb, table)
    with refused("TableAlreadyExistsException", f"Table already exists: {table}"):
        restored(dynamodb, table, table, UseLatestRestorableTime=True)
    with invalid("Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not "
                 "both"):
        restored(dynamodb, table, "target")
    with pytest.raises(botocore.exceptions.ClientError, match="Both RestoreDateTime and UseLatestRestorableTime cannot"):
        restored(dynamodb, table, "target", UseLatestRestorableTime=True, RestoreDateTime=latest(dynamodb, table))
    with invalid("Must provide exactly one of: sourceTableArn, sourceTableName"):
        restored(dynamodb, table, "target", SourceTableArn=arn(table), UseLatestRestorableTime=True)
    with invalid("Invalid Backup ARN"):
        dynamodb.describe_backup(BackupArn=arn(table))
    with invalid("The parameter 'TableName' is required"):
        dynamodb.restore_table_to_point_in_time(TargetTableName="target", UseLatestRestorableTime=True)


def test_a_deleted_table_leaves_a_backup(cloud, dynamodb, make_table, name):
    table = make_table()
    fill(dynamodb, table, 40)
    switch(dynamodb, table)
    dynamodb.delete_table(TableName=table)
    dynamodb.get_waiter("table_not_exists").wait(TableName=table)
    backup, = dynamodb.list_backups(TableName=table, BackupType="SYSTEM")["BackupSummaries"]
    assert (backup["BackupName"], backup["BackupStatus"]) == (f"{table}$DeletedTableBackup", "AVAILABLE")
    kept = backup["BackupExpiryDateTime"] - backup["BackupCreationDateTime"]
    assert kept == datetime.timedelta(days=35)
    target = name("target")
    cloud.restart()
    dynamodb.restore_table_from_backup(TargetTableName=target, BackupArn=backup["BackupArn"])
    wait_for_table(dynamodb, target)
    assert values(dynamodb, target) == {f"k{i}": i for i in range(40)}
    dynamodb.delete_table(TableName=target)
    cloud.advance(40 * 86400)
    assert dynamodb.list_backups(TableName=table, BackupType="ALL")["BackupSummaries"] == []
