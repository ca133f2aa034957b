# SPDX-License-Identifier: Apache-2.0
"""What scenarios of public buckets share: requests without credentials, blocks that are off."""
import urllib.error
import urllib.request


def get(cloud, path, method="GET", data=None, headers=None):
    """(status, code or body) of a request without credentials."""
    request = urllib.request.Request(cloud.endpoint + path, method=method, data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        return error.code, text.partition("<Code>")[2].partition("</Code>")[0]


def open_up(s3, bucket, **blocks):
    """All four blocks off, but for those that are named."""
    names = "BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={
        name: blocks.get(name, False) for name in names})
