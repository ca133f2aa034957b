// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The network interfaces that an instance is launched with. Control thread. */
#include "services/ec2/instance.h"
#include "services/ec2/subnet.h"

struct instance_type;

#define INSTANCE_INTERFACES 16 /* more than any type has */
#define INSTANCE_ADDRESSES 50

struct instance_interface_wish {
    struct stored_interface *existing; /* or NULL: a new one, of what follows */
    struct stored_subnet subnet;
    struct record_texts groups; /* ids */
    struct span description;
    uint32_t addresses[INSTANCE_ADDRESSES]; /* the primary one first; 0: any */
    size_t address_count;
    struct ec2_ipv6_address_list addresses6;
    size_t further6;
    bool has_addresses6;           /* else the subnet decides */
    bool has_public, wants_public; /* not has_public: as the subnet says */
    uint64_t device_index;
    bool ends_together; /* with the instance */
};

/* Device 0 first. */
struct instance_cards {
    struct instance_interface_wish at[INSTANCE_INTERFACES];
    size_t count;
};
RESULT instance_cards_read(struct call *c, const struct ec2_run_instances_in *in,
                           const struct instance_type *type, struct instance_cards *ret);

/* instance_interface.c: makes and attaches them all. */
RESULT instance_cards_attach(struct call *c, struct stored_instance *instance,
                             const struct instance_cards *cards);
RESULT instance_too_many_interfaces(struct call *c, size_t count, struct span type);
