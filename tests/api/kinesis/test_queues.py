# SPDX-License-Identifier: Apache-2.0
"""Queues: records of an on-demand stream one by one, again until they are acknowledged, or dead."""
import datetime
import threading
import time

import pytest

from identities import Account, allow, refused
from refusals import wait_for
from streams import ACCOUNT, arn, wait_active

STREAM = "q"


class Queues:
    def __init__(self, cloud):
        self.cloud = cloud
        # A leap of the clock ends idle connections, and a request may meet that.
        self.kinesis = cloud.client("kinesis", retries={"total_max_attempts": 3})
        self.kinesis.create_stream(StreamName=STREAM, StreamModeDetails={"StreamMode": "ON_DEMAND"})
        wait_active(self.kinesis, STREAM)

    def create(self, name="it", start=None, dead=None, visibility=None, **more):
        source = {"StreamARN": arn(STREAM)}
        if start:
            source["StartingPosition"] = start
        attributes = {}
        if dead:
            attributes["DeadLetterConfiguration"] = dead
        if visibility is not None:
            attributes["VisibilityTimeoutSeconds"] = visibility
        if attributes:
            more["QueueAttributes"] = attributes
        made = self.kinesis.create_queue(QueueName=name, StreamConfigurationList=[source], **more)["QueueDescription"]
        assert made["QueueStatus"] == "CREATING"
        return self.settled(made["QueueARN"])["QueueARN"]

    def describe(self, queue):
        return self.kinesis.describe_queue(QueueARN=queue)["QueueDescription"]

    def settled(self, queue):
        return wait_for(lambda: (it := self.describe(queue))["QueueStatus"] == "ACTIVE" and it)

    def put(self, *datas):
        self.kinesis.put_records(StreamName=STREAM, Records=[{"Data": data, "PartitionKey": f"k{n}"} for n, data in enumerate(datas)])

    def receive(self, queue, **more):
        more.setdefault("WaitTimeSeconds", 1)
        return self.kinesis.receive_queue_records(QueueARN=queue, **more)["QueueRecords"]

    def dead(self, queue, **more):
        more.setdefault("WaitTimeSeconds", 1)
        return self.kinesis.receive_dead_letter_queue_records(QueueARN=queue, **more)["QueueRecords"]

    def acknowledge(self, queue, *records):
        return self.kinesis.acknowledge_queue_records(QueueARN=queue, Entries=entries(records))


def entries(records, **more):
    return [{"ReceiptHandle": record["ReceiptHandle"], **more} for record in records]


@pytest.fixture
def queues(own_cloud):
    return Queues(own_cloud("--unlimited"))


def test_life_of_a_record(queues):
    queue = queues.create()
    told = queues.describe(queue)
    assert told["QueueAttributes"] == {"VisibilityTimeoutSeconds": 30,
                                       "DeadLetterConfiguration": {"TargetType": "BUILT_IN", "MaxReceiveCount": 6}}
    assert told["StreamConfigurationList"][0]["StartingPosition"]["Type"] == "LATEST"
    assert "Timestamp" in told["StreamConfigurationList"][0]["StartingPosition"]
    queues.put(*(b"%d" % n for n in range(25)))
    first, second, third = (queues.receive(queue) for _ in range(3))
    assert [len(each) for each in (first, second, third)] == [10, 10, 5]
    got = first + second + third
    assert sorted(int(record["Data"]) for record in got) == list(range(25))
    assert {record["ReceiveCount"] for record in got} == {1} and len({record["RecordId"] for record in got}) == 25
    assert all(record["RecordId"].isalnum() and record["PartitionKey"] == f"k{int(record['Data'])}" for record in got)
    began = time.monotonic()
    assert queues.receive(queue) == [] and 0.9 < time.monotonic() - began < 20
    assert queues.acknowledge(queue, *first)["Failed"] == []
    queues.cloud.advance(30)
    again = queues.receive(queue) + queues.receive(queue)
    assert {record["RecordId"] for record in again} == {record["RecordId"] for record in second + third}
    assert {record["ReceiveCount"] for record in again} == {2}
    before = {record["RecordId"]: record for record in got}
    assert all(record["FirstReceiveTimestamp"] == before[record["RecordId"]]["FirstReceiveTimestamp"] for record in again)
    queues.cloud.restart()
    assert queues.receive(queue) == []
    stale = queues.acknowledge(queue, *second)
    assert {entry["ErrorCode"] for entry in stale["Failed"]} == {"InvalidArgumentException"} and len(stale["Failed"]) == 10
    fresh = queues.acknowledge(queue, *again[:10])
    assert len(fresh["Successful"]) == 10
    gone = queues.acknowledge(queue, *again[:1])
    assert gone["Failed"][0]["ErrorCode"] == "ResourceNotFoundException"
    assert queues.kinesis.acknowledge_queue_records(QueueARN=queue, Entries=[{"ReceiptHandle": "x"}])["Failed"][0]["ErrorCode"] == \
        "InvalidArgumentException"


