# SPDX-License-Identifier: Apache-2.0
"""Global tables whose units are provisioned: writes are scaled in every region, reads in each for itself."""
import json

import pytest

from refusals import wait_for
from scaled import INDEX_READ, INDEX_WRITE, READ, WRITE, Scaled
from tables import refused

HERE, THERE = "us-east-1", "eu-west-1"
INVALID, MISSING = "ValidationException", "ResourceNotFoundException"
ROLE = ("arn:aws:iam::000000000000:role/aws-service-role/dynamodb.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable")
OFF = {"AutoScalingDisabled": True, "ScalingPolicies": []}
FAILED = "Failed to update settings for global table with name: ‘orders’"
NEEDED = FAILED + ": Parameters {} are required unless auto scaling is being disabled."
SCALED = "{} write capacity should either be Pay-Per-Request or AutoScaled."


class Spread(Scaled):
    """Table `orders` in two regions."""

    def __init__(self, cloud):
        super().__init__(cloud)
        self.account = cloud.client("sts").get_caller_identity()["Account"]
        self.clients = {region: (cloud.client("dynamodb", region=region, parameter_validation=False),
                                 cloud.client("application-autoscaling", region=region)) for region in (HERE, THERE)}

    def scale_writes(self):
        for dimension in (WRITE, INDEX_WRITE):
            self.register(dimension, 1, 40)
            self.put_policy(dimension, 50.0, ScaleInCooldown=120)

    def spread(self):
        self.clients[HERE][0].update_table(TableName="orders", ReplicaUpdates=[{"Create": {"RegionName": THERE}}])
        self.wait_active()

    def table(self, region=HERE):
        return self.clients[region][0].describe_table(TableName="orders")["Table"]

    def wait_active(self):
        def settled():
            tables = [self.table(region) for region in (HERE, THERE)]
            return all(it["TableStatus"] == "ACTIVE" and all(of["IndexStatus"] == "ACTIVE" for of in it["GlobalSecondaryIndexes"])
                       and [of["ReplicaStatus"] for of in it["Replicas"]] == ["ACTIVE"] for it in tables)
        wait_for(lambda: self.known(THERE) and settled())

    def known(self, region):
        return "orders" in self.clients[region][0].list_tables()["TableNames"]

    def throughput(self, region=HERE, index=False):
        of = self.table(region)
        of = (of["GlobalSecondaryIndexes"][0] if index else of)["ProvisionedThroughput"]
        return of["ReadCapacityUnits"], of["WriteCapacityUnits"]

    def targets(self, region=HERE):
        told = self.clients[region][1].describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
        return {(it["ResourceId"], it["ScalableDimension"]): (it["MinCapacity"], it["MaxCapacity"]) for it in told}

    def policies(self, region=HERE):
        told = self.clients[region][1].describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
        return {it["ScalableDimension"]: (it["PolicyName"], it["TargetTrackingScalingPolicyConfiguration"]) for it in told}

    def update(self, **wanted):
        return self.clients[HERE][0].update_table_replica_auto_scaling(TableName="orders", **wanted)["TableAutoScalingDescription"]

    def describe(self, region=HERE, name="orders"):
        return self.clients[region][0].describe_table_replica_auto_scaling(TableName=name)["TableAutoScalingDescription"]

    def settings(self, region, kind="Write"):
        told = {it["RegionName"]: it for it in self.describe()["Replicas"]}
        return told[region][f"ReplicaProvisioned{kind}CapacityAutoScalingSettings"]

    def index_settings(self, region, kind="Write"):
        told = {it["RegionName"]: it for it in self.describe()["Replicas"]}
        return told[region]["GlobalSecondaryIndexes"][0][f"Provisioned{kind}CapacityAutoScalingSettings"]


