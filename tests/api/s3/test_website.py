# SPDX-License-Identifier: Apache-2.0
"""Websites of buckets: their configuration, and pages (GetWebsitePage) as a browser gets them."""
import pytest

from anonymous import open_up
from identities import document
from wire import Connection

INDEX = {"IndexDocument": {"Suffix": "index.html"}}


@pytest.fixture
def site(cloud, s3, bucket):
    """A bucket whose objects everybody may read and list."""
    open_up(s3, bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=document(
        {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"],
         "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}))
    for key in "index.html", "docs/index.html", "a b/page.html", "plain":
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), ContentType="text/html")
    return bucket


def visit(cloud, bucket, path, method="GET", headers=(), host=None):
    host = host or f"{bucket}.s3-website.localhost:{cloud.port}"
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Content-Length: 0", *headers]
    with Connection(cloud) as connection:
        return connection.send(("\r\n".join(lines) + "\r\n\r\n").encode()).reply(method == "HEAD")


def configure(s3, bucket, **configuration):
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=configuration)


def test_configuration(cloud, s3, bucket, refused):
    s3.delete_bucket_website(Bucket=bucket)
    with refused("NoSuchWebsiteConfiguration", 404, "The specified bucket does not have a website configuration"):
        s3.get_bucket_website(Bucket=bucket)
    full = {**INDEX, "ErrorDocument": {"Key": "error.html"}, "RoutingRules": [
        {"Condition": {"KeyPrefixEquals": "old/", "HttpErrorCodeReturnedEquals": "404"},
         "Redirect": {"HostName": "example.com", "HttpRedirectCode": "302", "Protocol": "https",
                      "ReplaceKeyPrefixWith": "new/"}}]}
    configure(s3, bucket, **full)
    cloud.restart()
    kept = s3.get_bucket_website(Bucket=bucket)
    assert {name: kept[name] for name in full} == full
    to = {"RedirectAllRequestsTo": {"HostName": "example.com"}}

    def rule(redirect, **condition):
        return {**INDEX, "RoutingRules": [{**condition, "Redirect": redirect}]}

    for bad, code, message in [
            ({"IndexDocument": {"Suffix": "/index.html"}}, "InvalidArgument",
             "The IndexDocument Suffix is not well formed"),
            ({"IndexDocument": {"Suffix": ""}}, "InvalidArgument", "The IndexDocument Suffix is not well formed"),
            ({**INDEX, **to}, "InvalidArgument",
             "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules."),
            ({"ErrorDocument": {"Key": "e"}}, "InvalidArgument",
             "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty"),
            ({"RedirectAllRequestsTo": {"HostName": "x", "Protocol": "gopher"}}, "InvalidRequest",
             "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected "
             "automatically."),
            (rule({"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}), "InvalidRequest",
             "You can only define ReplaceKeyPrefix or ReplaceKey but not both."),
            (rule({"HostName": "x"}, Condition={}), "InvalidRequest",
             "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't "
             "be present."),
            (rule({"HttpRedirectCode": "200"}), "InvalidRequest", None),
            (rule({"HostName": "x"}, Condition={"HttpErrorCodeReturnedEquals": "200"}), "InvalidRequest", None),
            ({"RedirectAllRequestsTo": {"HostName": ""}}, "MalformedXML", None)]:
        with refused(code, 400, message):
            configure(s3, bucket, **bad)
    for _ in range(2):
        s3.delete_bucket_website(Bucket=bucket)


def test_pages(cloud, s3, site):
    configure(s3, site, **INDEX)
    for path, body in [("/", b"index.html"), ("/docs/", b"docs/index.html"), ("/a%20b/page.html", b"a b/page.html"),
                       ("/plain?versionId=whatever&partNumber=x", b"plain")]:
        reply = visit(cloud, site, path)
        assert (reply.status, reply.body, reply.headers["content-type"]) == (200, body, "text/html")
    for host in "s3-website-us-east-1.amazonaws.com", "s3-website.eu-central-1.amazonaws.com":
        assert visit(cloud, site, "/", host=f"{site}.{host}").body == b"index.html"
    head = visit(cloud, site, "/docs/", "HEAD")
    assert head.status == 200 and head.headers["content-length"] == "15"
    part = visit(cloud, site, "/plain", headers=["Range: bytes=1-2"])
    assert (part.status, part.body) == (206, b"la")
    unchanged = visit(cloud, site, "/plain", headers=[f"If-None-Match: {visit(cloud, site, '/plain').headers['etag']}"])
    assert unchanged.status == 304 and unchanged.body == b""
    folder = visit(cloud, site, "/docs")
    assert (folder.status, folder.headers["location"], folder.body) == (302, "/docs/", b"")


def test_errors(cloud, s3, site):
    reply = visit(cloud, site, "/")
    assert reply.status == 404 and "<li>Code: NoSuchWebsiteConfiguration</li>" in reply.text
    assert f"<li>BucketName: {site}</li>" in reply.text
    reply = visit(cloud, site + "-absent", "/")
    assert reply.status == 404 and "<li>Code: NoSuchBucket</li>" in reply.text
    configure(s3, site, **INDEX)
    reply = visit(cloud, site, "/wrong/")
    assert (reply.status, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")
    request, host = reply.headers["x-amz-request-id"], reply.headers["x-amz-id-2"]
    assert reply.text == (
        "<html>\n<head><title>404 Not Found</title></head>\n<body>\n<h1>404 Not Found</h1>\n<ul>\n"
        "<li>Code: NoSuchKey</li>\n<li>Message: The specified key does not exist.</li>\n"
        f"<li>Key: wrong/index.html</li>\n<li>RequestId: {request}</li>\n<li>HostId: {host}</li>\n</ul>\n"
        "<hr/>\n</body>\n</html>\n")
    assert "<li>Key: &lt;b&gt;</li>" in visit(cloud, site, "/%3Cb%3E").text
    for method in "POST", "PUT", "DELETE":
        reply = visit(cloud, site, "/", method)
        assert reply.status == 405 and f"<li>Method: {method}</li>\n<li>ResourceType: OBJECT</li>" in reply.text
    configure(s3, site, **INDEX, ErrorDocument={"Key": "error.html"})
    reply = visit(cloud, site, "/wrong")
    assert reply.status == 404 and (
        "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n"
        "<li>Code: NoSuchKey</li>\n<li>Message: The specified key does not exist.</li>\n<li>Key: error.html</li>\n</ul>"
    ) in reply.text
    s3.put_object(Bucket=site, Key="error.html", Body=b"sorry", ContentType="text/plain")
    reply = visit(cloud, site, "/wrong")
    assert (reply.status, reply.body, reply.headers["content-type"]) == (404, b"sorry", "text/plain")


def test_what_nobody_may_read_is_not_shown(cloud, s3, bucket):
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"secret")
    configure(s3, bucket, **INDEX)
    reply = visit(cloud, bucket, "/")
    assert reply.status == 403 and "<li>Code: AccessDenied</li>" in reply.text
    assert visit(cloud, bucket, "/absent").status == 403


def test_redirections(cloud, s3, site, refused):
    s3.put_object(Bucket=site, Key="moved", Body=b"", WebsiteRedirectLocation="https://example.com/there")
    assert s3.head_object(Bucket=site, Key="moved")["WebsiteRedirectLocation"] == "https://example.com/there"
    with refused("InvalidRedirectLocation", 400):
        s3.put_object(Bucket=site, Key="moved", Body=b"", WebsiteRedirectLocation="there")
    configure(s3, site, **INDEX, RoutingRules=[
        {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "new/"}},
        {"Condition": {"KeyPrefixEquals": "gone/", "HttpErrorCodeReturnedEquals": "404"},
         "Redirect": {"HostName": "example.com", "Protocol": "https", "ReplaceKeyWith": "sorry.html",
                      "HttpRedirectCode": "307"}}])
    here = f"http://{site}.s3-website.localhost:{cloud.port}"
    for path, status, location in [("/moved", 301, "https://example.com/there"),
                                   ("/old/a%20b", 301, here + "/new/a%20b"),
                                   ("/gone/x", 307, "https://example.com/sorry.html")]:
        reply = visit(cloud, site, path)
        assert (reply.status, reply.headers["location"], reply.body) == (status, location, b"")
    configure(s3, site, RedirectAllRequestsTo={"HostName": "example.com", "Protocol": "https"})
    assert visit(cloud, site, "/any/key").headers["location"] == "https://example.com/any/key"


def test_copies_do_not_redirect(s3, bucket):
    s3.put_object(Bucket=bucket, Key="moved", Body=b"", WebsiteRedirectLocation="/x")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/moved")
    assert "WebsiteRedirectLocation" not in s3.head_object(Bucket=bucket, Key="copy")
    s3.copy_object(Bucket=bucket, Key="moved", CopySource=f"{bucket}/moved", WebsiteRedirectLocation="/y")
    assert s3.head_object(Bucket=bucket, Key="moved")["WebsiteRedirectLocation"] == "/y"
