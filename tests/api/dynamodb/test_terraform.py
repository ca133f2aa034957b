# SPDX-License-Identifier: Apache-2.0
"""Terraform's resources of DynamoDB."""
import pathlib

from plans import Terraform


def test_terraform(own_cloud, tmp_path):
    cloud = own_cloud()
    terraform = Terraform(cloud, pathlib.Path(__file__).parent / "terraform", tmp_path)
    terraform.apply()
    terraform.expect_no_change()
    changed = ["-var=team=blue", "-var=second=true", "-var=units=5"]
    terraform.apply(*changed)
    cloud.restart()
    terraform.expect_no_change(*changed)
    terraform.destroy(*changed)
    assert cloud.client("dynamodb", region="eu-west-1").list_tables()["TableNames"] == []
