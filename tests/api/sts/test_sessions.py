# SPDX-License-Identifier: Apache-2.0
"""Who am I, and temporary credentials."""
import datetime
import time

import pytest
from identities import Caller, allow, deny, document, refused, trust


def role(account, name, principal, *statements, **more):
    """A new role's ARN; `more` goes to create_role."""
    action = more.pop("action", ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"])
    condition = {"Condition": more.pop("condition")} if "condition" in more else {}
    made = account.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(principal, action, **condition),
                                   **more)["Role"]
    if statements:
        account.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
    return made["Arn"]


def assume(who, arn, name="session", **more):
    """The session of a client of STS."""
    return Caller.of(who.cloud, who.client("sts").assume_role(RoleArn=arn, RoleSessionName=name, **more)["Credentials"])


def test_caller_identity(cloud, account):
    who = cloud.client("sts").get_caller_identity()
    assert (who["Account"], who["Arn"], who["UserId"]) == (
        "000000000000", "arn:aws:iam::000000000000:root", "000000000000")
    user = account.user("ann", Path="/x/")
    who = user.client("sts", region="eu-west-1").get_caller_identity()
    assert who["Arn"] == account.arn("user/x/ann") and who["UserId"].startswith("AIDA")
    # even a deny does not hide who one is
    account.iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document(deny("sts:*")))
    assert user.arn == account.arn("user/x/ann")


def test_access_key_info(account):
    user = account.user("u")
    assert account.sts.get_access_key_info(AccessKeyId=user.key)["Account"] == account.id
    with refused("ValidationError"):
        account.sts.get_access_key_info(AccessKeyId="AKIAAAAAAAAAAAAAAAAA")
    with refused("AccessDenied"):
        user.client("sts").get_access_key_info(AccessKeyId=user.key)


def test_assume_role(account):
    user = account.user("ann")
    arn = role(account, "Deploy", {"AWS": account.arn("user/ann")}, allow("iam:ListUsers"), Path="/ci/")
    reply = user.client("sts").assume_role(RoleArn=arn, RoleSessionName="build-7")
    role_id = account.iam.get_role(RoleName="Deploy")["Role"]["RoleId"]
    assert reply["AssumedRoleUser"] == {"AssumedRoleId": f"{role_id}:build-7",
                                        "Arn": account.arn("assumed-role/Deploy/build-7", "sts")}
    credentials = reply["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA") and len(credentials["AccessKeyId"]) == 20
    assert len(credentials["SecretAccessKey"]) == 40
    session = Caller.of(account.cloud, credentials)
    who = session.client("sts").get_caller_identity()
    assert who["Arn"] == reply["AssumedRoleUser"]["Arn"] and who["UserId"] == f"{role_id}:build-7"
    session.client("iam").list_users()
    with refused("AccessDenied"):
        session.client("iam").list_roles()
    assert account.sts.get_access_key_info(AccessKeyId=session.key)["Account"] == account.id


def test_a_session_needs_its_own_token(cloud, account):
    user = account.user("u")
    arn = role(account, "r", {"AWS": account.arn("user/u")})
    one, two = assume(user, arn), assume(user, arn)
    for token in (None, two.token, one.token[:-4] + "AAAA", "x"):
        with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
            cloud.client("sts", key=one.key, secret=one.secret, token=token).get_caller_identity()
    with refused("InvalidClientTokenId"):
        cloud.client("sts", key=user.key, secret=user.secret, token=one.token).get_caller_identity()
    with refused("SignatureDoesNotMatch"):
        cloud.client("sts", key=one.key, secret=two.secret, token=one.token).get_caller_identity()


def test_trust_is_needed_even_within_the_account(account):
    user = account.user("u", allow("sts:AssumeRole"))
    arn = role(account, "r", {"Service": "ec2.amazonaws.com"})
    with refused("AccessDenied", f"User: {account.arn('user/u')} is not authorized to perform: sts:AssumeRole on "
                                 f"resource: {arn} because no resource-based policy allows the sts:AssumeRole action",
                 403):
        assume(user, arn)
    # trusting the account leaves it to the account's policies
    account.iam.update_assume_role_policy(RoleName="r", PolicyDocument=trust({"AWS": account.id}))
    assume(user, arn)
    account.iam.delete_user_policy(UserName="u", PolicyName="own")
    with refused("AccessDenied"):
        assume(user, arn)
    # a role that is not there looks the same
    with refused("AccessDenied", status=403):
        assume(user, account.arn("role/none"))


