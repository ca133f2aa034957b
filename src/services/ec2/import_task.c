// SPDX-License-Identifier: Apache-2.0
/*
 * ImportImage, DescribeImportImageTasks, CancelImportTask. What is imported is the archive of a
 * root file system: the format `tar` is this program's own. The role that reads it is the
 * account's, as on AWS ("Required permissions for VM Import/Export"). Control thread.
 */
#include "services/ec2/import_task.h"

#include "auth/condition.h"
#include "auth/session.h"
#include "services/ec2/client_token.h"
#include "services/ec2/describe.h"
#include "services/ec2/disk_copy.h"
#include "services/ec2/image.h"
#include "services/ec2/instance_type.h"
#include "services/ec2/tag.h"

#include <errno.h>

#define ROLE S("vmimport")
#define PRINCIPAL S("vmie.amazonaws.com")
#define FORMAT S("tar")

/* ---- what is told ------------------------------------------------------------------------------
 */

static struct span state_name(uint64_t state)
{
    static const struct span names[] = {[IMPORT_ACTIVE] = S_INIT("active"),
                                        [IMPORT_COMPLETED] = S_INIT("completed"),
                                        [IMPORT_DELETING] = S_INIT("deleting"),
                                        [IMPORT_DELETED] = S_INIT("deleted")};
    return names[state];
}

static void show_disk(struct call *c, const struct stored_import_task *task,
                      struct ec2_snapshot_detail_list *to)
{
    struct ec2_snapshot_detail *disk = ARENA_NEW(c->arena, struct ec2_snapshot_detail);
    disk->user_bucket = ARENA_NEW(c->arena, struct ec2_user_bucket_details);
    disk->user_bucket->s3_bucket = task->bucket;
    disk->user_bucket->s3_key = task->key;
    disk->description = task->disk_description;
    disk->device_name = task->device;
    disk->format = task->format;
    disk->status = task->state == IMPORT_ACTIVE || task->state == IMPORT_COMPLETED
                       ? state_name(task->state)
                       : SPAN_NONE;
    to->at = disk;
    to->count = 1;
}

/* How far it is, as long as it is on its way. */
static void show_progress(struct call *c, const struct stored_import_task *task,
                          struct ec2_import_image_task *to)
{
    struct span why;
    unsigned percent = disk_copy_percent(c, task->id);
    to->status_message = task->failure;
    if (task->state != IMPORT_ACTIVE)
        return;
    if (disk_copy_state(c, task->id, &why) == DISK_COPY_NONE)
        to->status_message = S("pending");
    else
        to->status_message = percent == 0     ? S("validating")
                             : percent == 100 ? S("preparing ami")
                                              : S("converting");
    to->progress = arena_printf(c->arena, "%u", percent);
}

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_import_task *task = record;
    struct ec2_import_image_task *to = shown;
    to->import_task_id = task->id;
    to->architecture = instance_type_architecture();
    to->description = task->description;
    to->license_type = S("BYOL");
    to->platform = S("Linux");
    to->status = state_name(task->state);
    to->image_id = task->state == IMPORT_COMPLETED ? task->image : SPAN_NONE;
    show_progress(c, task, to);
    show_disk(c, task, &to->snapshot_details);
    return tag_list(c, task->id, &to->tags);
}

static const struct filter_name filters[] = {{"task-state", "Status"}};

const struct resource_kind import_task_kind = {
    .prefix = S_INIT("import-ami-"),
    .type = "import-image-task",
    .record = &stored_import_task_table,
    .vpc = RESOURCE_NO_VPC,
    .malformed = &EC2_INVALID_CONVERSION_TASK_ID_MALFORMED,
    .missing = &EC2_INVALID_CONVERSION_TASK_ID,
    .missing_before = "The import task ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_import_image_task),
    .show = show,
    .filters = {EC2_SHAPE_IMPORT_IMAGE_TASK, filters, ARRAY_LEN(filters)},
    .step = import_task_step,
};

RESULT ec2_describe_import_image_tasks(struct call *c,
                                       const struct ec2_describe_import_image_tasks_in *in,
                                       struct ec2_describe_import_image_tasks_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, import_task_ids);
    TRY(describe(c, &import_task_kind, &asked, &found));
    out->import_image_tasks.at = found.at;
    out->import_image_tasks.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* ---- ImportImage -------------------------------------------------------------------------------
 */

static RESULT check_not_built(struct call *c, const struct ec2_import_image_in *in)
{
    const struct {
        bool asked;
        const char *what;
    } parameters[] = {
        {in->encrypted || in->kms_key_id.at, "An encrypted image"},
        {in->license_type.at && !span_eq(in->license_type, S("BYOL")), "A license of AWS"},
        {in->license_specifications.count > 0, "A license configuration"},
        {in->usage_operation.at, "UsageOperation"},
        {in->boot_mode.at, "BootMode"},
        {in->hypervisor.at && !span_eq(in->hypervisor, S("xen")), "Another hypervisor"},
        {in->platform.at && !span_eq_nocase(in->platform, S("Linux")), "Another system than Linux"},
        {in->architecture.at && !span_eq(in->architecture, instance_type_architecture()),
         "An architecture other than the host's"},
        {in->disk_containers.count > 1, "An image of several disks"},
    };
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
        if (parameters[i].asked)
            return resource_not_built(c, parameters[i].what);
    return OK;
}

