# SPDX-License-Identifier: Apache-2.0
"""Tables and items outlive kill -9; what was under way goes on at the next start."""
import threading

import botocore.exceptions

from refusals import wait_for
from tables import arn, keys, not_found


def test_kill_and_restart(own_cloud):
    cloud = own_cloud()
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(TableName="kept", BillingMode="PAY_PER_REQUEST", Tags=[{"Key": "a", "Value": "b"}],
                          **keys("S", "N"))
    dynamodb.get_waiter("table_exists").wait(TableName="kept")
    dynamodb.create_table(TableName="gone", BillingMode="PAY_PER_REQUEST", **keys())
    dynamodb.get_waiter("table_exists").wait(TableName="gone")
    for number in range(200):
        dynamodb.put_item(TableName="kept", Item={"pk": {"S": "a"}, "sk": {"N": str(number)}, "v": {"B": b"\0" * number}})
        dynamodb.put_item(TableName="gone", Item={"pk": {"S": str(number)}})
    dynamodb.delete_item(TableName="kept", Key={"pk": {"S": "a"}, "sk": {"N": "7"}})
    before = dynamodb.describe_table(TableName="kept")["Table"]
    dynamodb.delete_table(TableName="gone")
    dynamodb.create_table(TableName="late", BillingMode="PAY_PER_REQUEST", **keys())
    cloud.restart()

    assert dynamodb.describe_table(TableName="kept")["Table"] == before
    assert before["ItemCount"] == 199
    assert dynamodb.list_tags_of_resource(ResourceArn=arn("kept"))["Tags"] == [{"Key": "a", "Value": "b"}]
    for number in range(200):
        item = dynamodb.get_item(TableName="kept", Key={"pk": {"S": "a"}, "sk": {"N": str(number)}}).get("Item")
        assert (item is None) if number == 7 else (item["v"] == {"B": b"\0" * number})
    dynamodb.get_waiter("table_exists").wait(TableName="late")
    dynamodb.put_item(TableName="late", Item={"pk": {"S": "x"}})
    with not_found("gone"):
        dynamodb.describe_table(TableName="gone")
    dynamodb.put_item(TableName="kept", Item={"pk": {"S": "a"}, "sk": {"N": "7"}})
    assert dynamodb.describe_table(TableName="kept")["Table"]["ItemCount"] == 200


def test_killed_while_writing(own_cloud):
    """Whatever was acknowledged is there, and the counts agree with what is there."""
    cloud = own_cloud()
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(TableName="busy", BillingMode="PAY_PER_REQUEST", **keys("N"))
    dynamodb.get_waiter("table_exists").wait(TableName="busy")
    done = [[] for _ in range(4)]

    def write(who):
        number = who
        while True:
            try:
                dynamodb.put_item(TableName="busy", Item={"pk": {"N": str(number)}, "v": {"S": "x" * 100}})
            except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
                return
            done[who].append(number)
            number += 4
    for _ in range(2):
        threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        wait_for(lambda: sum(map(len, done)) >= 150)
        cloud.stop(9)
        for thread in threads:
            thread.join()
        cloud.start()
        acknowledged = {number for numbers in done for number in numbers}
        there = {number for number in range(max(acknowledged) + 100)
                 if "Item" in dynamodb.get_item(TableName="busy", Key={"pk": {"N": str(number)}})}
        assert acknowledged <= there
        told = dynamodb.describe_table(TableName="busy")["Table"]
        assert told["ItemCount"] == len(there)
        for numbers in done:
            numbers.clear()