def test_across_accounts_both_sides_must_allow(account, other):
    user = other.user("u")
    arn = role(account, "r", {"AWS": other.arn("user/u")}, allow("iam:ListUsers"))
    with refused("AccessDenied"):
        assume(user, arn)
    other.iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document(allow("sts:AssumeRole", arn)))
    session = assume(user, arn)
    assert session.arn == account.arn("assumed-role/r/session", "sts")
    account.iam.create_user(UserName="here")
    assert [it["UserName"] for it in session.client("iam").list_users()["Users"]] == ["here"]
    stranger = other.user("v", allow("sts:AssumeRole"))
    with refused("AccessDenied"):
        assume(stranger, arn)


def test_trust_means_the_user_not_the_name(account):
    user = account.user("u")
    arn = role(account, "r", {"AWS": account.arn("user/u")})
    assume(user, arn)
    account.iam.delete_access_key(UserName="u", AccessKeyId=user.key)
    account.iam.delete_user(UserName="u")
    another = account.user("u")
    with refused("AccessDenied"):
        assume(another, arn)
    account.iam.update_assume_role_policy(RoleName="r", PolicyDocument=trust({"AWS": account.arn("user/u")}))
    assume(another, arn)


def test_external_id(account):
    user = account.user("u")
    arn = role(account, "r", {"AWS": account.arn("user/u")}, condition={"StringEquals": {"sts:ExternalId": "42x"}})
    with refused("AccessDenied"):
        assume(user, arn)
    with refused("AccessDenied"):
        assume(user, arn, ExternalId="43x")
    assume(user, arn, ExternalId="42x")


