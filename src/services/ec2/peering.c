// SPDX-License-Identifier: Apache-2.0
/*
 * VPC peering connections. Both sides have a record of it in their own account and region, equal
 * but for its key; whoever changes one changes both. States: "VPC peering connection lifecycle".
 * Control thread.
 */
#include "services/ec2/peering.h"

#include "base/time.h"
#include "services/ec2/cidr.h"
#include "services/ec2/describe.h"
#include "services/ec2/network.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"
#include "wire/region.h"

#include <errno.h>

#define PENDING_MS (7 * DAY_MS) /* an unaccepted request expires */
/* How long one that has ended is told of: within an account, and between two. The page gives the
 * side that ended it hours, too; here both see it as long as the other one would. */
#define SHOWN_MS (2 * HOUR_MS)
#define SHOWN_BETWEEN_MS (48 * HOUR_MS)
#define OUTSTANDING_MAX 25 /* "Amazon VPC quotas" */
#define ACTIVE_MAX 50      /* the same: per VPC */

/* ---- both sides --------------------------------------------------------------------------------
 */

static struct peering_peer requester_of(const struct stored_peering *peering)
{
    return (struct peering_peer){peering->requester_account, peering->requester_region,
                                 peering->requester_vpc, peering->id, peering->requester_names};
}

static struct peering_peer accepter_of(const struct stored_peering *peering)
{
    return (struct peering_peer){peering->accepter_account, peering->accepter_region,
                                 peering->accepter_vpc, peering->id, peering->accepter_names};
}

struct call peering_call(const struct call *c, const struct peering_peer *side)
{
    struct call as = *c;
    as.account = side->account;
    as.region = side->region;
    return as;
}

static void put(struct call *c, const struct stored_peering *peering)
{
    const struct peering_peer sides[] = {requester_of(peering), accepter_of(peering)};
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        struct call as = peering_call(c, &sides[i]);
        struct stored_peering copy = *peering;
        resource_key(&as, peering->id, &copy);
        resource_put(&as, &peering_kind, &copy);
        network_changed(&as, sides[i].vpc);
    }
}

static void drop(struct call *c, const struct stored_peering *peering)
{
    const struct peering_peer sides[] = {requester_of(peering), accepter_of(peering)};
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        struct call as = peering_call(c, &sides[i]);
        struct stored_peering copy = *peering;
        resource_key(&as, peering->id, &copy);
        resource_drop(&as, &peering_kind, &copy);
    }
}

/* Its `id` is absent when there is none. */
static RESULT find_vpc(struct call *c, struct peering_peer side, struct stored_vpc *ret)
{
    struct call as = peering_call(c, &side);
    int error = resource_find(&as, &vpc_kind, side.vpc, ret);
    if (error == -ENOENT)
        *ret = (struct stored_vpc){0};
    return error < 0 && error != -ENOENT ? refuse_errno(c, error, "reading a peer's VPC") : OK;
}

/* ---- the kind ----------------------------------------------------------------------------------
 */

enum BLOCKS { BLOCKS_HIDDEN, BLOCKS_TOLD };

static RESULT show_side(struct call *c, struct peering_peer side, enum BLOCKS blocks,
                        struct ec2_vpc_peering_connection_vpc_info **ret)
{
    struct stored_vpc vpc;
    struct ec2_vpc_peering_connection_vpc_info *to =
        ARENA_NEW(c->arena, struct ec2_vpc_peering_connection_vpc_info);
    *ret = to;
    to->owner_id = side.account;
    to->region = side.region;
    to->vpc_id = side.vpc;
    TRY(find_vpc(c, side, &vpc));
    if (blocks == BLOCKS_HIDDEN || !vpc.id.at)
        return OK;
    to->cidr_block = vpc.cidrs.at[0].cidr;
    to->cidr_block_set.at = ARENA_ARRAY(c->arena, struct ec2_cidr_block, vpc.cidrs.count);
    to->cidr_block_set.count = vpc.cidrs.count;
    for (size_t i = 0; i < vpc.cidrs.count; i++)
        to->cidr_block_set.at[i].cidr_block = vpc.cidrs.at[i].cidr;
    to->peering_options =
        ARENA_NEW(c->arena, struct ec2_vpc_peering_connection_options_description);
    SET(to->peering_options, allow_dns_resolution_from_remote_vpc, side.names);
    SET(to->peering_options, allow_egress_from_local_classic_link_to_remote_vpc, false);
    SET(to->peering_options, allow_egress_from_local_vpc_to_remote_classic_link, false);
    return OK;
}

