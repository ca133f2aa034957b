# SPDX-License-Identifier: Apache-2.0
"""Tables for the DynamoDB scenarios."""
import contextlib

import botocore.exceptions
import pytest

from tables import keys


@pytest.fixture
def dynamodb(cloud):
    """Sends what the service should refuse, too."""
    return cloud.client("dynamodb", parameter_validation=False)


@pytest.fixture
def make_table(dynamodb, name):
    """make_table("S", "N"): an ACTIVE table on demand; removed at the end."""
    made = []

    def make(hash_type="S", range_type=None, **more):
        it = name("table")
        made.append(it)
        dynamodb.create_table(TableName=it, BillingMode="PAY_PER_REQUEST", **{**keys(hash_type, range_type), **more})
        dynamodb.get_waiter("table_exists").wait(TableName=it)
        return it

    yield make
    for it in made:
        with contextlib.suppress(botocore.exceptions.ClientError):
            dynamodb.delete_table(TableName=it)


@pytest.fixture
def table(make_table):
    """Keyed by the string pk."""
    return make_table()
