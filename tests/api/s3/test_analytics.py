# SPDX-License-Identifier: Apache-2.0
"""Storage class analysis: configurations, and the exports of what was observed, to the figure."""
import concurrent.futures as futures
import csv
import datetime
import io
import signal

import pytest

from deliveries import MALFORMED, MISSING, admit, keys, read
from moved_clock import DAY, eventually
from wire import Connection

HEADER = ("Date,ConfigId,Filter,StorageClass,ObjectAge,ObjectCount,DataUploaded_MB,Storage_MB,DataRetrieved_MB,"
          "GetRequestCount,CumulativeAccessRatio,ObjectAgeForSIATransition,RecommendedObjectAgeForSIATransition")
AGES = ["000-014", "015-029", "030-044", "045-059", "060-074", "075-089", "090-119", "120-149", "150-179", "180-364",
        "365-729", "730+", "ALL"]
MB = 1 << 20


def analysis(destination=None, identity="it", chosen=None, **target):
    export = {"OutputSchemaVersion": "V_1", "Destination": {"S3BucketDestination": {
        "Format": "CSV", "Bucket": f"arn:aws:s3:::{destination}", **target}}}
    return {"Id": identity, **({"Filter": chosen} if chosen else {}),
            "StorageClassAnalysis": {"DataExport": export} if destination else {}}


def put(s3, bucket, wish, identity=None):
    return s3.put_bucket_analytics_configuration(Bucket=bucket, Id=identity or wish["Id"], AnalyticsConfiguration=wish)


class Days:
    """A server that a day begins on, and its two buckets."""

    def __init__(self, own_cloud):
        self.cloud = own_cloud("--auth", "open")  # signatures do not outlive such leaps of the clock
        self.now = self.cloud.begin_day()
        self.s3 = self.cloud.client("s3")
        for bucket in ("source", "reports"):
            self.s3.create_bucket(Bucket=bucket)
        admit(self.s3, "reports", StringEquals={"aws:SourceAccount": "000000000000"},
              ArnLike={"aws:SourceArn": "arn:aws:s3:::source"})

    def put(self, key, size, **more):
        self.s3.put_object(Bucket="source", Key=key, Body=b"x" * size, **more)

    def get(self, key, **more):
        return self.s3.get_object(Bucket="source", Key=key, **more)["Body"].read()

    def advance(self, days):
        """And the date then, as exports write it."""
        self.now = self.cloud.advance(days * DAY)
        return self.date()

    def restart(self, *signals):
        """A clock that was moved is not any more then."""
        self.cloud.restart(*signals)
        behind = self.now - self.cloud.advance(0)
        self.now = self.cloud.advance(1 + int(behind.total_seconds()))

    def date(self, before=0):
        return (self.now - datetime.timedelta(days=before)).strftime("%m-%d-%Y")

    def lines(self, key="source/it.csv"):
        """Once it has those of today."""
        eventually(lambda: key in keys(self.s3, "reports", ".csv") and self.date().encode() in read(self.s3, "reports", key))
        text = read(self.s3, "reports", key).decode()
        assert text.splitlines()[0] == HEADER
        return list(csv.DictReader(io.StringIO(text)))

    def table(self, key="source/it.csv"):
        """The figures by date, class and age."""
        return {(line["Date"], line["StorageClass"], line["ObjectAge"]): tuple(list(line.values())[5:])
                for line in self.lines(key)}


@pytest.fixture
def days(own_cloud):
    return Days(own_cloud)


def figures(objects=0, uploaded=0, stored=0, retrieved=0, gets=0, ratio="", age="", advised=""):
    ratio = ratio if ratio == "" else f"{ratio:.6f}"
    return (str(objects), *(f"{it / MB:.6f}" for it in (uploaded, stored, retrieved)), str(gets), ratio, str(age), str(advised))


