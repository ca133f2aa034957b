# SPDX-License-Identifier: Apache-2.0
"""Policies are enforced, at once, and a denial says why."""
import json

import pytest
from identities import allow, deny, document, refused


def denied(who, action, resource, reason):
    on = f" on resource: {resource}" if resource else ""
    return f"User: {who} is not authorized to perform: {action}{on} {reason}"


def test_nothing_is_allowed_at_first(account):
    user = account.user("u")
    with refused("AccessDenied", denied(
            account.arn("user/u"), "iam:CreateUser", account.arn("user/x"),
            "because no identity-based policy allows the iam:CreateUser action"), 403):
        user.client("iam").create_user(UserName="x")
    with refused("AccessDenied"):
        user.client("iam").get_user()
    assert user.arn == account.arn("user/u")


def test_every_change_counts_from_the_next_call(account):
    user = account.user("u")
    iam = user.client("iam")
    for _ in range(5):
        account.iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document(allow("iam:ListUsers")))
        iam.list_users()
        account.iam.delete_user_policy(UserName="u", PolicyName="p")
        with refused("AccessDenied"):
            iam.list_users()


def test_attached_group_and_versions(account):
    user, admin = account.user("u"), account.iam
    iam = user.client("iam")
    arn = admin.create_policy(PolicyName="p", PolicyDocument=document(allow("iam:ListUsers")))["Policy"]["Arn"]
    admin.create_group(GroupName="g")
    admin.attach_group_policy(GroupName="g", PolicyArn=arn)
    with refused("AccessDenied"):
        iam.list_users()
    admin.add_user_to_group(GroupName="g", UserName="u")
    iam.list_users()
    admin.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("iam:ListRoles")), SetAsDefault=True)
    iam.list_roles()
    with refused("AccessDenied"):
        iam.list_users()
    admin.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    iam.list_users()
    admin.remove_user_from_group(GroupName="g", UserName="u")
    with refused("AccessDenied"):
        iam.list_users()
    admin.attach_user_policy(UserName="u", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    iam.list_users()
    with refused("AccessDenied"):
        iam.create_user(UserName="x")


def test_an_explicit_deny_names_its_statement(account):
    user = account.user("u", allow("iam:*"), deny("iam:DeleteUser", Sid="KeepUsers"))
    account.iam.create_user(UserName="x")
    reason = "with an explicit deny in an identity-based policy (statement KeepUsers of inline policy own of user u)"
    with refused("AccessDenied", denied(account.arn("user/u"), "iam:DeleteUser", account.arn("user/x"), reason), 403):
        user.client("iam").delete_user(UserName="x")
    account.iam.get_user(UserName="x")
    arn = account.iam.create_policy(PolicyName="no", PolicyDocument=document(deny("iam:ListRoles")))["Policy"]["Arn"]
    account.iam.attach_user_policy(UserName="u", PolicyArn=arn)
    with refused("AccessDenied", denied(
            account.arn("user/u"), "iam:ListRoles", account.arn("role/"),
            f"with an explicit deny in an identity-based policy (statement 1 of {arn})")):
        user.client("iam").list_roles()


def test_resources_hold_the_path(account):
    user = account.user("u", allow("iam:GetUser", account.arn("user/staff/*")))
    account.iam.create_user(UserName="in", Path="/staff/")
    account.iam.create_user(UserName="out")
    assert user.client("iam").get_user(UserName="in")["User"]["Path"] == "/staff/"
    with refused("AccessDenied"):
        user.client("iam").get_user(UserName="out")
    # who may not look does not learn what is there
    with refused("AccessDenied"):
        user.client("iam").get_user(UserName="nobody")


def test_a_boundary_cuts(account):
    user, admin = account.user("u", allow("iam:*")), account.iam
    arn = admin.create_policy(PolicyName="limit", PolicyDocument=document(allow("iam:ListUsers")))["Policy"]["Arn"]
    admin.put_user_permissions_boundary(UserName="u", PermissionsBoundary=arn)
    user.client("iam").list_users()
    with refused("AccessDenied", denied(account.arn("user/u"), "iam:ListRoles", account.arn("role/"),
                                        "because no permissions boundary allows the iam:ListRoles action")):
        user.client("iam").list_roles()
    admin.delete_user_permissions_boundary(UserName="u")
    user.client("iam").list_roles()


@pytest.mark.parametrize("condition, allowed", [
    ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
    ({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, False),
    ({"Bool": {"aws:SecureTransport": "false"}}, True),
    ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
    ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
    ({"StringEquals": {"aws:username": "u", "aws:PrincipalTag/Team": "red"}}, True),
    ({"StringEquals": {"aws:PrincipalTag/Team": "blue"}}, False),
    ({"StringLike": {"aws:UserAgent": "Boto3/*"}}, True),
    ({"Null": {"aws:TokenIssueTime": "true"}}, True),
    ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, True),
    ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, False),
])
def test_conditions(account, condition, allowed):
    user = account.user("u", allow("iam:ListUsers", Condition=condition), Tags=[{"Key": "team", "Value": "red"}])
    if allowed:
        user.client("iam").list_users()
    else:
        with refused("AccessDenied"):
            user.client("iam").list_users()


def test_conditions_of_the_request(account):
    user = account.user(
        "u",
        allow("iam:CreateUser", Condition={"StringEquals": {"aws:RequestTag/team": "red"},
                                           "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}),
        allow("iam:AttachUserPolicy", Condition={"ArnEquals": {
            "iam:PolicyARN": "arn:aws:iam::aws:policy/AmazonS3*"}}))
    iam = user.client("iam")
    for tags in ([], [{"Key": "team", "Value": "blue"}],
                 [{"Key": "team", "Value": "red"}, {"Key": "x", "Value": "y"}]):
        with refused("AccessDenied"):
            iam.create_user(UserName="x", Tags=tags)
    iam.create_user(UserName="x", Tags=[{"Key": "team", "Value": "red"}])
    iam.attach_user_policy(UserName="x", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    with refused("AccessDenied"):
        iam.attach_user_policy(UserName="x", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


def test_users_of_another_account_see_nothing_of_this_one(account, other):
    user = other.user("u", allow("iam:*"))
    account.iam.create_user(UserName="secret")
    assert [it["UserName"] for it in user.client("iam").list_users()["Users"]] == ["u"]
    with refused("NoSuchEntity"):
        user.client("iam").get_user(UserName="secret")


def test_iam_is_one_for_all_regions(account):
    account.iam.create_user(UserName="u")
    for region in ("eu-west-1", "ap-northeast-1"):
        assert account.client("iam", region=region).list_users()["Users"][0]["UserName"] == "u"


def test_what_is_not_built_is_refused(account):
    with refused("InvalidAction", status=400):
        account.iam.create_virtual_mfa_device(VirtualMFADeviceName="m")


def test_open_mode_takes_any_key(own_cloud):
    cloud = own_cloud("--auth", "open")
    who = cloud.client("sts", key="whatever", secret="nothing").get_caller_identity()
    assert who["Arn"] == "arn:aws:iam::000000000000:root"
    iam = cloud.client("iam", key="111122223333", secret="nothing")
    assert iam.create_user(UserName="u")["User"]["Arn"] == "arn:aws:iam::111122223333:user/u"
    key = iam.create_access_key(UserName="u")["AccessKey"]
    open_iam = cloud.client("iam", key=key["AccessKeyId"], secret="wrong")
    assert open_iam.list_users()["Users"][0]["UserName"] == "u"
    assert json.dumps(open_iam.list_roles()["Roles"]) == "[]"
