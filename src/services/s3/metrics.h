// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Request metrics: each configuration of a bucket has a row of counters for the requests that its
 * filter covers. They are counted when replies leave, shown at /metrics, and begin anew with the
 * program. Private to this folder. Source: "Metrics and dimensions", "CloudWatch metrics
 * configurations".
 */
#include "services/s3/configuration.h"
#include "services/s3/note.h"

extern const struct configuration_kind metrics_kind;

/* What begins the name of every row of a bucket; and the name of one. They are labels, as they are
 * shown. */
struct span metrics_rows(struct arena *arena, struct span bucket);
struct span metrics_row(struct arena *arena, struct span bucket, struct span id);

/* While the object is still there. */
void metrics_begin(struct call *c, const struct s3_bucket_record *bucket, struct note *note);
/* In a transaction, when the reply leaves; and when it is sent. */
void metrics_count(struct call *c, struct note *note, const struct reply_facts *facts);
void metrics_count_total(struct call *c, const struct note *note, int64_t ms);
