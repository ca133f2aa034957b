// SPDX-License-Identifier: Apache-2.0
/* Which operation a request is: every way in which AWS clients say it. The S3 and Lambda tables are
 * the real ones. */
#include "test.h"

#include "gate/route.h"
#include "kintoun/catalog.h"

struct route_case {
    struct span method, host, path, query, scope;
    struct header header; /* one more, or none */
    struct span service, operation;
    struct span labels[2];
};

static struct routes *routes;

static void find(struct arena *arena, const struct route_case *row, struct route *route)
{
    size_t count;
    struct header header = row->header;
    if (!routes) {
        const struct service *const *services = catalog(&count);
        routes = routes_new(services, count);
    }
    struct route_request request = {
        .method = row->method,
        .host = row->host,
        .path = row->path,
        .query = row->query,
        .scope_service = row->scope,
        .headers = {&header, header.name.len ? 1 : 0},
    };
    route_find(routes, arena, &request, route);
}

static const struct route_case cases[] = {
    {S_INIT("GET"),
     S_INIT("127.0.0.1:4566"),
     S_INIT("/"),
     {0},
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("ListBuckets")},
    {S_INIT("PUT"),
     S_INIT("localhost"),
     S_INIT("/b"),
     {0},
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("CreateBucket"),
     {S_INIT("b")}},
    {S_INIT("PUT"),
     S_INIT("localhost"),
     S_INIT("/b/"),
     {0},
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("CreateBucket"),
     {S_INIT("b")}},
    {S_INIT("PUT"),
     S_INIT("localhost"),
     S_INIT("/b/k"),
     {0},
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("PutObject"),
     {S_INIT("b"), S_INIT("k")}},
    {S_INIT("PUT"),
     S_INIT("localhost"),
     S_INIT("/b/a/../c//d/"),
     {0},
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("PutObject"),
     {S_INIT("b"), S_INIT("a/../c//d/")}},
    {S_INIT("GET"),
     S_INIT("localhost"),
     S_INIT("/b//"),
     {0},
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("GetObject"),
     {S_INIT("b"), S_INIT("/")}},
    {S_INIT("GET"),
     S_INIT("localhost"),
     S_INIT("/b/a%20%2F%25+"),
     {0},
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("GetObject"),
     {S_INIT("b"), S_INIT("a /%+")}},
    {S_INIT("GET"),
     S_INIT("b.localhost:4566"),
     S_INIT("/k/l"),
     {0},
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("GetObject"),
     {S_INIT("b"), S_INIT("k/l")}},
    {S_INIT("GET"),
     S_INIT("my.bucket.s3.eu-west-1.amazonaws.com"),
     S_INIT("/k"),
     {0},
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("GetObject"),
     {S_INIT("my.bucket"), S_INIT("k")}},
    {S_INIT("GET"),
     S_INIT("bucket.vpce-0a1b-c2d3.s3.us-east-1.vpce.amazonaws.com"),
     S_INIT("/b/k"),
     {0},
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("GetObject"),
     {S_INIT("b"), S_INIT("k")}},
    {S_INIT("GET"),
     S_INIT("my.b.bucket.vpce-0a1b-c2d3.s3.us-east-1.vpce.amazonaws.com"),
     S_INIT("/k"),
     {0},
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("GetObject"),
     {S_INIT("my.b"), S_INIT("k")}},
    {S_INIT("GET"),
     S_INIT("p-000000000000.accesspoint.vpce-0a1b-c2d3.s3.us-east-1.vpce.amazonaws.com"),
     S_INIT("/k"),
     {0},
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("GetObject"),
     {S_INIT("p-000000000000"), S_INIT("k")}},
    {S_INIT("GET"),
     S_INIT("vpce-0a1b-c2d3.s3.us-east-1.vpce.amazonaws.com"),
     S_INIT("/b/k"),
     {0},
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("GetObject"),
     {S_INIT("b"), S_INIT("k")}},
    {S_INIT("GET"),
     S_INIT("b.s3.amazonaws.com"),
     S_INIT("/"),
     S_INIT("list-type=2&prefix=x"),
     {0},
     {{0}},
     S_INIT("s3"),
     S_INIT("ListObjectsV2"),
     {S_INIT("b")}},
    {S_INIT("GET"),
     S_INIT("s3.us-west-2.amazonaws.com"),
     S_INIT("/b"),
     S_INIT("prefix=x"),
     {0},
     {{0}},
     S_INIT("s3"),
     S_INIT("ListObjects"),
     {S_INIT("b")}},
    {S_INIT("GET"),
     S_INIT("localhost"),
     S_INIT("/b"),
     S_INIT("location"),
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("GetBucketLocation"),
     {S_INIT("b")}},
    {S_INIT("GET"),
     S_INIT("localhost"),
     S_INIT("/b"),
     S_INIT("location="),
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("GetBucketLocation"),
     {S_INIT("b")}},
    {S_INIT("POST"),
     S_INIT("localhost"),
     S_INIT("/b/k"),
     S_INIT("uploads"),
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("CreateMultipartUpload"),
     {S_INIT("b"), S_INIT("k")}},
    {S_INIT("PUT"),
     S_INIT("localhost"),
     S_INIT("/b/k"),
     S_INIT("partNumber=1&uploadId=u"),
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("UploadPart"),
     {S_INIT("b"), S_INIT("k")}},
    {S_INIT("PUT"),
     S_INIT("localhost"),
     S_INIT("/b/k"),
     S_INIT("partNumber=1&uploadId=u"),
     S_INIT("s3"),
     {S_INIT("x-amz-copy-source"), S_INIT("b/c")},
     S_INIT("s3"),
     S_INIT("UploadPartCopy"),
     {S_INIT("b"), S_INIT("k")}},
    {S_INIT("PUT"),
     S_INIT("localhost"),
     S_INIT("/b/k"),
     S_INIT("x-id=CopyObject"),
     S_INIT("s3"),
     {S_INIT("x-amz-copy-source"), S_INIT("b/c")},
     S_INIT("s3"),
     S_INIT("CopyObject"),
     {S_INIT("b"), S_INIT("k")}},
    {S_INIT("GET"),
     S_INIT("localhost"),
     S_INIT("/b/k"),
     S_INIT("uploadId=u"),
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("ListParts"),
     {S_INIT("b"), S_INIT("k")}},
    {S_INIT("GET"),
     S_INIT("localhost"),
     S_INIT("/b/k"),
     S_INIT("partNumber=2"),
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("GetObject"),
     {S_INIT("b"), S_INIT("k")}},
    {S_INIT("POST"),
     S_INIT("localhost"),
     S_INIT("/b"),
     S_INIT("delete"),
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("DeleteObjects"),
     {S_INIT("b")}},
    {S_INIT("PUT"),
     S_INIT("localhost"),
     S_INIT("/b"),
     S_INIT("cors"),
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     S_INIT("PutBucketCors"),
     {S_INIT("b")}},
    {S_INIT("PATCH"),
     S_INIT("localhost"),
     S_INIT("/b"),
     {0},
     S_INIT("s3"),
     {{0}},
     S_INIT("s3"),
     {0}},
    {S_INIT("POST"),
     S_INIT("localhost"),
     S_INIT("/"),
     {0},
     S_INIT("kinesis"),
     {S_INIT("x-amz-target"), S_INIT("Kinesis_20131202.PutRecord")},
     S_INIT("kinesis"),
     S_INIT("PutRecord")},
    {S_INIT("POST"),
     S_INIT("localhost"),
     S_INIT("/"),
     {0},
     S_INIT("dynamodb"),
     {S_INIT("x-amz-target"), S_INIT("DynamoDBStreams_20120810.ListStreams")},
     S_INIT("dynamodbstreams"),
     S_INIT("ListStreams")},
    {S_INIT("POST"),
     S_INIT("localhost"),
     S_INIT("/"),
     {0},
     S_INIT("kinesis"),
     {S_INIT("x-amz-target"), S_INIT("Kinesis_20131202.Nonsense")},
     S_INIT("kinesis"),
     {0}},
    {S_INIT("GET"),
     S_INIT("ec2.eu-west-1.amazonaws.com"),
     S_INIT("/"),
     S_INIT("Action=DescribeRegions&Version=2016-11-15"),
     S_INIT("ec2"),
     {{0}},
     S_INIT("ec2"),
     S_INIT("DescribeRegions")},
    {S_INIT("GET"),
     S_INIT("localhost"),
     S_INIT("/2015-03-31/functions/f%3A1/configuration"),
     {0},
     S_INIT("lambda"),
     {{0}},
     S_INIT("lambda"),
     S_INIT("GetFunctionConfiguration"),
     {S_INIT("f:1")}},
    {S_INIT("GET"),
     S_INIT("localhost"),
     S_INIT("/2015-03-31/functions"),
     {0},
     S_INIT("lambda"),
     {{0}},
     S_INIT("lambda"),
     S_INIT("ListFunctions")},
    {S_INIT("GET"),
     S_INIT("lambda.us-east-1.amazonaws.com"),
     S_INIT("/2015-03-31/functions/"),
     {0},
     {0},
     {{0}},
     S_INIT("lambda"),
     S_INIT("ListFunctions")},
    {S_INIT("POST"),
     S_INIT("localhost"),
     S_INIT("/service/Kinesis_20131202/operation/ListStreams"),
     {0},
     S_INIT("kinesis"),
     {S_INIT("smithy-protocol"), S_INIT("rpc-v2-cbor")},
     S_INIT("kinesis"),
     S_INIT("ListStreams")},
};

