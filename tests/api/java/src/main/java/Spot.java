// SPDX-License-Identifier: Apache-2.0
// The AWS SDK for Java v2 against the endpoint in AWS_ENDPOINT_URL: one line per check that held, an exception otherwise.
import java.net.URI;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.ResourceNotFoundException;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.ConsumerStatus;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEvent;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardResponseHandler;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.sts.StsClient;

public class Spot {
    static <B extends AwsClientBuilder<B, C>, C> C client(B builder) {
        return builder.endpointOverride(URI.create(System.getenv("AWS_ENDPOINT_URL"))).region(Region.US_EAST_1)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"))).build();
    }

    static void check(boolean held, String what) {
        if (!held)
            throw new AssertionError(what);
        System.out.println("held " + what);
    }

    static void objects(String name) {
        S3Client s3 = client(S3Client.builder().forcePathStyle(true));
        byte[] body = new byte[300_000];
        new Random(1).nextBytes(body);
        s3.createBucket(r -> r.bucket(name));
        s3.putObject(r -> r.bucket(name).key("a/ü+ b").metadata(Map.of("who", "java")), RequestBody.fromBytes(body));
        var got = s3.getObjectAsBytes(r -> r.bucket(name).key("a/ü+ b"));
        check(Arrays.equals(got.asByteArray(), body), "an object comes back");
        check("java".equals(got.response().metadata().get("who")), "user metadata comes back");
        check(s3.listObjectsV2(r -> r.bucket(name).prefix("a/")).contents().get(0).size() == body.length, "listing");
        try {
            s3.getObjectAsBytes(r -> r.bucket(name).key("none"));
            check(false, "a key that is not there is refused");
        } catch (NoSuchKeyException expected) {
            check(expected.statusCode() == 404, "a key that is not there is refused");
        }
        s3.deleteObject(r -> r.bucket(name).key("a/ü+ b"));
        s3.deleteBucket(r -> r.bucket(name));
    }

    /** In CBOR, which is this SDK's choice for Kinesis. */
    static void records(String name) {
        KinesisClient kinesis = client(KinesisClient.builder());
        kinesis.createStream(r -> r.streamName(name).shardCount(1));
        kinesis.waiter().waitUntilStreamExists(r -> r.streamName(name));
        var put = kinesis.putRecord(r -> r.streamName(name).partitionKey("p").data(SdkBytes.fromUtf8String("über")));
        var at = kinesis.getShardIterator(r -> r.streamName(name).shardId(put.shardId())
                .shardIteratorType(ShardIteratorType.AT_TIMESTAMP).timestamp(Instant.now().minusSeconds(60))).shardIterator();
        var record = kinesis.getRecords(r -> r.shardIterator(at)).records().get(0);
        check(record.data().asUtf8String().equals("über") && record.sequenceNumber().equals(put.sequenceNumber())
                && Math.abs(record.approximateArrivalTimestamp().until(Instant.now(), ChronoUnit.SECONDS)) < 60,
                "a record comes back");
        try {
            kinesis.describeStream(r -> r.streamName("none"));
            check(false, "a stream that is not there is refused");
        } catch (software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException expected) {
            check(expected.statusCode() == 400, "a stream that is not there is refused");
        }
        kinesis.deleteStream(r -> r.streamName(name));
    }

    /** SubscribeToShard, which this SDK speaks over HTTP/2 only. */
    static void subscriptions(String name) throws Exception {
        try (KinesisAsyncClient kinesis = client(KinesisAsyncClient.builder())) {
            kinesis.createStream(r -> r.streamName(name).shardCount(1)).get();
            kinesis.waiter().waitUntilStreamExists(r -> r.streamName(name)).get();
            String stream = kinesis.describeStreamSummary(r -> r.streamName(name)).get().streamDescriptionSummary().streamARN();
            String consumer = kinesis.registerStreamConsumer(r -> r.streamARN(stream).consumerName("fan")).get().consumer().consumerARN();
            while (kinesis.describeStreamConsumer(r -> r.consumerARN(consumer)).get().consumerDescription().consumerStatus() != ConsumerStatus.ACTIVE)
                Thread.sleep(20);
            var records = new LinkedBlockingQueue<Record>();
            var handler = SubscribeToShardResponseHandler.builder().subscriber(event -> {
                if (event instanceof SubscribeToShardEvent)
                    records.addAll(((SubscribeToShardEvent) event).records());
            }).onError(fault -> { }).build();
            var going = kinesis.subscribeToShard(r -> r.consumerARN(consumer).shardId("shardId-000000000000")
                    .startingPosition(p -> p.type(ShardIteratorType.TRIM_HORIZON)), handler);
            boolean all = true;
            for (int i = 0; i < 50; i++) {
                String text = "record " + i;
                String number = kinesis.putRecord(r -> r.streamName(name).partitionKey("p").data(SdkBytes.fromUtf8String(text))).get().sequenceNumber();
                Record got = records.poll(10, TimeUnit.SECONDS);
                all &= got != null && got.sequenceNumber().equals(number) && got.data().asUtf8String().equals(text);
            }
            check(all && !going.isDone(), "a subscription brings records as they are put");
            going.cancel(true);
            try {
                kinesis.subscribeToShard(r -> r.consumerARN(consumer).shardId("shardId-000000000009")
                        .startingPosition(p -> p.type(ShardIteratorType.LATEST)), handler).get();
                check(false, "a subscription to a shard that is not there is refused");
            } catch (java.util.concurrent.ExecutionException expected) {
                check(expected.getCause() instanceof software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException,
                        "a subscription to a shard that is not there is refused");
            }
            kinesis.deleteStream(r -> r.streamName(name).enforceConsumerDeletion(true)).get();
        }
    }

    static void items(String name) {
        DynamoDbClient db = client(DynamoDbClient.builder());
        db.createTable(r -> r.tableName(name).billingMode("PAY_PER_REQUEST")
                .keySchema(k -> k.attributeName("id").keyType(KeyType.HASH))
                .attributeDefinitions(a -> a.attributeName("id").attributeType("N")));
        db.waiter().waitUntilTableExists(r -> r.tableName(name));
        var item = Map.of("id", AttributeValue.fromN("12345678901234567890123456789012345678"),
                "list", AttributeValue.fromL(java.util.List.of(AttributeValue.fromBool(true), AttributeValue.fromS("x"))));
        db.putItem(r -> r.tableName(name).item(item));
        var got = db.getItem(r -> r.tableName(name).consistentRead(true).key(Map.of("id", item.get("id"))));
        check(got.item().equals(item), "an item comes back, its checksum verified");
        db.deleteTable(r -> r.tableName(name));
        try {
            db.getItem(r -> r.tableName(name).key(Map.of("id", item.get("id"))));
            check(false, "a table that is gone is refused");
        } catch (ResourceNotFoundException expected) {
            check(expected.statusCode() == 400, "a table that is gone is refused");
        }
    }

    static void identities(String name) {
        IamClient iam = client(IamClient.builder());
        check(client(StsClient.builder()).getCallerIdentity().arn().endsWith(":root"), "the caller is root");
        iam.createUser(r -> r.userName(name));
        check(iam.getUser(r -> r.userName(name)).user().arn().endsWith(":user/" + name), "a user comes back");
        iam.deleteUser(r -> r.userName(name));
    }

    public static void main(String[] arguments) throws Exception {
        objects(arguments[0]);
        items(arguments[0]);
        records(arguments[0]);
        subscriptions(arguments[0] + "-fan");
        identities(arguments[0]);
    }
}
