# SPDX-License-Identifier: Apache-2.0
"""Request metrics: what their configurations may say, and what is counted for each of them."""
import pytest

from points import localhost

MISSING = "The specified configuration does not exist."
MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"
TAG = {"Key": "team", "Value": "red"}


def put(s3, bucket, identity, filter=None):
    return s3.put_bucket_metrics_configuration(Bucket=bucket, Id=identity, MetricsConfiguration={
        "Id": identity, **({"Filter": filter} if filter else {})})


def counted(cloud, bucket, identity):
    """{name: number} of one configuration; those that are zero are left out."""
    label = f'{{bucket="{bucket}",filter_id="{identity}"}}'
    rows = {name.removesuffix(label).removeprefix("kintoun_s3_").removesuffix("_total"): value
            for name, value in cloud.metrics().items() if name.endswith(label)}
    return {name: value for name, value in rows.items() if value and not name.endswith("_seconds_sum")}


def refuse_missing(s3, bucket, refused):
    for call in s3.get_bucket_metrics_configuration, s3.delete_bucket_metrics_configuration:
        with refused("NoSuchConfiguration", 404, MISSING):
            call(Bucket=bucket, Id="absent")


def test_configurations(s3, bucket, cloud, refused):
    refuse_missing(s3, bucket, refused)
    assert put(s3, bucket, "all")["ResponseMetadata"]["HTTPStatusCode"] == 204
    both = {"And": {"Prefix": "logs/", "Tags": [TAG, {"Key": "b", "Value": "2"}]}}
    put(s3, bucket, "logs", {"Prefix": "logs/"})
    put(s3, bucket, "logs", both)
    cloud.restart()
    get = s3.get_bucket_metrics_configuration
    assert get(Bucket=bucket, Id="all")["MetricsConfiguration"] == {"Id": "all"}
    assert get(Bucket=bucket, Id="logs")["MetricsConfiguration"] == {"Id": "logs", "Filter": both}
    listed = s3.list_bucket_metrics_configurations(Bucket=bucket)
    assert [it["Id"] for it in listed["MetricsConfigurationList"]] == ["all", "logs"] and listed["IsTruncated"] is False
    gone = s3.delete_bucket_metrics_configuration(Bucket=bucket, Id="logs")
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused("NoSuchConfiguration", 404, MISSING):
        s3.delete_bucket_metrics_configuration(Bucket=bucket, Id="logs")
    refuse_missing(s3, bucket, refused)


def test_pages_and_the_limit(s3, bucket, refused):
    for number in range(1000):
        put(s3, bucket, f"n{number:04}")
    with refused("TooManyConfigurations", 400, "You are attempting to create a new configuration but have already "
                                               "reached the 1,000-configuration limit."):
        put(s3, bucket, "more")
    put(s3, bucket, "n0500", {"Prefix": "p"})  # one that is there may be replaced
    page, ids = {}, []
    while True:
        page = s3.list_bucket_metrics_configurations(Bucket=bucket, **(
            {"ContinuationToken": page["NextContinuationToken"]} if page else {}))
        ids += [it["Id"] for it in page["MetricsConfigurationList"]]
        if not page["IsTruncated"]:
            break
    assert ids == [f"n{number:04}" for number in range(1000)]
    with refused("InvalidArgument", 400):
        s3.list_bucket_metrics_configurations(Bucket=bucket, ContinuationToken="?")


def test_refused_configurations(s3, bucket, name, refused):
    with refused("InvalidConfigurationId", 400):
        put(s3, bucket, "a b")
    with refused("IdMismatch", 400):
        s3.put_bucket_metrics_configuration(Bucket=bucket, Id="one", MetricsConfiguration={"Id": "other"})
    for bad in ({"Prefix": "p", "Tag": TAG}, {"And": {"Prefix": "p"}}, {"And": {"Tags": [TAG]}}):
        with refused("MalformedXML", 400, MALFORMED):
            put(s3, bucket, "bad", bad)
    with refused("InvalidTag", 400):
        put(s3, bucket, "bad", {"Tag": {"Key": "aws:x", "Value": ""}})
    with refused("InvalidArgument", 400):
        put(s3, bucket, "bad", {"AccessPointArn": "arn:aws:s3:us-east-1:000000000000:accesspoint/absent"})
    with refused("NoSuchBucket", 404):
        put(s3, name("absent"), "all")


