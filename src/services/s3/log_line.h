// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Lines of server access logs, written when a reply leaves. They wait in the store for
 * log_delivery.c. The call's thread. Source: "Amazon S3 server access log format".
 */
#include "services/s3/s3.records.h"
#include "wire/call.h"

/* The line of a call that has a note. */
void log_line_write(struct call *c, const struct reply_facts *facts);