static RESULT check_format(struct call *c, struct span format)
{
    static const struct span disks[] = {S_INIT("OVA"), S_INIT("RAW"), S_INIT("VHD"), S_INIT("VHDX"),
                                        S_INIT("VMDK")};
    if (!format.at || span_eq_nocase(format, FORMAT))
        return OK;
    for (size_t i = 0; i < ARRAY_LEN(disks); i++)
        if (span_eq_nocase(format, disks[i]))
            return resource_not_built(
                c, "A disk image in place of the archive of a root file system (Format=tar)");
    return refuse(c, &EC2_INVALID_PARAMETER, "The format %.*s is not supported. Use tar.",
                  SPAN_ARG(format));
}

static RESULT read_disk(struct call *c, const struct ec2_import_image_in *in,
                        struct stored_import_task *to)
{
    const struct ec2_image_disk_container *disk = in->disk_containers.at;
    if (!in->disk_containers.count)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter DiskContainers");
    if (disk->snapshot_id.at || disk->url.at)
        return resource_not_built(c, "A disk by SnapshotId or Url");
    if (!disk->user_bucket || !disk->user_bucket->s3_bucket.len || !disk->user_bucket->s3_key.len)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameters S3Bucket and S3Key of UserBucket");
    TRY(check_format(c, disk->format));
    to->bucket = disk->user_bucket->s3_bucket;
    to->key = disk->user_bucket->s3_key;
    to->device = disk->device_name;
    to->disk_description = disk->description;
    to->format = disk->format.at ? disk->format : FORMAT;
    return OK;
}

/* The service's request for it, which says the role's usual name. */
static bool is_trusted(const struct call *c, const struct auth_role *role)
{
    struct call own = *c;
    own.conditions = NULL;
    condition_set_one(&own, S("sts:ExternalId"), ROLE);
    return session_trusts(&own, role, PRINCIPAL);
}

/* That it trusts the service, and that the caller may pass it; what it may read is asked when it
 * reads. */
static RESULT check_role(struct call *c, struct span name)
{
    struct auth_role role = {.account = c->account, .lname = principal_lname(c->arena, name)};
    int error = auth_role_get(c->txn, c->arena, &role);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading a role");
    if (error || !is_trusted(c, &role))
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "The service role %.*s provided does not exist or does not have sufficient "
                      "permissions",
                      SPAN_ARG(name));
    return auth_require(c, S("iam:PassRole"),
                        principal_arn(c->arena, role.account, "role", role.path, role.name), NULL,
                        SPAN_NONE);
}

static RESULT make(struct call *c, const struct ec2_import_image_in *in,
                   struct stored_import_task *task)
{
    struct stored_image image;
    TRY(check_not_built(c, in));
    TRY(read_disk(c, in, task));
    task->role = in->role_name.len ? in->role_name : ROLE;
    TRY(check_role(c, task->role));
    resource_name(c, &image_kind, &image);
    resource_name(c, &import_task_kind, task);
    task->image = image.id;
    task->state = IMPORT_ACTIVE;
    task->description = in->description;
    TRY(tag_new(c, &import_task_kind, task->id, &in->tag_specifications));
    resource_put_moving(c, &import_task_kind, task, 0);
    return OK;
}

/* The output is the task under other names. */
static RESULT tell(struct call *c, const struct stored_import_task *task,
                   struct ec2_import_image_out *out)
{
    struct ec2_import_image_task shown = {0};
    TRY(show(c, task, &shown));
    out->import_task_id = shown.import_task_id;
    out->architecture = shown.architecture;
    out->description = shown.description;
    out->license_type = shown.license_type;
    out->platform = shown.platform;
    out->progress = shown.progress;
    out->status = shown.status;
    out->status_message = shown.status_message;
    out->snapshot_details = shown.snapshot_details;
    out->tags = shown.tags;
    out->image_id = shown.image_id;
    return OK;
}

RESULT ec2_import_image(struct call *c, const struct ec2_import_image_in *in,
                        struct ec2_import_image_out *out)
{
    struct span made;
    struct stored_import_task task = {0};
    TRY(client_token_find(c, in, in->client_token, &made));
    if (made.at) {
        TRY(resource_get(c, &import_task_kind, made, &task));
        return tell(c, &task, out);
    }
    TRY(make(c, in, &task));
    client_token_keep(c, in, in->client_token, task.id);
    return tell(c, &task, out);
}

/* ---- CancelImportTask --------------------------------------------------------------------------
 */

RESULT ec2_cancel_import_task(struct call *c, const struct ec2_cancel_import_task_in *in,
                              struct ec2_cancel_import_task_out *out)
{
    struct stored_import_task task;
    TRY(resource_get(c, &import_task_kind, in->import_task_id, &task));
    if (task.state != IMPORT_ACTIVE)
        return refuse(c, &EC2_INCORRECT_STATE, "The import task '%.*s' is %.*s, not active.",
                      SPAN_ARG(task.id), SPAN_ARG(state_name(task.state)));
    out->import_task_id = task.id;
    out->previous_state = state_name(task.state);
    task.state = IMPORT_DELETING;
    task.failure = in->cancel_reason;
    out->state = state_name(task.state);
    resource_put_moving(c, &import_task_kind, &task, 0);
    return OK;
}
