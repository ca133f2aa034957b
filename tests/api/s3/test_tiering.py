# SPDX-License-Identifier: Apache-2.0
"""Intelligent-Tiering: its configurations; objects that nobody reads are archived, and come back for good."""
import pytest

from moved_clock import eventually

MISSING = "The specified configuration does not exist."
MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"
UNREADABLE = "The operation is not valid for the object's storage class"
ARCHIVE, DEEP = {"AccessTier": "ARCHIVE_ACCESS", "Days": 90}, {"AccessTier": "DEEP_ARCHIVE_ACCESS", "Days": 180}
HOUR = 1 / 24
BODY = b"x" * 131072  # what is smaller is not moved


def configuration(identity, *tierings, status="Enabled", **more):
    return {"Id": identity, "Status": status, "Tierings": list(tierings or [ARCHIVE]), **more}


def put(s3, bucket, wish, identity=None):
    return s3.put_bucket_intelligent_tiering_configuration(Bucket=bucket, Id=identity or wish["Id"],
                                                           IntelligentTieringConfiguration=wish)


def store(s3, bucket, key, body=BODY, **more):
    s3.put_object(Bucket=bucket, Key=key, Body=body, StorageClass="INTELLIGENT_TIERING", **more)


def status(s3, bucket, key):
    return s3.head_object(Bucket=bucket, Key=key).get("ArchiveStatus")


def becomes(s3, bucket, key, tier):
    eventually(lambda: status(s3, bucket, key) == tier)


# ---- configurations ----

def test_configurations(s3, bucket, cloud, refused):
    first = configuration("first", ARCHIVE, DEEP, Filter={"Prefix": "a/"})
    second = configuration("second", status="Disabled", Filter={"And": {"Prefix": "b", "Tags": [{"Key": "k", "Value": "v"}]}})
    get = s3.get_bucket_intelligent_tiering_configuration
    assert put(s3, bucket, configuration("first"))["ResponseMetadata"]["HTTPStatusCode"] == 204
    put(s3, bucket, first)
    put(s3, bucket, second)
    cloud.restart()
    assert get(Bucket=bucket, Id="first")["IntelligentTieringConfiguration"] == first
    listed = s3.list_bucket_intelligent_tiering_configurations(Bucket=bucket)
    assert listed["IntelligentTieringConfigurationList"] == [first, second] and listed["IsTruncated"] is False
    s3.delete_bucket_intelligent_tiering_configuration(Bucket=bucket, Id="first")
    for call in (get, s3.delete_bucket_intelligent_tiering_configuration):
        with refused("NoSuchConfiguration", 404, MISSING):
            call(Bucket=bucket, Id="first")
    assert s3.list_bucket_intelligent_tiering_configurations(Bucket=bucket)["IntelligentTieringConfigurationList"] == [second]


def test_refused_configurations(s3, bucket, name, refused):
    def tier(name, days):
        return configuration("it", {"AccessTier": name, "Days": days})

    with refused("MalformedXML", 400):
        put(s3, bucket, configuration("it"), "other")
    with refused("InvalidConfigurationId", 400):
        put(s3, bucket, configuration("a b"))
    for bad in (tier("FROZEN", 90), configuration("it", ARCHIVE, ARCHIVE), configuration("it", status="On"),
                configuration("it", Filter={"Prefix": "p", "Tag": {"Key": "k", "Value": "v"}}),
                configuration("it", Filter={"And": {"Prefix": "p"}})):
        with refused("MalformedXML", 400, MALFORMED):
            put(s3, bucket, bad)
    for name_of, least in ("ARCHIVE_ACCESS", 90), ("DEEP_ARCHIVE_ACCESS", 180):
        with refused("InvalidArgument", 400, f"Days specified in {name_of} tier should not be less than {least}"):
            put(s3, bucket, tier(name_of, least - 1))
        with refused("InvalidArgument", 400, f"Days specified in {name_of} tier should not be more than 730"):
            put(s3, bucket, tier(name_of, 731))
    with refused("NoSuchBucket", 404):
        put(s3, name("absent"), configuration("it"))
    assert "IntelligentTieringConfigurationList" not in s3.list_bucket_intelligent_tiering_configurations(Bucket=bucket)


# ---- what they do ----

