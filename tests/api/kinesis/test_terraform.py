# SPDX-License-Identifier: Apache-2.0
"""Terraform's resources of Kinesis."""


def test_terraform(own_cloud, configuration):
    cloud = own_cloud()
    terraform = configuration(cloud, "terraform")
    terraform.apply()
    terraform.expect_no_change()
    changed = ["-var=shards=3", "-var=hours=24", "-var=team=blue"]
    terraform.apply(*changed)
    kinesis = cloud.client("kinesis")
    assert kinesis.describe_stream_summary(StreamName="provisioned")["StreamDescriptionSummary"]["OpenShardCount"] == 3
    cloud.restart()
    terraform.expect_no_change(*changed)
    terraform.destroy(*changed)
    assert kinesis.list_streams()["StreamNames"] == []
