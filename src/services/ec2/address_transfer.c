// SPDX-License-Identifier: Apache-2.0
/*
 * EnableAddressTransfer, AcceptAddressTransfer, DisableAddressTransfer, DescribeAddressTransfers.
 * An address keeps its allocation id when it changes hands, not its tags. Control thread.
 */
#include "services/ec2/address_transfer.h"

#include "auth/policy.h"
#include "base/time.h"
#include "services/ec2/cidr.h"
#include "services/ec2/describe.h"
#include "services/ec2/elastic_address.h"
#include "services/ec2/peering.h"
#include "services/ec2/reverse_name.h"
#include "services/ec2/tag.h"

#include <errno.h>

#define OFFERED_MS (7 * DAY_MS)
/* As the user's guide says; DescribeAddressTransfers says three days. */
#define SHOWN_MS (14 * DAY_MS)

/* ---- the kind ----------------------------------------------------------------------------------
 */

static void show_transfer(const struct stored_address_transfer *transfer,
                          struct ec2_address_transfer *to)
{
    to->public_ip = transfer->public_address;
    to->allocation_id = transfer->allocation;
    to->transfer_account_id = transfer->to;
    SET(to, transfer_offer_expiration_timestamp, transfer->expires);
    if (transfer->accepted)
        SET(to, transfer_offer_accepted_timestamp, transfer->accepted);
    to->address_transfer_status = transfer->accepted ? S("accepted") : S("pending");
}

static RESULT show(struct call *c, const void *record, void *shown)
{
    show_transfer(record, shown);
    return OK;
}

static int64_t ends(const struct stored_address_transfer *transfer)
{
    return transfer->accepted ? transfer->accepted + SHOWN_MS : transfer->expires;
}

static RESULT step(struct call *c, void *record, int64_t *ret_due_ms)
{
    struct stored_address_transfer *transfer = record;
    if (c->now_ms < ends(transfer))
        *ret_due_ms = ends(transfer);
    else
        resource_drop(c, &address_transfer_kind, transfer);
    return OK;
}

/* Nobody knows it by its id. */
const struct resource_kind address_transfer_kind = {
    .prefix = S_INIT("eiptransfer-"),
    .type = "address-transfer",
    .record = &stored_address_transfer_table,
    .vpc = RESOURCE_NO_VPC,
    .malformed = &EC2_INVALID_ID,
    .missing = &EC2_INVALID_ID,
    .missing_before = "The ID '",
    .missing_after = "' is not valid",
    .shown_size = sizeof(struct ec2_address_transfer),
    .show = show,
    .filters = {EC2_SHAPE_ADDRESS_TRANSFER, NULL, 0},
    .step = step,
};

/* The one that waits to be accepted; *ret NULL: there is none. */
static RESULT find_offer(struct call *c, struct span allocation,
                         struct stored_address_transfer **ret)
{
    struct resource_list all;
    *ret = NULL;
    TRY(resource_list(c, &address_transfer_kind,
                      WHERE(stored_address_transfer, allocation, allocation), &all));
    for (size_t i = 0; i < all.count; i++) {
        struct stored_address_transfer *transfer = all.at[i];
        if (!transfer->accepted && c->now_ms < transfer->expires)
            *ret = transfer;
    }
    return OK;
}

RESULT address_transfer_drop(struct call *c, struct span allocation)
{
    struct stored_address_transfer *offer;
    TRY(find_offer(c, allocation, &offer));
    if (offer)
        resource_drop(c, &address_transfer_kind, offer);
    return OK;
}

/* ---- who offers --------------------------------------------------------------------------------
 */

static RESULT check_account(struct call *c, struct span account)
{
    if (!policy_is_account(account))
        return refuse(c, &EC2_INVALID_USER_ID_MALFORMED, "Invalid user id: \"%.*s\"",
                      SPAN_ARG(account));
    if (span_eq(account, c->account))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "An address cannot be transferred to the account that owns it.");
    return OK;
}

/* Of one that is offered already, account and time are new. */
RESULT ec2_enable_address_transfer(struct call *c, const struct ec2_enable_address_transfer_in *in,
                                   struct ec2_enable_address_transfer_out *out)
{
    struct stored_elastic_address elastic;
    TRY(resource_get(c, &elastic_address_kind, in->allocation_id, &elastic));
    TRY(check_account(c, in->transfer_account_id));
    TRY(address_transfer_drop(c, elastic.id));
    struct stored_address_transfer transfer = {.allocation = elastic.id,
                                               .public_address = elastic.public_address,
                                               .to = in->transfer_account_id,
                                               .expires = c->now_ms + OFFERED_MS};
    resource_name(c, &address_transfer_kind, &transfer);
    resource_put_moving(c, &address_transfer_kind, &transfer, transfer.expires);
    out->address_transfer = ARENA_NEW(c->arena, struct ec2_address_transfer);
    show_transfer(&transfer, out->address_transfer);
    return OK;
}

