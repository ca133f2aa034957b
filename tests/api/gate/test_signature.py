# SPDX-License-Identifier: Apache-2.0
"""Signature Version 4 as each protocol family checks and words it. Sources: "Error responses" of the S3
API reference, "Common errors" of the STS, IAM, DynamoDB and EC2 API references, "Troubleshoot Signature
Version 4 requests" of the IAM user guide."""
import json
import re
import urllib.parse

import botocore.exceptions
import pytest

from wire import Signed, exchange, json_call, query, stamp

QUERY_MISMATCH = ("The request signature we calculated does not match the signature you provided. Check your AWS "
                  "Secret Access Key and signing method. Consult the service documentation for details.")
S3_MISMATCH = ("The request signature we calculated does not match the signature you provided. Check your key and "
               "signing method.")
NOT_VALIDATED = "AWS was not able to validate the provided access credentials"
BAD_TOKEN = "The security token included in the request is invalid."


def s3(cloud, **wrong):
    return Signed(cloud, "GET", "/", **wrong)


def sts(cloud, **wrong):
    return query(cloud, "GetCallerIdentity", **wrong)


def iam(cloud, **wrong):
    return query(cloud, "ListUsers", **{"service": "iam", "version": "2010-05-08", **wrong})


def ec2(cloud, **wrong):
    return query(cloud, "DescribeRegions", **{"service": "ec2", "version": "2016-11-15", **wrong})


def dynamodb(cloud, **wrong):
    return json_call(cloud, "DynamoDB_20120810.ListTables", **wrong)


FAMILIES = {"s3": s3, "sts": sts, "iam": iam, "ec2": ec2, "dynamodb": dynamodb}


def error_of(reply):
    """(status, code, message) of any family's error."""
    if reply.text.startswith("{"):
        body = json.loads(reply.text)
        return reply.status, body["__type"].split("#")[-1], body.get("message", body.get("Message"))
    message = reply.element("Message")
    return reply.status, reply.element("Code"), message and message.replace("&apos;", "'").replace("&quot;", '"')


def check(reply, status, code, message):
    have = error_of(reply)
    assert have[:2] == (status, code)
    assert re.fullmatch(message, have[2]), have[2]


@pytest.mark.parametrize("family", FAMILIES)
def test_right_signature(cloud, family):
    assert FAMILIES[family](cloud).reply().status == 200


@pytest.mark.parametrize("family, status, code, message", [
    ("s3", 403, "SignatureDoesNotMatch", S3_MISMATCH),
    ("sts", 403, "SignatureDoesNotMatch", QUERY_MISMATCH),
    ("iam", 403, "SignatureDoesNotMatch", QUERY_MISMATCH),
    ("ec2", 401, "AuthFailure", NOT_VALIDATED),
    ("dynamodb", 400, "InvalidSignatureException", QUERY_MISMATCH)])
def test_wrong_secret(cloud, family, status, code, message):
    check(FAMILIES[family](cloud, secret="wrong").reply(), status, code, re.escape(message))