/* The message goes on with the account that ended it, or is to accept it. */
static const struct {
    struct span code, message;
    bool names_account;
} states[] = {
    [PEERING_INITIATING] = {S_INIT("initiating-request"), S_INIT("Initiating Request to "), true},
    [PEERING_PENDING] = {S_INIT("pending-acceptance"), S_INIT("Pending Acceptance by "), true},
    [PEERING_PROVISIONING] = {S_INIT("provisioning"), S_INIT("Provisioning"), false},
    [PEERING_ACTIVE] = {S_INIT("active"), S_INIT("Active"), false},
    [PEERING_DELETING] = {S_INIT("deleting"), S_INIT("Deleting by "), true},
    [PEERING_DELETED] = {S_INIT("deleted"), S_INIT("Deleted by "), true},
    [PEERING_REJECTED] = {S_INIT("rejected"), S_INIT("Rejected by "), true},
    [PEERING_EXPIRED] = {S_INIT("expired"), S_INIT("Expired"), false},
    [PEERING_FAILED] = {S_INIT("failed"),
                        S_INIT("Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR "
                               "range"),
                        false},
};

static struct ec2_vpc_peering_connection_state_reason *
show_state(struct call *c, const struct stored_peering *peering)
{
    struct ec2_vpc_peering_connection_state_reason *to =
        ARENA_NEW(c->arena, struct ec2_vpc_peering_connection_state_reason);
    struct span account = peering->ended_by.at ? peering->ended_by : peering->accepter_account;
    to->code = states[peering->state].code;
    to->message = states[peering->state].message;
    if (states[peering->state].names_account)
        to->message = arena_printf(c->arena, "%.*s%.*s", SPAN_ARG(to->message), SPAN_ARG(account));
    return to;
}

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_peering *peering = record;
    struct ec2_vpc_peering_connection *to = shown;
    bool accepted = peering->state == PEERING_PROVISIONING || peering->state == PEERING_ACTIVE;
    to->vpc_peering_connection_id = peering->id;
    to->status = show_state(c, peering);
    if (peering->state <= PEERING_PENDING)
        SET(to, expiration_time, peering->expires);
    TRY(show_side(c, requester_of(peering), BLOCKS_TOLD, &to->requester_vpc_info));
    TRY(show_side(c, accepter_of(peering), accepted ? BLOCKS_TOLD : BLOCKS_HIDDEN,
                  &to->accepter_vpc_info));
    return tag_list(c, peering->id, &to->tags);
}

/* ---- steps -------------------------------------------------------------------------------------
 */

static bool overlap(const struct stored_vpc *a, const struct stored_vpc *b)
{
    for (size_t i = 0; i < a->cidrs.count; i++)
        for (size_t j = 0; j < b->cidrs.count; j++)
            if (cidr_overlaps(cidr_of(a->cidrs.at[i].cidr), cidr_of(b->cidrs.at[j].cidr)))
                return true;
    return false;
}

static RESULT reach(struct call *c, struct stored_peering *peering)
{
    struct stored_vpc requester, accepter;
    TRY(find_vpc(c, requester_of(peering), &requester));
    TRY(find_vpc(c, accepter_of(peering), &accepter));
    bool possible = requester.id.at && accepter.id.at && !overlap(&requester, &accepter);
    peering->state = possible ? PEERING_PENDING : PEERING_FAILED;
    return OK;
}

