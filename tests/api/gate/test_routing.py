# SPDX-License-Identifier: Apache-2.0
"""Which service and operation a request is for, what an operation that is not there or not built answers,
and what every reply carries."""
import json
import re

import botocore.exceptions
import pytest

from wire import Connection, Signed, exchange, json_call, query

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def code_of(reply):
    if not reply.text.startswith("{"):
        return reply.element("Code")
    return (reply.headers.get("x-amzn-errortype") or json.loads(reply.body)["__type"]).split("#")[-1].split(":")[0]


# -- operations that are not there ------------------------------------------------------------------------------


def test_unknown_action_of_the_query_protocol(cloud):
    reply = query(cloud, "MakeCoffee").reply()
    assert (reply.status, code_of(reply)) == (400, "InvalidAction")
    assert "MakeCoffee" in reply.element("Message") and "2011-06-15" in reply.element("Message")
    assert reply.element("Type") == "Sender"


def test_query_without_an_action(cloud):
    reply = Signed(cloud, "POST", "/", b"Version=2011-06-15", service="sts",
                   headers={"content-type": "application/x-www-form-urlencoded"}).reply()
    assert reply.status in (400, 403) and code_of(reply) in ("MissingAction", "InvalidAction")


def test_unknown_action_of_ec2(cloud):
    reply = query(cloud, "MakeCoffee", service="ec2", version="2016-11-15").reply()
    assert (reply.status, code_of(reply)) == (400, "InvalidAction")
    assert "<Response><Errors><Error>" in re.sub(r">\s+<", "><", reply.text)


def test_unknown_target_of_json(cloud):
    reply = json_call(cloud, "DynamoDB_20120810.MakeCoffee").reply()
    assert (reply.status, code_of(reply)) == (400, "UnknownOperationException")


def test_operation_that_is_not_built_is_refused_and_counted(cloud):
    def refused():
        return sum(value for line, value in cloud.metrics().items()
                   if "not_implemented" in line and "DescribeVolumesModifications" in line)

    before = refused()
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        cloud.client("ec2").describe_volumes_modifications()
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["Error"]["Code"] in ("UnsupportedOperation", "InvalidAction")
    assert "DescribeVolumesModifications" in error["Error"]["Message"]
    assert refused() == before + 1


@pytest.mark.parametrize("service, method, arguments", [
    ("dynamodb", "export_table_to_point_in_time", {"TableArn": "arn:aws:dynamodb:us-east-1:000000000000:table/ttt", "S3Bucket": "bucket"}),
    ("lambda", "list_functions", {}), ("efs", "describe_file_systems", {}),
    ("elbv2", "describe_load_balancers", {}), ("iam", "list_saml_providers", {})])
