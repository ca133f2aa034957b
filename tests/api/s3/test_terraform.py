# SPDX-License-Identifier: Apache-2.0
"""Terraform's resources of buckets."""


def test_terraform(own_cloud, configuration):
    cloud = own_cloud()
    terraform = configuration(cloud, "terraform")
    terraform.apply()
    terraform.expect_no_change()
    changed = ["-var=team=blue"]
    terraform.apply(*changed)
    cloud.restart()
    terraform.expect_no_change(*changed)
    s3 = cloud.client("s3")
    assert s3.get_bucket_policy_status(Bucket="tf-site")["PolicyStatus"]["IsPublic"]
    assert cloud.get("/tf-site/index.html") == "<h1>blue</h1>"
    assert len(s3.get_bucket_acl(Bucket="tf-lists")["Grants"]) == 2
    terraform.destroy(*changed)
    assert s3.list_buckets()["Buckets"] == []
