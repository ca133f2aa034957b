// SPDX-License-Identifier: Apache-2.0
// The SDK for JavaScript v3 as a second judge: one thing of each protocol and of what only this SDK does
// (rpc details, checksums by default, streams). Run by tests/api/test_node.py, which names each test.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import {
  CreateTableCommand, DeleteItemCommand, DeleteTableCommand, DescribeTableCommand, DynamoDBClient, GetItemCommand,
  PutItemCommand, waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { DescribeAvailabilityZonesCommand, DescribeFpgaImagesCommand, DescribeRegionsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { CreateUserCommand, DeleteUserCommand, GetUserCommand, IAMClient } from "@aws-sdk/client-iam";
import {
  CreateStreamCommand, DeleteStreamCommand, DescribeStreamConsumerCommand, DescribeStreamSummaryCommand, GetRecordsCommand,
  GetShardIteratorCommand, KinesisClient, PutRecordCommand, RegisterStreamConsumerCommand, SubscribeToShardCommand,
  waitUntilStreamExists,
} from "@aws-sdk/client-kinesis";
import {
  CopyObjectCommand, CreateBucketCommand, DeleteBucketCommand, DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand,
  ListObjectsV2Command, PutObjectCommand, S3Client,
} from "@aws-sdk/client-s3";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import {
  BatchGetCommand, BatchWriteCommand, DynamoDBDocumentClient, NumberValue, paginateQuery, PutCommand, TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const common = {
  endpoint: process.env.KINTOUN_ENDPOINT, region: "us-east-1", maxAttempts: 1,
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
};
const s3 = new S3Client({ ...common, forcePathStyle: true });
const fresh = (prefix) => `${prefix}-${randomBytes(6).toString("hex")}`;

/** The error of a call that must fail. */
async function refused(call) {
  try {
    await call;
  } catch (error) {
    return error;
  }
  assert.fail("it did not fail");
}

async function withBucket(work) {
  const Bucket = fresh("js");
  await s3.send(new CreateBucketCommand({ Bucket }));
  try {
    await work(Bucket);
  } finally {
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket }));
    if (Contents) {
      const Objects = Contents.map(({ Key }) => ({ Key }));
      const { Deleted } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
      assert.equal(Deleted.length, Objects.length);
    }
    await s3.send(new DeleteBucketCommand({ Bucket }));
  }
}

test("sts", async () => {
  const { Account, Arn, $metadata } = await new STSClient(common).send(new GetCallerIdentityCommand({}));
  assert.equal(Account, "000000000000");
  assert.equal(Arn, "arn:aws:iam::000000000000:root");
  assert.match($metadata.requestId, /^[0-9a-f-]{36}$/);
});

test("sts refuses", async () => {
  const error = await refused(new STSClient(common).send(new AssumeRoleCommand({ RoleArn: "short", RoleSessionName: "x" })));
  assert.equal(error.name, "ValidationError");
});

test("ec2", async () => {
  const ec2 = new EC2Client(common);
  const { Regions } = await ec2.send(new DescribeRegionsCommand({ RegionNames: ["us-west-2"] }));
  assert.deepEqual(Regions.map((it) => it.RegionName), ["us-west-2"]);
  const { AvailabilityZones } = await ec2.send(new DescribeAvailabilityZonesCommand({}));
  assert.equal(AvailabilityZones[0].ZoneName, "us-east-1a");
});

test("ec2 refuses what is not built", async () => {
  const error = await refused(new EC2Client(common).send(new DescribeFpgaImagesCommand({})));
  assert.equal(error.$metadata.httpStatusCode, 400);
  assert.equal(error.name, "UnsupportedOperation");
});

test("iam", async () => {
  const iam = new IAMClient(common);
  const UserName = fresh("js");
  const { User } = await iam.send(new CreateUserCommand({ UserName }));
  assert.ok(User.CreateDate instanceof Date);
  assert.equal((await iam.send(new GetUserCommand({ UserName }))).User.UserId, User.UserId);
  await iam.send(new DeleteUserCommand({ UserName }));
  assert.equal((await refused(iam.send(new GetUserCommand({ UserName })))).name, "NoSuchEntityException");
});

