# SPDX-License-Identifier: Apache-2.0
"""Users, their access keys, groups and tags."""
import datetime

import pytest
from identities import Caller, allow, document, refused


def test_create_get_list_delete(account):
    made = account.iam.create_user(UserName="Ann", Path="/staff/", Tags=[{"Key": "team", "Value": "red"}])["User"]
    assert made["Arn"] == account.arn("user/staff/Ann")
    assert made["UserId"].startswith("AIDA") and len(made["UserId"]) == 21
    assert made["Tags"] == [{"Key": "team", "Value": "red"}]
    age = datetime.datetime.now(datetime.timezone.utc) - made["CreateDate"]
    assert abs(age.total_seconds()) < 3 * 24 * 3600
    assert account.iam.get_user(UserName="Ann")["User"] == made
    assert account.iam.get_user(UserName="ANN")["User"] == made
    listed = account.iam.list_users()["Users"]
    assert listed == [{key: made[key] for key in made if key != "Tags"}]
    assert account.iam.list_users(PathPrefix="/other/")["Users"] == []
    account.iam.delete_user(UserName="Ann")
    with refused("NoSuchEntity", "The user with name Ann cannot be found.", 404):
        account.iam.get_user(UserName="Ann")
    with refused("NoSuchEntity", "The user with name Ann cannot be found.", 404):
        account.iam.delete_user(UserName="Ann")


def test_names_are_taken_without_regard_to_case_and_by_account(account, other):
    account.iam.create_user(UserName="Ann")
    with refused("EntityAlreadyExists", "User with name ann already exists.", 409):
        account.iam.create_user(UserName="ann")
    other.iam.create_user(UserName="ann")


@pytest.mark.parametrize("bad", ["a b", "ä/", "x" * 65, "a/b"])
def test_bad_names(account, bad):
    with refused("ValidationError", status=400):
        account.iam.create_user(UserName=bad)


def test_update_moves_everything(account):
    bob = account.user("bob", allow("iam:GetUser"))
    account.iam.create_group(GroupName="devs")
    account.iam.add_user_to_group(GroupName="devs", UserName="bob")
    account.iam.update_user(UserName="bob", NewUserName="Robert", NewPath="/x/")
    assert bob.arn == account.arn("user/x/Robert")
    assert bob.client("iam").get_user()["User"]["UserName"] == "Robert"
    assert account.iam.list_user_policies(UserName="robert")["PolicyNames"] == ["own"]
    assert [it["UserName"] for it in account.iam.get_group(GroupName="devs")["Users"]] == ["Robert"]
    with refused("NoSuchEntity"):
        account.iam.get_user(UserName="bob")
    account.iam.create_user(UserName="carl")
    with refused("EntityAlreadyExists", "User with name CARL already exists."):
        account.iam.update_user(UserName="robert", NewUserName="CARL")


