# SPDX-License-Identifier: Apache-2.0
"""Rules of buckets for pages of other origins, as browsers meet them."""
import pytest

from wire import Signed, exchange

PAGE = "https://app.example.com"


@pytest.fixture
def put(s3, bucket):
    def rules(*rules):
        return s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": list(rules)})

    return rules


def rule(methods=("GET",), origins=(PAGE,), **more):
    return {"AllowedMethods": list(methods), "AllowedOrigins": list(origins), **more}


def preflight(cloud, path, origin=PAGE, method="GET", headers=None):
    lines = [f"OPTIONS {path} HTTP/1.1", f"Host: 127.0.0.1:{cloud.port}"]
    lines += [f"Origin: {origin}"] if origin else []
    lines += [f"Access-Control-Request-Method: {method}"] if method else []
    lines += [f"Access-Control-Request-Headers: {headers}"] if headers else []
    return exchange(cloud, ("\r\n".join(lines) + "\r\n\r\n").encode())


def allowed(reply):
    """The CORS headers of a reply, without their common beginning."""
    prefix = "access-control-"
    return {name[len(prefix):]: value for name, value in reply.headers.items() if name.startswith(prefix)}


def test_configuration(cloud, s3, bucket, put, refused):
    for _ in range(2):
        s3.delete_bucket_cors(Bucket=bucket)
    with refused("NoSuchCORSConfiguration", 404, "The CORS configuration does not exist"):
        s3.get_bucket_cors(Bucket=bucket)
    full = rule(("GET", "PUT"), (PAGE, "http://*.example.org"), AllowedHeaders=["x-AMZ-*"], ExposeHeaders=["ETag"],
                MaxAgeSeconds=30, ID="one")
    put(full, rule())
    cloud.restart()
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [full, rule()]
    for bad, code, message in [
            (rule(("MYMETHOD",)), "InvalidRequest",
             "Found unsupported HTTP method in CORS config. Unsupported method is MYMETHOD"),
            (rule(origins=("http://*.*",)), "InvalidRequest",
             'AllowedOrigin "http://*.*" can not have more than one wildcard.'),
            (rule(AllowedHeaders=["*-*"]), "InvalidRequest", 'AllowedHeader "*-*" can not have more than one wildcard.'),
            (rule(ExposeHeaders=["x-*"]), "InvalidRequest",
             'ExposeHeader "x-*" contains wildcard. We currently do not support wildcard for ExposeHeader.'),
            (rule(origins=()), "MalformedXML", None)]:
        with refused(code, 400, message):
            put(bad)
    with refused("MalformedXML", 400):
        put()
    with refused("InvalidRequest", 400):
        put(*[rule()] * 101)
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [full, rule()]


def test_preflight(cloud, bucket, put):
    path = f"/{bucket}/k"
    put(rule(("GET", "PUT"), AllowedHeaders=["x-amz-*", "Content-Type"], ExposeHeaders=["ETag", "x-amz-id-2"],
             MaxAgeSeconds=3000))
    reply = preflight(cloud, path, headers="X-Amz-Request-Payer,content-type")
    assert reply.status == 200 and reply.body == b""
    assert allowed(reply) == {
        "allow-origin": PAGE, "allow-methods": "GET, PUT", "allow-headers": "x-amz-request-payer, content-type",
        "expose-headers": "ETag, x-amz-id-2", "max-age": "3000", "allow-credentials": "true"}
    assert reply.headers["vary"] == "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
    for options in ({"origin": "https://evil.example"}, {"method": "DELETE"}, {"headers": "authorization"},
                    {"origin": "http://localhost:3000"}):
        reply = preflight(cloud, path, **options)
        assert (reply.status, reply.element("Code")) == (403, "AccessForbidden"), options
        assert reply.element("Message") == (
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request "
            "method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the "
            "resource's CORS spec.")
        assert (reply.element("Method"), reply.element("ResourceType")) == (options.get("method", "GET"), "OBJECT")
        assert not allowed(reply)
    assert preflight(cloud, f"/{bucket}", method="DELETE").element("ResourceType") == "BUCKET"
    reply = preflight(cloud, path, method=None)
    assert (reply.status, reply.element("Message")) == (400, "Invalid Access-Control-Request-Method: null")
    reply = preflight(cloud, path, origin=None)
    assert (reply.status, reply.element("Message")) == (
        400, "Insufficient information. Origin request header needed.")


def test_without_rules(cloud, bucket):
    for method in "PUT", None:
        reply = preflight(cloud, f"/{bucket}/k", method=method)
        assert (reply.status, reply.element("Code")) == (403, "AccessForbidden")
        assert reply.element("Message") == "CORSResponse: CORS is not enabled for this bucket."
        assert (reply.element("Method"), reply.element("ResourceType")) == (method or "OPTIONS", "BUCKET")
    assert preflight(cloud, "/" + bucket + "-absent/k").status == 403


def test_wildcards(cloud, bucket, put):
    put(rule(("HEAD",), ("*",)), rule(("GET",), ("http://*.example.org",)))
    reply = preflight(cloud, f"/{bucket}/k", method="HEAD")
    assert allowed(reply) == {"allow-origin": "*", "allow-methods": "HEAD"}
    assert allowed(preflight(cloud, f"/{bucket}/k", origin="http://a.example.org"))["allow-origin"] == "http://a.example.org"
    assert preflight(cloud, f"/{bucket}/k", origin="http://a.example.org.evil.example").status == 403


def test_replies_carry_them(cloud, s3, bucket, put):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")

    def get(origin, key="k"):
        return Signed(cloud, "GET", f"/{bucket}/{key}", unsigned={"origin": origin}).reply()

    put(rule(("GET",), (PAGE,), MaxAgeSeconds=5))
    reply = get(PAGE)
    assert reply.body == b"x"
    assert allowed(reply) == {"allow-origin": PAGE, "allow-methods": "GET", "max-age": "5", "allow-credentials": "true"}
    assert allowed(get(PAGE, "absent"))["allow-origin"] == PAGE
    # The page does not get to see it; a page from elsewhere is not even served.
    local = get("http://localhost:3000")
    assert local.status == 200 and not allowed(local)
    assert get("https://evil.example").status == 403
    put(rule(("PUT",)))
    assert get(PAGE).status == 403