def test_each_kind_of_request_is_counted(s3, bucket, cloud):
    s3.put_object(Bucket=bucket, Key="before", Body=b"x")
    put(s3, bucket, "all")
    s3.put_object(Bucket=bucket, Key="k", Body=b"12345")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    s3.get_object(Bucket=bucket, Key="k")["Body"].read()
    s3.get_object(Bucket=bucket, Key="k", Range="bytes=0-1")["Body"].read()
    s3.head_object(Bucket=bucket, Key="k")
    with pytest.raises(s3.exceptions.ClientError):
        s3.get_object(Bucket=bucket, Key="absent")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"abc")
    s3.list_parts(Bucket=bucket, Key="m", UploadId=upload)
    s3.list_multipart_uploads(Bucket=bucket)
    s3.list_objects_v2(Bucket=bucket)
    s3.abort_multipart_upload(Bucket=bucket, Key="m", UploadId=upload)
    s3.delete_object(Bucket=bucket, Key="copy")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "before"}]})
    s3.get_bucket_versioning(Bucket=bucket)
    it = counted(cloud, bucket, "all")
    kinds = {key: it.pop(key) for key in list(it) if key.endswith("_requests")}
    assert kinds == {"all_requests": 15, "put_requests": 3, "get_requests": 3, "head_requests": 1, "post_requests": 1,
                     "list_requests": 3, "delete_requests": 3}
    assert it["4xx_errors"] == 1 and "5xx_errors" not in it
    assert it["bytes_uploaded"] > 5 + 3 and it["bytes_downloaded"] > 5 + 2
    assert it["first_byte_latency_seconds_count"] == it["total_request_latency_seconds_count"] == 15
    s3.delete_bucket_metrics_configuration(Bucket=bucket, Id="all")
    assert counted(cloud, bucket, "all") == {}
    s3.put_object(Bucket=bucket, Key="k", Body=b"12345")
    assert counted(cloud, bucket, "all") == {}


def test_bytes_of_large_bodies(s3, bucket, cloud):
    """Sealed ones leave piece by piece, and count as much as those that are sent as they lie."""
    put(s3, bucket, "all")
    body = b"x" * (3 << 20)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    s3.get_object(Bucket=bucket, Key="k")["Body"].read()
    s3.get_object(Bucket=bucket, Key="k", Range="bytes=1-1048577")["Body"].read()
    s3.head_object(Bucket=bucket, Key="k")
    it = counted(cloud, bucket, "all")
    assert (it["bytes_uploaded"], it["bytes_downloaded"]) == (len(body), len(body) + 1048577)


def test_filters_choose_what_is_counted(s3, bucket, cloud):
    put(s3, bucket, "prefix", {"Prefix": "a/"})
    put(s3, bucket, "tag", {"Tag": TAG})
    put(s3, bucket, "both", {"And": {"Prefix": "a/", "Tags": [TAG]}})

    def all_of():
        return {it: int(counted(cloud, bucket, it).get("all_requests", 0)) for it in ("prefix", "tag", "both")}

    s3.put_object(Bucket=bucket, Key="a/1", Body=b"x")
    s3.put_object(Bucket=bucket, Key="b/1", Body=b"x", Tagging="team=red")
    s3.put_object(Bucket=bucket, Key="a/2", Body=b"x", Tagging="team=red&other=1")
    s3.put_object(Bucket=bucket, Key="b/2", Body=b"x", Tagging="team=blue")
    assert all_of() == {"prefix": 2, "tag": 2, "both": 1}
    for key in "a/1", "a/2", "b/1", "b/2":
        s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    assert all_of() == {"prefix": 4, "tag": 4, "both": 2}
    s3.delete_object(Bucket=bucket, Key="a/2")  # it had the tag
    assert all_of() == {"prefix": 5, "tag": 5, "both": 3}
    # Requests that are about no single object are not covered by any filter.
    s3.list_objects_v2(Bucket=bucket, Prefix="a/")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a/1"}]})
    assert all_of() == {"prefix": 5, "tag": 5, "both": 3}
    put(s3, bucket, "prefix", {"Prefix": "b/"})  # a change counts from the next request
    s3.get_object(Bucket=bucket, Key="b/2")["Body"].read()
    assert all_of()["prefix"] == 6


def test_what_comes_by_an_access_point(s3, bucket, cloud, name):
    control = localhost(cloud, "s3control", "test")
    point = name("point")
    made = control.create_access_point(AccountId="000000000000", Name=point, Bucket=bucket)
    put(s3, bucket, "point", {"AccessPointArn": made["AccessPointArn"]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.get_object(Bucket=made["Alias"], Key="k")["Body"].read()
    assert counted(cloud, bucket, "point")["all_requests"] == 1
    control.delete_access_point(AccountId="000000000000", Name=point)