test("dynamodb", async () => {
  const db = new DynamoDBClient(common);
  const TableName = fresh("js");
  await db.send(new CreateTableCommand({
    TableName, BillingMode: "PAY_PER_REQUEST", KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
  }));
  assert.equal((await db.send(new DescribeTableCommand({ TableName }))).Table.TableName, TableName);
  const Item = {
    id: { S: "筋斗雲" }, n: { N: "-1.5" }, b: { B: new Uint8Array([0, 255]) }, no: { NULL: true }, yes: { BOOL: true },
    l: { L: [{ S: "" }, { N: "0" }] }, m: { M: { a: { S: "b" } } }, ss: { SS: ["x", "y"] }, ns: { NS: ["1", "2"] },
  };
  await db.send(new PutItemCommand({ TableName, Item }));
  const got = await db.send(new GetItemCommand({ TableName, Key: { id: Item.id }, ConsistentRead: true }));
  assert.deepEqual({ ...got.Item, ss: null, ns: null }, { ...Item, ss: null, ns: null });
  assert.deepEqual([...got.Item.ss.SS].sort(), ["x", "y"]);
  assert.deepEqual([...got.Item.ns.NS].sort(), ["1", "2"]);
  await db.send(new DeleteItemCommand({ TableName, Key: { id: Item.id } }));
  assert.equal((await db.send(new GetItemCommand({ TableName, Key: { id: Item.id } }))).Item, undefined);
  await db.send(new DeleteTableCommand({ TableName }));
  const error = await refused(db.send(new GetItemCommand({ TableName: fresh("none"), Key: { id: Item.id } })));
  assert.equal(error.name, "ResourceNotFoundException");
});

test("dynamodb documents", async () => {
  const db = new DynamoDBClient(common);
  const documents = DynamoDBDocumentClient.from(db, {
    marshallOptions: { removeUndefinedValues: true }, unmarshallOptions: { wrapNumbers: NumberValue.from },
  });
  const TableName = fresh("js");
  await db.send(new CreateTableCommand({
    TableName, BillingMode: "PAY_PER_REQUEST",
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }, { AttributeName: "n", KeyType: "RANGE" }],
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }, { AttributeName: "n", AttributeType: "N" }],
  }));
  await waitUntilTableExists({ client: db, maxWaitTime: 20, minDelay: 1 }, { TableName });
  const big = "12345678901234567890.123456789012345678";
  const Item = {
    id: "a", n: -1.5, big: NumberValue.from(big), none: null, gone: undefined, list: [1, "x", { deep: true }],
    bytes: new Uint8Array([1, 2]), tags: new Set(["x", "y"]),
  };
  await documents.send(new PutCommand({ TableName, Item }));
  const { Attributes } = await documents.send(new UpdateCommand({
    TableName, Key: { id: "a", n: -1.5 }, UpdateExpression: "SET #l[1] = :v ADD tags :t", ReturnValues: "ALL_NEW",
    ConditionExpression: "#l[2].deep = :yes", ExpressionAttributeNames: { "#l": "list" },
    ExpressionAttributeValues: { ":v": { y: [] }, ":t": new Set(["z"]), ":yes": true },
  }));
  assert.equal(Attributes.big.value, big);
  assert.deepEqual([Attributes.none, Attributes.list[1], [...Attributes.tags].sort()], [null, { y: [] }, ["x", "y", "z"]]);
  assert.ok(!("gone" in Attributes));
  const PutRequests = Array.from({ length: 20 }, (_, n) => ({ PutRequest: { Item: { id: "b", n } } }));
  await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: PutRequests } }));
  const found = [];
  const query = { TableName, KeyConditionExpression: "id = :b", ExpressionAttributeValues: { ":b": "b" } };
  for await (const page of paginateQuery({ client: documents, pageSize: 7 }, query)) {
    found.push(...page.Items.map((it) => Number(it.n.value)));
  }
  assert.deepEqual(found, Array.from({ length: 20 }, (_, n) => n));
  const error = await refused(documents.send(new TransactWriteCommand({ TransactItems: [
    { Delete: { TableName, Key: { id: "b", n: 0 } } },
    { Put: { TableName, Item: { id: "b", n: 1 }, ConditionExpression: "attribute_not_exists(id)" } },
  ] })));
  assert.deepEqual(error.CancellationReasons.map((it) => it.Code), ["None", "ConditionalCheckFailed"]);
  const got = await documents.send(new BatchGetCommand({ RequestItems: { [TableName]: { Keys: [{ id: "b", n: 0 }] } } }));
  assert.equal(got.Responses[TableName].length, 1);
  await db.send(new DeleteTableCommand({ TableName }));
});