RESULT ec2_disable_address_transfer(struct call *c,
                                    const struct ec2_disable_address_transfer_in *in,
                                    struct ec2_disable_address_transfer_out *out)
{
    struct stored_elastic_address elastic;
    struct stored_address_transfer *offer;
    TRY(resource_get(c, &elastic_address_kind, in->allocation_id, &elastic));
    TRY(find_offer(c, elastic.id, &offer));
    if (!offer)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Transfer of the address with allocation ID '%.*s' is not enabled.",
                      SPAN_ARG(elastic.id));
    resource_drop(c, &address_transfer_kind, offer);
    out->address_transfer = ARENA_NEW(c->arena, struct ec2_address_transfer);
    show_transfer(offer, out->address_transfer);
    out->address_transfer->address_transfer_status = S("disabled");
    return OK;
}

/* The ids of transfers of those allocations. */
static RESULT name_transfers(struct call *c, const struct ec2_allocation_id_list *allocations,
                             struct describe_asked *asked)
{
    struct resource_list all;
    struct span *ids = NULL;
    for (size_t i = 0; i < allocations->count; i++) {
        TRY(resource_check_id(c, &elastic_address_kind, allocations->at[i]));
        TRY(resource_list(c, &address_transfer_kind,
                          WHERE(stored_address_transfer, allocation, allocations->at[i]), &all));
        for (size_t j = 0; j < all.count; j++) {
            ids = resource_grow(c, ids, asked->id_count, sizeof *ids);
            ids[asked->id_count++] = resource_id(all.at[j]);
        }
    }
    asked->ids = ids;
    return OK;
}

RESULT ec2_describe_address_transfers(struct call *c,
                                      const struct ec2_describe_address_transfers_in *in,
                                      struct ec2_describe_address_transfers_out *out)
{
    struct describe_found found = {.at = arena_alloc(c->arena, 0)};
    struct describe_asked asked = {.max_results = in->max_results, .next_token = in->next_token};
    TRY(name_transfers(c, &in->allocation_ids, &asked));
    if (asked.id_count || !in->allocation_ids.count)
        TRY(describe(c, &address_transfer_kind, &asked, &found));
    out->address_transfers.at = found.at;
    out->address_transfers.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* ---- who accepts -------------------------------------------------------------------------------
 */

/* "Accept a transferred Elastic IP address": what is found out only now. */
static RESULT check_free(struct call *c, const struct stored_elastic_address *elastic)
{
    if (elastic->association.at)
        return refuse(c, &EC2_INVALID_TRANSFER_ADDRESS_ASSOCIATED,
                      "The address '%.*s' is associated. It must be disassociated before it is "
                      "transferred.",
                      SPAN_ARG(elastic->public_address));
    if (reverse_name_is_set(elastic))
        return refuse(c, &EC2_INVALID_TRANSFER_ADDRESS_CUSTOM_PTR_SET,
                      "The address '%.*s' has a reverse DNS record. It must be removed before the "
                      "address is transferred.",
                      SPAN_ARG(elastic->public_address));
    return OK;
}

/* What the address is offered with, and by whom; an address that is not offered to the caller is
 * not there. */
static RESULT find_offered(struct call *c, struct span text, struct stored_public_lease *lease,
                           struct stored_address_transfer **ret)
{
    uint32_t address = 0;
    *ret = NULL;
    bool good = cidr_read_address(text, &address);
    *lease = (struct stored_public_lease){.address = address};
    int error = good ? stored_public_lease_get(c->txn, c->arena, lease) : -ENOENT;
    if (error && error != -ENOENT)
        return refuse_errno(c, error, "reading a public address");
    if (!error && span_eq(lease->region, c->region)) {
        const struct peering_peer owner = {lease->account, lease->region, SPAN_NONE, SPAN_NONE,
                                           false};
        struct call as = peering_call(c, &owner);
        TRY(find_offer(&as, lease->holder, ret));
    }
    return *ret && span_eq((*ret)->to, c->account)
               ? OK
               : refuse(c, &EC2_INVALID_ADDRESS_NOT_FOUND, "Address '%.*s' not found.",
                        SPAN_ARG(text));
}

RESULT ec2_accept_address_transfer(struct call *c, const struct ec2_accept_address_transfer_in *in,
                                   struct ec2_accept_address_transfer_out *out)
{
    struct stored_public_lease lease;
    struct stored_address_transfer *transfer;
    struct stored_elastic_address elastic;
    TRY(find_offered(c, in->address, &lease, &transfer));
    const struct peering_peer owner = {lease.account, lease.region, SPAN_NONE, SPAN_NONE, false};
    struct call as = peering_call(c, &owner);
    int error = resource_find(&as, &elastic_address_kind, lease.holder, &elastic);
    if (error)
        return refuse_errno(c, error, "reading an elastic address");
    TRY(check_free(c, &elastic));
    resource_drop(&as, &elastic_address_kind, &elastic);
    resource_key(c, elastic.id, &elastic);
    resource_put(c, &elastic_address_kind, &elastic);
    lease.account = c->account;
    stored_public_lease_put(c->txn, &lease);
    transfer->accepted = c->now_ms;
    resource_put_moving(&as, &address_transfer_kind, transfer, ends(transfer));
    TRY(tag_new(c, &elastic_address_kind, elastic.id, &in->tag_specifications));
    out->address_transfer = ARENA_NEW(c->arena, struct ec2_address_transfer);
    show_transfer(transfer, out->address_transfer);
    return OK;
}
