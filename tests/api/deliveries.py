# SPDX-License-Identifier: Apache-2.0
"""For scenarios of what S3 itself writes into buckets, by configurations that have an id."""
import json

MISSING = "The specified configuration does not exist."
MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"


def admit(s3, bucket, **condition):
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "s3:PutObject",
         "Resource": f"arn:aws:s3:::{bucket}/*", **({"Condition": condition} if condition else {})}]}))


def keys(s3, bucket, end):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [item["Key"] for page in pages for item in page.get("Contents", []) if item["Key"].endswith(end)]


def read(s3, bucket, key):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
