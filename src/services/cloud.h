// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the handlers of all services share, made once by the composition root (kintoun/up.c) and
 * handed to every call. Only handles: each thing keeps its own state and says itself which threads
 * may call it.
 */
#include <stdbool.h>

struct store;
struct auth;
struct authority;
struct workers;
struct loop;
struct kv;
struct dynamodb;
struct log;
struct kinesis;
struct s3;
struct ec2;
struct application_autoscaling;
struct tally;

struct cloud {
    struct store *store;
    struct auth *auth;
    struct workers *workers;
    struct authority *authority; /* http/authority.h, of the data directory */
    bool plain_at_rest;   /* objects are stored without encryption unless a request brings a key */
    struct loop *control; /* of the control thread: for what services do by themselves */
    struct kv *kv;
    struct dynamodb *dynamodb;
    struct log *log;
    struct kinesis *kinesis;
    struct s3 *s3;
    struct tally *s3_requests; /* of S3's metrics configurations */
    struct ec2 *ec2;
    struct application_autoscaling *application_autoscaling;
};