static int64_t shown_until(const struct stored_peering *peering)
{
    bool between = !span_eq(peering->requester_account, peering->accepter_account);
    bool long_shown = between || peering->state == PEERING_EXPIRED;
    return peering->ended + (long_shown ? SHOWN_BETWEEN_MS : SHOWN_MS);
}

/* What is next depends on state and time alone, so steps that were awaited for an earlier state do
 * no harm. */
static RESULT step(struct call *c, void *record, int64_t *ret_due_ms)
{
    struct stored_peering *peering = record;
    if (peering->ended && c->now_ms >= shown_until(peering)) {
        drop(c, peering);
        return OK;
    }
    if (peering->state == PEERING_INITIATING)
        TRY(reach(c, peering));
    else if (peering->state == PEERING_PENDING && c->now_ms >= peering->expires)
        peering->state = PEERING_EXPIRED;
    else if (peering->state == PEERING_PROVISIONING)
        peering->state = PEERING_ACTIVE;
    else if (peering->state == PEERING_DELETING)
        peering->state = PEERING_DELETED;
    if (peering->state >= PEERING_DELETED && !peering->ended)
        peering->ended = c->now_ms;
    if (peering->state == PEERING_PENDING)
        *ret_due_ms = peering->expires;
    if (peering->ended)
        *ret_due_ms = shown_until(peering);
    put(c, peering);
    return OK;
}

static const struct filter_name filters[] = {
    {"accepter-vpc-info.cidr-block", "AccepterVpcInfo.CidrBlock"},
    {"accepter-vpc-info.owner-id", "AccepterVpcInfo.OwnerId"},
    {"accepter-vpc-info.vpc-id", "AccepterVpcInfo.VpcId"},
    {"expiration-time", "ExpirationTime"},
    {"requester-vpc-info.cidr-block", "RequesterVpcInfo.CidrBlock"},
    {"requester-vpc-info.owner-id", "RequesterVpcInfo.OwnerId"},
    {"requester-vpc-info.vpc-id", "RequesterVpcInfo.VpcId"},
    {"status-code", "Status.Code"},
    {"status-message", "Status.Message"},
    {"vpc-peering-connection-id", "VpcPeeringConnectionId"},
};

const struct resource_kind peering_kind = {
    .prefix = S_INIT("pcx-"),
    .type = "vpc-peering-connection",
    .record = &stored_peering_table,
    .vpc = RESOURCE_NO_VPC,
    .malformed = &EC2_INVALID_VPC_PEERING_CONNECTION_ID_MALFORMED,
    .missing = &EC2_INVALID_VPC_PEERING_CONNECTION_ID_NOT_FOUND,
    .missing_before = "The vpcPeeringConnection ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_vpc_peering_connection),
    .show = show,
    .filters = {EC2_SHAPE_VPC_PEERING_CONNECTION, filters, ARRAY_LEN(filters)},
    .step = step,
};

RESULT
ec2_describe_vpc_peering_connections(struct call *c,
                                     const struct ec2_describe_vpc_peering_connections_in *in,
                                     struct ec2_describe_vpc_peering_connections_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, vpc_peering_connection_ids);
    TRY(describe(c, &peering_kind, &asked, &found));
    out->vpc_peering_connections.at = found.at;
    out->vpc_peering_connections.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* ---- requests ----------------------------------------------------------------------------------
 */

bool peering_is_of(const struct stored_peering *peering, struct span vpc)
{
    return span_eq(peering->requester_vpc, vpc) || span_eq(peering->accepter_vpc, vpc);
}

struct peering_peer peering_peer_of(const struct stored_peering *peering, struct span vpc)
{
    return span_eq(peering->requester_vpc, vpc) ? accepter_of(peering) : requester_of(peering);
}

