// SPDX-License-Identifier: Apache-2.0
/* Cases for the MD5 of many streams at once: every stream gets its own digest, whoever computes it.
 */
#include "test.h"

#include "store/gathering.h"

#include <stdlib.h>

#define STREAMS 24 /* more than go together */
#define PIECES 12
#define LONGEST ((size_t)300000)

struct stream {
    pthread_t thread;
    struct gathering *gathering;
    unsigned seed;
    int wrong;
};

static void *run(void *user)
{
    struct stream *stream = user;
    char *bytes = malloc(LONGEST);
    uint8_t have[MD5_SIZE], want[MD5_SIZE];
    MD5_CTX md5, alone;
    MD5_Init(&md5);
    MD5_Init(&alone);
    memset(bytes, (int)stream->seed, LONGEST);
    gathering_join(stream->gathering);
    for (int i = 0; i < PIECES; i++) {
        size_t len = i == 3 ? 0 : (size_t)rand_r(&stream->seed) % LONGEST;
        gathering_feed(stream->gathering, &md5, span_of(bytes, len));
        MD5_Update(&alone, bytes, len);
    }
    gathering_leave(stream->gathering);
    MD5_Final(have, &md5);
    MD5_Final(want, &alone);
    stream->wrong = memcmp(have, want, sizeof want);
    free(bytes);
    return NULL;
}

static void check_streams(size_t count)
{
    struct gathering gathering;
    struct stream streams[STREAMS];
    gathering_init(&gathering);
    for (size_t i = 0; i < count; i++) {
        streams[i] = (struct stream){.gathering = &gathering, .seed = (unsigned)(i + 1)};
        CHECK_INT(pthread_create(&streams[i].thread, NULL, run, &streams[i]), 0);
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(streams[i].thread, NULL);
        CHECK_INT(streams[i].wrong, 0);
    }
    CHECK_INT(gathering.streams, 0);
    gathering_done(&gathering);
}

TEST(few_streams)
{
    check_streams(1);
    check_streams(3);
}

TEST(many_streams)
{
    check_streams(5);
    check_streams(STREAMS);
}
