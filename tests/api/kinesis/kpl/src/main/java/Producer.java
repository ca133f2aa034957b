// SPDX-License-Identifier: Apache-2.0
/* STREAM PORT COUNT: puts COUNT records through the Kinesis Producer Library and says of each where it is. */
import com.google.common.util.concurrent.ListenableFuture;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.kinesis.producer.KinesisProducer;
import software.amazon.kinesis.producer.KinesisProducerConfiguration;
import software.amazon.kinesis.producer.UserRecordResult;

public class Producer {
    public static void main(String[] args) throws Exception {
        String stream = args[0];
        long port = Long.parseLong(args[1]);
        int count = Integer.parseInt(args[2]);
        KinesisProducerConfiguration config = new KinesisProducerConfiguration()
            .setRegion("us-east-1")
            .setKinesisEndpoint("127.0.0.1").setKinesisPort(port)
            .setStsEndpoint("127.0.0.1").setStsPort(port)
            .setCloudwatchEndpoint("127.0.0.1").setCloudwatchPort(port)
            .setVerifyCertificate(false)
            .setMetricsLevel("none")
            .setAggregationEnabled(true)
            .setRecordMaxBufferedTime(200)
            .setTempDirectory(System.getProperty("java.io.tmpdir"))
            .setCredentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")));
        KinesisProducer producer = new KinesisProducer(config);
        List<ListenableFuture<UserRecordResult>> puts = new ArrayList<>();
        for (int n = 0; n < count; n++)
            puts.add(producer.addUserRecord(stream, "key" + n % 7,
                                            ByteBuffer.wrap(("record " + n).getBytes(StandardCharsets.UTF_8))));
        for (int n = 0; n < count; n++) {
            UserRecordResult put = puts.get(n).get();
            System.out.println("put " + n + " " + put.isSuccessful() + " " + put.getShardId() + " " + put.getSequenceNumber());
        }
        producer.flushSync();
        producer.destroy();
        System.out.println("ended");
        System.exit(0);
    }
}
