// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Reverse names of elastic addresses ("Create a reverse DNS record"): kept once the name resolves
 * to the address, told to the resolvers of VPCs. Control thread.
 */
#include "services/cloud.h"
#include "services/ec2/ec2.h"
#include "services/ec2/elastic_address.h"

struct reverse_names;
struct steps;
struct reverse_names *ec2_reverse_names(struct ec2 *ec2);
/* `resolv_conf` is kept. */
struct reverse_names *reverse_names_new(struct cloud *cloud, struct steps *steps,
                                        const char *resolv_conf);
/* After the control loop has stopped. */
void reverse_names_free(struct reverse_names *names);

/* Whether it has one, or is about to: then it is neither released nor handed over. */
bool reverse_name_is_set(const struct stored_elastic_address *elastic);
/* The next step of one whose name is on its way. */
RESULT reverse_name_step(struct call *c, struct stored_elastic_address *elastic,
                         int64_t *ret_due_ms);
/* Of any public address that somebody has, of whatever account; absent: nobody has it. */
RESULT reverse_name_find(struct call *c, uint32_t address, struct span *ret);
