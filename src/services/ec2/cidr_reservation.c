// SPDX-License-Identifier: Apache-2.0
/*
 * CreateSubnetCidrReservation, GetSubnetCidrReservations, DeleteSubnetCidrReservation. What is
 * reserved is avoided where addresses are chosen: lease.c, address6.c ("Subnet CIDR reservations").
 * Control thread.
 */
#include "services/ec2/cidr_reservation.h"

#include "services/ec2/describe.h"
#include "services/ec2/subnet.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"

/* ---- the kind ----------------------------------------------------------------------------------
 */

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_cidr_reservation *reservation = record;
    struct ec2_subnet_cidr_reservation *to = shown;
    to->subnet_cidr_reservation_id = reservation->id;
    to->subnet_id = reservation->subnet;
    to->cidr = reservation->cidr;
    to->reservation_type = reservation->type;
    to->owner_id = reservation->account;
    to->description = reservation->description;
    return tag_list_if_any(c, reservation->id, &to->tags);
}

static const struct filter_name filters[] = {
    {"reservationType", "ReservationType"},
    {"subnet-id", "SubnetId"},
};

/* There is no code of its own for a malformed one. */
const struct resource_kind cidr_reservation_kind = {
    .prefix = S_INIT("scr-"),
    .type = "subnet-cidr-reservation",
    .record = &stored_cidr_reservation_table,
    .vpc = RESOURCE_NO_VPC,
    .malformed = &EC2_INVALID_SUBNET_CIDR_RESERVATION_ID_NOT_FOUND,
    .missing = &EC2_INVALID_SUBNET_CIDR_RESERVATION_ID_NOT_FOUND,
    .missing_before = "The subnet CIDR reservation ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_subnet_cidr_reservation),
    .show = show,
    .filters = {EC2_SHAPE_SUBNET_CIDR_RESERVATION, filters, ARRAY_LEN(filters)},
};

/* ---- for the rest of the subnet ----------------------------------------------------------------
 */

RESULT cidr_reservation_list(struct call *c, struct span subnet, struct cidr_reservations *ret)
{
    struct resource_list all;
    TRY(resource_list(c, &cidr_reservation_kind, WHERE(stored_cidr_reservation, subnet, subnet),
                      &all));
    *ret = (struct cidr_reservations){.four = ARENA_ARRAY(c->arena, struct cidr, all.count),
                                      .six = ARENA_ARRAY(c->arena, struct cidr6, all.count)};
    for (size_t i = 0; i < all.count; i++) {
        const struct stored_cidr_reservation *reservation = all.at[i];
        if (cidr_read(reservation->cidr, &ret->four[ret->four_count]))
            ret->four_count++;
        else
            ret->six[ret->six_count++] = cidr6_of(reservation->cidr);
    }
    return OK;
}

RESULT cidr_reservation_drop(struct call *c, struct span subnet, enum RESERVED which)
{
    struct cidr four;
    struct resource_list all;
    TRY(resource_list(c, &cidr_reservation_kind, WHERE(stored_cidr_reservation, subnet, subnet),
                      &all));
    for (size_t i = 0; i < all.count; i++) {
        const struct stored_cidr_reservation *reservation = all.at[i];
        if (which == RESERVED_ALL || !cidr_read(reservation->cidr, &four))
            resource_drop(c, &cidr_reservation_kind, reservation);
    }
    return OK;
}

/* ---- the operations ----------------------------------------------------------------------------
 */

static RESULT outside(struct call *c, const struct stored_subnet *subnet, struct span text)
{
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Reservation CIDR %.*s is not within the CIDR blocks of subnet %.*s",
                  SPAN_ARG(text), SPAN_ARG(subnet->id));
}

/* Seen by users of Terraform's aws_ec2_subnet_cidr_reservation. */
static RESULT overlaps(struct call *c, struct span text)
{
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Reservation CIDR %.*s has overlap with existing reserved CIDR block",
                  SPAN_ARG(text));
}

static RESULT check_four(struct call *c, const struct stored_subnet *subnet, struct cidr cidr,
                         struct span *ret)
{
    struct cidr_reservations there;
    *ret = cidr_text(c->arena, cidr);
    if (!cidr_contains(cidr_of(subnet->cidr), cidr))
        return outside(c, subnet, *ret);
    TRY(cidr_reservation_list(c, subnet->id, &there));
    for (size_t i = 0; i < there.four_count; i++)
        if (cidr_overlaps(there.four[i], cidr))
            return overlaps(c, *ret);
    return OK;
}