@pytest.mark.parametrize("tier, hours", [(None, 3), ("Expedited", 1 / 60), ("Bulk", 5)])
def test_archived_and_restored(mine, skew, refused, tier, hours):
    s3, bucket = mine
    put(s3, bucket, configuration("it"))
    store(s3, bucket, "k")
    skew(89)
    assert status(s3, bucket, "k") is None
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=0-3")["Body"].read() == b"xxxx"  # the days begin anew
    skew(2)
    assert status(s3, bucket, "k") is None
    skew(90)
    becomes(s3, bucket, "k", "ARCHIVE_ACCESS")
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["StorageClass"], head["ContentLength"]) == ("INTELLIGENT_TIERING", len(BODY)) and "Restore" not in head
    for refusal in (lambda: s3.get_object(Bucket=bucket, Key="k"),):
        with refused("InvalidObjectState", 403, UNREADABLE) as it:
            refusal()
        assert (it.error["StorageClass"], it.error["AccessTier"]) == ("INTELLIGENT_TIERING", "ARCHIVE_ACCESS")
    with refused("InvalidObjectState", 403):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    with refused("MalformedXML", 400):
        s3.restore_object(Bucket=bucket, Key="k", RestoreRequest={"Days": 1})
    request = {"GlacierJobParameters": {"Tier": tier}} if tier else {}
    assert s3.restore_object(Bucket=bucket, Key="k", RestoreRequest=request)["ResponseMetadata"]["HTTPStatusCode"] == 202
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["Restore"], head["ArchiveStatus"]) == ('ongoing-request="true"', "ARCHIVE_ACCESS")
    if tier != "Expedited":
        with refused("RestoreAlreadyInProgress", 409):
            s3.restore_object(Bucket=bucket, Key="k", RestoreRequest=request)
    skew(hours * HOUR * 1.1)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == BODY
    head = s3.head_object(Bucket=bucket, Key="k")
    assert "Restore" not in head and "ArchiveStatus" not in head
    with refused("InvalidObjectState", 403):
        s3.restore_object(Bucket=bucket, Key="k", RestoreRequest=request)
    skew(85)  # it stays, until nobody reads it again for as long
    assert s3.get_object(Bucket=bucket, Key="k")["ContentLength"] == len(BODY)
    skew(91)
    becomes(s3, bucket, "k", "ARCHIVE_ACCESS")


def test_two_depths(mine, skew, refused):
    s3, bucket = mine
    put(s3, bucket, configuration("it", ARCHIVE, DEEP))
    store(s3, bucket, "k")
    skew(10)
    assert s3.get_object(Bucket=bucket, Key="k")["ContentLength"] == len(BODY)  # all days count from here
    skew(85)
    assert status(s3, bucket, "k") is None
    skew(6)
    becomes(s3, bucket, "k", "ARCHIVE_ACCESS")
    skew(80)
    assert status(s3, bucket, "k") == "ARCHIVE_ACCESS"
    skew(11)
    becomes(s3, bucket, "k", "DEEP_ARCHIVE_ACCESS")
    with refused("InvalidArgument", 400):
        s3.restore_object(Bucket=bucket, Key="k", RestoreRequest={"GlacierJobParameters": {"Tier": "Expedited"}})
    # What is archived stays so without its configuration.
    s3.delete_bucket_intelligent_tiering_configuration(Bucket=bucket, Id="it")
    skew(1)
    assert status(s3, bucket, "k") == "DEEP_ARCHIVE_ACCESS"
    s3.restore_object(Bucket=bucket, Key="k", RestoreRequest={})
    skew(13 * HOUR)
    assert s3.get_object(Bucket=bucket, Key="k")["ContentLength"] == len(BODY)
    skew(400)
    assert status(s3, bucket, "k") is None


def test_which_objects(mine, skew):
    s3, bucket = mine
    put(s3, bucket, configuration("logs", Filter={"Prefix": "logs/"}))
    put(s3, bucket, configuration("tag", Filter={"Tag": {"Key": "cold", "Value": "yes"}}))
    put(s3, bucket, configuration("off", status="Disabled"))
    for key in "logs/1", "logs/copied", "plain", "other":
        store(s3, bucket, key)
    store(s3, bucket, "tagged", Tagging="cold=yes")
    store(s3, bucket, "logs/small", BODY[1:])
    s3.put_object(Bucket=bucket, Key="logs/standard", Body=BODY)
    skew(60)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/logs/copied")  # an access of the source
    s3.head_object(Bucket=bucket, Key="logs/1")  # none
    skew(31)
    becomes(s3, bucket, "logs/1", "ARCHIVE_ACCESS")
    becomes(s3, bucket, "tagged", "ARCHIVE_ACCESS")
    for key in "logs/copied", "plain", "other", "logs/small", "logs/standard":
        assert status(s3, bucket, key) is None, key


def test_accesses_of_objects_that_are_gone(mine, skew):
    """What is forgotten of them changes nothing for others."""
    s3, bucket = mine
    put(s3, bucket, configuration("it"))
    for key in "gone", "k":
        store(s3, bucket, key)
        assert s3.get_object(Bucket=bucket, Key=key)["ContentLength"] == len(BODY)
    s3.delete_object(Bucket=bucket, Key="gone")
    skew(740)
    becomes(s3, bucket, "k", "ARCHIVE_ACCESS")
    skew(1)
    store(s3, bucket, "gone")
    skew(89)
    assert status(s3, bucket, "gone") is None
    skew(2)
    becomes(s3, bucket, "gone", "ARCHIVE_ACCESS")


def test_by_a_rule_into_the_class(mine, skew):
    """The days count from the move, and a rule takes objects on to another class."""
    s3, bucket = mine
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [
        {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Transitions": [
            {"Days": 10, "StorageClass": "INTELLIGENT_TIERING"}, {"Days": 150, "StorageClass": "DEEP_ARCHIVE"}]}]})
    put(s3, bucket, configuration("it"))
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)
    skew(11)
    eventually(lambda: s3.head_object(Bucket=bucket, Key="k").get("StorageClass") == "INTELLIGENT_TIERING")
    s3.delete_bucket_lifecycle(Bucket=bucket)
    skew(85)
    assert status(s3, bucket, "k") is None
    skew(7)
    becomes(s3, bucket, "k", "ARCHIVE_ACCESS")
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [
        {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Transitions": [{"Days": 20, "StorageClass": "DEEP_ARCHIVE"}]}]})
    eventually(lambda: s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == "DEEP_ARCHIVE")
    assert status(s3, bucket, "k") is None
