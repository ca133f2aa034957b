# SPDX-License-Identifier: Apache-2.0
"""Terraform's resources of Kinesis."""
import pathlib

from plans import Terraform


def test_terraform(own_cloud, tmp_path):
    cloud = own_cloud()
    terraform = Terraform(cloud, pathlib.Path(__file__).parent / "terraform", tmp_path)
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
