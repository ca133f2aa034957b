#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints tests/unit/sigv4_cases.h: requests as botocore signs them, with its canonical requests.

The table is committed so that the tests need no botocore; run this again only to add a case:
    python3 tests/unit/sigv4_cases.py > tests/unit/sigv4_cases.h
"""
import datetime
import json

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 11, 22, 13, 0, 5)
ACCESS_KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEAAaCXVzLWVhc3QtMSJHMEUCIQD//x+y/w=="
HEADER, S3_HEADER = botocore.auth.SigV4Auth, botocore.auth.S3SigV4Auth
QUERY, S3_QUERY = botocore.auth.SigV4QueryAuth, botocore.auth.S3SigV4QueryAuth

# name, signer, service, method, url, headers, body, token
CASES = [
    ("sts form", HEADER, "sts", "POST", "http://127.0.0.1:4566/",
     {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
     "Action=GetCallerIdentity&Version=2011-06-15", None),
    ("dynamodb with a token", HEADER, "dynamodb", "POST", "http://localhost:4566/",
     {"X-Amz-Target": "DynamoDB_20120810.GetItem", "Content-Type": "application/x-amz-json-1.0"},
     '{"TableName":"t","Key":{"k":{"S":"\u00e9"}}}', TOKEN),
    ("lambda arn coded again", HEADER, "lambda", "GET",
     "http://localhost/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af/",
     {}, "", None),
    ("dots and slashes", HEADER, "execute-api", "GET",
     "http://localhost/a//b/./c/../%7Ed%20e/g/.././f/./?b=2&a=1&a=0&A=z&a-b=3&a=10&c", {}, "", None),
    ("blanks in values", HEADER, "execute-api", "GET", "http://localhost/",
     {"My-Header": "  one   two \t three  ", "Other": ""}, "", None),
    ("s3 odd key", S3_HEADER, "s3", "GET",
     "http://localhost:4566/bucket/a%20b%2Bc%28d%29%27%C3%A9//./../x%252F~-_.%21%2A%40%3A%3D%24%2C", {}, "",
     None),
    ("s3 list", S3_HEADER, "s3", "GET",
     "http://bucket.localhost:4566/?list-type=2&prefix=a%2Fb%20c&delimiter=%2F&encoding-type=url&start-after=",
     {}, "", None),
    ("s3 subresource", S3_HEADER, "s3", "DELETE", "http://localhost:4566/bucket?tagging", {}, "", TOKEN),
    ("s3 put with metadata", S3_HEADER, "s3", "PUT", "http://localhost:4566/bucket/key",
     {"x-amz-meta-a": "one   two", "Content-MD5": "XrY7u+Ae7tCTyyK7j1rNww==", "Content-Type": "text/plain",
      "x-amz-acl": "private"}, "hello world", None),
    ("s3 unsigned payload", S3_HEADER, "s3", "PUT", "http://localhost:4566/bucket/key",
     {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, "hello world", None),
    ("s3 presigned get", S3_QUERY, "s3", "GET",
     "http://bucket.localhost:4566/a%20b/c%2Bd?response-content-type=text%2Fplain&versionId=x", {}, "", TOKEN),
    ("s3 presigned put", S3_QUERY, "s3", "PUT", "http://localhost:4566/bucket/key",
     {"x-amz-meta-a": "b", "Content-Type": "text/plain"}, "", None),
    ("sts presigned", QUERY, "sts", "GET",
     "http://localhost/?Action=GetCallerIdentity&Version=2011-06-15", {"x-k8s-aws-id": "cluster"}, "", None),
]


def sign(case):
    name, signer_class, service, method, url, headers, body, token = case
    headers = dict(headers)
    host = url.split("/")[2]
    request = AWSRequest(method=method, url=url, headers=headers, data=body.encode())
    credentials = Credentials(ACCESS_KEY, SECRET, token)
    seen = {}

    class Signer(signer_class):
        def canonical_request(self, request):
            seen["canonical"] = super().canonical_request(request)
            return seen["canonical"]

        def _should_sha256_sign_payload(self, request):
            return "UNSIGNED-PAYLOAD" not in headers.values()

        def signature(self, string_to_sign, request):
            seen["signature"] = super().signature(string_to_sign, request)
            return seen["signature"]

    if signer_class in (QUERY, S3_QUERY):
        Signer(credentials, service, "us-east-1", expires=60).add_auth(request)
    else:
        Signer(credentials, service, "us-east-1").add_auth(request)
    target = "/" + request.url.split("/", 3)[3]
    lines = [f"{method} {target}", f"host:{host}"]
    lines += [f"{key.lower()}:{value}" for key, value in request.headers.items()]
    return name, "\n".join(lines) + "\n", body, service == "s3", seen["canonical"], seen["signature"]


def literal(text):
    pieces = text.split("\n")
    lines = [piece + "\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
    quoted = ['"' + "".join(c if c.isascii() else "".join(f"\\{b:03o}" for b in c.encode())
                            for c in json.dumps(line, ensure_ascii=False)[1:-1]) + '"' for line in lines]
    return "\n     ".join(quoted) or '""'


def main():
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: NOW
    print("// SPDX-License-Identifier: Apache-2.0")
    print("#pragma once")
    print("/* Signed requests, made by sigv4_cases.py with botocore's signers. */")
    print("// clang-format off")
    print("static const struct signed_case botocore_cases[] = {")
    for case in CASES:
        name, head, body, s3, canonical, signature = sign(case)
        print(f"    {{{literal(name)}, {'true' if s3 else 'false'},\n     {literal(head)},\n     {literal(body)},")
        print(f"     {literal(canonical)},\n     \"{signature}\"}},")
    print("};")
    print("// clang-format on")


main()
