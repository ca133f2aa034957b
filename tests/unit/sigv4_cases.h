// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Signed requests, made by sigv4_cases.py with botocore's signers. */
// clang-format off
static const struct signed_case botocore_cases[] = {
    {"sts form", false,
     "POST /\n"
     "host:127.0.0.1:4566\n"
     "content-type:application/x-www-form-urlencoded; charset=utf-8\n"
     "x-amz-date:20261122T130005Z\n"
     "authorization:AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/sts/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=82c3f7c2ede40899f0b5e9d50aee13e203a3be58d3ff180fc30ca83bfc4fe98c\n",
     "Action=GetCallerIdentity&Version=2011-06-15",
     "POST\n"
     "/\n"
     "\n"
     "content-type:application/x-www-form-urlencoded; charset=utf-8\n"
     "host:127.0.0.1:4566\n"
     "x-amz-date:20261122T130005Z\n"
     "\n"
     "content-type;host;x-amz-date\n"
     "ab821ae955788b0e33ebd34c208442ccfc2d406e2edc5e7a39bd6458fbb4f843",
     "82c3f7c2ede40899f0b5e9d50aee13e203a3be58d3ff180fc30ca83bfc4fe98c"},
    {"dynamodb with a token", false,
     "POST /\n"
     "host:localhost:4566\n"
     "x-amz-target:DynamoDB_20120810.GetItem\n"
     "content-type:application/x-amz-json-1.0\n"
     "x-amz-date:20261122T130005Z\n"
     "x-amz-security-token:IQoJb3JpZ2luX2VjEAAaCXVzLWVhc3QtMSJHMEUCIQD//x+y/w==\n"
     "authorization:AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=34c32a1efcc4f9fa9354783b8937772821ac8ea3ef4d6f7012a10a34e7c2cad1\n",
     "{\"TableName\":\"t\",\"Key\":{\"k\":{\"S\":\"\303\251\"}}}",
     "POST\n"
     "/\n"
     "\n"
     "content-type:application/x-amz-json-1.0\n"
     "host:localhost:4566\n"
     "x-amz-date:20261122T130005Z\n"
     "x-amz-security-token:IQoJb3JpZ2luX2VjEAAaCXVzLWVhc3QtMSJHMEUCIQD//x+y/w==\n"
     "x-amz-target:DynamoDB_20120810.GetItem\n"
     "\n"
     "content-type;host;x-amz-date;x-amz-security-token;x-amz-target\n"
     "d672be0bd0881d6d9ba9bbaba8be0e1938529f9d62ae67469c0bf1cc71bd394a",
     "34c32a1efcc4f9fa9354783b8937772821ac8ea3ef4d6f7012a10a34e7c2cad1"},
    {"lambda arn coded again", false,
     "GET /2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af/\n"
     "host:localhost\n"
     "x-amz-date:20261122T130005Z\n"
     "authorization:AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature=6834f95e6d8ff396711e21bbc1edcbe718b602bd08a57a95d0d429bf47f7a7cf\n",
     "",
     "GET\n"
     "/2015-03-31/functions/arn%253Aaws%253Alambda%253Aus-east-1%253A000000000000%253Afunction%253Af/\n"
     "\n"
     "host:localhost\n"
     "x-amz-date:20261122T130005Z\n"
     "\n"
     "host;x-amz-date\n"
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "6834f95e6d8ff396711e21bbc1edcbe718b602bd08a57a95d0d429bf47f7a7cf"},
    {"dots and slashes", false,
     "GET /a//b/./c/../%7Ed%20e/g/.././f/./?b=2&a=1&a=0&A=z&a-b=3&a=10&c\n"
     "host:localhost\n"
     "x-amz-date:20261122T130005Z\n"
     "authorization:AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=57f84b1e1f0ea78cd39d30158bef204b46fafbe3edd3aec7afa51f411361c909\n",
     "",
     "GET\n"
     "/a/b/%257Ed%2520e/f/\n"
     "A=z&a=0&a=1&a=10&a-b=3&b=2&c=\n"
     "host:localhost\n"
     "x-amz-date:20261122T130005Z\n"
     "\n"
     "host;x-amz-date\n"
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "57f84b1e1f0ea78cd39d30158bef204b46fafbe3edd3aec7afa51f411361c909"},
    {"blanks in values", false,
     "GET /\n"
     "host:localhost\n"
     "my-header:  one   two \t three  \n"
     "other:\n"
     "x-amz-date:20261122T130005Z\n"
     "authorization:AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/execute-api/aws4_request, SignedHeaders=host;my-header;other;x-amz-date, Signature=ec480c5efcef600a43fde08fdc14b12e67e3738d1e047c645cd300f454827900\n",
     "",
     "GET\n"
     "/\n"
     "\n"
     "host:localhost\n"
     "my-header:one two three\n"
     "other:\n"
     "x-amz-date:20261122T130005Z\n"
     "\n"
     "host;my-header;other;x-amz-date\n"
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "ec480c5efcef600a43fde08fdc14b12e67e3738d1e047c645cd300f454827900"},
    {"s3 odd key", true,
     "GET /bucket/a%20b%2Bc%28d%29%27%C3%A9//./../x%252F~-_.%21%2A%40%3A%3D%24%2C\n"
     "host:localhost:4566\n"
     "x-amz-date:20261122T130005Z\n"
     "x-amz-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "authorization:AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=7047b54ea4f6007f29454af168a5b67cc88bcb74ee788068a105c05c5da55504\n",
     "",
     "GET\n"
     "/bucket/a%20b%2Bc%28d%29%27%C3%A9//./../x%252F~-_.%21%2A%40%3A%3D%24%2C\n"
     "\n"
     "host:localhost:4566\n"
     "x-amz-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "x-amz-date:20261122T130005Z\n"
     "\n"
     "host;x-amz-content-sha256;x-amz-date\n"
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "7047b54ea4f6007f29454af168a5b67cc88bcb74ee788068a105c05c5da55504"},
    {"s3 list", true,
     "GET /?list-type=2&prefix=a%2Fb%20c&delimiter=%2F&encoding-type=url&start-after=\n"
     "host:bucket.localhost:4566\n"
     "x-amz-date:20261122T130005Z\n"
     "x-amz-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "authorization:AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=e8a9749a8d300254555a219b380cf11e09880f8150631842605bf51c2d0f8e9b\n",
     "",
     "GET\n"
     "/\n"
     "delimiter=%2F&encoding-type=url&list-type=2&prefix=a%2Fb%20c&start-after=\n"
     "host:bucket.localhost:4566\n"
     "x-amz-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "x-amz-date:20261122T130005Z\n"
     "\n"
     "host;x-amz-content-sha256;x-amz-date\n"
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "e8a9749a8d300254555a219b380cf11e09880f8150631842605bf51c2d0f8e9b"},
    {"s3 subresource", true,
     "DELETE /bucket?tagging\n"
     "host:localhost:4566\n"
     "x-amz-date:20261122T130005Z\n"
     "x-amz-security-token:IQoJb3JpZ2luX2VjEAAaCXVzLWVhc3QtMSJHMEUCIQD//x+y/w==\n"
     "x-amz-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "authorization:AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=a210f933fc054f0ec4eabb80720d65ef62be351d1fba39b8a2f3f9b3fbf59a7e\n",
     "",
     "DELETE\n"
     "/bucket\n"
     "tagging=\n"
     "host:localhost:4566\n"
     "x-amz-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "x-amz-date:20261122T130005Z\n"
     "x-amz-security-token:IQoJb3JpZ2luX2VjEAAaCXVzLWVhc3QtMSJHMEUCIQD//x+y/w==\n"
     "\n"
     "host;x-amz-content-sha256;x-amz-date;x-amz-security-token\n"
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "a210f933fc054f0ec4eabb80720d65ef62be351d1fba39b8a2f3f9b3fbf59a7e"},
    {"s3 put with metadata", true,
     "PUT /bucket/key\n"
     "host:localhost:4566\n"
     "x-amz-meta-a:one   two\n"
     "content-md5:XrY7u+Ae7tCTyyK7j1rNww==\n"
     "content-type:text/plain\n"
     "x-amz-acl:private\n"
     "x-amz-date:20261122T130005Z\n"
     "x-amz-content-sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9\n"
     "authorization:AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/s3/aws4_request, SignedHeaders=content-md5;content-type;host;x-amz-acl;x-amz-content-sha256;x-amz-date;x-amz-meta-a, Signature=32cd59e939a754eef5f9d25ad8695dd42c6c617f27f7fd213b8a1591b11c77d0\n",
     "hello world",
     "PUT\n"
     "/bucket/key\n"
     "\n"
     "content-md5:XrY7u+Ae7tCTyyK7j1rNww==\n"
     "content-type:text/plain\n"
     "host:localhost:4566\n"
     "x-amz-acl:private\n"
     "x-amz-content-sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9\n"
     "x-amz-date:20261122T130005Z\n"
     "x-amz-meta-a:one two\n"
     "\n"
     "content-md5;content-type;host;x-amz-acl;x-amz-content-sha256;x-amz-date;x-amz-meta-a\n"
     "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
     "32cd59e939a754eef5f9d25ad8695dd42c6c617f27f7fd213b8a1591b11c77d0"},
    {"s3 unsigned payload", true,
     "PUT /bucket/key\n"
     "host:localhost:4566\n"
     "x-amz-date:20261122T130005Z\n"
     "x-amz-content-sha256:UNSIGNED-PAYLOAD\n"
     "authorization:AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=49433095e173b7fe9f3737da7f7ac0752a0463f4a07258038986b2ba0e4eff0d\n",
     "hello world",
     "PUT\n"
     "/bucket/key\n"
     "\n"
     "host:localhost:4566\n"
     "x-amz-content-sha256:UNSIGNED-PAYLOAD\n"
     "x-amz-date:20261122T130005Z\n"
     "\n"
     "host;x-amz-content-sha256;x-amz-date\n"
     "UNSIGNED-PAYLOAD",
     "49433095e173b7fe9f3737da7f7ac0752a0463f4a07258038986b2ba0e4eff0d"},
    {"s3 presigned get", true,
     "GET /a%20b/c%2Bd?response-content-type=text%2Fplain&versionId=x&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261122T130005Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Security-Token=IQoJb3JpZ2luX2VjEAAaCXVzLWVhc3QtMSJHMEUCIQD%2F%2Fx%2By%2Fw%3D%3D&X-Amz-Signature=8ca1ec1349cd6f12af46aab0e7312931d051acf4eedaaaa96d3803321c560aff\n"
     "host:bucket.localhost:4566\n",
     "",
     "GET\n"
     "/a%20b/c%2Bd\n"
     "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261122T130005Z&X-Amz-Expires=60&X-Amz-Security-Token=IQoJb3JpZ2luX2VjEAAaCXVzLWVhc3QtMSJHMEUCIQD%2F%2Fx%2By%2Fw%3D%3D&X-Amz-SignedHeaders=host&response-content-type=text%2Fplain&versionId=x\n"
     "host:bucket.localhost:4566\n"
     "\n"
     "host\n"
     "UNSIGNED-PAYLOAD",
     "8ca1ec1349cd6f12af46aab0e7312931d051acf4eedaaaa96d3803321c560aff"},
    {"s3 presigned put", true,
     "PUT /bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261122T130005Z&X-Amz-Expires=60&X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-meta-a&X-Amz-Signature=ead2612e8f571b7bba30c90f5cde0b2b6cea4c6d0a1e0a79ac0d07fc707c6c8a\n"
     "host:localhost:4566\n"
     "x-amz-meta-a:b\n"
     "content-type:text/plain\n",
     "",
     "PUT\n"
     "/bucket/key\n"
     "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261122T130005Z&X-Amz-Expires=60&X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-meta-a\n"
     "content-type:text/plain\n"
     "host:localhost:4566\n"
     "x-amz-meta-a:b\n"
     "\n"
     "content-type;host;x-amz-meta-a\n"
     "UNSIGNED-PAYLOAD",
     "ead2612e8f571b7bba30c90f5cde0b2b6cea4c6d0a1e0a79ac0d07fc707c6c8a"},
    {"sts presigned", false,
     "GET /?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20261122T130005Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=e813c72ead071d3eb92e51e14af9802d4070b134b82b87969c2d9614f56c6ba3\n"
     "host:localhost\n"
     "x-k8s-aws-id:cluster\n",
     "",
     "GET\n"
     "/\n"
     "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20261122T130005Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\n"
     "host:localhost\n"
     "x-k8s-aws-id:cluster\n"
     "\n"
     "host;x-k8s-aws-id\n"
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "e813c72ead071d3eb92e51e14af9802d4070b134b82b87969c2d9614f56c6ba3"},
};
// clang-format on
