# SPDX-License-Identifier: Apache-2.0
"""Terraform's resources of IAM."""


def test_terraform(own_cloud, configuration):
    cloud = own_cloud()
    terraform = configuration(cloud, "terraform")
    terraform.apply()
    changed = ["-var=team=blue", "-var=force=true"]
    terraform.apply(*changed)
    cloud.restart()
    terraform.expect_no_change(*changed)
    terraform.destroy(*changed)
    iam = cloud.client("iam")
    assert iam.list_users()["Users"] == iam.list_roles()["Roles"] == iam.list_groups()["Groups"] == []
    assert iam.list_policies(Scope="Local")["Policies"] == iam.list_instance_profiles()["InstanceProfiles"] == []
