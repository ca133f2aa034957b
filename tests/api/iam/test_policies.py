# SPDX-License-Identifier: Apache-2.0
"""Managed policies and their versions, attachments, inline policies, boundaries."""
import json

import pytest
from identities import allow, deny, document, refused

S3_FULL = "arn:aws:iam::aws:policy/AmazonS3FullAccess"


def test_create_get_delete(account):
    iam, text = account.iam, document(allow("s3:*"))
    made = iam.create_policy(PolicyName="P", Path="/a/", PolicyDocument=text, Description="d",
                             Tags=[{"Key": "k", "Value": "v"}])["Policy"]
    arn = account.arn("policy/a/P")
    assert made["Arn"] == arn and made["PolicyId"].startswith("ANPA") and made["DefaultVersionId"] == "v1"
    assert made["AttachmentCount"] == 0 and made["IsAttachable"] and made["Tags"] == [{"Key": "k", "Value": "v"}]
    assert "Description" not in made
    got = iam.get_policy(PolicyArn=arn)["Policy"]
    assert got == {**made, "Description": "d"}
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert version["Document"] == json.loads(text) and version["IsDefaultVersion"]
    with refused("EntityAlreadyExists", "A policy called p already exists. Duplicate names are not allowed.", 409):
        iam.create_policy(PolicyName="p", PolicyDocument=text)
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "l", "Value": "w"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["k"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "l", "Value": "w"}]
    iam.delete_policy(PolicyArn=arn)
    for call in (iam.get_policy, iam.delete_policy):
        with refused("NoSuchEntity", f"Policy {arn} was not found.", 404):
            call(PolicyArn=arn)
    with refused("ValidationError", "Invalid ARN:  Could not be parsed!", 400):
        iam.get_policy(PolicyArn="longpolicynameisnoarn")


@pytest.mark.parametrize("text, why", [
    ("{", "Syntax errors in policy."),
    (json.dumps({"Statement": allow("s3:*")}), "Policy document must be version 2012-10-17 or greater."),
    (document({"Effect": "Allow", "Action": "s3:*"}), "Policy statement must contain resources."),
    (document(allow("s3:*", "bucket")), "Resource bucket must be in ARN format or \"*\"."),
    (document(allow("GetObject")), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    (document(allow("s3:*", Principal="*")), "Policy document should not specify a principal."),
])
def test_malformed_documents(account, text, why):
    with refused("MalformedPolicyDocument", why, 400):
        account.iam.create_policy(PolicyName="p", PolicyDocument=text)
    assert account.iam.list_policies(Scope="Local")["Policies"] == []


def test_size_limits_do_not_count_white_space(account):
    def of_size(size):
        empty = document(allow("s3:*", ["arn:aws:s3:::"])).replace(" ", "")
        return empty.replace("arn:aws:s3:::", "arn:aws:s3:::" + "x" * (size - len(empty)))

    account.iam.create_policy(PolicyName="fits", PolicyDocument=of_size(6144) + " \n" * 5000)
    with refused("LimitExceeded", "Cannot exceed quota for PolicySize: 6144", 409):
        account.iam.create_policy(PolicyName="p", PolicyDocument=of_size(6145))
    account.iam.create_user(UserName="u")
    account.iam.put_user_policy(UserName="u", PolicyName="a", PolicyDocument=of_size(1024))
    account.iam.put_user_policy(UserName="u", PolicyName="b", PolicyDocument=of_size(1024))
    account.iam.put_user_policy(UserName="u", PolicyName="b", PolicyDocument=of_size(1024))
    with refused("LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user u", 409):
        account.iam.put_user_policy(UserName="u", PolicyName="c", PolicyDocument=of_size(100))
    account.iam.create_group(GroupName="g")
    with refused("LimitExceeded", "Maximum policy size of 5120 bytes exceeded for group g"):
        account.iam.put_group_policy(GroupName="g", PolicyName="c", PolicyDocument=of_size(5121))


def test_versions(account):
    iam = account.iam
    arn = iam.create_policy(PolicyName="p", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("sqs:*")))["PolicyVersion"]
    assert made["VersionId"] == "v2" and not made["IsDefaultVersion"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("sns:*")), SetAsDefault=True)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v3"
    listed = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(it["VersionId"], it["IsDefaultVersion"]) for it in listed] == [("v3", True), ("v2", False), ("v1", False)]
    for _ in range(2):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("s3:*")))
    with refused("LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, "
                                  "you must delete an existing version.", 409):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("s3:*")))
    with refused("DeleteConflict", "Cannot delete the default version of a policy.", 409):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v3")
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v3")
    with refused("NoSuchEntity", status=404):
        iam.get_policy_version(PolicyArn=arn, VersionId="v3")
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("s3:*")))
    assert iam.list_policy_versions(PolicyArn=arn)["Versions"][0]["VersionId"] == "v6"
    with refused("DeleteConflict", "This policy has more than one version. Before you delete a policy, you must "
                                   "delete the policy's versions. The default version is deleted with the policy."):
        iam.delete_policy(PolicyArn=arn)