def test_waiting_ends_with_a_record(queues):
    queue = queues.create()
    timer = threading.Timer(0.7, lambda: queues.put(b"late"))
    began = time.monotonic()
    timer.start()
    record, = queues.receive(queue, WaitTimeSeconds=20)
    assert record["Data"] == b"late" and 0.5 < time.monotonic() - began < 20
    timer.join()


def test_a_server_that_ends_lets_nobody_wait(queues):
    queue = queues.create()
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(queues.receive(queue, WaitTimeSeconds=20)))
    waiting.start()
    time.sleep(2)
    began = time.monotonic()
    assert queues.cloud.stop() == 0
    waiting.join()
    assert answers == [[]] and time.monotonic() - began < 10


def test_visibility(queues):
    queue = queues.create(visibility=60)
    queues.put(b"x")
    record, = queues.receive(queue, VisibilityTimeoutSeconds=0)
    record, = queues.receive(queue)
    assert record["ReceiveCount"] == 2
    change = queues.kinesis.update_queue_records_visibility
    assert change(QueueARN=queue, Entries=entries([record], VisibilityTimeoutSeconds=0))["Failed"] == []
    record, = queues.receive(queue)
    change(QueueARN=queue, Entries=entries([record], VisibilityTimeoutSeconds=600))
    queues.cloud.advance(300)
    assert queues.receive(queue) == []
    queues.cloud.advance(300)
    assert queues.receive(queue)[0]["ReceiveCount"] == 4


def test_dead_letters(queues):
    queue = queues.create(dead={"TargetType": "BUILT_IN", "MaxReceiveCount": 2}, visibility=10)
    queues.put(b"bad")
    for count in (1, 2):
        record, = queues.receive(queue)
        assert record["ReceiveCount"] == count and queues.dead(queue) == []
        queues.cloud.advance(10)
    assert queues.receive(queue) == []
    record, = queues.dead(queue)
    assert (record["Data"], record["PartitionKey"], record["ReceiveCount"]) == (b"bad", "k0", 2)
    assert queues.dead(queue) == []
    assert queues.acknowledge(queue, record)["Failed"][0]["ErrorCode"] == "ResourceNotFoundException"
    hide = queues.kinesis.update_dead_letter_queue_records_visibility
    assert hide(QueueARN=queue, Entries=entries([record], VisibilityTimeoutSeconds=0))["Failed"] == []
    record, = queues.dead(queue)
    restored = queues.kinesis.restore_dead_letter_queue_records(QueueARN=queue, Entries=entries([record]))
    assert len(restored["Successful"]) == 1 and queues.dead(queue) == []
    for _ in range(2):
        record, = queues.receive(queue)
        queues.cloud.advance(10)
    record, = queues.dead(queue)
    done = queues.kinesis.acknowledge_dead_letter_queue_records(QueueARN=queue, Entries=entries([record]))
    assert len(done["Successful"]) == 1
    queues.cloud.advance(60)
    assert queues.dead(queue) == [] and queues.receive(queue) == []


def test_without_dead_letters(queues):
    queue = queues.create(dead={"TargetType": "NONE"}, visibility=1)
    queues.put(b"x")
    for count in range(1, 10):
        assert queues.receive(queue)[0]["ReceiveCount"] == count
        queues.cloud.advance(1)
    assert queues.dead(queue) == []
    assert queues.describe(queue)["QueueAttributes"]["DeadLetterConfiguration"] == {"TargetType": "NONE"}


def test_where_it_begins(queues):
    queues.put(b"old")
    queues.cloud.advance(100)
    queues.put(b"new")
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=50)
    horizon = queues.create("horizon", {"Type": "TRIM_HORIZON"})
    stamped = queues.create("stamped", {"Type": "AT_TIMESTAMP", "Timestamp": when})
    latest = queues.create("latest", {"Type": "LATEST"})
    assert sorted(record["Data"] for record in queues.receive(horizon)) == [b"new", b"old"]
    assert [record["Data"] for record in queues.receive(stamped)] == [b"new"]
    assert queues.receive(latest) == []
    told = queues.describe(stamped)["StreamConfigurationList"][0]["StartingPosition"]
    assert abs((told["Timestamp"] - when).total_seconds()) < 1
    for start in ({"Type": "AT_TIMESTAMP"}, {"Type": "LATEST", "Timestamp": when}):
        with refused("ValidationException"):
            queues.create("bad", start)


