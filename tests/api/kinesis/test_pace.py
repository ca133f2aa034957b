# SPDX-License-Identifier: Apache-2.0
"""How often management operations may be called in a second, for each account and region, or for each stream."""
import pytest

import harness
from streams import ACCOUNT, arn, refused, wait_active

CALLS = {
    "list_streams": (5, {}, f"Rate exceeded for account {ACCOUNT}."),
    "describe_limits": (1, {}, f"Rate exceeded for account {ACCOUNT}."),
    "describe_account_settings": (5, {}, f"Rate exceeded for account {ACCOUNT}."),
    "list_channels": (5, {}, f"Rate exceeded for account {ACCOUNT}."),
    "describe_stream": (10, {"StreamName": "s"}, f"Rate exceeded for stream s under account {ACCOUNT}."),
    "describe_stream_summary": (20, {"StreamARN": arn("s")}, f"Rate exceeded for stream s under account {ACCOUNT}."),
    "list_tags_for_stream": (5, {"StreamName": "s"}, f"Rate exceeded for stream s under account {ACCOUNT}."),
    "list_stream_consumers": (5, {"StreamARN": arn("s")}, f"Rate exceeded for stream s under account {ACCOUNT}."),
    "get_resource_policy": (5, {"ResourceARN": arn("s")}, f"Rate exceeded for stream s under account {ACCOUNT}."),
}


@pytest.fixture(scope="module")
def paced(tmp_path_factory):
    cloud = harness.Cloud(tmp_path_factory.mktemp("paced")).start()
    kinesis = cloud.client("kinesis")
    for name in ("s", "other"):
        kinesis.create_stream(StreamName=name, ShardCount=1)
        wait_active(kinesis, name)
        cloud.advance(1)
    cloud.stand()
    yield cloud
    cloud.stop()


def taken(call, more, most):
    """How many of `most` calls in a row were taken, and the refusal."""
    for count in range(most):
        try:
            call(**more)
        except call.__self__.exceptions.LimitExceededException as error:
            return count, error.response["Error"]["Message"]
    return most, None


@pytest.mark.parametrize("operation", CALLS)
def test_rates(paced, operation):
    limit, more, text = CALLS[operation]
    call = getattr(paced.client("kinesis"), operation)
    paced.advance(1)
    assert taken(call, more, 3 * limit) == (limit, text)
    paced.advance(1)
    call(**more)


def test_whose_they_are(paced):
    """Another region, another account and another stream have calls of their own."""
    kinesis = paced.client("kinesis")
    paced.advance(1)
    assert taken(kinesis.list_streams, {}, 20)[0] == 5
    paced.client("kinesis", region="us-west-2").list_streams()
    paced.client("kinesis", key="111122223333").list_streams()
    taken(kinesis.list_stream_consumers, {"StreamARN": arn("s")}, 20)
    kinesis.list_stream_consumers(StreamARN=arn("other"))


def test_makers_are_paced(paced):
    kinesis = paced.client("kinesis")
    paced.advance(1)
    messages = []
    for number in range(12):
        try:
            kinesis.create_stream(StreamName=f"many{number}", ShardCount=1)
        except kinesis.exceptions.LimitExceededException as error:
            messages.append(error.response["Error"]["Message"])
    assert messages and all(m.startswith("Rate exceeded for stream many") or "simultaneously" in m for m in messages)


def test_lifted(cloud):
    """The cloud of these scenarios is unlimited."""
    kinesis = cloud.client("kinesis")
    for _ in range(40):
        kinesis.list_streams()
        kinesis.describe_limits()


def test_data_is_not_paced(paced):
    kinesis = paced.client("kinesis")
    for _ in range(50):
        kinesis.put_record(StreamName="s", Data=b"x", PartitionKey="p")
    with refused("ResourceNotFoundException", f"Stream none under account {ACCOUNT} not found."):
        kinesis.put_record(StreamName="none", Data=b"x", PartitionKey="p")
