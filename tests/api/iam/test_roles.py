# SPDX-License-Identifier: Apache-2.0
"""Roles and instance profiles."""
import json

import pytest
from identities import allow, document, refused, trust

EC2 = trust({"Service": "ec2.amazonaws.com"})


def test_create_get_list_update_delete(account):
    iam = account.iam
    made = iam.create_role(RoleName="Deploy", Path="/ci/", AssumeRolePolicyDocument=EC2, Description="d",
                           MaxSessionDuration=7200, Tags=[{"Key": "k", "Value": "v"}])["Role"]
    assert made["Arn"] == account.arn("role/ci/Deploy") and made["RoleId"].startswith("AROA")
    assert made["AssumeRolePolicyDocument"] == json.loads(EC2) and made["Tags"] == [{"Key": "k", "Value": "v"}]
    assert "MaxSessionDuration" not in made
    got = iam.get_role(RoleName="deploy")["Role"]
    assert got == {**made, "Description": "d", "MaxSessionDuration": 7200, "RoleLastUsed": {}}
    (listed,) = iam.list_roles(PathPrefix="/ci/")["Roles"]
    assert listed == {key: got[key] for key in got if key not in ("Tags", "RoleLastUsed")}
    assert iam.list_roles(PathPrefix="/x/")["Roles"] == []
    with refused("EntityAlreadyExists", "Role with name deploy already exists.", 409):
        iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=EC2)
    iam.update_role(RoleName="Deploy", Description="e", MaxSessionDuration=3600)
    got = iam.get_role(RoleName="Deploy")["Role"]
    assert (got["Description"], got["MaxSessionDuration"]) == ("e", 3600)
    assert iam.update_role_description(RoleName="Deploy", Description="f")["Role"]["Description"] == "f"
    other = trust({"Service": ["lambda.amazonaws.com"]})
    iam.update_assume_role_policy(RoleName="Deploy", PolicyDocument=other)
    assert iam.get_role(RoleName="Deploy")["Role"]["AssumeRolePolicyDocument"] == json.loads(other)
    iam.tag_role(RoleName="Deploy", Tags=[{"Key": "l", "Value": "w"}])
    iam.untag_role(RoleName="Deploy", TagKeys=["k"])
    assert iam.list_role_tags(RoleName="Deploy")["Tags"] == [{"Key": "l", "Value": "w"}]
    iam.delete_role(RoleName="Deploy")
    with refused("NoSuchEntity", "The role with name Deploy cannot be found.", 404):
        iam.get_role(RoleName="Deploy")


@pytest.mark.parametrize("text, why", [
    ('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",}]}', "This policy contains invalid Json"),
    (document(allow("sts:AssumeRole")), "Missing required field Principal"),
    (trust({"AWS": "*"}, "s3:*"), "AssumeRole policy may only specify STS AssumeRole actions."),
    (trust({"AWS": "*"}, Resource="*"), "Has prohibited field Resource"),
    (trust({"AWS": "arn:aws:iam::111122223333:user/nobody"}),
     'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/nobody"'),
])
def test_bad_trust_policies(account, text, why):
    with refused("MalformedPolicyDocument", why, 400):
        account.iam.create_role(RoleName="r", AssumeRolePolicyDocument=text)
    account.iam.create_role(RoleName="s", AssumeRolePolicyDocument=EC2)
    with refused("MalformedPolicyDocument", why, 400):
        account.iam.update_assume_role_policy(RoleName="s", PolicyDocument=text)
    assert account.iam.get_role(RoleName="s")["Role"]["AssumeRolePolicyDocument"] == json.loads(EC2)


def test_trust_policy_size(account):
    long = trust({"Service": [f"s{i:03}.amazonaws.com" for i in range(120)]})
    with refused("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", 409):
        account.iam.create_role(RoleName="r", AssumeRolePolicyDocument=long)