def test_configurations(s3, bucket, refused):
    wish = analysis(bucket, "test", {"Prefix": "test_ls"}, Prefix="test")
    assert put(s3, bucket, wish)["ResponseMetadata"]["HTTPStatusCode"] == 204
    get = s3.get_bucket_analytics_configuration
    assert get(Bucket=bucket, Id="test")["AnalyticsConfiguration"] == wish
    both = {"And": {"Prefix": "p/", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}}
    more = [analysis(identity="all"), analysis(bucket, "both", both),
            analysis(bucket, "tag", {"Tag": {"Key": "k", "Value": "v"}})]
    for it in more:
        put(s3, bucket, it)
    listed = s3.list_bucket_analytics_configurations(Bucket=bucket)
    assert listed["AnalyticsConfigurationList"] == more[:2] + [more[2], wish] and listed["IsTruncated"] is False
    assert s3.delete_bucket_analytics_configuration(Bucket=bucket, Id="test")["ResponseMetadata"]["HTTPStatusCode"] == 204
    for call in (get, s3.delete_bucket_analytics_configuration):
        with refused("NoSuchConfiguration", 404, MISSING):
            call(Bucket=bucket, Id="test")
    with refused("NoSuchBucket", 404):
        s3.list_bucket_analytics_configurations(Bucket=bucket + "-absent")
    with refused("InvalidArgument", 400):
        s3.list_bucket_analytics_configurations(Bucket=bucket, ContinuationToken="?")


def test_a_thousand_configurations(s3, bucket, refused):
    for number in range(1000):
        put(s3, bucket, analysis(identity=f"n{number:03}"))
    put(s3, bucket, analysis(bucket, "n500"))
    with refused("TooManyConfigurations", 400, "You are attempting to create a new configuration but have already "
                                               "reached the 1,000-configuration limit."):
        put(s3, bucket, analysis(identity="one-more"))
    pages, token = [], {}
    while token is not None:
        pages.append(s3.list_bucket_analytics_configurations(Bucket=bucket, **token))
        after = pages[-1].get("NextContinuationToken")
        token = {"ContinuationToken": after} if after else None
    assert [len(page["AnalyticsConfigurationList"]) for page in pages] == [100] * 10
    assert [page["IsTruncated"] for page in pages] == [True] * 9 + [False]


