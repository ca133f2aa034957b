# SPDX-License-Identifier: Apache-2.0
"""Capacity follows what is used: two minutes above the goal, fifteen below it, cooldowns, bounds, refusals of DynamoDB."""
import re

from refusals import wait_for
from scaled import INDEX_READ, READ, WRITE


def test_out_and_in(scaled):
    scaled.register(low=2, high=60)
    alarms = scaled.put_policy(goal=50.0)["Alarms"]
    assert [re.sub("-[0-9a-f-]{36}$", "", it["AlarmName"]) for it in alarms] == [
        "TargetTracking-table/orders-AlarmHigh", "TargetTracking-table/orders-AlarmLow"]
    scaled.cloud.restart()
    scaled.begin_minute()  # the clock was where it was before it was moved
    scaled.settle()
    scaled.minute(600)  # 10 a second, all there is
    assert scaled.units() == 10
    scaled.minute(300)  # 5 a second are the goal, not above it
    scaled.minute(600)
    assert scaled.units() == 10
    scaled.minute(480)
    assert scaled.units() == 20  # 10 a second are the higher of the two
    newest = scaled.activities()[0]
    assert newest["Description"] == "Setting write capacity units to 20."
    assert newest["Cause"] == f"monitor alarm {alarms[0]['AlarmName']} in state ALARM triggered policy follow"
    assert newest["StatusCode"] == "Successful" and newest["EndTime"] >= newest["StartTime"]
    assert newest["StatusMessage"] == ("Successfully set write capacity units to 20. Change successfully fulfilled by "
                                       "dynamodb.")
    for _ in range(14):
        scaled.minute()
    assert scaled.units() == 20  # the minutes above are still among the fifteen
    scaled.minute()
    scaled.wait_for(2)
    assert scaled.activities()[0]["Cause"].startswith(f"monitor alarm {alarms[1]['AlarmName']}")
    assert len(scaled.activities()) == 2
    assert scaled.units(READ) == 10


def test_index(scaled):
    scaled.register(INDEX_READ, 1, 100)
    scaled.put_policy(INDEX_READ, 20.0)
    scaled.settle()
    for at in range(40):
        scaled.dynamodb.put_item(TableName="orders", Item={"id": {"S": f"{at}"}, "kind": {"S": "a"}, "v": {"S": "x" * 900}})
    for _ in range(2):
        for _ in range(400):  # half a unit each
            scaled.dynamodb.query(TableName="orders", IndexName="by-kind", KeyConditionExpression="kind = :k",
                                  ExpressionAttributeValues={":k": {"S": "a"}})
        scaled.minute()
    assert scaled.units(INDEX_READ) == 17  # 200 / 60 / 0.2
    assert scaled.units(READ) == 10


def test_bounds_and_suspension(scaled):
    scaled.register(low=15, high=20)
    scaled.wait_for(15)
    wait_for(lambda: scaled.activities()[0]["StatusCode"] == "Successful")
    assert scaled.activities()[0]["Cause"] == "minimum capacity was set to 15"
    scaled.register(low=1, high=12)
    scaled.wait_for(12)
    assert scaled.activities()[0]["Cause"] == "maximum capacity was set to 12"
    scaled.put_policy()
    suspend = lambda **state: scaled.scaling.register_scalable_target(**scaled.name(WRITE), SuspendedState=state)
    suspend(DynamicScalingOutSuspended=True, DynamicScalingInSuspended=True)
    scaled.settle()
    for used in [720, 720]:
        scaled.minute(used)
    assert scaled.units() == 12
    scaled.register(low=1, high=18)
    suspend(DynamicScalingOutSuspended=False)
    scaled.wait_for(18)  # 24 are wanted
    for _ in range(17):
        scaled.minute()
    assert scaled.units() == 18
    suspend(DynamicScalingInSuspended=False)
    scaled.wait_for(1)


def test_cooldowns(scaled):
    scaled.register(low=1, high=1000)
    scaled.put_policy(ScaleOutCooldown=600, ScaleInCooldown=1200)
    scaled.settle()
    for _ in range(2):
        scaled.minute(360)
    assert scaled.units() == 12  # 2 more
    for _ in range(2):
        scaled.minute(400)
    assert scaled.units() == 12  # 14 are wanted, which is no larger step
    for _ in range(2):
        scaled.minute(720)
    assert scaled.units() == 24  # a larger one
    for _ in range(16):
        scaled.minute(20)
    assert scaled.units() == 1
    scaled.dynamodb.update_table(TableName="orders", ProvisionedThroughput={"ReadCapacityUnits": 10,
                                                                           "WriteCapacityUnits": 5})
    scaled.minute()
    assert scaled.units() == 5  # 20 minutes between two of them
    for _ in range(20):
        scaled.minute()
    assert scaled.units() == 1
    scaled.put_policy(DisableScaleIn=True)
    scaled.dynamodb.update_table(TableName="orders", ProvisionedThroughput={"ReadCapacityUnits": 10,
                                                                           "WriteCapacityUnits": 5})
    for _ in range(25):
        scaled.minute()
    assert scaled.units() == 5


def test_what_dynamodb_refuses(scaled):
    """Four decreases a day and then one an hour."""
    scaled.cloud.begin_day()
    for units in (9, 8, 7, 6):
        scaled.dynamodb.update_table(TableName="orders", ProvisionedThroughput={"ReadCapacityUnits": 10,
                                                                               "WriteCapacityUnits": units})
        scaled.dynamodb.get_waiter("table_exists").wait(TableName="orders")
    scaled.register(low=1, high=5)
    wait_for(lambda: scaled.activities())
    failed = scaled.activities()[0]
    assert failed["StatusCode"] == "Failed" and failed["Cause"] == "maximum capacity was set to 5"
    assert failed["StatusMessage"].startswith(
        "Failed to set write capacity units to 5. Reason: Failed updating table: Subscriber limit exceeded: Provisioned "
        "throughput decreases are limited within a given UTC day. After the first 4 decreases, each subsequent decrease in "
        "the same UTC day can be performed at most once every 3600 seconds. Number of decreases today: 4. Last decrease at ")
    scaled.put_policy()
    scaled.settle()
    for _ in range(3):
        scaled.minute()
    scaled.cloud.advance(3600)
    scaled.settle()
    for _ in range(15):
        scaled.minute()
    scaled.wait_for(1)


def test_on_demand(scaled):
    scaled.register(low=1, high=100)
    scaled.put_policy()
    scaled.dynamodb.update_table(TableName="orders", BillingMode="PAY_PER_REQUEST")
    scaled.dynamodb.get_waiter("table_exists").wait(TableName="orders")
    for _ in range(3):
        scaled.minute(100)
    assert not scaled.activities()
    assert scaled.scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