RESULT peering_peers(struct call *c, struct span vpc, struct peering_peers *ret)
{
    struct resource_list all;
    TRY(resource_list(c, &peering_kind, NULL, &all));
    *ret = (struct peering_peers){ARENA_ARRAY(c->arena, struct peering_peer, all.count), 0};
    for (size_t i = 0; i < all.count; i++) {
        const struct stored_peering *peering = all.at[i];
        if (peering->state == PEERING_ACTIVE && peering_is_of(peering, vpc))
            ret->at[ret->count++] = peering_peer_of(peering, vpc);
    }
    return OK;
}

struct span peering_status(struct call *c, struct span id)
{
    struct stored_peering peering;
    bool there = resource_find(c, &peering_kind, id, &peering) == 0;
    return states[there ? peering.state : PEERING_DELETED].code;
}

RESULT peering_any(struct call *c, struct span vpc, bool *ret)
{
    struct resource_list all;
    TRY(resource_list(c, &peering_kind, NULL, &all));
    for (size_t i = 0; i < all.count; i++) {
        const struct stored_peering *peering = all.at[i];
        *ret = *ret || (peering->state < PEERING_DELETED && peering_is_of(peering, vpc));
    }
    return OK;
}

static RESULT check_room(struct call *c, const struct stored_peering *wish)
{
    struct resource_list all;
    size_t outstanding = 0;
    TRY(resource_list(c, &peering_kind, NULL, &all));
    for (size_t i = 0; i < all.count; i++) {
        const struct stored_peering *peering = all.at[i];
        if (peering->state < PEERING_DELETED && peering_is_of(peering, wish->requester_vpc) &&
            peering_is_of(peering, wish->accepter_vpc))
            return refuse(c, &EC2_VPC_PEERING_CONNECTION_ALREADY_EXISTS,
                          "A VPC peering connection between the VPCs already exists.");
        outstanding +=
            peering->state <= PEERING_PENDING && span_eq(peering->requester_account, c->account);
    }
    if (outstanding >= OUTSTANDING_MAX)
        return refuse(c, &EC2_OUTSTANDING_VPC_PEERING_CONNECTION_LIMIT_EXCEEDED,
                      "The maximum number of outstanding VPC peering connection requests has been "
                      "reached.");
    return OK;
}

static RESULT read_peer(struct call *c, const struct ec2_create_vpc_peering_connection_in *in,
                        struct stored_peering *peering)
{
    struct stored_vpc vpc;
    peering->accepter_account = in->peer_owner_id.at ? in->peer_owner_id : c->account;
    peering->accepter_region = in->peer_region.at ? in->peer_region : c->region;
    peering->accepter_vpc = in->peer_vpc_id;
    if (!in->peer_vpc_id.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter peerVpcId");
    if (!region_known(peering->accepter_region))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%.*s) for parameter peerRegion is invalid.",
                      SPAN_ARG(peering->accepter_region));
    TRY(resource_check_id(c, &vpc_kind, in->peer_vpc_id));
    /* Whether there is such a VPC elsewhere is found out by the request. */
    if (span_eq(peering->accepter_account, c->account) &&
        span_eq(peering->accepter_region, c->region))
        return resource_get(c, &vpc_kind, in->peer_vpc_id, &vpc);
    return OK;
}

RESULT ec2_create_vpc_peering_connection(struct call *c,
                                         const struct ec2_create_vpc_peering_connection_in *in,
                                         struct ec2_create_vpc_peering_connection_out *out)
{
    struct stored_vpc vpc;
    struct stored_peering peering = {.state = PEERING_INITIATING,
                                     .expires = c->now_ms + PENDING_MS,
                                     .requester_account = c->account,
                                     .requester_region = c->region,
                                     .requester_vpc = in->vpc_id};
    if (in->requester_peering_connection_options)
        return resource_not_built(c, "RequesterPeeringConnectionOptions");
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    TRY(read_peer(c, in, &peering));
    TRY(check_room(c, &peering));
    resource_name(c, &peering_kind, &peering);
    put(c, &peering);
    resource_put_moving(c, &peering_kind, &peering, 0);
    TRY(tag_new(c, &peering_kind, peering.id, &in->tag_specifications));
    out->vpc_peering_connection = ARENA_NEW(c->arena, struct ec2_vpc_peering_connection);
    return show(c, &peering, out->vpc_peering_connection);
}

