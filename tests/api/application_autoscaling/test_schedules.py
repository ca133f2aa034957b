# SPDX-License-Identifier: Apache-2.0
"""Scheduled actions: at, rate and cron are really executed, by the clock that tests move."""
import datetime

from refusals import refused, wait_for
from scaled import WRITE


def put(scaled, schedule, name="action", low=None, high=None, **more):
    wanted = {key: value for key, value in (("MinCapacity", low), ("MaxCapacity", high)) if value}
    return scaled.scaling.put_scheduled_action(**scaled.name(WRITE), ScheduledActionName=name, Schedule=schedule,
                                               ScalableTargetAction=wanted, **more)


def described(scaled, **more):
    return scaled.scaling.describe_scheduled_actions(ServiceNamespace="dynamodb", **more)["ScheduledActions"]


def target(scaled):
    found = scaled.scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"][0]
    return found["MinCapacity"], found["MaxCapacity"]


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def test_at(scaled):
    scaled.register(low=1, high=100)
    at = (now() + datetime.timedelta(minutes=10)).strftime("at(%Y-%m-%dT%H:%M:%S)")
    put(scaled, at, "morning", 15, 20)
    scaled.cloud.restart()
    scaled.cloud.advance(480)
    scaled.settle()
    assert scaled.units() == 10 and target(scaled) == (1, 100)
    scaled.cloud.advance(120)
    scaled.wait_for(15)
    wait_for(lambda: scaled.activities()[0]["StatusCode"] == "Successful")
    assert target(scaled) == (15, 20)
    done, set_bounds = scaled.activities()
    assert done["Cause"] == "minimum capacity was set to 15"
    assert set_bounds["Description"] == "Setting min capacity to 15 and max capacity to 20"
    assert set_bounds["Cause"] == "scheduled action name morning was triggered"
    assert set_bounds["StatusMessage"] == "Successfully set min capacity to 15 and max capacity to 20"
    assert "EndTime" not in set_bounds
    scaled.cloud.advance(86400)
    scaled.settle()
    assert len(scaled.activities()) == 2


def test_rate_and_end(scaled):
    scaled.register(low=1, high=100)
    put(scaled, "rate(2 hours)", low=12, EndTime=now() + datetime.timedelta(hours=5))
    scaled.cloud.advance(7201)
    scaled.wait_for(12)
    scaled.register(low=1, high=11)
    scaled.wait_for(11)
    scaled.cloud.advance(7200)
    wait_for(lambda: len(scaled.activities()) == 4)
    failed = scaled.activities()[0]
    assert failed["StatusCode"] == "Failed" and failed["Description"] == "Setting min capacity to 12"
    assert failed["StatusMessage"] == ("Failed to set min capacity to 12. Reason: Maximum capacity cannot be less than minimum "
                                       "capacity")
    scaled.cloud.advance(7200)
    scaled.settle()
    assert len(scaled.activities()) == 4


def test_cron(scaled):
    """Each day at eight; suspended for a day."""
    scaled.register(low=1, high=100)
    put(scaled, "cron(0 8 * * ? *)", low=20)
    day = datetime.timedelta(days=1)
    eight = now().replace(hour=8, minute=0, second=0, microsecond=0)
    eight += day if eight <= now() else 0 * day
    scaled.cloud.advance(int((eight - now()).total_seconds()) + 1)
    scaled.wait_for(20)
    suspend = lambda it: scaled.scaling.register_scalable_target(
        **scaled.name(WRITE), MinCapacity=1, MaxCapacity=100, SuspendedState={"ScheduledScalingSuspended": it})
    suspend(True)
    scaled.cloud.advance(86400)
    scaled.settle()
    assert target(scaled) == (1, 100)
    suspend(False)
    scaled.cloud.advance(86400)
    wait_for(lambda: target(scaled) == (20, 100))


def test_described_and_deleted(scaled):
    scaled.register()
    put(scaled, "rate(5 minutes)", "b", low=2)
    put(scaled, "cron(0/15 8-18 ? JAN-DEC MON-FRI 2026-2030)", "a", high=50, Timezone="UTC", StartTime=now())
    first, second = described(scaled)
    assert (first["ScheduledActionName"], first["Schedule"], first["Timezone"], first["ScalableTargetAction"]) == (
        "a", "cron(0/15 8-18 ? JAN-DEC MON-FRI 2026-2030)", "UTC", {"MaxCapacity": 50})
    assert first["ScheduledActionARN"].startswith("arn:aws:autoscaling:us-east-1:000000000000:scheduledAction:")
    assert first["ScheduledActionARN"].endswith(":resource/dynamodb/table/orders:scheduledActionName/a")
    assert second["ScalableTargetAction"] == {"MinCapacity": 2} and "StartTime" not in second
    assert [it["ScheduledActionName"] for it in described(scaled, ScheduledActionNames=["b", "c"])] == ["b"]
    put(scaled, "rate(7 minutes)", "b", low=3)
    assert described(scaled)[1]["Schedule"] == "rate(7 minutes)" and described(scaled)[1]["CreationTime"] == second["CreationTime"]
    delete = scaled.scaling.delete_scheduled_action
    delete(**scaled.name(WRITE), ScheduledActionName="b")
    assert refused(delete, **scaled.name(WRITE), ScheduledActionName="b") == (
        "ObjectNotFoundException", "No scheduled action found for service namespace: dynamodb, resource ID: table/orders, "
        "scalable dimension: dynamodb:table:WriteCapacityUnits, scheduled action name: b")


def test_refused(scaled):
    scaled.register()
    syntax = ("Invalid schedule expression. Details: Schedule expressions must have the following syntax: "
              "rate(<number>\\s?(minutes?|hours?|days?)), cron(<cron_expression>) or at(yyyy-MM-dd'T'HH:mm:ss).")
    for schedule in ("rate(0 minutes)", "rate(5 weeks)", "at(2026-13-01T00:00:00)", "cron(0 8 * * * *)", "cron(60 8 * * ? *)",
                     "cron(0 8 ? * MON#2 *)", "daily", "cron(0 8 * * ?)"):
        assert refused(put, scaled=scaled, schedule=schedule, low=1) == ("ValidationException", syntax)
    assert refused(put, scaled=scaled, schedule="rate(1 day)")[0] == "ValidationException"
    assert refused(put, scaled=scaled, schedule="rate(1 day)", low=5, high=4)[1] == (
        "Maximum capacity cannot be less than minimum capacity")
    assert refused(put, scaled=scaled, schedule="rate(1 day)", low=5, Timezone="Europe/Zurich")[1] == (
        "The time zone Europe/Zurich is not supported by kintoun yet")
    assert refused(put, scaled=scaled, schedule="rate(1 day)", low=5, StartTime=now(),
                   EndTime=now() - datetime.timedelta(days=1))[0] == "ValidationException"
    for name in range(200):
        put(scaled, "rate(1 day)", f"{name}", 1)
    assert refused(put, scaled=scaled, schedule="rate(1 day)", name="more", low=1)[0] == "LimitExceededException"