def test_session_policies_cut(account):
    user = account.user("u")
    arn = role(account, "r", {"AWS": account.arn("user/u")}, allow("iam:*"))
    session = assume(user, arn, Policy=document(allow(["iam:ListUsers", "s3:*"])))
    session.client("iam").list_users()
    with refused("AccessDenied", f"User: {account.arn('assumed-role/r/session', 'sts')} is not authorized to perform: "
                                 f"iam:ListRoles on resource: {account.arn('role/')} because no session policy allows "
                                 "the iam:ListRoles action"):
        session.client("iam").list_roles()
    session = assume(user, arn, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}])
    session.client("iam").list_roles()
    with refused("AccessDenied"):
        session.client("iam").create_user(UserName="x")
    with refused("MalformedPolicyDocument", "The policy is not in the valid JSON format.", 400):
        assume(user, arn, Policy="{{}")
    with refused("PackedPolicyTooLarge", status=400):
        assume(user, arn, Policy=document(allow("s3:*", ["arn:aws:s3:::" + "x" * 1900])),
               PolicyArns=[{"arn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}] * 3)


def test_duration(own_cloud):
    from identities import Account
    account = Account(own_cloud())
    user = account.user("u")
    arn = role(account, "r", {"AWS": account.arn("user/u")}, allow("iam:ListUsers"), MaxSessionDuration=7200)
    before = account.sts.assume_role(RoleArn=role(account, "s", {"AWS": account.id}), RoleSessionName="ab")
    now = datetime.datetime.now(datetime.timezone.utc)
    assert abs((before["Credentials"]["Expiration"] - now).total_seconds() - 3600) < 60
    session = assume(user, arn, DurationSeconds=900)
    long = assume(user, arn, DurationSeconds=7200)
    with refused("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
                 400):
        assume(user, arn, DurationSeconds=7201)
    with refused("ValidationError", status=400):
        user.client("sts", parameter_validation=False).assume_role(RoleArn=arn, RoleSessionName="ab",
                                                                   DurationSeconds=899)
    account.cloud.restart()
    session.client("iam").list_users()
    account.cloud.advance(895)  # a client's clock may be 15 minutes off, not more
    time.sleep(6)
    with refused("ExpiredToken", "The security token included in the request is expired", 403):
        session.client("iam").list_users()
    long.client("iam").list_users()
    assert account.sts.get_access_key_info(AccessKeyId=session.key)["Account"] == account.id
    assume(user, arn)  # removes what has ended
    with refused("ValidationError"):
        account.sts.get_access_key_info(AccessKeyId=session.key)


def test_deleting_a_role_ends_its_sessions(account):
    user = account.user("u")
    arn = role(account, "r", {"AWS": account.arn("user/u")})
    session = assume(user, arn)
    assert session.arn
    account.iam.delete_role(RoleName="r")
    with refused("InvalidClientTokenId"):
        session.client("sts").get_caller_identity()
    role(account, "r", {"AWS": account.arn("user/u")})
    with refused("InvalidClientTokenId"):
        session.client("sts").get_caller_identity()


def test_session_tags(account):
    user = account.user("u")
    same_team = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
    arn = role(account, "r", {"AWS": account.arn("user/u")}, allow("iam:ListUsers", Condition=same_team),
               allow(["sts:AssumeRole", "sts:TagSession"]), Tags=[{"Key": "Team", "Value": "red"}])
    with refused("AccessDenied"):
        assume(user, arn).client("iam").list_users()
    tags = [{"Key": "team", "Value": "blue"}]
    session = assume(user, arn, Tags=tags, TransitiveTagKeys=["TEAM"])
    session.client("iam").list_users()
    second = role(account, "r2", {"AWS": arn}, allow("iam:ListUsers", Condition=same_team))
    assume(session, second).client("iam").list_users()
    text = ("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
            "from the calling session.")
    with refused("InvalidParameterValue", text, 400):
        assume(session, second, Tags=[{"Key": "Team", "Value": "x"}])
    with refused("InvalidParameterValue",
                 "The specified transitive tag key must be included in the requested tags.", 400):
        assume(user, arn, Tags=tags, TransitiveTagKeys=["other"])
    with refused("InvalidParameterValue",
                 "Duplicate tag keys found. Please note that Tag keys are case insensitive.", 400):
        assume(user, arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "1"}])
    account.iam.update_assume_role_policy(RoleName="r", PolicyDocument=trust({"AWS": account.arn("user/u")}))
    with refused("AccessDenied"):
        assume(user, arn, Tags=tags)


def test_role_chaining_lasts_an_hour(account):
    user = account.user("u")
    first = role(account, "r", {"AWS": account.arn("user/u")}, allow("sts:AssumeRole"))
    second = role(account, "r2", {"AWS": first}, MaxSessionDuration=7200)
    session = assume(user, first)
    assert assume(session, second).arn == account.arn("assumed-role/r2/session", "sts")
    with refused("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "
                                    "by role chaining.", 400):
        assume(session, second, DurationSeconds=3601)


def test_source_identity(account):
    user = account.user("u")
    arn = role(account, "r", {"AWS": account.arn("user/u")},
               allow("iam:ListUsers", Condition={"StringEquals": {"aws:SourceIdentity": "ann"}}))
    reply = user.client("sts").assume_role(RoleArn=arn, RoleSessionName="session", SourceIdentity="ann")
    assert reply["SourceIdentity"] == "ann"
    Caller.of(account.cloud, reply["Credentials"]).client("iam").list_users()
    with refused("AccessDenied"):
        assume(user, arn, SourceIdentity="bob").client("iam").list_users()


@pytest.mark.parametrize("arn", ["nothing-valid-in-here", "arn::b:::something/test-role", "arn:a::::something/test-role",
                                 "arn:a:::something/test-role", "arn:a:a::aaaaaaaaaa:"])
def test_invalid_role_arns(account, arn):
    with refused("ValidationError", f"{arn} is invalid", 400):
        account.sts.assume_role(RoleArn=arn, RoleSessionName="Session1")


def test_invalid_session_name(account):
    with refused("ValidationError", "1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to "
                                    "satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
                 400):
        account.sts.assume_role(RoleArn=account.arn("role/r"), RoleSessionName="Session1:2")


def test_session_token(account):
    user = account.user("u", allow(["s3:*", "iam:*", "sts:*"]))
    credentials = user.client("sts").get_session_token(DurationSeconds=900)["Credentials"]
    session = Caller.of(account.cloud, credentials)
    assert session.arn == account.arn("user/u")
    with refused("AccessDenied", "Cannot call GetSessionToken with session credentials", 403):
        session.client("sts").get_session_token()
    with refused("InvalidClientTokenId", status=403):
        session.client("iam").list_users()
    arn = role(account, "r", {"AWS": account.arn("user/u")})
    assume(session, arn)
    account.iam.delete_access_key(UserName="u", AccessKeyId=user.key)
    assert session.arn == account.arn("user/u")
    root = Caller.of(account.cloud, account.sts.get_session_token()["Credentials"])
    assert root.arn == account.arn("root")


def test_federation_token(account):
    user = account.user("u", allow(["iam:ListUsers", "iam:ListRoles", "sts:GetFederationToken"]))
    reply = user.client("sts").get_federation_token(Name="guest", Policy=document(allow(["iam:ListUsers", "s3:*"])))
    assert reply["FederatedUser"] == {"FederatedUserId": f"{account.id}:guest",
                                      "Arn": account.arn("federated-user/guest", "sts")}
    session = Caller.of(account.cloud, reply["Credentials"])
    assert session.arn == account.arn("federated-user/guest", "sts")
    session.client("iam").list_users()
    with refused("AccessDenied"):
        session.client("iam").list_roles()
    bare = Caller.of(account.cloud, user.client("sts").get_federation_token(Name="guest")["Credentials"])
    with refused("AccessDenied"):
        bare.client("iam").list_users()
    with refused("AccessDenied"):
        account.user("v").client("sts").get_federation_token(Name="guest")
