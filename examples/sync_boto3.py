#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""boto3's part of sync.py:  sync_boto3.py make|up|down ENDPOINT BUCKET [PREFIX FOLDER]"""
import concurrent.futures
import pathlib
import sys

import boto3


def up(s3, bucket, prefix, folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda path: s3.upload_file(str(path), bucket, f"{prefix}/{path.relative_to(folder)}"), files))


def down(s3, bucket, prefix, folder):
    def one(key):
        to = folder / key[len(prefix) + 1:]
        to.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(to))

    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix + "/")
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(one, keys))


def main():
    action, endpoint, bucket, *rest = sys.argv[1:]
    s3 = boto3.client("s3", endpoint_url=endpoint)
    if action == "make":
        s3.create_bucket(Bucket=bucket)
    else:
        {"up": up, "down": down}[action](s3, bucket, rest[0], pathlib.Path(rest[1]))


main()