def settings(low=1, high=10, goal=70.0, name=None, **tracking):
    policy = {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": goal, **tracking}}
    return {"MinimumUnits": low, "MaximumUnits": high, "ScalingPolicyUpdate": {**policy, **({"PolicyName": name} if name else {})}}


def reads(region, to):
    return {"ReplicaUpdates": [{"RegionName": region, "ReplicaProvisionedReadCapacityAutoScalingUpdate": to}]}


@pytest.fixture
def alone(own_cloud):
    it = Spread(own_cloud("--auth", "open"))
    it.make_table(5)
    return it


@pytest.fixture
def spread(alone):
    alone.scale_writes()
    alone.spread()
    return alone


def test_a_replica_needs_writes_that_are_scaled(alone):
    create = lambda: alone.clients[HERE][0].update_table(TableName="orders", ReplicaUpdates=[{"Create": {"RegionName": THERE}}])
    with refused(INVALID, SCALED.format("Table")):
        create()
    alone.register(WRITE, 1, 40)
    with refused(INVALID, SCALED.format("Table")):
        create()
    alone.put_policy(WRITE)
    with refused(INVALID, SCALED.format("GSI")):
        create()
    for call in (alone.describe, lambda: alone.update(ProvisionedWriteCapacityAutoScalingUpdate=settings())):
        with refused(MISSING, "Global table with name: 'orders' does not exist."):
            call()
    alone.scale_writes()
    alone.spread()
    assert alone.targets(THERE) == alone.targets() == {("table/orders", WRITE): (1, 40), ("table/orders/index/by-kind", INDEX_WRITE): (1, 40)}
    assert alone.policies(THERE) == alone.policies()
    assert alone.throughput(THERE) == alone.throughput(THERE, index=True) == (5, 5)
    assert "ProvisionedThroughputOverride" not in alone.table()["Replicas"][0]
    assert [it["IndexName"] for it in alone.table()["Replicas"][0]["GlobalSecondaryIndexes"]] == ["by-kind"]


def test_describe(spread):
    own = {"MinimumUnits": 1, "MaximumUnits": 40, "AutoScalingRoleArn": ROLE.replace("000000000000", spread.account), "ScalingPolicies": [
        {"PolicyName": "follow", "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 50.0, "ScaleInCooldown": 120}}]}
    told = {"ReplicaProvisionedReadCapacityAutoScalingSettings": OFF, "ReplicaProvisionedWriteCapacityAutoScalingSettings": own,
            "ReplicaStatus": "ACTIVE", "GlobalSecondaryIndexes": [
                {"IndexName": "by-kind", "IndexStatus": "ACTIVE", "ProvisionedReadCapacityAutoScalingSettings": OFF,
                 "ProvisionedWriteCapacityAutoScalingSettings": own}]}
    wanted = {"TableName": "orders", "TableStatus": "ACTIVE",
              "Replicas": [{"RegionName": region, **told} for region in (THERE, HERE)]}
    assert spread.describe() == spread.describe(THERE) == wanted
    assert spread.describe(name=spread.table()["TableArn"]) == wanted
    spread.cloud.restart()
    assert spread.describe() == wanted
    spread.register(READ, 2, 12)  # a target without a policy
    assert spread.settings(HERE, "Read") == OFF
    with refused(MISSING, "Global table with name: 'nothing' does not exist."):
        spread.describe(name="nothing")


def test_update(spread):
    before = spread.describe()
    assert spread.update(**reads(THERE, settings(2, 20))) == before  # what was before, as the real service's
    told = spread.settings(THERE, "Read")
    assert told == {"MinimumUnits": 2, "MaximumUnits": 20, "AutoScalingRoleArn": ROLE.replace("000000000000", spread.account),
                    "ScalingPolicies": [{"PolicyName": "DynamoDBReadCapacityUtilization:table/orders",
                                         "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 70.0}}]}
    assert spread.settings(HERE, "Read") == OFF
    assert spread.targets(THERE)["table/orders", READ] == (2, 20) and ("table/orders", READ) not in spread.targets()
    name, tracking = spread.policies(THERE)[READ]
    assert tracking["PredefinedMetricSpecification"] == {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"}
    spread.update(**reads(THERE, settings(2, 20, 40.0, "own", DisableScaleIn=True, ScaleOutCooldown=-1)))
    assert spread.policies(THERE)[READ][0] == "own"
    assert spread.settings(THERE, "Read")["ScalingPolicies"] == [
        {"PolicyName": "own", "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 40.0, "DisableScaleIn": True, "ScaleOutCooldown": -1}}]

    spread.update(ProvisionedWriteCapacityAutoScalingUpdate=settings(3, 30, 60.0), GlobalSecondaryIndexUpdates=[
        {"IndexName": "by-kind", "ProvisionedWriteCapacityAutoScalingUpdate": settings(4, 44)}])
    for region in (HERE, THERE):
        assert spread.targets(region)["table/orders", WRITE] == (3, 30)
        assert spread.targets(region)["table/orders/index/by-kind", INDEX_WRITE] == (4, 44)
        assert spread.policies(region)[INDEX_WRITE][0] == "DynamoDBWriteCapacityUtilization:table/orders/index/by-kind"
        assert spread.settings(region)["ScalingPolicies"][0]["PolicyName"] == "DynamoDBWriteCapacityUtilization:table/orders"
        assert spread.index_settings(region)["MaximumUnits"] == 44
    spread.update(ReplicaUpdates=[{"RegionName": HERE, "ReplicaGlobalSecondaryIndexUpdates": [
        {"IndexName": "by-kind", "ProvisionedReadCapacityAutoScalingUpdate": settings(1, 9)}]}])
    assert spread.index_settings(HERE, "Read")["MaximumUnits"] == 9 and spread.index_settings(THERE, "Read") == OFF
    assert spread.targets()["table/orders/index/by-kind", INDEX_READ] == (1, 9)

    spread.cloud.restart()
    spread.update(ProvisionedWriteCapacityAutoScalingUpdate={"AutoScalingDisabled": True})
    for region in (HERE, THERE):
        assert spread.settings(region) == OFF and ("table/orders", WRITE) not in spread.targets(region)
    assert spread.settings(THERE, "Read")["MinimumUnits"] == 2
    spread.update(ProvisionedWriteCapacityAutoScalingUpdate={"AutoScalingDisabled": True})
    spread.update(GlobalSecondaryIndexUpdates=[{"IndexName": "by-kind", "ProvisionedWriteCapacityAutoScalingUpdate": {"AutoScalingDisabled": True}}])
    with refused(INVALID, SCALED.format("GSI")):
        spread.clients[HERE][0].update_table(TableName="orders", GlobalSecondaryIndexUpdates=[
            {"Update": {"IndexName": "by-kind", "ProvisionedThroughput": {"ReadCapacityUnits": 6, "WriteCapacityUnits": 6}}}])


def test_parameters(spread):
    for to, names in [
            ({}, "'MaximumUnits', 'ScalingPolicyUpdate', 'MinimumUnits'"),
            ({"AutoScalingDisabled": False}, "'MaximumUnits', 'ScalingPolicyUpdate', 'MinimumUnits'"),
            ({"MinimumUnits": 1, "MaximumUnits": 9}, "'ScalingPolicyUpdate'"),
            ({"ScalingPolicyUpdate": settings()["ScalingPolicyUpdate"]}, "'MaximumUnits', 'MinimumUnits'"),
            ({**settings(), "MaximumUnits": None}, "'MaximumUnits'")]:
        to = {key: value for key, value in to.items() if value is not None}
        for wanted in (reads(HERE, to), {"ProvisionedWriteCapacityAutoScalingUpdate": to}):
            with refused(INVALID, NEEDED.format(names)):
                spread.update(**wanted)
    blank = "Failed to update settings for global table with name ‘orders’: Parameters {} must be left blank when disabling auto scaling."
    with refused(INVALID, blank.format("'MaximumUnits', 'MinimumUnits'")):
        spread.update(**reads(HERE, {"AutoScalingDisabled": True, "MinimumUnits": 1, "MaximumUnits": 2}))
    with refused(INVALID, blank.format("'ScalingPolicyUpdate'")):
        spread.update(**reads(HERE, {"AutoScalingDisabled": True, "ScalingPolicyUpdate": settings()["ScalingPolicyUpdate"]}))
    with refused(INVALID, FAILED + " because at least one update parameter must be specified."):
        spread.update()
    with refused(INVALID, FAILED + f" because at least one update parameter must be specified for region: ‘{THERE}’."):
        spread.update(ReplicaUpdates=[{"RegionName": THERE}])
    with refused(INVALID, FAILED + f" because the regions: ‘[{HERE}]’ were specified more than once."):
        spread.update(ReplicaUpdates=reads(HERE, settings())["ReplicaUpdates"] * 2)
    of_index = {"IndexName": "by-kind", "ProvisionedWriteCapacityAutoScalingUpdate": settings()}
    with refused(INVALID, FAILED + " because the global secondary indexes with names: ‘[by-kind]’ were specified more than once."):
        spread.update(GlobalSecondaryIndexUpdates=[of_index, of_index])
    with refused(INVALID, FAILED + " because at least one update parameter must be specified for global secondary index: ‘by-kind’."):
        spread.update(GlobalSecondaryIndexUpdates=[{"IndexName": "by-kind"}])
    with refused(MISSING, FAILED + " because a replica does not exist in regions: ‘[ap-south-1]’."):
        spread.update(**reads("ap-south-1", settings()))
    with refused(MISSING, FAILED + " because the global secondary indexes with names: ‘[nope]’ do not exist."):
        spread.update(GlobalSecondaryIndexUpdates=[{**of_index, "IndexName": "nope"}])
    with refused(MISSING, FAILED + f" because a global secondary index with name: ‘nope’ does not exist in region: ‘{THERE}’."):
        spread.update(ReplicaUpdates=[{"RegionName": THERE, "ReplicaGlobalSecondaryIndexUpdates": [
            {"IndexName": "nope", "ProvisionedReadCapacityAutoScalingUpdate": settings()}]}])


def test_what_application_auto_scaling_refuses(spread):
    tail = r" \(Service: AWSApplicationAutoScaling; Status Code: 400; Error Code: ValidationException; Request ID: [\w-]+; Proxy: null\)"
    before = spread.describe()
    for to, text in [
            (settings(10, 9), "Maximum capacity cannot be less than minimum capacity"),
            (settings(goal=90.1), "For predefined metric type DynamoDBReadCapacityUtilization, target value must be between "
                                  "'10.0' and '90.0', but was '90.1'."),
            (settings(goal=0.0), "For target tracking scaling, target value must be between '8.51592E-109' and '1.174271E108', "
                                 "but was '0.0'.")]:
        with pytest.raises(spread.clients[HERE][0].exceptions.ClientError, match=text + tail) as caught:
            spread.update(ProvisionedWriteCapacityAutoScalingUpdate={"AutoScalingDisabled": True}, **reads(HERE, to))
        assert caught.value.response["Error"]["Code"] == INVALID
    other = f"arn:aws:iam::{spread.account}:role/other"
    with pytest.raises(spread.clients[HERE][0].exceptions.ClientError, match=f"iam:PassRole on resource: {other} because no "
                       "identity-based policy allows the iam:PassRole action" + tail):
        spread.update(**reads(HERE, {**settings(), "AutoScalingRoleArn": other}))
    with refused(INVALID, "1 validation error detected: Value '2147483648' at 'maxCapacity' failed to satisfy constraint: Member must "
                          "have value less than or equal to 2147483647"):
        spread.update(**reads(HERE, settings(high=2147483648)))
    assert spread.describe() == before  # all or nothing
    spread.update(**reads(HERE, {**settings(), "AutoScalingRoleArn": ROLE.replace("000000000000", spread.account)}))
    assert spread.settings(HERE, "Read")["MaximumUnits"] == 10


def test_on_demand(spread):
    spread.update(**reads(HERE, settings()))
    spread.clients[HERE][0].update_table(TableName="orders", BillingMode="PAY_PER_REQUEST")
    spread.wait_active()
    assert spread.table(THERE)["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    told = spread.settings(HERE)
    assert told["AutoScalingDisabled"] and (told["MinimumUnits"], told["MaximumUnits"]) == (1, 40) and told["ScalingPolicies"]
    text = ("Failed to update global table with name ‘orders‘. Replicas 'EU-WEST-1', 'US-EAST-1' BillingMode is PayPerRequest. You "
            "must convert table's BillingMode to PROVISIONED to set parameters: '{}'.")
    with refused(INVALID, text.format("GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate")):
        spread.update(ProvisionedWriteCapacityAutoScalingUpdate=settings())
    with refused(INVALID, text.format("ReplicaProvisionedReadCapacityAutoScalingSettingsUpdate")):
        spread.update(**reads(HERE, settings()))
    spread.update(**reads(HERE, {"AutoScalingDisabled": True}))
    assert spread.settings(HERE, "Read") == OFF and ("table/orders", READ) not in spread.targets()
    units = {"ReadCapacityUnits": 7, "WriteCapacityUnits": 8}
    back = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units, "GlobalSecondaryIndexUpdates": [
        {"Update": {"IndexName": "by-kind", "ProvisionedThroughput": units}}]}
    spread.clients[THERE][1].deregister_scalable_target(**spread.name(WRITE))
    with refused(INVALID, SCALED.format("Table")):
        spread.clients[THERE][0].update_table(TableName="orders", **back)
    spread.clients[HERE][0].update_table(TableName="orders", **back)
    spread.wait_active()
    for region in (HERE, THERE):
        assert spread.throughput(region) == spread.throughput(region, index=True) == (7, 8)
        assert spread.targets(region)["table/orders", WRITE] == (1, 40)


def test_units_by_hand(spread):
    def change(region, table=None, index=None):
        spread.wait_active()
        more = {"ProvisionedThroughput": dict(zip(("ReadCapacityUnits", "WriteCapacityUnits"), table))} if table else {}
        if index:
            more["GlobalSecondaryIndexUpdates"] = [{"Update": {"IndexName": "by-kind", "ProvisionedThroughput": dict(
                zip(("ReadCapacityUnits", "WriteCapacityUnits"), index))}}]
        spread.clients[region][0].update_table(TableName="orders", **more)
        spread.wait_active()

    change(HERE, (6, 9))
    assert spread.throughput(THERE) == (6, 9)
    change(THERE, (7, 9), (8, 8))
    assert spread.throughput() == (7, 9) and spread.throughput(index=True) == (8, 8)
    assert "ProvisionedThroughputOverride" not in spread.table()["Replicas"][0]
    spread.update(**reads(HERE, settings(12, 20)))  # which is one region's
    wait_for(lambda: spread.throughput() == (12, 9))
    assert spread.throughput(THERE) == (7, 9)
    assert spread.table()["Replicas"][0]["ProvisionedThroughputOverride"] == {"ReadCapacityUnits": 7}
    assert spread.table(THERE)["Replicas"][0]["ProvisionedThroughputOverride"] == {"ReadCapacityUnits": 12}
    change(HERE, (13, 11))
    assert spread.throughput() == (13, 11) and spread.throughput(THERE) == (7, 11)
    change(THERE, (13, 11))
    assert "ProvisionedThroughputOverride" not in spread.table()["Replicas"][0]
    spread.update(ProvisionedWriteCapacityAutoScalingUpdate=settings(15, 20))
    wait_for(lambda: spread.throughput() == spread.throughput(THERE) == (13, 15))


def test_a_new_index_is_scaled(spread):
    keys = {"KeySchema": [{"AttributeName": "size", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
    spread.clients[THERE][0].update_table(
        TableName="orders", AttributeDefinitions=[{"AttributeName": "size", "AttributeType": "N"}], GlobalSecondaryIndexUpdates=[
            {"Create": {"IndexName": "by-size", "ProvisionedThroughput": {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4}, **keys}}])
    for region in (HERE, THERE):
        assert spread.targets(region)["table/orders/index/by-size", INDEX_WRITE] == (1, 10)
    spread.wait_active()
    for member in spread.describe()["Replicas"]:
        told = {it["IndexName"]: it for it in member["GlobalSecondaryIndexes"]}["by-size"]
        policy = told["ProvisionedWriteCapacityAutoScalingSettings"]["ScalingPolicies"][0]
        assert policy == {"PolicyName": "DynamoDBWriteCapacityUtilization:table/orders/index/by-size",
                          "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 70.0}}
        assert told["ProvisionedReadCapacityAutoScalingSettings"] == OFF


def test_what_is_replicated_is_used_there_too(spread):
    """Only the replica's policy is left: it follows what is written here, and what it does holds here, too."""
    spread.clients[HERE][1].delete_scaling_policy(**spread.name(WRITE), PolicyName="follow")
    spread.begin_minute()
    spread.settle()
    for at in range(4):  # two are enough, unless one of them takes minutes
        for number in range(20):
            spread.dynamodb.batch_write_item(RequestItems={"orders": [
                {"PutRequest": {"Item": {"id": {"S": f"{at}-{number}-{i}"}, "v": {"S": "x" * 900}}}} for i in range(25)]})
        wait_for(lambda: spread.table(THERE)["ItemCount"] == 500 * (at + 1))
        spread.begin_minute()
        spread.settle()
        spread.wait_active()
        if spread.throughput() != (5, 5):
            break
    assert at and spread.throughput() == spread.throughput(THERE)
    done = spread.clients[THERE][1].describe_scaling_activities(ServiceNamespace="dynamodb")["ScalingActivities"]
    assert done[0]["Description"] == f"Setting write capacity units to {spread.throughput()[1]}." and not spread.activities()


def test_a_replica_that_goes(spread):
    spread.update(**reads(THERE, settings()))
    spread.clients[HERE][0].update_table(TableName="orders", ReplicaUpdates=[{"Delete": {"RegionName": THERE}}])
    wait_for(lambda: not spread.known(THERE))
    with refused(MISSING, "Global table with name: 'orders' does not exist."):
        spread.describe()
    assert spread.targets(THERE)["table/orders", READ] == (1, 10)  # which stays


def test_permissions(own_cloud):
    """Who may change the settings of a global table needs no permission of Application Auto Scaling."""
    spread = Spread(own_cloud())
    spread.make_table(5)
    spread.scale_writes()
    spread.spread()
    iam = spread.cloud.client("iam")
    iam.create_user(UserName="operator")
    iam.put_user_policy(UserName="operator", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "dynamodb:UpdateTableReplicaAutoScaling", "Resource": spread.table()["TableArn"]}]}))
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    operator = {region: spread.cloud.client("dynamodb", key["AccessKeyId"], key["SecretAccessKey"], region=region)
                for region in (HERE, THERE)}
    operator[HERE].update_table_replica_auto_scaling(TableName="orders", **reads(THERE, settings(2, 9)))
    assert spread.targets(THERE)["table/orders", READ] == (2, 9)
    for call in (lambda: operator[HERE].describe_table_replica_auto_scaling(TableName="orders"),
                 lambda: operator[THERE].update_table_replica_auto_scaling(TableName="orders", **reads(THERE, settings()))):
        with pytest.raises(spread.clients[HERE][0].exceptions.ClientError, match="AccessDeniedException"):
            call()