def test_refused_configurations(s3, bucket, name, refused, cloud):
    fine = analysis(bucket)
    with refused("MalformedXML", 400, MALFORMED):
        put(s3, bucket, fine, "other")
    with refused("InvalidConfigurationId", 400, "The specified configuration id is invalid."):
        put(s3, bucket, analysis(bucket, "a b"))
    for bad in (analysis(bucket, Format="WRONG"), analysis(bucket, chosen={"And": {"Prefix": "alone"}})):
        with refused("MalformedXML", 400, MALFORMED):
            put(s3, bucket, bad)
    with refused("InvalidTag", 400):
        put(s3, bucket, analysis(bucket, chosen={"Tag": {"Key": "aws:k", "Value": "v"}}))
    for destination in (bucket, f"arn:aws:s3::{bucket}"):
        with refused("InvalidS3DestinationBucket", 400, "Invalid bucket ARN."):
            put(s3, bucket, analysis(bucket, Bucket=destination))
    elsewhere = name("elsewhere")
    cloud.client("s3", region="eu-west-3").create_bucket(
        Bucket=elsewhere, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    for bad in (analysis(name("absent")), analysis(elsewhere), analysis(bucket, BucketAccountId="1" * 12)):
        with refused("InvalidS3DestinationBucket", 400):
            put(s3, bucket, bad)
    assert "AnalyticsConfigurationList" not in s3.list_bucket_analytics_configurations(Bucket=bucket)


def test_permissions(bucket, s3, user, refused):
    other = user({"Effect": "Allow", "Action": "s3:GetAnalyticsConfiguration", "Resource": "*"})
    with refused("AccessDenied", 403):
        put(other, bucket, analysis())
    put(s3, bucket, analysis())
    assert other.list_bucket_analytics_configurations(Bucket=bucket)["AnalyticsConfigurationList"] == [analysis()]
    with refused("AccessDenied", 403):
        other.delete_bucket_analytics_configuration(Bucket=bucket, Id="it")


def test_two_days(days):
    """Uploads and downloads of each day, what is stored at its end; small objects are of no age group."""
    days.put("before", MB)
    put(days.s3, "source", analysis("reports", Prefix="p/q"))
    days.put("new", 2 * MB)
    days.put("small", 1000)
    days.put("cold", MB, StorageClass="STANDARD_IA")
    assert len(days.get("before")) == MB and len(days.get("new", Range="bytes=0-524287")) == MB // 2
    days.get("small")
    days.s3.head_object(Bucket="source", Key="new")
    with pytest.raises(days.s3.exceptions.NoSuchKey):
        days.get("absent")
    upload = days.s3.create_multipart_upload(Bucket="source", Key="parts")["UploadId"]
    part = days.s3.upload_part(Bucket="source", Key="parts", UploadId=upload, PartNumber=1, Body=b"x" * MB)
    days.s3.complete_multipart_upload(Bucket="source", Key="parts", UploadId=upload,
                                      MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    first = days.advance(1)
    days.get("cold")
    days.s3.delete_object(Bucket="source", Key="new")
    assert keys(days.s3, "reports", "") == []
    second = days.advance(1)
    lines, table = days.lines("p/q/source/it.csv"), days.table("p/q/source/it.csv")
    assert [(line["ObjectAge"], line["Date"], line["StorageClass"]) for line in lines] == [
        (age, date, kept) for age in AGES for date in (first, second) for kept in ("STANDARD", "STANDARD_IA")]
    assert {(line["ConfigId"], line["Filter"]) for line in lines} == {("it", "")}
    read_first = MB + MB // 2
    assert table.pop((first, "STANDARD", "000-014")) == figures(3, 2 * MB, 4 * MB, read_first, 2, read_first / (4 * MB))
    assert table.pop((first, "STANDARD", "ALL")) == figures(
        4, 2 * MB + 1000, 4 * MB + 1000, read_first + 1000, 3, (read_first + 1000) / (4 * MB + 1000))
    assert table.pop((second, "STANDARD", "000-014")) == figures(2, 0, 2 * MB, 0, 0, read_first / (3 * MB))
    assert table.pop((second, "STANDARD", "ALL")) == figures(
        3, 0, 2 * MB + 1000, 0, 0, (read_first + 1000) / (3 * MB + 1000))
    for age in ("000-014", "ALL"):
        assert table.pop((first, "STANDARD_IA", age)) == figures(1, MB, MB, 0, 0, 0)
        assert table.pop((second, "STANDARD_IA", age)) == figures(1, 0, MB, MB, 1, 1)
    assert set(table.values()) == {figures()}


def test_filters(days):
    """By prefix, by tag and by both: requests and storage alike."""
    wishes = {"prefix": {"Prefix": "a, \"b\"/"}, "tag": {"Tag": {"Key": "team", "Value": "red blue"}}}
    wishes["both"] = {"And": {"Prefix": "a, \"b\"/", "Tags": [wishes["tag"]["Tag"]]}}
    for identity, chosen in wishes.items():
        put(days.s3, "source", analysis("reports", identity, chosen))
    days.put('a, "b"/1', MB, Tagging="team=red%20blue&other=x")
    days.put('a, "b"/2', 2 * MB)
    days.put("c", 4 * MB, Tagging="team=red%20blue")
    for key in ('a, "b"/1', 'a, "b"/2', "c"):
        days.get(key)
    days.advance(1)
    date = days.advance(1)
    prefix, tag = "prefix=a%2C%20%22b%22/", "tag:team=red%20blue"
    for identity, size, objects, text in (("prefix", 3 * MB, 2, prefix), ("tag", 5 * MB, 2, tag),
                                          ("both", MB, 1, f"{prefix}&{tag}")):
        table = days.table(f"source/{identity}.csv")
        assert table[days.date(1), "STANDARD", "ALL"] == figures(objects, size, size, size, objects, 1)
        assert table[date, "STANDARD", "ALL"] == figures(objects, 0, size, 0, 0, 1)
        assert {(line["ConfigId"], line["Filter"]) for line in days.lines(f"source/{identity}.csv")} == {(identity, text)}


def test_versions_and_pages(days):
    """Every version is stored and read at its own age; the pages of a website are read, too."""
    s3 = days.s3
    s3.put_bucket_versioning(Bucket="source", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_website(Bucket="source", WebsiteConfiguration={"IndexDocument": {"Suffix": "index"}})
    s3.delete_public_access_block(Bucket="source")
    s3.put_bucket_policy(Bucket="source", Policy='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '
                         '"Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::source/*"}]}')
    put(s3, "source", analysis("reports"))
    old = s3.put_object(Bucket="source", Key="index", Body=b"x" * MB)["VersionId"]
    days.advance(20)
    days.put("index", 2 * MB)
    s3.put_object(Bucket="source", Key="marked", Body=b"x" * MB)
    s3.delete_object(Bucket="source", Key="marked")
    days.get("index", VersionId=old)
    with Connection(days.cloud) as connection:
        page = connection.send(b"GET / HTTP/1.1\r\nHost: source.s3-website-us-east-1.amazonaws.com\r\n\r\n").reply()
    assert len(page.body) == 2 * MB
    days.advance(1)
    days.lines()
    date = days.advance(1)
    table = days.table()
    assert table[days.date(1), "STANDARD", "000-014"][:5] == figures(2, 3 * MB, 3 * MB, 2 * MB, 1)[:5]
    assert table[days.date(1), "STANDARD", "015-029"][:5] == figures(1, 0, MB, MB, 1)[:5]
    assert table[date, "STANDARD", "ALL"][:5] == figures(3, 0, 4 * MB)[:5]


def test_a_recommendation(days):
    """What is young is read all the time, what is older never: 30 days, and it is recommended once it is stable."""
    put(days.s3, "source", analysis("reports"))
    days.put("object", MB)
    days.advance(40)
    days.lines()
    days.put("young", MB)
    for _ in range(3):
        days.get("young")
    date = days.advance(1)
    table = days.table()
    ages = [(line["ObjectAgeForSIATransition"], line["RecommendedObjectAgeForSIATransition"])
            for line in days.lines() if line["ObjectAge"] == "ALL"]
    # Without a day of an object of that age there is nothing to say; then it takes seven answers.
    assert ages == [("", "")] * 30 + [("30", "")] * 6 + [("30", "30")] * 5
    assert table[date, "STANDARD", "030-044"] == figures(1, 0, MB, 0, 0, 0)
    assert table[date, "STANDARD", "000-014"][5] == f"{3 / (30 / 30 + 1 / 30):.6f}"
    assert all(line["ObjectAgeForSIATransition"] == "" for line in days.lines() if line["ObjectAge"] != "ALL")
    for _ in range(60):
        days.get("object")
    date = days.advance(1)
    assert days.table()[date, "STANDARD", "ALL"][6:] == ("", "")


def test_over_restarts(days):
    """What was counted and found outlives the process; days when it was off are caught up with."""
    put(days.s3, "source", analysis("reports"))
    days.put("k", MB)
    days.get("k")
    days.restart(signal.SIGTERM)
    days.get("k")
    days.s3.put_object(Bucket="reports", Key="later")  # acknowledged, and so is what was committed before
    days.restart(signal.SIGKILL)
    days.advance(1)
    days.get("k")
    days.restart(signal.SIGTERM)
    days.advance(3)
    table = days.table()
    figures_of = [table[days.date(before), "STANDARD", "ALL"][:5] for before in (3, 2, 1, 0)]
    assert figures_of == [it[:5] for it in (figures(1, MB, MB, 2 * MB, 2), figures(1, 0, MB, MB, 1),
                                            figures(1, 0, MB), figures(1, 0, MB))]
    days.restart(signal.SIGKILL)
    days.advance(1)
    assert len(days.lines()) == 5 * len(AGES)
    assert days.s3.get_bucket_analytics_configuration(Bucket="source", Id="it")["AnalyticsConfiguration"] == analysis("reports")


def test_many_at_once(days):
    """Requests on several loops add up exactly."""
    put(days.s3, "source", analysis("reports"))
    days.put("k", MB)
    with futures.ThreadPoolExecutor(8) as pool:
        assert {len(body) for body in pool.map(lambda _: days.get("k", Range="bytes=0-1023"), range(400))} == {1024}
    days.advance(1)
    days.advance(1)
    assert days.table()[days.date(1), "STANDARD", "000-014"][:5] == figures(1, MB, MB, 400 * 1024, 400)[:5]


def test_a_crash_while_days_are_closed(days):
    """Each day is closed once, whatever was under way."""
    put(days.s3, "source", analysis("reports"))
    days.put("k", MB)
    days.get("k")
    days.s3.put_object(Bucket="reports", Key="later")
    days.advance(50)
    for _ in range(3):
        days.restart(signal.SIGKILL)
    lines = [line for line in days.lines() if line["ObjectAge"] == "ALL"]
    assert [line["Date"] for line in lines] == [days.date(before) for before in range(49, -1, -1)]
    assert [line["GetRequestCount"] for line in lines] == ["1"] + ["0"] * 49


def test_where_nothing_is_written(days):
    """A destination that refuses, one that is gone, a configuration that is gone, one that has no export."""
    s3 = days.s3
    for bucket in ("closed", "gone"):
        s3.create_bucket(Bucket=bucket)
    admit(s3, "closed", StringEquals={"aws:SourceArn": "arn:aws:s3:::another"})
    for wish in (analysis("closed", "closed"), analysis("gone", "lost"), analysis("reports", "deleted"),
                 analysis(identity="silent"), analysis("reports")):
        put(s3, "source", wish)
    s3.delete_bucket(Bucket="gone")
    days.put("k", MB)
    days.advance(1)
    s3.delete_bucket_analytics_configuration(Bucket="source", Id="deleted")
    days.advance(1)
    assert len(days.lines()) == 2 * len(AGES)
    assert keys(s3, "closed", "") == [] and keys(s3, "reports", "") == ["source/it.csv"]
    # What was not shown is kept, and counted on.
    put(s3, "source", analysis("reports", "silent"))
    admit(s3, "closed")
    days.advance(1)
    assert len(days.lines("source/silent.csv")) == 3 * len(AGES)
    eventually(lambda: keys(s3, "closed", "") == ["source/closed.csv"])


def test_beginning_anew(days):
    """Another filter is another observation, as is a deleted configuration that comes back."""
    days.put("a/k", MB)
    put(days.s3, "source", analysis("reports"))
    days.get("a/k")
    days.advance(2)
    assert len(days.lines()) == 2 * len(AGES)
    put(days.s3, "source", analysis("reports", chosen={"Prefix": "b/"}))
    days.advance(2)
    lines = days.lines()
    assert len(lines) == 2 * len(AGES) and {line["Filter"] for line in lines} == {"prefix=b/"}
    assert {line["Storage_MB"] for line in lines} == {"0.000000"}
    days.s3.delete_bucket_analytics_configuration(Bucket="source", Id="it")
    days.get("a/k")
    put(days.s3, "source", analysis("reports"))
    days.advance(2)
    table = days.table()
    assert len(table) == 2 * len(AGES) and table[days.date(1), "STANDARD", "ALL"] == figures(1, 0, MB, 0, 0, 0)


def test_deleted_buckets(days):
    """One of the same name begins with nothing."""
    put(days.s3, "source", analysis("reports"))
    days.put("k", MB)
    days.s3.delete_object(Bucket="source", Key="k")
    days.s3.delete_bucket(Bucket="source")
    days.s3.create_bucket(Bucket="source")
    days.advance(2)
    put(days.s3, "source", analysis("reports"))
    days.advance(2)
    assert {tuple(list(line.values())[5:]) for line in days.lines()} == {figures()}
