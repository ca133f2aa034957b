# SPDX-License-Identifier: Apache-2.0
"""Regions and Availability Zones, in the ec2 protocol."""
import time

import botocore.exceptions
import pytest


def refused(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]


def test_regions(cloud):
    regions = {it["RegionName"]: it for it in cloud.client("ec2").describe_regions()["Regions"]}
    assert {"us-east-1", "eu-west-1", "ap-northeast-1", "sa-east-1"} <= set(regions)
    assert regions["us-east-1"] == {"RegionName": "us-east-1", "Endpoint": "ec2.us-east-1.amazonaws.com",
                                    "OptInStatus": "opt-in-not-required"}


def test_regions_by_name_and_filter(cloud):
    ec2 = cloud.client("ec2")
    found = ec2.describe_regions(RegionNames=["eu-west-1", "us-west-2"])["Regions"]
    assert sorted(it["RegionName"] for it in found) == ["eu-west-1", "us-west-2"]
    found = ec2.describe_regions(Filters=[{"Name": "endpoint", "Values": ["*eu-*", "nothing"]},
                                          {"Name": "region-name", "Values": ["eu-west-?"]}])["Regions"]
    assert sorted(it["RegionName"] for it in found) == ["eu-west-1", "eu-west-2", "eu-west-3"]


def test_pattern_of_many_stars_is_no_work(cloud):
    started = time.monotonic()
    pattern = "*e*" * 60 + "z"
    assert cloud.client("ec2").describe_regions(Filters=[{"Name": "endpoint", "Values": [pattern]}])["Regions"] == []
    assert time.monotonic() - started < 30


def test_zones_of_the_region_that_the_request_is_signed_for(cloud):
    for region in ("us-east-1", "eu-central-1"):
        zones = cloud.client("ec2", region=region).describe_availability_zones()["AvailabilityZones"]
        assert len(zones) >= 3
        for number, zone in enumerate(zones):
            assert zone["ZoneName"] == region + "abcdef"[number]
            assert zone["RegionName"] == zone["NetworkBorderGroup"] == region
            assert zone["State"] == "available" and zone["ZoneType"] == "availability-zone"
    assert cloud.client("ec2").describe_availability_zones()["AvailabilityZones"][0]["ZoneId"].startswith("use1-az")


def test_zones_by_name_id_and_filter(cloud):
    ec2 = cloud.client("ec2")
    one = ec2.describe_availability_zones(ZoneNames=["us-east-1b"])["AvailabilityZones"]
    assert [it["ZoneName"] for it in one] == ["us-east-1b"]
    assert ec2.describe_availability_zones(ZoneIds=[one[0]["ZoneId"]])["AvailabilityZones"] == one
    found = ec2.describe_availability_zones(Filters=[{"Name": "zone-name", "Values": ["us-east-1a", "us-east-1c"]}])
    assert [it["ZoneName"] for it in found["AvailabilityZones"]] == ["us-east-1a", "us-east-1c"]


def test_refusals(cloud):
    ec2 = cloud.client("ec2")
    assert refused(ec2.describe_regions, RegionNames=["moon-east-1"]) == (400, "InvalidParameterValue")
    assert refused(ec2.describe_regions, Filters=[{"Name": "colour", "Values": ["red"]}]) == (400, "InvalidParameterValue")
    assert refused(ec2.describe_availability_zones, ZoneNames=["us-east-1z"]) == (400, "InvalidParameterValue")
    assert refused(ec2.describe_availability_zones, ZoneNames=["eu-west-1a"]) == (400, "InvalidParameterValue")
    assert refused(ec2.describe_regions, DryRun=True) == (412, "DryRunOperation")