def test_delete_conflicts(account):
    account.user("ann", allow("s3:*"))
    account.iam.create_group(GroupName="g")
    account.iam.add_user_to_group(GroupName="g", UserName="ann")
    account.iam.attach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    steps = [
        ("Cannot delete entity, must remove users from group first.",
         lambda: account.iam.remove_user_from_group(GroupName="g", UserName="ann")),
        ("Cannot delete entity, must detach all policies first.",
         lambda: account.iam.detach_user_policy(UserName="ann",
                                                PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")),
        ("Cannot delete entity, must delete policies first.",
         lambda: account.iam.delete_user_policy(UserName="ann", PolicyName="own")),
        ("Cannot delete entity, must delete access keys first.",
         lambda: account.iam.delete_access_key(
             UserName="ann",
             AccessKeyId=account.iam.list_access_keys(UserName="ann")["AccessKeyMetadata"][0]["AccessKeyId"])),
    ]
    for text, clear in steps:
        with refused("DeleteConflict", text, 409):
            account.iam.delete_user(UserName="ann")
        clear()
    account.iam.delete_user(UserName="ann")


def test_tags(account):
    account.iam.create_user(UserName="ann")
    account.iam.tag_user(UserName="ann", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    account.iam.tag_user(UserName="ann", Tags=[{"Key": "A", "Value": "2"}])
    assert account.iam.list_user_tags(UserName="ann")["Tags"] == [{"Key": "A", "Value": "2"},
                                                                 {"Key": "b", "Value": ""}]
    account.iam.untag_user(UserName="ann", TagKeys=["a", "none"])
    assert account.iam.list_user_tags(UserName="ann")["Tags"] == [{"Key": "b", "Value": ""}]
    with refused("InvalidInput",
                 "Duplicate tag keys found. Please note that Tag keys are case insensitive.", 400):
        account.iam.tag_user(UserName="ann", Tags=[{"Key": "x", "Value": "1"}, {"Key": "X", "Value": "1"}])
    account.iam.tag_user(UserName="ann", Tags=[{"Key": f"k{i}", "Value": "v"} for i in range(49)])
    with refused("LimitExceeded", status=409):
        account.iam.tag_user(UserName="ann", Tags=[{"Key": "one more", "Value": "v"}])


def test_access_keys(account):
    account.iam.create_user(UserName="ann")
    one = account.iam.create_access_key(UserName="ann")["AccessKey"]
    assert one["AccessKeyId"].startswith("AKIA") and len(one["AccessKeyId"]) == 20
    assert len(one["SecretAccessKey"]) == 40 and one["Status"] == "Active" and one["UserName"] == "ann"
    two = account.iam.create_access_key(UserName="ann")["AccessKey"]
    with refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409):
        account.iam.create_access_key(UserName="ann")
    caller = Caller(account.cloud, one["AccessKeyId"], one["SecretAccessKey"])
    assert caller.arn == account.arn("user/ann")
    account.iam.update_access_key(UserName="ann", AccessKeyId=one["AccessKeyId"], Status="Inactive")
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        caller.client("sts").get_caller_identity()
    listed = account.iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]
    assert [(it["AccessKeyId"], it["Status"]) for it in listed] == [(one["AccessKeyId"], "Inactive"),
                                                                   (two["AccessKeyId"], "Active")]
    account.iam.update_access_key(UserName="ann", AccessKeyId=one["AccessKeyId"], Status="Active")
    assert caller.arn == account.arn("user/ann")
    account.iam.delete_access_key(UserName="ann", AccessKeyId=one["AccessKeyId"])
    with refused("InvalidClientTokenId"):
        caller.client("sts").get_caller_identity()
    account.iam.create_user(UserName="bob")
    text = f"The Access Key with id {two['AccessKeyId']} cannot be found."
    with refused("NoSuchEntity", text, 404):
        account.iam.delete_access_key(UserName="bob", AccessKeyId=two["AccessKeyId"])


def test_a_user_without_a_name_is_the_caller(account):
    ann = account.user("ann", allow(["iam:GetUser", "iam:*AccessKey*"], account.arn("user/${aws:username}")))
    iam = ann.client("iam")
    assert iam.get_user()["User"]["UserName"] == "ann"
    assert [it["AccessKeyId"] for it in iam.list_access_keys()["AccessKeyMetadata"]] == [ann.key]
    assert iam.create_access_key()["AccessKey"]["UserName"] == "ann"
    assert account.iam.get_user()["User"]["Arn"] == account.arn("root")
    with refused("ValidationError", "Must specify userName when calling with non-User credentials"):
        account.iam.list_access_keys()


def test_wrong_secret_and_unknown_key(cloud, account):
    ann = account.user("ann")
    with refused("SignatureDoesNotMatch", status=403):
        cloud.client("sts", key=ann.key, secret="x" * 40).get_caller_identity()
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        cloud.client("sts", key="AKIAAAAAAAAAAAAAAAAA", secret="x").get_caller_identity()


def test_everything_is_there_after_kill_and_restart(own_cloud):
    from identities import Account
    cloud = own_cloud()
    account = Account(cloud)
    ann = account.user("ann", allow("iam:GetUser"), Tags=[{"Key": "a", "Value": "1"}])
    before = ann.client("iam").get_user()["User"]
    account.iam.create_policy(PolicyName="p", PolicyDocument=document(allow("s3:*")))
    cloud.restart()
    assert ann.client("iam").get_user()["User"] == before
    assert account.iam.get_policy(PolicyArn=account.arn("policy/p"))["Policy"]["DefaultVersionId"] == "v1"


def test_pages(account):
    names = [f"user-{i:02}" for i in range(23)]
    for name in names:
        account.iam.create_user(UserName=name)
    pages = list(account.iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 10}))
    assert [len(page["Users"]) for page in pages] == [10, 10, 3]
    assert [page["IsTruncated"] for page in pages] == [True, True, False]
    assert [user["UserName"] for page in pages for user in page["Users"]] == names
    with refused("ValidationError"):
        account.iam.list_users(Marker="!")
    account.iam.tag_user(UserName=names[0], Tags=[{"Key": f"k{i}", "Value": "v"} for i in range(5)])
    first = account.iam.list_user_tags(UserName=names[0], MaxItems=3)
    assert [tag["Key"] for tag in first["Tags"]] == ["k0", "k1", "k2"] and first["IsTruncated"]
    rest = account.iam.list_user_tags(UserName=names[0], Marker=first["Marker"])
    assert [tag["Key"] for tag in rest["Tags"]] == ["k3", "k4"] and not rest["IsTruncated"]