@pytest.mark.parametrize("family, status, code, message", [
    ("s3", 403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
    ("sts", 403, "InvalidClientTokenId", BAD_TOKEN),
    ("iam", 403, "InvalidClientTokenId", BAD_TOKEN),
    ("ec2", 401, "AuthFailure", NOT_VALIDATED),
    ("dynamodb", 400, "UnrecognizedClientException", BAD_TOKEN)])
def test_unknown_key(cloud, family, status, code, message):
    check(FAMILIES[family](cloud, key="AKIAIOSFODNN7EXAMPLE").reply(), status, code, re.escape(message))


@pytest.mark.parametrize("family, status, code", [
    ("s3", 403, "AccessDenied"),
    ("sts", 403, "MissingAuthenticationToken"),
    ("iam", 403, "MissingAuthenticationToken"),
    ("dynamodb", 400, "MissingAuthenticationTokenException")])
def test_no_credentials(cloud, family, status, code):
    reply = FAMILIES[family](cloud).reply(without=("authorization",))
    if family in ("sts", "iam"):  # by Action alone: the scope that would name the service is gone
        reply = FAMILIES[family](cloud, host=f"{family}.amazonaws.com").reply(without=("authorization",))
    assert error_of(reply)[:2] == (status, code)


SKEW = 16 * 60


@pytest.mark.parametrize("offset", [-SKEW, SKEW, -86400, 86400])
@pytest.mark.parametrize("family, status, code, past, future", [
    ("s3", 403, "RequestTimeTooSkewed",
     "The difference between the request time and the current time is too large.",
     "The difference between the request time and the current time is too large."),
    ("sts", 403, "SignatureDoesNotMatch",
     r"Signature expired: (\w+Z) is now earlier than \w+Z \(\w+Z - 15 min\.\)",
     r"Signature not yet current: (\w+Z) is still later than \w+Z \(\w+Z \+ 15 min\.\)"),
    ("dynamodb", 400, "InvalidSignatureException",
     r"Signature expired: (\w+Z) is now earlier than \w+Z \(\w+Z - 15 min\.\)",
     r"Signature not yet current: (\w+Z) is still later than \w+Z \(\w+Z \+ 15 min\.\)"),
    ("ec2", 400, "RequestExpired", r"Request has expired\.", r"Request has expired\.")])
def test_clock_skew(cloud, family, status, code, past, future, offset):
    when = stamp(offset)
    reply = FAMILIES[family](cloud, when=when).reply()
    check(reply, status, code, past if offset < 0 else future)
    if family == "s3":
        assert reply.element("RequestTime") and reply.element("ServerTime")
        assert reply.element("MaxAllowedSkewMilliseconds") == "900000"
    elif family != "ec2":
        assert when in error_of(reply)[2]


@pytest.mark.parametrize("offset", [-14 * 60, 14 * 60])
def test_skew_within_fifteen_minutes(cloud, offset):
    assert s3(cloud, when=stamp(offset)).reply().status == 200


def test_scope_of_another_day(cloud):
    reply = sts(cloud, scope_date="20150101").reply()
    assert reply.status in (400, 403) and reply.element("Code") in ("SignatureDoesNotMatch", "IncompleteSignature")


def test_scope_of_another_service(cloud):
    reply = json_call(cloud, "DynamoDB_20120810.ListTables", service="kinesis").reply()
    check(reply, 400, "InvalidSignatureException", r"Credential should be scoped to correct service: 'dynamodb'\.\s*")


def test_scope_of_a_region_that_is_none(cloud):
    check(dynamodb(cloud, region="moon-east-1").reply(), 400, "InvalidSignatureException",
          r"Credential should be scoped to a valid region.*")
    assert error_of(sts(cloud, region="moon-east-1").reply())[:2] == (403, "SignatureDoesNotMatch")
    reply = s3(cloud, region="moon-east-1").reply()
    check(reply, 400, "AuthorizationHeaderMalformed",
          "The authorization header is malformed; the region 'moon-east-1' is wrong; expecting 'us-east-1'")
    assert reply.element("Region") == "us-east-1"


def test_iam_is_global(cloud):
    """Clients that are given an endpoint sign for their own region, without one for us-east-1."""
    for region in ("us-east-1", "eu-west-1"):
        assert iam(cloud, region=region).reply().status == 200
    assert error_of(iam(cloud, region="moon-east-1").reply())[:2] == (403, "SignatureDoesNotMatch")


def test_mismatch_of_s3_quotes_what_was_signed(cloud):
    call = Signed(cloud, "GET", "/?max-buckets=1", secret="wrong")
    reply = call.reply()
    assert reply.element("AWSAccessKeyId") == "test"
    assert reply.element("SignatureProvided") == call.signature
    assert reply.element("StringToSign") == call.to_sign
    assert reply.element("CanonicalRequest") == call.canonical
    assert bytes.fromhex(reply.element("StringToSignBytes")) == call.to_sign.encode()
    assert bytes.fromhex(reply.element("CanonicalRequestBytes")) == call.canonical.encode()
    assert reply.element("RequestId") == reply.headers["x-amz-request-id"]


@pytest.mark.parametrize("header", [
    "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=test", "AWS4-HMAC-SHA256 Credential=test/20150101, SignedHeaders=host, Signature=00",
    "AWS4-HMAC-SHA256 Credential=a/b/c/d/e/f, SignedHeaders=host, Signature=00", "AWS4-HMAC-SHA256 ,,,,", "AWS4-HMAC-SHA256 =,=,="])
@pytest.mark.parametrize("family", ["s3", "sts", "dynamodb"])
def test_malformed_authorization(cloud, family, header):
    # The scope that would name the service cannot be read: the Host name or target does it.
    host = None if family == "s3" else f"{family}.us-east-1.amazonaws.com"
    status, code, message = error_of(FAMILIES[family](cloud, host=host).reply(authorization=header))
    assert status in (400, 403)
    assert code in {"s3": ("AuthorizationHeaderMalformed",), "sts": ("IncompleteSignature",),
                    "dynamodb": ("IncompleteSignatureException",)}[family]
    assert message


def test_signature_version_2_is_refused(cloud):
    reply = s3(cloud).reply(authorization="AWS test:frJIUN8DYpKDtOLCwo//yllqDzg=")
    check(reply, 400, "InvalidRequest", "The authorization mechanism you have provided is not supported. Please use "
                                        "AWS4-HMAC-SHA256.")


def test_changed_body_is_noticed(cloud, bucket):
    call = Signed(cloud, "PUT", f"/{bucket}/k", b"signed body")
    reply = exchange(cloud, call.head() + b"other  body")
    check(reply, 400, "XAmzContentSHA256Mismatch",
          "The provided 'x-amz-content-sha256' header does not match what was computed.")
    assert "Contents" not in cloud.client("s3").list_objects_v2(Bucket=bucket)
    call = dynamodb(cloud, body=b'{"Limit": 1}')
    assert error_of(exchange(cloud, call.head() + b'{"Limit": 2}'))[:2] == (400, "InvalidSignatureException")


def test_changed_path_query_and_header_are_noticed(cloud, bucket):
    call = Signed(cloud, "GET", f"/{bucket}?list-type=2&prefix=a", headers={"x-amz-meta-a": "1"})
    good = call.bytes()
    assert exchange(cloud, good).status == 200
    for old, new in ((b"prefix=a", b"prefix=b"), (b"GET ", b"PUT "), (b"x-amz-meta-a: 1", b"x-amz-meta-a: 2"),
                     (b"list-type=2", b"list-type=1")):
        reply = exchange(cloud, good.replace(old, new))
        assert (reply.status, reply.element("Code")) == (403, "SignatureDoesNotMatch"), new


def test_amz_header_that_was_not_signed_is_refused(cloud, bucket):
    reply = Signed(cloud, "PUT", f"/{bucket}/k", b"x", unsigned={"x-amz-acl": "public-read"}).reply()
    check(reply, 403, "AccessDenied", "There were headers present in the request which were not signed")
    assert reply.element("HeadersNotSigned") == "x-amz-acl"


def test_s3_wants_a_content_digest(cloud):
    reply = s3(cloud).reply(without=("x-amz-content-sha256",))
    assert reply.status in (400, 403)
    check(Signed(cloud, "GET", "/", payload="nonsense").reply(), 400, "InvalidArgument", r"x-amz-content-sha256 must be .*")


def test_paths_are_signed_as_they_are_sent(cloud, bucket):
    client = cloud.client("s3")
    for key in ("a b", "a+b", "a%b", "ä/ö", "a//b", "./a", "../b", "a/../c", "~t*'()", "%2F", "a?b#c", "x\ty", "=&"):
        client.put_object(Bucket=bucket, Key=key, Body=key.encode())
        assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    listed = [item["Key"] for item in client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert len(listed) == 13 and "../b" in listed


# -- presigned --------------------------------------------------------------------------------------------------


def presigned(cloud, bucket, key="k", expires=60, method="get_object", version="s3v4", **more):
    more["signature_version"] = version  # without it botocore still presigns by version 2 for such an endpoint
    return cloud.client("s3", **more).generate_presigned_url(method, {"Bucket": bucket, "Key": key}, ExpiresIn=expires)


def fetch(cloud, url, method="GET", body=b"", host=None):
    parts = urllib.parse.urlsplit(url)
    head = f"{method} {parts.path}?{parts.query} HTTP/1.1\r\nHost: {host or parts.netloc}\r\n"
    if body:
        head += f"Content-Length: {len(body)}\r\n"
    return exchange(cloud, head.encode() + b"\r\n" + body)


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_presigned_url_is_good_for_what_it_names(cloud, bucket, version):
    """Version s3, the second, is what boto3 still makes for us-east-1 unless told otherwise."""
    put = presigned(cloud, bucket, method="put_object", version=version)
    assert fetch(cloud, put, "PUT", b"by anybody").status == 200
    get = presigned(cloud, bucket, version=version)
    assert fetch(cloud, get).body == b"by anybody"
    assert fetch(cloud, get, "DELETE").element("Code") == "SignatureDoesNotMatch"
    assert fetch(cloud, get.replace("/k?", "/l?")).element("Code") == "SignatureDoesNotMatch"
    if version == "s3v4":  # version 2 signs neither
        assert fetch(cloud, get + "&x=y").element("Code") == "SignatureDoesNotMatch"
        assert fetch(cloud, get, host="other:1").element("Code") == "SignatureDoesNotMatch"


def test_presigned_url_of_version_2(own_cloud):
    cloud = own_cloud()
    cloud.client("s3").create_bucket(Bucket="presigned")
    put = presigned(cloud, "presigned", method="put_object", version="s3")
    assert "AWSAccessKeyId=test" in put
    assert fetch(cloud, put, "PUT", b"by anybody").status == 200
    get = presigned(cloud, "presigned", version="s3")
    assert fetch(cloud, get).body == b"by anybody"
    assert fetch(cloud, get, "DELETE").element("Code") == "SignatureDoesNotMatch"
    assert fetch(cloud, get.replace("/k?", "/l?")).element("Code") == "SignatureDoesNotMatch"
    check(fetch(cloud, get.replace("&Expires=", "&Nothing=")), 403, "AccessDenied", r"Query-string authentication requires .*")
    cloud.advance(61)
    check(fetch(cloud, get), 403, "AccessDenied", "Request has expired")


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_presigned_url_expires_with_the_clock(own_cloud, version):
    cloud = own_cloud()
    cloud.client("s3").create_bucket(Bucket="presigned")
    cloud.client("s3").put_object(Bucket="presigned", Key="k", Body=b"x")
    url = presigned(cloud, "presigned", expires=900, version=version)
    cloud.advance(800)
    assert fetch(cloud, url).status == 200
    cloud.advance(150)
    reply = fetch(cloud, url)
    check(reply, 403, "AccessDenied", "Request has expired")
    assert reply.element("X-Amz-Expires") == ("900" if version == "s3v4" else None)
    assert reply.element("Expires") < reply.element("ServerTime")


@pytest.mark.parametrize("expires", ["0", "604801", "-1", "x", ""])
def test_presigned_expiry_must_be_within_a_week(cloud, bucket, expires):
    url = presigned(cloud, bucket, expires=60).replace("X-Amz-Expires=60", f"X-Amz-Expires={expires}")
    reply = fetch(cloud, url)
    assert (reply.status, reply.element("Code")) in ((400, "AuthorizationQueryParametersError"), (403, "AccessDenied"))


def test_presigned_url_that_lacks_a_part(cloud, bucket):
    url = presigned(cloud, bucket)
    for part in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders"):
        reply = fetch(cloud, re.sub(rf"{part}=[^&]*&?", "", url))
        check(reply, 400, "AuthorizationQueryParametersError",
              "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
              "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")


# -- keys -------------------------------------------------------------------------------------------------------


def test_account_id_as_key_is_the_root_of_that_account(cloud):
    identity = cloud.client("sts", key="123456789012").get_caller_identity()
    assert identity["Account"] == "123456789012" and identity["Arn"] == "arn:aws:iam::123456789012:root"
    with pytest.raises(botocore.exceptions.ClientError):
        cloud.client("sts", key="123456789012", secret="wrong").get_caller_identity()


def test_regions_are_separate_and_taken_from_the_scope(cloud, name):
    table = name("table")
    here, there = cloud.client("dynamodb"), cloud.client("dynamodb", region="eu-west-1")
    here.create_table(TableName=table, KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                      AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
                      BillingMode="PAY_PER_REQUEST")
    assert table in here.list_tables()["TableNames"]
    assert table not in there.list_tables()["TableNames"]
    here.delete_table(TableName=table)


def test_accounts_are_separate(cloud, name):
    user = name("user")
    cloud.client("iam").create_user(UserName=user)
    other = cloud.client("iam", key="210987654321").list_users()["Users"]
    assert user not in [it["UserName"] for it in other]
    cloud.client("iam").delete_user(UserName=user)


def test_root_key_can_be_chosen(own_cloud):
    cloud = own_cloud(environment={"KINTOUN_ROOT_ACCESS_KEY_ID": "AKIACHOSEN", "KINTOUN_ROOT_SECRET_ACCESS_KEY": "chosen secret",
                                   "KINTOUN_ACCOUNT": "111122223333"})
    identity = cloud.client("sts", key="AKIACHOSEN", secret="chosen secret").get_caller_identity()
    assert identity["Account"] == "111122223333"
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidClientTokenId"):
        cloud.client("sts").get_caller_identity()


def test_open_mode_takes_any_key_and_says_so(own_cloud):
    cloud = own_cloud(environment={"KINTOUN_AUTH": "open"})
    assert "open" in cloud.banner
    assert cloud.client("sts", key="anything", secret="whatever").get_caller_identity()["Account"]