// This SDK speaks HTTP/2 to Kinesis, to an http:// endpoint by prior knowledge.
test("kinesis", async () => {
  const kinesis = new KinesisClient(common);
  const StreamName = fresh("js");
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  await waitUntilStreamExists({ client: kinesis, maxWaitTime: 20, minDelay: 1 }, { StreamName });
  const { StreamDescriptionSummary: { StreamARN } } = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName }));
  const { Consumer: { ConsumerARN } } = await kinesis.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: "fan" }));
  while ((await kinesis.send(new DescribeStreamConsumerCommand({ ConsumerARN }))).ConsumerDescription.ConsumerStatus !== "ACTIVE") {
    await new Promise((go) => { setTimeout(go, 20); });
  }
  const ShardId = "shardId-000000000000";
  const { EventStream } = await kinesis.send(new SubscribeToShardCommand({
    ConsumerARN, ShardId, StartingPosition: { Type: "TRIM_HORIZON" },
  }));
  const Data = new TextEncoder().encode("筋斗雲");
  const puts = await Promise.all(Array.from({ length: 120 }, () => kinesis.send(new PutRecordCommand({ StreamName, Data, PartitionKey: "p" }))));
  const { ShardIterator } = await kinesis.send(new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" }));
  const { Records } = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
  const numbers = Records.map((it) => it.SequenceNumber);
  assert.deepEqual([...numbers].sort(), puts.map((it) => it.SequenceNumber).sort());
  const pushed = [];
  for await (const { SubscribeToShardEvent: event } of EventStream) {
    pushed.push(...event.Records.map((it) => it.SequenceNumber));
    if (pushed.length === numbers.length) break;
  }
  assert.deepEqual(pushed, numbers);
  const error = await refused(kinesis.send(new GetRecordsCommand({ ShardIterator: "tampered" })));
  assert.equal(error.name, "InvalidArgumentException");
  await kinesis.send(new DeleteStreamCommand({ StreamName, EnforceConsumerDeletion: true }));
  kinesis.destroy();
});

test("s3 objects", () => withBucket(async (Bucket) => {
  const Key = "a b/ö+%.txt";
  const put = await s3.send(new PutObjectCommand({ Bucket, Key, Body: "hello", Metadata: { colour: "blue" } }));
  assert.equal(put.ETag, '"5d41402abc4b2a76b9719d911017c592"');
  assert.equal(put.ChecksumCRC32, "NhCmhg==");
  const got = await s3.send(new GetObjectCommand({ Bucket, Key, Range: "bytes=1-3" }));
  assert.equal(await got.Body.transformToString(), "ell");
  assert.equal(got.ContentRange, "bytes 1-3/5");
  assert.deepEqual(got.Metadata, { colour: "blue" });
  await s3.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/${encodeURIComponent(Key)}` }));
  assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: "copy" }))).ContentLength, 5);
}));

test("s3 checks what it sends and gets", () => withBucket(async (Bucket) => {
  for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "SHA1", "SHA256"]) {
    const sent = await s3.send(new PutObjectCommand({ Bucket, Key: ChecksumAlgorithm, Body: "hello", ChecksumAlgorithm }));
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: ChecksumAlgorithm, ChecksumMode: "ENABLED" }));
    assert.equal(await got.Body.transformToString(), "hello");
    assert.ok(got[`Checksum${ChecksumAlgorithm}`]);
    assert.equal(got[`Checksum${ChecksumAlgorithm}`], sent[`Checksum${ChecksumAlgorithm}`]);
  }
}));

test("s3 multipart upload", () => withBucket(async (Bucket) => {
  const Body = randomBytes(12 * 1024 * 1024 + 1);
  const { ETag } = await new Upload({ client: s3, params: { Bucket, Key: "large", Body } }).done();
  assert.match(ETag, /-3"$/);
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: "large" }));
  assert.equal(Buffer.compare(Buffer.from(await got.Body.transformToByteArray()), Body), 0);
}));

test("s3 presigned", () => withBucket(async (Bucket) => {
  const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: "k" }), { expiresIn: 60 });
  assert.equal((await fetch(put, { method: "PUT", body: "by fetch" })).status, 200);
  const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "k" }), { expiresIn: 60 });
  assert.equal(await (await fetch(get)).text(), "by fetch");
}));

test("s3 refuses", () => withBucket(async (Bucket) => {
  const missing = await refused(s3.send(new GetObjectCommand({ Bucket, Key: "none" })));
  assert.equal(missing.name, "NoSuchKey");
  const none = await refused(s3.send(new ListObjectsV2Command({ Bucket: fresh("none") })));
  assert.equal(none.name, "NoSuchBucket");
}));
