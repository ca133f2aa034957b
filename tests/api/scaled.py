# SPDX-License-Identifier: Apache-2.0
"""For the scenarios of auto scaling: a table of few units, and minutes in which it is used."""
import time

NAMESPACE = "dynamodb"
READ, WRITE = "dynamodb:table:ReadCapacityUnits", "dynamodb:table:WriteCapacityUnits"
INDEX_READ, INDEX_WRITE = "dynamodb:index:ReadCapacityUnits", "dynamodb:index:WriteCapacityUnits"


class Scaled:
    """Table `orders` and its index `by-kind`, and the two services."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.scaling = cloud.client("application-autoscaling", parameter_validation=False)
        self.dynamodb = cloud.client("dynamodb")

    def make_table(self, units=10):
        throughput = {"ReadCapacityUnits": units, "WriteCapacityUnits": units}
        self.dynamodb.create_table(
            TableName="orders", ProvisionedThroughput=throughput, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": it, "AttributeType": "S"} for it in ("id", "kind")],
            GlobalSecondaryIndexes=[{"IndexName": "by-kind", "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
                                     "Projection": {"ProjectionType": "KEYS_ONLY"}, "ProvisionedThroughput": throughput}])
        self.dynamodb.get_waiter("table_exists").wait(TableName="orders")
        self.begin_minute()

    def name(self, dimension):
        return {"ServiceNamespace": NAMESPACE, "ScalableDimension": dimension,
                "ResourceId": "table/orders/index/by-kind" if ":index:" in dimension else "table/orders"}

    def register(self, dimension=WRITE, low=1, high=100, **more):
        return self.scaling.register_scalable_target(**self.name(dimension), MinCapacity=low, MaxCapacity=high, **more)

    def put_policy(self, dimension=WRITE, goal=50.0, **more):
        metric = f"DynamoDB{'Read' if 'Read' in dimension else 'Write'}CapacityUtilization"
        return self.scaling.put_scaling_policy(
            **self.name(dimension), PolicyName="follow", PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": goal, "PredefinedMetricSpecification": {"PredefinedMetricType": metric}, **more})

    def units(self, dimension=WRITE):
        of = self.dynamodb.describe_table(TableName="orders")["Table"]
        if ":index:" in dimension:
            of = of["GlobalSecondaryIndexes"][0]
        return of["ProvisionedThroughput"][dimension.split(":")[-1]]

    def activities(self, dimension=WRITE):
        return self.scaling.describe_scaling_activities(**self.name(dimension))["ScalingActivities"]

    def write(self, units):
        """Uses so many units at once: an item of 1 KB is one."""
        while units:
            some = min(units, 25)
            self.dynamodb.batch_write_item(RequestItems={"orders": [
                {"PutRequest": {"Item": {"id": {"S": f"{i}"}, "v": {"S": "x" * 1000}}}} for i in range(some)]})
            units -= some

    def minute(self, used=0):
        """One in which that much is written, until what it brought about has been done."""
        self.write(used)
        self.begin_minute()
        self.settle()

    def begin_minute(self):
        """Minutes are the clock's: what follows lies in one of them, unless it takes a minute."""
        self.cloud.advance(60 - self.cloud.advance(0).second)

    def settle(self):
        """What the server does by itself once the clock was moved takes a moment."""
        time.sleep(0.15)
        deadline = time.monotonic() + 60
        while any(it["StatusCode"] == "InProgress" for it in self.scaling.describe_scaling_activities(
                ServiceNamespace=NAMESPACE)["ScalingActivities"]):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def wait_for(self, units, dimension=WRITE):
        deadline = time.monotonic() + 60
        while self.units(dimension) != units:
            assert time.monotonic() < deadline, self.units(dimension)
            time.sleep(0.02)