def test_retention_ends_records(own_cloud):
    queues = Queues(own_cloud("--unlimited", "--auth", "open"))  # signatures do not outlive such a leap of the clock
    queue = queues.create(visibility=0)
    queues.put(b"x")
    assert len(queues.receive(queue)) == 1
    queues.cloud.advance(25 * 3600)
    assert queues.receive(queue) == []


def test_update_list_tag_delete(queues):
    made = [queues.create(f"q{n}") for n in range(3)]
    listed = queues.kinesis.list_queues(MaxResults=2)
    rest = queues.kinesis.list_queues(NextToken=listed["NextToken"])
    assert {each["QueueARN"] for each in listed["QueueSummaries"] + rest["QueueSummaries"]} == set(made) and "NextToken" not in rest
    assert len(queues.kinesis.list_queues(StreamFilter=[{"StreamARN": arn(STREAM)}])["QueueSummaries"]) == 3
    assert queues.kinesis.list_queues(StreamFilter=[{"StreamARN": arn("none")}])["QueueSummaries"] == []
    with refused("InvalidArgumentException", "Invalid NextToken."):
        queues.kinesis.list_queues(NextToken="x")
    changed = queues.kinesis.update_queue(QueueARN=made[0], QueueAttributes={"VisibilityTimeoutSeconds": 5})
    assert changed["QueueDescription"]["QueueStatus"] == "UPDATING"
    assert queues.settled(made[0])["QueueAttributes"] == {
        "VisibilityTimeoutSeconds": 5, "DeadLetterConfiguration": {"TargetType": "BUILT_IN", "MaxReceiveCount": 6}}
    for dead in ({"TargetType": "BUILT_IN"}, {"TargetType": "NONE", "MaxReceiveCount": 3}):
        with refused("ValidationException"):
            queues.kinesis.update_queue(QueueARN=made[0], QueueAttributes={"DeadLetterConfiguration": dead})
    queues.kinesis.tag_resource(ResourceARN=made[0], Tags={"a": "b"})
    assert queues.kinesis.list_tags_for_resource(ResourceARN=made[0])["Tags"] == [{"Key": "a", "Value": "b"}]
    queues.kinesis.untag_resource(ResourceARN=made[0], TagKeys=["a"])
    assert queues.kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["QueueCount"] == 3
    queues.put(b"x")
    queues.receive(made[0])
    for call, more in ((queues.kinesis.delete_stream, {"StreamName": STREAM}),
                       (queues.kinesis.update_stream_mode, {"StreamARN": arn(STREAM), "StreamModeDetails": {"StreamMode": "PROVISIONED"}})):
        with refused("ResourceInUseException"):
            call(**more)
    with refused("ResourceInUseException"):
        queues.create("q1")
    for queue in made:
        queues.kinesis.delete_queue(QueueARN=queue)
    wait_for(lambda: not queues.kinesis.list_queues()["QueueSummaries"])
    with refused("ResourceNotFoundException", f"Queue {made[0]} not found."):
        queues.receive(made[0])
    queues.kinesis.delete_stream(StreamName=STREAM)


def test_queues_and_consumers_share_a_limit(queues):
    for n in range(3):
        queues.create(f"q{n}")
    for n in range(17):
        queues.kinesis.register_stream_consumer(StreamARN=arn(STREAM), ConsumerName=f"c{n}")
    text = f"Stream {STREAM} under account {ACCOUNT} has reached the limit of 20 registered consumers."
    with refused("LimitExceededException", text):
        queues.create("q3")
    with refused("LimitExceededException", text):
        queues.kinesis.register_stream_consumer(StreamARN=arn(STREAM), ConsumerName="c17")


def test_provisioned_streams_have_none(queues):
    queues.kinesis.create_stream(StreamName="p", ShardCount=1)
    wait_active(queues.kinesis, "p")
    with refused("InvalidArgumentException"):
        queues.kinesis.create_queue(QueueName="x", StreamConfigurationList=[{"StreamARN": arn("p")}])
    with refused("ResourceNotFoundException"):
        queues.kinesis.create_queue(QueueName="x", StreamConfigurationList=[{"StreamARN": arn("none")}])


def test_permissions(queues):
    queue = queues.create()
    account = Account(queues.cloud, ACCOUNT)
    account.iam = queues.cloud.client("iam")
    user = account.user("reader", allow("kinesis:ReceiveQueueRecords", queue)).client("kinesis")
    queues.put(b"x")
    record, = user.receive_queue_records(QueueARN=queue, WaitTimeSeconds=1)["QueueRecords"]
    with refused("AccessDeniedException"):
        user.acknowledge_queue_records(QueueARN=queue, Entries=entries([record]))
    with refused("AccessDeniedException"):
        user.create_queue(QueueName="y", StreamConfigurationList=[{"StreamARN": arn(STREAM)}])
    with refused("AccessDeniedException"):
        user.receive_dead_letter_queue_records(QueueARN=queue)