TEST(every_way_to_name_an_operation)
{
    struct arena arena;
    arena_init(&arena, 65536, 1 << 24);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct route route;
        find(&arena, &cases[i], &route);
        struct span operation =
            route.operation ? service_text(route.service, route.operation->name) : SPAN_NONE;
        if (!span_eq(operation, cases[i].operation) ||
            !span_eq(span_of_cstr(route.service->name), cases[i].service))
            test_fail(__FILE__, __LINE__, "row %zu: %.*s %.*s is %s %.*s, not %.*s", i,
                      SPAN_ARG(cases[i].method), SPAN_ARG(cases[i].path), route.service->name,
                      SPAN_ARG(operation), SPAN_ARG(cases[i].operation));
        for (size_t label = 0; label < 2 && cases[i].labels[label].len; label++) {
            CHECK(label < route.label_count);
            CHECK_SPAN(route.labels[label].value, cases[i].labels[label]);
        }
    }
    arena_done(&arena);
}

TEST(an_action_in_the_body_is_found_later)
{
    struct arena arena;
    struct route route;
    struct route_case row = {
        S_INIT("POST"),
        S_INIT("localhost"),
        S_INIT("/"),
        {0},
        S_INIT("ec2"),
        {S_INIT("content-type"), S_INIT("application/x-www-form-urlencoded; charset=utf-8")},
        S_INIT("ec2"),
        {0}};
    arena_init(&arena, 65536, 1 << 24);
    find(&arena, &row, &route);
    CHECK(route.action_in_body);
    CHECK(!route.operation);
    route_action(routes, &arena, S("Version=2016-11-15&Action=DescribeRegions&x=%41"), &route);
    CHECK_SPAN(service_text(route.service, route.operation->name), S("DescribeRegions"));
    arena_done(&arena);
}

