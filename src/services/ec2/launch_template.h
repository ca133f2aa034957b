// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Launch templates: a name, and numbered versions of what RunInstances is to be asked. Control
 * thread.
 */
#include "services/ec2/resource.h"

extern const struct resource_kind launch_template_kind;

/* By exactly one of id and name, as all operations name a template. */
RESULT launch_template_find(struct call *c, struct span id, struct span name,
                            struct stored_launch_template *ret);

/* launch_version.c: "1", "$Latest", "$Default"; absent: the default one. */
RESULT launch_version_find(struct call *c, const struct stored_launch_template *template,
                           struct span version, struct stored_launch_version *ret);
/* The next version of the template, which is not written here. */
RESULT launch_version_new(struct call *c, struct stored_launch_template *template,
                          struct span description,
                          const struct ec2_request_launch_template_data *data,
                          struct stored_launch_version *ret);
/* The number of the newest that is there: the newest that ever was may have been deleted. */
uint64_t launch_version_latest(struct call *c, const struct stored_launch_template *template);
void launch_version_drop_all(struct call *c, const struct stored_launch_template *template);

/* launch_data.c: data as it is kept. */
struct span launch_data_write(struct call *c, const struct ec2_request_launch_template_data *data);
RESULT launch_data_read(struct call *c, const struct stored_launch_version *version,
                        struct ec2_request_launch_template_data *ret);
/* What `from` says and `to` does not, of members with the same names. */
void launch_data_show(struct call *c, const struct ec2_request_launch_template_data *from,
                      struct ec2_response_launch_template_data *to);
void launch_data_fill(struct call *c, const struct ec2_request_launch_template_data *from,
                      struct ec2_request_launch_template_data *to);
/* Of RunInstances: fills `in` from the template that it names, and says which version that was;
 * number 0: it names none. */
struct launch_source {
    struct span template;
    uint64_t version;
};
RESULT launch_data_apply(struct call *c, struct ec2_run_instances_in *in,
                         struct launch_source *ret);
