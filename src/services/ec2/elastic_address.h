// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Public addresses of interfaces: elastic ones, and those that an interface got at launch. Which
 * private address has which is in both records, the interface's and the elastic address's, and only
 * written here. Control thread.
 */
#include "services/ec2/interface.h"
#include "services/ec2/resource.h"

extern const struct resource_kind elastic_address_kind;

/* The one with that public address. */
RESULT elastic_address_find(struct call *c, struct span public_address,
                            struct stored_elastic_address *ret);
/* The private address at that index gets it; what either had before is left. Writes both records.
 */
RESULT elastic_address_join(struct call *c, struct stored_elastic_address *elastic,
                            struct stored_interface *interface, size_t index);
/* The private address at that index has no public one any more; one from launch goes back to the
 * pool. The caller writes the interface. */
RESULT elastic_address_leave(struct call *c, struct stored_interface *interface, size_t index);
/* The private address, with its elastic one if it has one, is another interface's now; the caller
 * writes the interfaces. */
RESULT elastic_address_follow(struct call *c, const struct stored_private_address *address,
                              struct span interface);
/* One of the pool for the primary address of an interface, as long as it has that; the caller
 * writes the interface. */
RESULT elastic_address_lend(struct call *c, struct stored_interface *interface);