def test_services_refuse_in_their_own_protocol(cloud, service, method, arguments):
    """botocore must be able to read the refusal; success without effect would be a lie."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        getattr(cloud.client(service), method)(**arguments)
    assert caught.value.response["Error"]["Code"] not in ("", "Unknown")
    assert 400 <= caught.value.response["ResponseMetadata"]["HTTPStatusCode"] <= 501
    assert caught.value.response["ResponseMetadata"]["RequestId"]


def test_bucket_subresource_that_is_not_built_is_not_taken_for_another_operation(cloud, bucket):
    """PUT /bucket?intelligent-tiering must not create a bucket, GET must not list it."""
    for method in ("PUT", "GET", "DELETE"):
        reply = Signed(cloud, method, f"/{bucket}?intelligent-tiering&id=x").reply()
        assert reply.status in (400, 404, 405, 501), method
        assert code_of(reply)
    assert cloud.client("s3").head_bucket(Bucket=bucket)


# -- names of the request ---------------------------------------------------------------------------------------


def test_virtual_host_and_path_style_name_the_same_bucket(cloud, bucket):
    virtual, path = cloud.virtual_host_client(), cloud.client("s3")
    virtual.put_object(Bucket=bucket, Key="a/b", Body=b"one")
    assert path.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"one"
    assert [it["Key"] for it in virtual.list_objects_v2(Bucket=bucket)["Contents"]] == ["a/b"]


@pytest.mark.parametrize("suffix", ["s3.amazonaws.com", "s3.us-east-1.amazonaws.com", "s3.localhost", "localhost"])
def test_bucket_in_the_host_name(cloud, bucket, suffix):
    cloud.client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    reply = Signed(cloud, "GET", "/k", host=f"{bucket}.{suffix}").reply()
    assert (reply.status, reply.body) == (200, b"x")


def test_service_by_host_name_without_a_signature(cloud):
    head = b"POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n"
    assert exchange(cloud, head % b"sts.us-east-1.amazonaws.com").element("Code") == "MissingAuthenticationToken"
    # Without any name it can only be S3.
    assert exchange(cloud, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").element("Code") == "AccessDenied"


def test_query_by_get(cloud):
    reply = Signed(cloud, "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", service="sts").reply()
    assert reply.status == 200 and reply.element("Account") == "000000000000"


def test_path_that_cannot_be_decoded(cloud):
    reply = Signed(cloud, "GET", "/bucket/%zz").reply()
    assert reply.status in (400, 403) and code_of(reply) in ("InvalidURI", "SignatureDoesNotMatch")


def test_x_id_of_newer_sdks_is_ignored(cloud, bucket):
    reply = Signed(cloud, "PUT", f"/{bucket}/k?x-id=PutObject", b"x").reply()
    assert reply.status == 200
    assert Signed(cloud, "GET", f"/{bucket}/k?x-id=GetObject").reply().body == b"x"


# -- what replies carry -----------------------------------------------------------------------------------------


def test_request_ids_per_protocol(cloud):
    reply = query(cloud, "GetCallerIdentity").reply()
    assert re.fullmatch(UUID, reply.element("RequestId"))
    assert reply.headers["x-amzn-requestid"] == reply.element("RequestId")
    assert reply.headers["content-type"].startswith("text/xml")

    reply = json_call(cloud, "DynamoDB_20120810.ListTables").reply()
    assert len(reply.headers["x-amzn-requestid"]) >= 36
    assert reply.headers["content-type"] == "application/x-amz-json-1.0"

    reply = Signed(cloud, "GET", "/").reply()
    assert re.fullmatch(r"[0-9A-Z]{16}", reply.headers["x-amz-request-id"])
    assert reply.headers["x-amz-id-2"]
    assert reply.headers["content-type"] == "application/xml"

    reply = query(cloud, "DescribeRegions", service="ec2", version="2016-11-15").reply()
    assert re.fullmatch(UUID, reply.element("requestId"))


def test_request_ids_differ(cloud):
    ids = set()
    with Connection(cloud) as connection:
        for _ in range(50):
            ids.add(connection.send(query(cloud, "GetCallerIdentity").bytes()).reply().headers["x-amzn-requestid"])
    assert len(ids) == 50


def test_errors_of_s3_name_resource_request_and_host(cloud, name):
    reply = Signed(cloud, "GET", f"/{name('none')}/key").reply()
    assert (reply.status, code_of(reply)) == (404, "NoSuchBucket")
    assert reply.element("Message") == "The specified bucket does not exist"
    assert reply.element("RequestId") == reply.headers["x-amz-request-id"]
    assert reply.element("HostId") == reply.headers["x-amz-id-2"]


def test_errors_of_a_head_request_have_no_body(cloud, name):
    with Connection(cloud) as connection:
        reply = connection.send(Signed(cloud, "HEAD", f"/{name('none')}").bytes()).reply(head_only=True)
        assert reply.status == 404
        assert connection.send(Signed(cloud, "GET", "/").bytes()).reply().status == 200


# -- malformed bodies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"nonsense", b'{"Limit": "x"}', b"\xff\xfe", b"{" * 5000])
def test_malformed_json_body(cloud, body):
    reply = json_call(cloud, "DynamoDB_20120810.ListTables", body).reply()
    assert (reply.status, code_of(reply)) == (400, "SerializationException")


@pytest.mark.parametrize("body", [b"<", b"<a></b>", b"nonsense", b"<CreateBucketConfiguration>", b"\x00",
                                  b"<!DOCTYPE a [<!ENTITY b 'c'>]><CreateBucketConfiguration>&b;</CreateBucketConfiguration>"])
def test_malformed_xml_body(cloud, name, body):
    bucket = name("xml")
    reply = Signed(cloud, "PUT", f"/{bucket}", body).reply()
    assert (reply.status, code_of(reply)) == (400, "MalformedXML")
    assert Signed(cloud, "GET", f"/{bucket}").reply().status == 404


# -- browsers ---------------------------------------------------------------------------------------------------


def test_preflight_of_a_local_page(cloud):
    reply = exchange(cloud, b"OPTIONS /bucket/key HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n"
                            b"Access-Control-Request-Method: PUT\r\n"
                            b"Access-Control-Request-Headers: authorization,x-amz-date\r\n\r\n")
    assert reply.status in (200, 204)
    assert reply.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "PUT" in reply.headers["access-control-allow-methods"]
    assert "x-amz-date" in reply.headers["access-control-allow-headers"]


def test_reply_to_a_local_page_may_be_read(cloud):
    reply = Signed(cloud, "GET", "/", unsigned={"origin": "http://localhost:3000"}).reply()
    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "origin" in reply.headers["vary"].lower()


def test_page_of_another_origin_is_refused(cloud):
    """The default key is known to everybody: a page somebody visits must not use it."""
    reply = Signed(cloud, "GET", "/", unsigned={"origin": "https://evil.example"}).reply()
    assert reply.status == 403 and "access-control-allow-origin" not in reply.headers