def test_pages_of_large_roles_end_early(account):
    padded = EC2[:-1] + " " * 100000 + "}"
    names = [f"r{i:02}" for i in range(12)]
    for name in names:
        account.iam.create_role(RoleName=name, AssumeRolePolicyDocument=padded)
    pages = list(account.iam.get_paginator("list_roles").paginate())
    assert len(pages) > 2 and [role["RoleName"] for page in pages for role in page["Roles"]] == names
    assert account.iam.list_roles(PathPrefix="/none/")["Roles"] == []


def test_session_duration_bounds(account):
    iam = account.client("iam", parameter_validation=False)
    for seconds in (3599, 43201):
        with refused("ValidationError", status=400):
            iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2, MaxSessionDuration=seconds)


def test_boundary(account):
    iam = account.iam
    arn = iam.create_policy(PolicyName="limit", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2)
    iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=arn)
    assert iam.get_role(RoleName="r")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    iam.delete_role_permissions_boundary(RoleName="r")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="r")["Role"]
    iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=arn)
    iam.delete_role(RoleName="r")
    iam.delete_policy(PolicyArn=arn)


def test_instance_profiles(account):
    iam = account.iam
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2)
    made = iam.create_instance_profile(InstanceProfileName="P", Path="/a/",
                                       Tags=[{"Key": "k", "Value": "v"}])["InstanceProfile"]
    assert made["Arn"] == account.arn("instance-profile/a/P") and made["Roles"] == []
    assert made["InstanceProfileId"].startswith("AIPA") and made["Tags"] == [{"Key": "k", "Value": "v"}]
    with refused("EntityAlreadyExists", "Instance Profile p already exists.", 409):
        iam.create_instance_profile(InstanceProfileName="p")
    iam.add_role_to_instance_profile(InstanceProfileName="P", RoleName="r")
    with refused("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1", 409):
        iam.add_role_to_instance_profile(InstanceProfileName="P", RoleName="r")
    got = iam.get_instance_profile(InstanceProfileName="P")["InstanceProfile"]
    assert [role["RoleName"] for role in got["Roles"]] == ["r"]
    assert [it["InstanceProfileName"] for it in iam.list_instance_profiles()["InstanceProfiles"]] == ["P"]
    found = iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"]
    assert [it["InstanceProfileName"] for it in found] == ["P"]
    with refused("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.", 409):
        iam.delete_role(RoleName="r")
    with refused("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.", 409):
        iam.delete_instance_profile(InstanceProfileName="P")
    iam.tag_instance_profile(InstanceProfileName="P", Tags=[{"Key": "l", "Value": "w"}])
    iam.untag_instance_profile(InstanceProfileName="P", TagKeys=["k"])
    assert iam.list_instance_profile_tags(InstanceProfileName="P")["Tags"] == [{"Key": "l", "Value": "w"}]
    iam.remove_role_from_instance_profile(InstanceProfileName="P", RoleName="r")
    with refused("NoSuchEntity", "The role with name r cannot be found.", 404):
        iam.remove_role_from_instance_profile(InstanceProfileName="P", RoleName="r")
    iam.delete_instance_profile(InstanceProfileName="P")
    with refused("NoSuchEntity", "Instance Profile P cannot be found.", 404):
        iam.get_instance_profile(InstanceProfileName="P")
    iam.delete_role(RoleName="r")


def test_a_role_is_put_into_a_profile_by_who_may_pass_it(account):
    iam = account.iam
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2)
    iam.create_instance_profile(InstanceProfileName="p")
    user = account.user("u", allow("iam:AddRoleToInstanceProfile"))
    with refused("AccessDenied", f"User: {account.arn('user/u')} is not authorized to perform: iam:PassRole on "
                                 f"resource: {account.arn('role/r')} because no identity-based policy allows the "
                                 "iam:PassRole action", 403):
        user.client("iam").add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    iam.put_user_policy(UserName="u", PolicyName="pass", PolicyDocument=document(
        allow("iam:PassRole", account.arn("role/r"))))
    user.client("iam").add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
