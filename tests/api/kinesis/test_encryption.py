# SPDX-License-Identifier: Apache-2.0
"""StartStreamEncryption, StopStreamEncryption: what lies in the files, who is told of it, keys that are not there."""
from streams import ACCOUNT, arn, iterator, not_found, read_all, refused, shards_of, wait_active

OWN = "alias/aws/kinesis"
OWN_ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:{OWN}"
UUID = "134f2428-cec1-4b25-a1ae-9048164dba47"


def start(kinesis, stream, key=OWN):
    kinesis.start_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId=key)


def told(kinesis, stream):
    description = kinesis.describe_stream(StreamName=stream)["StreamDescription"]
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert [description.get(key) for key in ("EncryptionType", "KeyId")] == [summary.get(key) for key in ("EncryptionType", "KeyId")]
    return description["EncryptionType"], description.get("KeyId")


def lies_plain(cloud, text):
    """Whether any segment or any other file of the data has these bytes."""
    return any(text in path.read_bytes() for path in cloud.data.rglob("*") if path.is_file())


def test_only_what_comes_then_is_sealed(own_cloud):
    cloud = own_cloud("--unlimited")
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=2)
    wait_active(kinesis, "s")
    assert told(kinesis, "s") == ("NONE", None)
    put = kinesis.put_record(StreamName="s", Data=b"before it was sealed", PartitionKey="plain-key")
    assert "EncryptionType" not in put
    start(kinesis, "s")
    assert told(kinesis, "s") == ("KMS", OWN)
    wait_active(kinesis, "s")
    assert kinesis.put_record(StreamName="s", Data=b"while it was sealed", PartitionKey="sealed-key")["EncryptionType"] == "KMS"
    many = [{"Data": b"one of many sealed %d" % n, "PartitionKey": f"sealed-key{n}"} for n in range(50)]
    many += [{"Data": b"", "PartitionKey": "sealed-key"}, {"Data": b"long and sealed " * 5000, "PartitionKey": "sealed-key"}]
    assert kinesis.put_records(StreamName="s", Records=many)["EncryptionType"] == "KMS"
    kinesis.split_shard(StreamName="s", ShardToSplit="shardId-000000000000", NewStartingHashKey="1000")
    wait_active(kinesis, "s")
    kinesis.put_record(StreamName="s", Data=b"sealed in a child", PartitionKey="k", ExplicitHashKey="5")
    kinesis.stop_stream_encryption(StreamName="s", EncryptionType="KMS", KeyId=OWN)
    assert told(kinesis, "s") == ("NONE", None)
    wait_active(kinesis, "s")
    assert "EncryptionType" not in kinesis.put_records(StreamName="s", Records=[{"Data": b"after it was sealed", "PartitionKey": "p"}])
    wanted = {b"before it was sealed": None, b"while it was sealed": "KMS", b"sealed in a child": "KMS", b"after it was sealed": None,
              **{record["Data"]: "KMS" for record in many}}
    for _ in range(2):
        have = {record["Data"]: record.get("EncryptionType") for shard in shards_of(kinesis, "s")
                for record in read_all(kinesis, "s", shard["ShardId"])[0]}
        assert have == wanted
        cloud.restart()
    cloud.stop()
    for text in (b"before it was sealed", b"plain-key", b"after it was sealed"):
        assert lies_plain(cloud, text)
    for text in (b"while it was", b"many sealed", b"and sealed", b"in a child", b"sealed-key"):
        assert not lies_plain(cloud, text)
    cloud.start()


def test_consumers_read_what_is_sealed(kinesis, stream):
    start(kinesis, stream, OWN_ARN)
    wait_active(kinesis, stream)
    assert told(kinesis, stream) == ("KMS", OWN_ARN)
    kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="p")
    consumer = kinesis.register_stream_consumer(StreamARN=arn(stream), ConsumerName="c")["Consumer"]["ConsumerARN"]
    while kinesis.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]["ConsumerStatus"] != "ACTIVE":
        pass
    events = kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId="shardId-000000000000",
                                        StartingPosition={"Type": "TRIM_HORIZON"})["EventStream"]
    (record,) = next(iter(events))["SubscribeToShardEvent"]["Records"]
    assert (record["Data"], record["PartitionKey"], record["EncryptionType"]) == (b"x", "p", "KMS")
    events.close()


def test_damage_is_noticed(own_cloud):
    cloud = own_cloud()
    kinesis = cloud.client("kinesis", retries={"max_attempts": 1})
    kinesis.create_stream(StreamName="s", ShardCount=1)
    wait_active(kinesis, "s")
    start(kinesis, "s")
    wait_active(kinesis, "s")
    kinesis.put_record(StreamName="s", Data=b"x" * 100, PartitionKey="p")
    (segment,) = (cloud.data / "logs").iterdir()
    with open(segment, "r+b") as file:
        file.seek(60)
        byte = file.read(1)
        file.seek(60)
        file.write(bytes([byte[0] ^ 1]))
    with refused("InternalFailure", "An internal error occurred while reading records.", 500):
        kinesis.get_records(ShardIterator=iterator(kinesis, "s"))


def test_keys_that_are_not_there(kinesis, stream):
    here = f"arn:aws:kms:us-east-1:{ACCOUNT}:"
    for key, text in ((UUID, f"Key '{here}key/{UUID}' does not exist"), (f"{here}key/{UUID}", f"Key '{here}key/{UUID}' does not exist"),
                      ("alias/mine", f"Alias {here}alias/mine is not found."), (f"{here}alias/mine", f"Alias {here}alias/mine is not found."),
                      (f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{UUID}", "Invalid arn us-east-1"), ("mine", "Invalid keyId 'mine'")):
        with refused("KMSNotFoundException", text):
            start(kinesis, stream, key)
    assert told(kinesis, stream) == ("NONE", None)


def test_what_is_refused(kinesis, stream):
    for call in (kinesis.start_stream_encryption, kinesis.stop_stream_encryption):
        with not_found("nothing"):
            call(StreamName="nothing", EncryptionType="KMS", KeyId=OWN)
        with refused("InvalidArgumentException", "Invalid EncryptionType: NONE. The only valid value is KMS."):
            call(StreamName=stream, EncryptionType="NONE", KeyId=OWN)
    with refused("InvalidArgumentException", f"Stream {stream} under account {ACCOUNT} is not encrypted with the key {OWN}."):
        kinesis.stop_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId=OWN)


def test_changes_a_day(kinesis, stream):
    for _ in range(25):
        start(kinesis, stream)
        wait_active(kinesis, stream)
        kinesis.stop_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId=OWN)
        wait_active(kinesis, stream)
    with refused("LimitExceededException", "You can call StartStreamEncryption at most 25 times per rolling 24-hour period per stream."):
        start(kinesis, stream)
