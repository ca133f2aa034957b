// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Backups of tables. One is CREATING for as long as the engine copies into it, and in use while the
 * engine copies from it. Control thread.
 */
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/dynamodb.records.h"
#include "wire/call.h"

struct kv_access;

#define BACKUP_PENDING_DAYS 35 /* that what a deleted table left is kept */

/* "Backup not found: …" */
RESULT backup_find(struct call *c, struct span arn, struct dynamodb_backup *ret);
struct span backup_arn(struct call *c, const struct dynamodb_backup *backup);
/* What engines/kv calls it. */
struct span backup_of(struct arena *arena, const struct dynamodb_backup *backup);
bool backup_is_over(const struct dynamodb_backup *backup, int64_t now_ms);
/* enum KV_COPYING of it. */
RESULT backup_copying(struct call *c, const struct dynamodb_backup *backup, int *ret);
struct dynamodb_blueprint *backup_blueprint(struct arena *arena,
                                            const struct dynamodb_table *table);
/* Keeps the items of a table that has been shut, instead of dropping them. 0 or a negative errno.
 */
MUST_CHECK int backup_keep_deleted(const struct kv_access *access,
                                   const struct dynamodb_table *table, int64_t now_ms);

/* backup_show.c */
RESULT backup_show_details(struct call *c, const struct dynamodb_backup *backup,
                           struct dynamodb_backup_details **ret);
RESULT backup_show(struct call *c, const struct dynamodb_backup *backup,
                   struct dynamodb_backup_description **ret);
