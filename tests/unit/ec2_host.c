// SPDX-License-Identifier: Apache-2.0
/* Cases for the names of services: which stand on one certificate, and whose endpoints take over.
 */
#include "test.h"

#include "http/tls.h"
#include "services/ec2/ec2.h"
#include "services/ec2/endpoint_host.h"

static struct arena arena;

static struct span joined(struct span asked)
{
    struct tls_names names;
    struct span all = S("");
    ec2_names_inside(&arena, asked, &names);
    for (size_t i = 0; i < names.count; i++)
        all =
            arena_printf(&arena, "%.*s%s%.*s", SPAN_ARG(all), i ? " " : "", SPAN_ARG(names.at[i]));
    return all;
}

TEST(a_service_shows_all_of_its_names)
{
    static const struct {
        const char *asked, *names;
    } cases[] = {
        {"sts.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com"},
        {"s3.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.com *.s3.eu-west-1.amazonaws.com "
                                       "*.s3-accesspoint.eu-west-1.amazonaws.com "
                                       "*.s3-control.eu-west-1.amazonaws.com"},
        {"b.s3.amazonaws.com",
         "s3.us-east-1.amazonaws.com *.s3.us-east-1.amazonaws.com "
         "*.s3-accesspoint.us-east-1.amazonaws.com "
         "*.s3-control.us-east-1.amazonaws.com s3.amazonaws.com *.s3.amazonaws.com"},
        {"streams.dynamodb.us-west-2.amazonaws.com", "streams.dynamodb.us-west-2.amazonaws.com"},
        {"000000000000.ddb.us-west-2.amazonaws.com",
         "dynamodb.us-west-2.amazonaws.com *.ddb.us-west-2.amazonaws.com"},
        {"iam.amazonaws.com", "iam.amazonaws.com"},
        {"vpce-01-ab.sts.us-east-1.vpce.amazonaws.com", "*.sts.us-east-1.vpce.amazonaws.com"},
        {"vpce-01-ab-us-east-1a.kinesis.us-east-1.vpce.amazonaws.com",
         "*.kinesis.us-east-1.vpce.amazonaws.com"},
        {"b.bucket.vpce-01-ab.s3.us-east-1.vpce.amazonaws.com",
         "*.bucket.vpce-01-ab.s3.us-east-1.vpce.amazonaws.com"},
        {"", "amazonaws.com"},
        {"example.org", ""},
        {"sts.amazonaws.com", ""},
        {"iam.eu-west-1.amazonaws.com", ""},
        {"nothing.us-east-1.amazonaws.com", ""},
        {"sts.us-east-1.amazonaws.com.example.org", ""},
        {".s3.us-east-1.vpce.amazonaws.com", ""},
    };
    arena_init(&arena, 4096, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_SPAN(joined(span_of_cstr(cases[i].asked)), span_of_cstr(cases[i].names));
    arena_done(&arena);
}

TEST(private_names_are_those_that_aws_documents)
{
    static const struct {
        const char *service, *name;
        bool private;
    } cases[] = {
        {"com.amazonaws.us-east-1.s3", "bucket.s3.us-east-1.amazonaws.com", true},
        {"com.amazonaws.us-east-1.s3", "a.b.s3.us-east-1.amazonaws.com", true},
        {"com.amazonaws.us-east-1.s3", "s3.amazonaws.com", false},
        {"com.amazonaws.us-east-1.s3", "xs3.us-east-1.amazonaws.com", false},
        {"com.amazonaws.us-east-1.sts", "sts.amazonaws.com", false},
        {"com.amazonaws.us-east-1.kinesis-streams", "1.data-kinesis.us-east-1.amazonaws.com", true},
        {"com.amazonaws.us-east-1.kinesis-streams", "data-kinesis.us-east-1.amazonaws.com", false},
        {"com.amazonaws.us-east-1.dynamodb", "dynamodb.us-east-1.amazonaws.com", false},
        {"com.amazonaws.iam", "iam.amazonaws.com", true},
    };
    arena_init(&arena, 4096, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct endpoint_service *service =
            endpoint_service_named(S("us-east-1"), span_of_cstr(cases[i].service));
        CHECK(service != NULL);
        if (endpoint_host_is(&arena, span_of_cstr(cases[i].name), service, S("us-east-1"),
                             ENDPOINT_NAMES_PRIVATE) != cases[i].private)
            test_fail(__FILE__, __LINE__, "%s", cases[i].name);
    }
    CHECK(!endpoint_service_named(S("eu-west-1"), S("com.amazonaws.iam")));
    CHECK(!endpoint_service_named(S("us-east-1"), S("com.amazonaws.us-east-1.iam")));
    CHECK(!endpoint_service_named(S("us-east-1"), S("com.amazonaws.s3")));
    arena_done(&arena);
}