/* ---- options -----------------------------------------------------------------------------------
 */

/* A side's options are its own; `names` is what it keeps of them. Text: what AWS answers to others.
 */
static RESULT read_options(struct call *c, const struct peering_peer *side, const char *role,
                           const struct ec2_peering_connection_options_request *said, bool *names)
{
    if (!said)
        return OK;
    if (!span_eq(side->account, c->account) || !span_eq(side->region, c->region))
        return refuse(c, &EC2_OPERATION_NOT_PERMITTED,
                      "User %.*s does not have permission to modify the %s side peering options",
                      SPAN_ARG(c->account), role);
    if (said->allow_egress_from_local_classic_link_to_remote_vpc ||
        said->allow_egress_from_local_vpc_to_remote_classic_link ||
        said->allow_multipath_resilience || said->multipath_resilience_mode.at)
        return resource_not_built(c, "A peering option");
    if (said->has.allow_dns_resolution_from_remote_vpc)
        *names = said->allow_dns_resolution_from_remote_vpc;
    return OK;
}

static struct ec2_peering_connection_options *
show_options(struct call *c, const struct ec2_peering_connection_options_request *said, bool names)
{
    if (!said)
        return NULL;
    struct ec2_peering_connection_options *to =
        ARENA_NEW(c->arena, struct ec2_peering_connection_options);
    SET(to, allow_dns_resolution_from_remote_vpc, names);
    SET(to, allow_egress_from_local_classic_link_to_remote_vpc, false);
    SET(to, allow_egress_from_local_vpc_to_remote_classic_link, false);
    return to;
}

/* "Enable DNS resolution for a VPC peering connection": whether both VPCs have names and a resolver
 * is asked with each question, as it may change. */
RESULT ec2_modify_vpc_peering_connection_options(
    struct call *c, const struct ec2_modify_vpc_peering_connection_options_in *in,
    struct ec2_modify_vpc_peering_connection_options_out *out)
{
    struct stored_peering peering;
    TRY(resource_get(c, &peering_kind, in->vpc_peering_connection_id, &peering));
    if (peering.state != PEERING_ACTIVE)
        return refuse(c, &EC2_OPERATION_NOT_PERMITTED,
                      "Peering %.*s is not active. Peering options can be added only to active "
                      "peerings.",
                      SPAN_ARG(peering.id));
    const struct peering_peer accepter = accepter_of(&peering), requester = requester_of(&peering);
    TRY(read_options(c, &accepter, "accepter", in->accepter_peering_connection_options,
                     &peering.accepter_names));
    TRY(read_options(c, &requester, "requester", in->requester_peering_connection_options,
                     &peering.requester_names));
    put(c, &peering);
    out->accepter_peering_connection_options =
        show_options(c, in->accepter_peering_connection_options, peering.accepter_names);
    out->requester_peering_connection_options =
        show_options(c, in->requester_peering_connection_options, peering.requester_names);
    return OK;
}

/* ---- answers -----------------------------------------------------------------------------------
 */

static RESULT wrong_state(struct call *c, const struct stored_peering *peering)
{
    return refuse(c, &EC2_INVALID_STATE_TRANSITION,
                  "VpcPeeringConnectionID %.*s is not in the correct state for the request.",
                  SPAN_ARG(peering->id));
}

