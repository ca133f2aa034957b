# SPDX-License-Identifier: Apache-2.0
"""Listings against a small model of what S3 says they are, with random keys, prefixes, delimiters and pages."""
import random

import pytest

LETTERS = ["a", "b", "/", "é", "-", "0", "\x01"]


def text(rng, most):
    return "".join(rng.choice(LETTERS) for _ in range(rng.randrange(most + 1)))


def in_order(keys):
    return sorted(keys, key=str.encode)


def model(keys, prefix, delimiter, after):
    """All entries of a listing in order: ("key", k) and ("prefix", p)."""
    entries = []
    for key in in_order(keys):
        if not key.startswith(prefix) or (after and key.encode() <= after.encode()):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = ("key", key) if at < 0 else ("prefix", key[:at + len(delimiter)])
        if entry[0] == "prefix" and (entry in entries or (after and after.startswith(entry[1]))):
            continue
        entries.append(entry)
    return entries


def entries_of(page):
    found = [("key", item["Key"]) for item in page.get("Contents", [])]
    found += [("prefix", item["Prefix"]) for item in page.get("CommonPrefixes", [])]
    return sorted(found, key=lambda entry: entry[1].encode())


def pages_v1(s3, options, after, size):
    marker = {"Marker": after} if after else {}
    while True:
        page = s3.list_objects(MaxKeys=size, **options, **marker)
        yield page
        if not page["IsTruncated"]:
            return
        last = page.get("NextMarker") or entries_of(page)[-1][1]
        assert ("NextMarker" in page) == bool(options.get("Delimiter"))
        marker = {"Marker": last}


def pages_v2(s3, options, after, size):
    start = {"StartAfter": after} if after else {}
    while True:
        page = s3.list_objects_v2(MaxKeys=size, **options, **start)
        assert page["KeyCount"] == len(entries_of(page))
        yield page
        if not page["IsTruncated"]:
            assert "NextContinuationToken" not in page
            return
        start = {"ContinuationToken": page["NextContinuationToken"]}


@pytest.mark.parametrize("seed", range(4))
def test_listings_are_the_models(s3, bucket, seed):
    rng = random.Random(seed)
    keys = {text(rng, 6) for _ in range(80)} - {""}
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    for _ in range(60):
        prefix, delimiter = text(rng, 2), rng.choice(["", "/", "/", text(rng, 2)])
        after, size = rng.choice(["", text(rng, 4)]), rng.choice([1, 2, 3, 7, 1000])
        options = {"Bucket": bucket, "Prefix": prefix}
        if delimiter:
            options["Delimiter"] = delimiter
        want = model(keys, prefix, delimiter, after)
        for pages in pages_v1, pages_v2:
            found = []
            for page in pages(s3, options, after, size):
                entries = entries_of(page)
                assert len(entries) <= size and (entries or not page["IsTruncated"])
                found += entries
            assert found == want, (pages.__name__, options, after, size)


def test_the_members_of_a_page(s3, bucket):
    for key in "a/1", "a/2", "b":
        s3.put_object(Bucket=bucket, Key=key, Body=b"12345")
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/", FetchOwner=True, MaxKeys=5, StartAfter="")
    assert page["Name"] == bucket and page["Prefix"] == "" and page["Delimiter"] == "/" and page["MaxKeys"] == 5
    assert page["CommonPrefixes"] == [{"Prefix": "a/"}] and page["KeyCount"] == 2
    item = page["Contents"][0]
    assert item["Size"] == 5 and item["StorageClass"] == "STANDARD" and item["LastModified"].microsecond == 0
    assert item["ETag"] == '"827ccb0eea8a706c4c34a16891f84e7b"'
    assert item["Owner"]["ID"] == s3.list_buckets()["Owner"]["ID"]
    assert "Owner" not in s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    old = s3.list_objects(Bucket=bucket, MaxKeys=1)
    assert old["Marker"] == "" and "NextMarker" not in old and "Owner" in old["Contents"][0]
    none = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert none["KeyCount"] == 0 and none["IsTruncated"] is False
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=5000)["MaxKeys"] == 1000


def test_a_prefix_costs_one_entry(s3, bucket):
    """A page over two large groups is as complete as over two single keys."""
    for number in range(150):
        s3.put_object(Bucket=bucket, Key=f"{'ab'[number % 2]}/{number}", Body=b"")
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=2)
    assert [item["Prefix"] for item in page["CommonPrefixes"]] == ["a/", "b/"] and not page["IsTruncated"]


def test_bad_arguments(s3, bucket, name, refused):
    with refused("InvalidArgument", 400, "The continuation token provided is incorrect") as it:
        s3.list_objects_v2(Bucket=bucket, ContinuationToken="bm90IGEgdG9rZW4=")
    assert it.error["ArgumentName"] == "continuation-token"
    with refused("InvalidArgument", 400) as it:
        s3.list_objects_v2(Bucket=bucket, MaxKeys=-1)
    with refused("InvalidArgument", 400, "Invalid Encoding Method specified in Request") as it:
        s3.list_objects(Bucket=bucket, EncodingType="value")
    assert it.error["ArgumentName"] == "encoding-type" and it.error["ArgumentValue"] == "value"
    with refused("InvalidArgument", 400, "A version-id marker cannot be specified without a key marker."):
        s3.list_object_versions(Bucket=bucket, VersionIdMarker="null")
    with refused("NoSuchBucket", 404):
        s3.list_objects(Bucket=name("absent"))


def test_versions_in_pages(s3, bucket):
    keys = ["a", "b/1", "b/2", "c"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    found, marker = [], {}
    while True:
        page = s3.list_object_versions(Bucket=bucket, MaxKeys=1, Delimiter="/", **marker)
        found += [v["Key"] for v in page.get("Versions", [])] + [p["Prefix"] for p in page.get("CommonPrefixes", [])]
        if not page["IsTruncated"]:
            break
        marker = {"KeyMarker": page["NextKeyMarker"]}
    assert found == ["a", "b/", "c"]
