// SPDX-License-Identifier: Apache-2.0
// A consumer by the Kinesis Client Library 3:  Consumer STREAM APPLICATION WORKER polling|pushed
// Prints a line for each record, "record SHARD SEQUENCE-NUMBER TEXT", and one for the end of each shard; ends with its input.
import java.net.URI;
import java.nio.charset.StandardCharsets;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.StreamConfig;
import software.amazon.kinesis.common.StreamIdentifier;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.MetricsLevel;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.RetrievalSpecificConfig;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

public class Consumer {
    static <B extends AwsClientBuilder<B, C>, C> C client(B builder) {
        return builder.endpointOverride(URI.create(System.getenv("AWS_ENDPOINT_URL"))).region(Region.US_EAST_1)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"))).build();
    }

    static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    static class Processor implements ShardRecordProcessor {
        private String shard;

        static void checkpoint(RecordProcessorCheckpointer checkpointer) {
            try {
                checkpointer.checkpoint();
            } catch (InvalidStateException | ShutdownException fault) {
                say("no checkpoint: " + fault);
            }
        }

        @Override
        public void initialize(InitializationInput input) {
            shard = input.shardId();
            say("begin " + shard);
        }

        @Override
        public void processRecords(ProcessRecordsInput input) {
            input.records().forEach(record -> say("record " + shard + " " + record.sequenceNumber() + " "
                    + StandardCharsets.UTF_8.decode(record.data())));
            if (!input.records().isEmpty())
                checkpoint(input.checkpointer());
        }

        @Override
        public void leaseLost(LeaseLostInput input) {
            say("lost " + shard);
        }

        @Override
        public void shardEnded(ShardEndedInput input) {
            say("end " + shard);
            checkpoint(input.checkpointer());
        }

        @Override
        public void shutdownRequested(ShutdownRequestedInput input) {
            checkpoint(input.checkpointer());
        }
    }

    public static void main(String[] arguments) throws Exception {
        String stream = arguments[0], application = arguments[1], worker = arguments[2];
        KinesisAsyncClient kinesis = client(KinesisAsyncClient.builder());
        DynamoDbAsyncClient dynamo = client(DynamoDbAsyncClient.builder());
        ConfigsBuilder configs = new ConfigsBuilder(
                new SingleStreamTracker(StreamIdentifier.singleStreamInstance(stream),
                        InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON)),
                application, kinesis, dynamo, client(CloudWatchAsyncClient.builder()), worker, Processor::new);
        RetrievalSpecificConfig retrieval = arguments[3].equals("polling")
                ? new PollingConfig(stream, kinesis).idleTimeBetweenReadsInMillis(250)
                : new FanOutConfig(kinesis).streamName(stream).applicationName(application);
        Scheduler scheduler = new Scheduler(configs.checkpointConfig(),
                configs.coordinatorConfig().parentShardPollIntervalMillis(500).shardConsumerDispatchPollIntervalMillis(200),
                configs.leaseManagementConfig().failoverTimeMillis(3000).shardSyncIntervalMillis(3000),
                configs.lifecycleConfig(), configs.metricsConfig().metricsLevel(MetricsLevel.NONE), configs.processorConfig(),
                configs.retrievalConfig().retrievalSpecificConfig(retrieval));
        Thread thread = new Thread(scheduler);
        thread.setDaemon(true);
        thread.start();
        while (System.in.read() >= 0)
            continue;
        scheduler.startGracefulShutdown().get();
        say("stopped");
        System.exit(0);
    }
}