/* One that waits for the caller. */
static RESULT get_pending(struct call *c, struct span id, const char *verb,
                          struct stored_peering *ret)
{
    TRY(resource_get(c, &peering_kind, id, ret));
    if (!span_eq(ret->accepter_account, c->account))
        return refuse(c, &EC2_OPERATION_NOT_PERMITTED, "User %.*s cannot %s peering %.*s",
                      SPAN_ARG(c->account), verb, SPAN_ARG(id));
    if (!span_eq(ret->accepter_region, c->region))
        return refuse(c, &EC2_OPERATION_NOT_PERMITTED,
                      "Incorrect region (%.*s) specified for this request. VPC peering connection "
                      "%.*s must be accepted or rejected in region %.*s",
                      SPAN_ARG(c->region), SPAN_ARG(id), SPAN_ARG(ret->accepter_region));
    return ret->state == PEERING_PENDING ? OK : wrong_state(c, ret);
}

static RESULT check_active(struct call *c, struct peering_peer side)
{
    struct call as = peering_call(c, &side);
    struct resource_list all;
    size_t active = 0;
    TRY(resource_list(&as, &peering_kind, NULL, &all));
    for (size_t i = 0; i < all.count; i++) {
        const struct stored_peering *peering = all.at[i];
        active += (peering->state == PEERING_PROVISIONING || peering->state == PEERING_ACTIVE) &&
                  peering_is_of(peering, side.vpc);
    }
    if (active >= ACTIVE_MAX)
        return refuse(c, &EC2_ACTIVE_VPC_PEERING_CONNECTION_PER_VPC_LIMIT_EXCEEDED,
                      "The maximum number of active VPC peering connections per VPC has been "
                      "reached.");
    return OK;
}

RESULT ec2_accept_vpc_peering_connection(struct call *c,
                                         const struct ec2_accept_vpc_peering_connection_in *in,
                                         struct ec2_accept_vpc_peering_connection_out *out)
{
    struct stored_peering peering;
    TRY(get_pending(c, in->vpc_peering_connection_id, "accept", &peering));
    TRY(check_active(c, requester_of(&peering)));
    TRY(check_active(c, accepter_of(&peering)));
    peering.state = PEERING_PROVISIONING;
    put(c, &peering);
    resource_put_moving(c, &peering_kind, &peering, 0);
    out->vpc_peering_connection = ARENA_NEW(c->arena, struct ec2_vpc_peering_connection);
    return show(c, &peering, out->vpc_peering_connection);
}

RESULT ec2_reject_vpc_peering_connection(struct call *c,
                                         const struct ec2_reject_vpc_peering_connection_in *in,
                                         struct ec2_reject_vpc_peering_connection_out *out)
{
    struct stored_peering peering;
    TRY(get_pending(c, in->vpc_peering_connection_id, "reject", &peering));
    peering.state = PEERING_REJECTED;
    peering.ended_by = c->account;
    put(c, &peering);
    resource_put_moving(c, &peering_kind, &peering, 0);
    SET(out, return_, true);
    return OK;
}

/* A request that waits may be deleted by the one who made it, an active connection by both. */
RESULT ec2_delete_vpc_peering_connection(struct call *c,
                                         const struct ec2_delete_vpc_peering_connection_in *in,
                                         struct ec2_delete_vpc_peering_connection_out *out)
{
    struct stored_peering peering;
    TRY(resource_get(c, &peering_kind, in->vpc_peering_connection_id, &peering));
    bool waits = peering.state <= PEERING_PENDING;
    if (peering.state >= PEERING_DELETING)
        return wrong_state(c, &peering);
    if (waits && !span_eq(peering.requester_account, c->account))
        return refuse(c, &EC2_OPERATION_NOT_PERMITTED, "User %.*s cannot delete peering %.*s",
                      SPAN_ARG(c->account), SPAN_ARG(peering.id));
    peering.state = PEERING_DELETING;
    peering.ended_by = c->account;
    put(c, &peering);
    resource_put_moving(c, &peering_kind, &peering, 0);
    SET(out, return_, true);
    return OK;
}