def test_policies_of_aws(account):
    policy = account.iam.get_policy(PolicyArn=S3_FULL)["Policy"]
    assert policy["PolicyName"] == "AmazonS3FullAccess" and policy["Path"] == "/"
    version = account.iam.get_policy_version(PolicyArn=S3_FULL, VersionId=policy["DefaultVersionId"])
    assert version["PolicyVersion"]["Document"]["Statement"][0]["Action"] == ["s3:*", "s3-object-lambda:*"]
    assert len(account.iam.list_policy_versions(PolicyArn=S3_FULL)["Versions"]) == 1
    with refused("AccessDenied", status=403):
        account.iam.delete_policy(PolicyArn=S3_FULL)
    nested = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    assert account.iam.get_policy(PolicyArn=nested)["Policy"]["Path"] == "/service-role/"
    with refused("NoSuchEntity"):
        account.iam.get_policy(PolicyArn="arn:aws:iam::aws:policy/NoSuchPolicy")


def test_every_policy_of_aws_can_be_enforced(account):
    iam = account.iam
    user = account.user("u")
    policies = [it for page in iam.get_paginator("list_policies").paginate(Scope="AWS") for it in page["Policies"]]
    assert len(policies) > 30
    for policy in policies:
        iam.attach_user_policy(UserName="u", PolicyArn=policy["Arn"])
        assert user.arn == account.arn("user/u"), policy["Arn"]
        iam.detach_user_policy(UserName="u", PolicyArn=policy["Arn"])
    iam.attach_user_policy(UserName="u", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    assert [it["UserName"] for it in user.client("iam").list_users()["Users"]] == ["u"]
    with refused("AccessDenied"):
        user.client("iam").create_user(UserName="v")


def test_list_policies(account):
    iam = account.iam
    for name in ("a", "b", "c"):
        iam.create_policy(PolicyName=name, Path="/x/" if name == "c" else "/", PolicyDocument=document(allow("s3:*")))
    iam.create_user(UserName="u")
    iam.attach_user_policy(UserName="u", PolicyArn=account.arn("policy/a"))
    iam.attach_user_policy(UserName="u", PolicyArn=S3_FULL)

    def names(**arguments):
        pages = iam.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": 2}, **arguments)
        return [it["PolicyName"] for page in pages for it in page["Policies"]]

    assert names(Scope="Local") == ["a", "b", "c"]
    assert names(Scope="Local", PathPrefix="/x/") == ["c"]
    assert names(OnlyAttached=True) == ["a", "AmazonS3FullAccess"]
    of_aws = names(Scope="AWS")
    assert {"AdministratorAccess", "ReadOnlyAccess", "AmazonDynamoDBFullAccess"} <= set(of_aws)
    assert names() == ["a", "b", "c"] + of_aws
    assert names(PolicyUsageFilter="PermissionsBoundary") == []


@pytest.mark.parametrize("kind", ["user", "group", "role"])
def test_attachments(account, kind):
    iam, name, argument = account.iam, "holder", {"user": "UserName", "group": "GroupName", "role": "RoleName"}[kind]
    extra = {"AssumeRolePolicyDocument": document({"Effect": "Allow", "Action": "sts:AssumeRole",
                                                   "Principal": {"Service": "ec2.amazonaws.com"}})}
    getattr(iam, f"create_{kind}")(**{argument: name}, **(extra if kind == "role" else {}))
    attach = {"user": iam.attach_user_policy, "group": iam.attach_group_policy, "role": iam.attach_role_policy}[kind]
    detach = {"user": iam.detach_user_policy, "group": iam.detach_group_policy, "role": iam.detach_role_policy}[kind]
    listed = {"user": iam.list_attached_user_policies, "group": iam.list_attached_group_policies,
              "role": iam.list_attached_role_policies}[kind]
    arn = iam.create_policy(PolicyName="p", Path="/a/", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    for _ in range(2):
        attach(PolicyArn=arn, **{argument: name})
    attach(PolicyArn=S3_FULL, **{argument: name})
    assert listed(**{argument: name})["AttachedPolicies"] == [
        {"PolicyName": "p", "PolicyArn": arn}, {"PolicyName": "AmazonS3FullAccess", "PolicyArn": S3_FULL}]
    assert listed(PathPrefix="/a/", **{argument: name})["AttachedPolicies"] == [{"PolicyName": "p", "PolicyArn": arn}]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    assert iam.get_policy(PolicyArn=S3_FULL)["Policy"]["AttachmentCount"] == 1
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    found = entities[f"Policy{kind.capitalize()}s"]
    assert [it[argument] for it in found] == [name]
    with refused("DeleteConflict", "Cannot delete a policy attached to entities.", 409):
        iam.delete_policy(PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arn}123 does not exist or is not attachable.", 404):
        attach(PolicyArn=arn + "123", **{argument: name})
    with refused("ValidationError", "Invalid ARN:  Could not be parsed!", 400):
        attach(PolicyArn="longpolicynamebutnoarn", **{argument: name})
    detach(PolicyArn=arn, **{argument: name})
    with refused("NoSuchEntity", f"Policy {arn} was not found.", 404):
        detach(PolicyArn=arn, **{argument: name})
    iam.delete_policy(PolicyArn=arn)
    detach(PolicyArn=S3_FULL, **{argument: name})
    for i in range(10):
        attach(PolicyArn=iam.create_policy(PolicyName=f"p{i}", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"],
               **{argument: name})
    with refused("LimitExceeded", f"Cannot exceed quota for PoliciesPer{kind.capitalize()}: 10", 409):
        attach(PolicyArn=S3_FULL, **{argument: name})


@pytest.mark.parametrize("kind", ["user", "group", "role"])
def test_inline_policies(account, kind):
    iam, argument = account.iam, {"user": "UserName", "group": "GroupName", "role": "RoleName"}[kind]
    extra = {"AssumeRolePolicyDocument": document({"Effect": "Allow", "Action": "sts:AssumeRole",
                                                   "Principal": {"Service": "ec2.amazonaws.com"}})}
    getattr(iam, f"create_{kind}")(**{argument: "h"}, **(extra if kind == "role" else {}))
    put = {"user": iam.put_user_policy, "group": iam.put_group_policy, "role": iam.put_role_policy}[kind]
    get = {"user": iam.get_user_policy, "group": iam.get_group_policy, "role": iam.get_role_policy}[kind]
    drop = {"user": iam.delete_user_policy, "group": iam.delete_group_policy, "role": iam.delete_role_policy}[kind]
    listed = {"user": iam.list_user_policies, "group": iam.list_group_policies, "role": iam.list_role_policies}[kind]
    # a document comes back as it was given, percent signs included
    text = document(allow(["apigateway:PUT"], ["arn:aws:apigateway:us-east-1::/tags/arn%3Aaws%3Aapigateway"]))
    put(PolicyName="b", PolicyDocument=text, **{argument: "h"})
    put(PolicyName="a", PolicyDocument=document(deny("s3:*")), **{argument: "h"})
    put(PolicyName="a", PolicyDocument=document(allow("s3:*")), **{argument: "h"})
    got = get(PolicyName="b", **{argument: "h"})
    assert got["PolicyDocument"] == json.loads(text) and got["PolicyName"] == "b" and got[argument] == "h"
    assert get(PolicyName="a", **{argument: "h"})["PolicyDocument"]["Statement"][0]["Effect"] == "Allow"
    assert listed(**{argument: "h"})["PolicyNames"] == ["a", "b"]
    with refused("DeleteConflict", "Cannot delete entity, must delete policies first.", 409):
        getattr(iam, f"delete_{kind}")(**{argument: "h"})
    drop(PolicyName="b", **{argument: "h"})
    for call in (get, drop):
        with refused("NoSuchEntity", f"The {kind} policy with name b cannot be found.", 404):
            call(PolicyName="b", **{argument: "h"})
    with refused("MalformedPolicyDocument", "Syntax errors in policy.", 400):
        put(PolicyName="c", PolicyDocument="x", **{argument: "h"})
    with refused("NoSuchEntity", f"The {kind} with name none cannot be found.", 404):
        put(PolicyName="c", PolicyDocument=text, **{argument: "none"})


def test_boundaries(account):
    iam = account.iam
    arn = iam.create_policy(PolicyName="limit", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    made = iam.create_user(UserName="u", PermissionsBoundary=arn)["User"]
    shown = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    assert made["PermissionsBoundary"] == shown
    assert iam.get_user(UserName="u")["User"]["PermissionsBoundary"] == shown
    assert iam.get_policy(PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    found = iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")["PolicyUsers"]
    assert [it["UserName"] for it in found] == ["u"]
    with refused("DeleteConflict"):
        iam.delete_policy(PolicyArn=arn)
    iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=S3_FULL)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 0
    iam.delete_user_permissions_boundary(UserName="u")
    assert "PermissionsBoundary" not in iam.get_user(UserName="u")["User"]
    with refused("NoSuchEntity"):
        iam.delete_user_permissions_boundary(UserName="u")
    none = account.arn("policy/none")
    with refused("NoSuchEntity", f"Scope ARN: {none} does not exist or is not attachable.", 404):
        iam.create_user(UserName="v", PermissionsBoundary=none)
    with refused("NoSuchEntity"):
        iam.get_user(UserName="v")
