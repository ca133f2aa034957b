// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Lines of server access logs: noted while a call to a bucket with logging is asked for, written
 * when its reply leaves. They wait in the store for log_delivery.c. The call's thread. Source:
 * "Amazon S3 server access log format".
 */
#include "services/s3/s3.records.h"
#include "wire/call.h"

/* Begins a line where the bucket has logging; the first bucket of a call counts. */
void log_line_note(struct call *c, const struct s3_bucket_record *bucket, struct span key);
/* The size of the object that the call is about. */
void log_line_note_size(struct call *c, uint64_t size);
/* For the gate; see struct service_hooks. */
void log_line_write(struct call *c, const struct reply_facts *facts);
