# SPDX-License-Identifier: Apache-2.0
"""Terraform's resources of DynamoDB."""
import time


def test_terraform(own_cloud, configuration):
    cloud = own_cloud()
    terraform = configuration(cloud, "terraform")
    terraform.apply()
    terraform.expect_no_change()
    changed = ["-var=team=blue", "-var=second=true", "-var=units=5"]
    terraform.apply(*changed)
    cloud.restart()
    terraform.expect_no_change(*changed)
    dynamodb = cloud.client("dynamodb", region="eu-west-1")
    item = dynamodb.get_item(TableName="teams", Key={"pk": {"S": "team"}, "sk": {"N": "1"}})["Item"]
    assert item["name"] == {"S": "blue"} and item["tags"] == {"SS": ["a", "b"]}
    dynamodb.put_item(TableName="events", Item={"id": {"S": "a"}, "kind": {"S": "b"}})
    replica = cloud.client("dynamodb", region="us-east-1")
    deadline = time.monotonic() + 60
    while "Item" not in replica.get_item(TableName="events", Key={"id": {"S": "a"}}):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert replica.describe_table(TableName="events")["Table"]["OnDemandThroughput"]["MaxWriteRequestUnits"] == 5
    changed.append("-var=replicas=[]")
    terraform.apply(*changed)
    terraform.expect_no_change(*changed)
    assert replica.list_tables()["TableNames"] == []
    terraform.destroy(*changed)
    assert dynamodb.list_tables()["TableNames"] == []
