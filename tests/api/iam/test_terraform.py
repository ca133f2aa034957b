# SPDX-License-Identifier: Apache-2.0
"""Terraform's resources of IAM."""
import pathlib

from plans import Terraform


def test_terraform(own_cloud, tmp_path):
    cloud = own_cloud()
    terraform = Terraform(cloud, pathlib.Path(__file__).parent / "terraform", tmp_path)
    terraform.apply()
    changed = ["-var=team=blue", "-var=force=true"]
    terraform.apply(*changed)
    cloud.restart()
    terraform.expect_no_change(*changed)
    terraform.destroy(*changed)
    iam = cloud.client("iam")
    assert iam.list_users()["Users"] == iam.list_roles()["Roles"] == iam.list_groups()["Groups"] == []
    assert iam.list_policies(Scope="Local")["Policies"] == iam.list_instance_profiles()["InstanceProfiles"] == []