TEST(a_form_without_a_scope_is_told_by_its_version)
{
    struct arena arena;
    struct route route;
    struct route_case row = {
        .method = S_INIT("POST"),
        .host = S_INIT("127.0.0.1"),
        .path = S_INIT("/"),
        .header = {S_INIT("content-type"), S_INIT("application/x-www-form-urlencoded")}};
    arena_init(&arena, 65536, 1 << 24);
    find(&arena, &row, &route);
    CHECK(route.action_in_body);
    route_action(routes, &arena, S("Action=DescribeRegions&Version=2016-11-15"), &route);
    CHECK_SPAN(span_of_cstr(route.service->name), S("ec2"));
    CHECK_SPAN(service_text(route.service, route.operation->name), S("DescribeRegions"));
    arena_done(&arena);
}

TEST(a_label_with_a_broken_escape_is_said_so)
{
    struct arena arena;
    struct route route;
    struct route_case row = {S_INIT("GET"),     S_INIT("localhost"),
                             S_INIT("/b/k%zz"), {0},
                             S_INIT("s3"),      {{0}},
                             S_INIT("s3"),      {0}};
    arena_init(&arena, 65536, 1 << 24);
    find(&arena, &row, &route);
    CHECK(route.bad_uri);
    arena_done(&arena);
}

TEST(the_region_of_a_host_name)
{
    static const struct {
        struct span host, region;
    } hosts[] = {
        {S_INIT("ec2.eu-west-1.amazonaws.com"), S_INIT("eu-west-1")},
        {S_INIT("b.s3.ap-northeast-1.amazonaws.com:443"), S_INIT("ap-northeast-1")},
        {S_INIT("s3.amazonaws.com"), {0}},
        {S_INIT("localhost:4566"), {0}},
        {S_INIT("127.0.0.1"), {0}},
    };
    struct arena arena;
    arena_init(&arena, 65536, 1 << 24);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct route route;
        struct route_case row = {S_INIT("GET"), hosts[i].host, S_INIT("/"), {0},
                                 {0},           {{0}},         {0},         {0}};
        find(&arena, &row, &route);
        CHECK_SPAN(route.host_region, hosts[i].region);
    }
    arena_done(&arena);
}