static RESULT check_six(struct call *c, const struct stored_subnet *subnet,
                        const struct cidr6 *cidr, struct span *ret)
{
    struct cidr_reservations there;
    struct cidr6 block = *cidr;
    *ret = cidr6_text(c->arena, cidr);
    if (subnet->cidr6)
        block = cidr6_of(subnet->cidr6->cidr);
    if (!subnet->cidr6 || subnet->cidr6->state == CIDR_DISASSOCIATING ||
        !cidr6_contains(&block, cidr))
        return outside(c, subnet, *ret);
    TRY(cidr_reservation_list(c, subnet->id, &there));
    for (size_t i = 0; i < there.six_count; i++)
        if (cidr6_overlaps(&there.six[i], cidr))
            return overlaps(c, *ret);
    return OK;
}

/* Addresses in it may be in use; they stay whose they are. */
static RESULT check_block(struct call *c, const struct stored_subnet *subnet, struct span text,
                          struct span *ret)
{
    struct cidr four;
    struct cidr6 six;
    if (cidr_read(text, &four))
        return check_four(c, subnet, four, ret);
    if (cidr6_parse(text, &six))
        return check_six(c, subnet, &six, ret);
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Value (%.*s) for parameter cidr is invalid. This is not a valid CIDR block.",
                  SPAN_ARG(text));
}

RESULT ec2_create_subnet_cidr_reservation(struct call *c,
                                          const struct ec2_create_subnet_cidr_reservation_in *in,
                                          struct ec2_create_subnet_cidr_reservation_out *out)
{
    struct stored_subnet subnet;
    struct stored_cidr_reservation reservation = {.type = in->reservation_type,
                                                  .description = in->description};
    TRY(resource_get(c, &subnet_kind, in->subnet_id, &subnet));
    TRY(check_block(c, &subnet, in->cidr, &reservation.cidr));
    reservation.subnet = subnet.id;
    resource_name(c, &cidr_reservation_kind, &reservation);
    resource_put(c, &cidr_reservation_kind, &reservation);
    TRY(tag_new(c, &cidr_reservation_kind, reservation.id, &in->tag_specifications));
    out->subnet_cidr_reservation = ARENA_NEW(c->arena, struct ec2_subnet_cidr_reservation);
    return show(c, &reservation, out->subnet_cidr_reservation);
}

/* A page is one of both families together. */
RESULT ec2_get_subnet_cidr_reservations(struct call *c,
                                        const struct ec2_get_subnet_cidr_reservations_in *in,
                                        struct ec2_get_subnet_cidr_reservations_out *out)
{
    struct cidr four;
    struct stored_subnet subnet;
    struct describe_found found;
    struct describe_asked asked = {
        .filters = in->filters, .max_results = in->max_results, .next_token = in->next_token};
    TRY(resource_get(c, &subnet_kind, in->subnet_id, &subnet));
    struct ec2_filter *all = resource_widen(c, in->filters.at, in->filters.count, sizeof *all);
    all[asked.filters.count++] =
        (struct ec2_filter){.name = S("subnet-id"), .values = {&subnet.id, 1}};
    asked.filters.at = all;
    TRY(describe(c, &cidr_reservation_kind, &asked, &found));
    struct ec2_subnet_cidr_reservation_list *fours = &out->subnet_ipv4_cidr_reservations,
                                            *sixes = &out->subnet_ipv6_cidr_reservations;
    fours->at = ARENA_ARRAY(c->arena, struct ec2_subnet_cidr_reservation, found.count);
    sixes->at = ARENA_ARRAY(c->arena, struct ec2_subnet_cidr_reservation, found.count);
    for (size_t i = 0; i < found.count; i++) {
        const struct ec2_subnet_cidr_reservation *one =
            &((const struct ec2_subnet_cidr_reservation *)found.at)[i];
        struct ec2_subnet_cidr_reservation_list *to = cidr_read(one->cidr, &four) ? fours : sixes;
        to->at[to->count++] = *one;
    }
    out->next_token = found.next_token;
    return OK;
}

RESULT ec2_delete_subnet_cidr_reservation(struct call *c,
                                          const struct ec2_delete_subnet_cidr_reservation_in *in,
                                          struct ec2_delete_subnet_cidr_reservation_out *out)
{
    struct stored_cidr_reservation reservation;
    TRY(resource_get(c, &cidr_reservation_kind, in->subnet_cidr_reservation_id, &reservation));
    out->deleted_subnet_cidr_reservation = ARENA_NEW(c->arena, struct ec2_subnet_cidr_reservation);
    TRY(show(c, &reservation, out->deleted_subnet_cidr_reservation));
    resource_drop(c, &cidr_reservation_kind, &reservation);
    return OK;
}