def test_groups(account):
    iam = account.iam
    made = iam.create_group(GroupName="devs", Path="/a/")["Group"]
    assert made["Arn"] == account.arn("group/a/devs") and made["GroupId"].startswith("AGPA")
    with refused("EntityAlreadyExists", "Group with name DEVS already exists.", 409):
        iam.create_group(GroupName="DEVS")
    for user in ("ann", "bob"):
        iam.create_user(UserName=user)
        iam.add_user_to_group(GroupName="devs", UserName=user)
        iam.add_user_to_group(GroupName="devs", UserName=user)
    got = iam.get_group(GroupName="devs")
    assert got["Group"] == made and [it["UserName"] for it in got["Users"]] == ["ann", "bob"]
    assert iam.list_groups_for_user(UserName="ann")["Groups"] == [made]
    assert iam.list_groups()["Groups"] == [made]
    iam.update_group(GroupName="devs", NewGroupName="Makers", NewPath="/b/")
    assert [it["Arn"] for it in iam.list_groups_for_user(UserName="ann")["Groups"]] == [
        account.arn("group/b/Makers")]
    with refused("DeleteConflict", "Cannot delete entity, must remove users from group first.", 409):
        iam.delete_group(GroupName="Makers")
    for user in ("ann", "bob"):
        iam.remove_user_from_group(GroupName="Makers", UserName=user)
    with refused("NoSuchEntity", status=404):
        iam.remove_user_from_group(GroupName="Makers", UserName="bob")
    iam.delete_group(GroupName="Makers")
    with refused("NoSuchEntity", "The group with name Makers cannot be found.", 404):
        iam.get_group(GroupName="Makers")
    with refused("NoSuchEntity", "The user with name nobody cannot be found."):
        iam.create_group(GroupName="g")
        iam.add_user_to_group(GroupName="g", UserName="nobody")


def test_ten_groups_per_user(account):
    account.iam.create_user(UserName="ann")
    for i in range(10):
        account.iam.create_group(GroupName=f"g{i}")
        account.iam.add_user_to_group(GroupName=f"g{i}", UserName="ann")
    account.iam.create_group(GroupName="g10")
    with refused("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10", 409):
        account.iam.add_user_to_group(GroupName="g10", UserName="ann")


def test_account_alias(account, other):
    alias = f"kt-{account.id}"
    assert account.iam.list_account_aliases()["AccountAliases"] == []
    account.iam.create_account_alias(AccountAlias=alias + "-0")
    account.iam.create_account_alias(AccountAlias=alias)
    assert account.iam.list_account_aliases()["AccountAliases"] == [alias]
    with refused("EntityAlreadyExists", f"The account alias {alias} already exists."):
        other.iam.create_account_alias(AccountAlias=alias)
    with refused("NoSuchEntity"):
        other.iam.delete_account_alias(AccountAlias=alias)
    account.iam.delete_account_alias(AccountAlias=alias)
    other.iam.create_account_alias(AccountAlias=alias)


def test_a_user_has_no_other_credentials(account):
    """None can be made, so lists are empty; Terraform reads them before it deletes a user by force."""
    iam = account.iam
    iam.create_user(UserName="u")
    assert iam.list_mfa_devices(UserName="u")["MFADevices"] == []
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []
    assert iam.list_ssh_public_keys(UserName="u")["SSHPublicKeys"] == []
    assert iam.list_signing_certificates(UserName="u")["Certificates"] == []
    assert iam.list_service_specific_credentials(UserName="u")["ServiceSpecificCredentials"] == []
    for call in (iam.get_login_profile, iam.delete_login_profile):
        with refused("NoSuchEntity", "Login Profile for User u cannot be found.", 404):
            call(UserName="u")
    with refused("NoSuchEntity", "The user with name none cannot be found.", 404):
        iam.list_mfa_devices(UserName="none")
