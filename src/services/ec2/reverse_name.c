// SPDX-License-Identifier: Apache-2.0
/*
 * ModifyAddressAttribute, ResetAddressAttribute, DescribeAddressesAttribute. A wish is kept as
 * pending; its step asks the host's resolvers for the name, and the answer takes the next step. A
 * process that ends meanwhile leaves the wish, which is asked for again. Control thread.
 */
#include "services/ec2/reverse_name.h"

#include "base/log.h"
#include "loop/loop.h"
#include "services/ec2/cidr.h"
#include "services/ec2/describe.h"
#include "services/ec2/dns_forward.h"
#include "services/ec2/dns_name.h"
#include "services/ec2/peering.h"
#include "services/ec2/step.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#define AGAIN_MS 10000 /* later than any question for a name has ended */

enum REVERSE { REVERSE_SETTLED, REVERSE_PENDING, REVERSE_FAILED };

/* ---- asking for a name -------------------------------------------------------------------------
 */

/* A question on its way. */
struct check {
    struct dns_forward forward; /* first */
    struct check *next;
    struct reverse_names *names;
    struct arena arena;
    struct dns_question question;
    struct span account, region, id, name;
    uint32_t address;
    bool answered, good;
};

struct reverse_names {
    struct loop *loop;
    struct steps *steps;
    const char *resolv_conf;
    struct check *checks;
};

struct reverse_names *reverse_names_new(struct cloud *cloud, struct steps *steps,
                                        const char *resolv_conf)
{
    struct reverse_names *names = calloc(1, sizeof *names);
    if (!names)
        log_fatal("out of memory");
    names->loop = cloud->control;
    names->steps = steps;
    names->resolv_conf = resolv_conf;
    return names;
}

static void check_free(struct check *check)
{
    struct check **last = &check->names->checks;
    while (*last != check)
        last = &(*last)->next;
    *last = check->next;
    dns_forward_end(&check->forward);
    arena_done(&check->arena);
    free(check);
}

void reverse_names_free(struct reverse_names *names)
{
    while (names->checks)
        check_free(names->checks);
    free(names);
}

static void on_answered(struct dns_forward *forward, struct span answer)
{
    struct check *check = (struct check *)(void *)forward;
    check->answered = true;
    check->good = answer.at && dns_has_address(answer, &check->question, check->address);
    step_take_now(check->names->steps, check->account, check->region, check->id);
    check_free(check);
}

static struct check *find_check(const struct reverse_names *names,
                                const struct stored_elastic_address *elastic)
{
    struct check *check = names->checks;
    while (check &&
           !(span_eq(check->id, elastic->id) && span_eq(check->name, elastic->reverse_wish)))
        check = check->next;
    return check;
}

static void begin_check(struct reverse_names *names, const struct stored_elastic_address *elastic)
{
    struct span message;
    struct check *check = calloc(1, sizeof *check);
    if (!check)
        log_fatal("out of memory");
    arena_init(&check->arena, 4096, 64 << 10);
    check->names = names;
    check->account = arena_copy(&check->arena, elastic->account);
    check->region = arena_copy(&check->arena, elastic->region);
    check->id = arena_copy(&check->arena, elastic->id);
    check->name = arena_copy(&check->arena, elastic->reverse_wish);
    check->address = cidr_address(elastic->public_address);
    check->next = names->checks;
    names->checks = check;
    message = dns_ask(&check->arena, check->name, DNS_A, &check->question);
    check->forward = (struct dns_forward){.loop = names->loop,
                                          .message = message,
                                          .question = &check->question,
                                          .resolv_conf = names->resolv_conf,
                                          .type = SOCK_DGRAM,
                                          .answered = on_answered};
    dns_forward_begin(&check->forward);
}

/* ---- of an address -----------------------------------------------------------------------------
 */

bool reverse_name_is_set(const struct stored_elastic_address *elastic)
{
    return elastic->reverse_name.at || elastic->reverse_state == REVERSE_PENDING;
}

static void settle(struct stored_elastic_address *elastic, enum REVERSE state)
{
    elastic->reverse_state = state;
    if (state == REVERSE_FAILED)
        return;
    elastic->reverse_name = elastic->reverse_wish;
    elastic->reverse_wish = SPAN_NONE;
}

RESULT reverse_name_step(struct call *c, struct stored_elastic_address *elastic,
                         int64_t *ret_due_ms)
{
    struct reverse_names *names = ec2_reverse_names(c->cloud->ec2);
    if (elastic->reverse_state != REVERSE_PENDING)
        return OK;
    struct check *check = elastic->reverse_wish.at ? find_check(names, elastic) : NULL;
    if (elastic->reverse_wish.at && !(check && check->answered)) {
        if (!check)
            begin_check(names, elastic);
        *ret_due_ms = c->now_ms + AGAIN_MS;
        return OK;
    }
    settle(elastic, !check || check->good ? REVERSE_SETTLED : REVERSE_FAILED);
    resource_put(c, &elastic_address_kind, elastic);
    return OK;
}

/* Addresses without a name of their own have their public one. */
RESULT reverse_name_find(struct call *c, uint32_t address, struct span *ret)
{
    struct stored_elastic_address elastic;
    struct stored_public_lease lease = {.address = address};
    int error = stored_public_lease_get(c->txn, c->arena, &lease);
    *ret = SPAN_NONE;
    if (error)
        return error == -ENOENT ? OK : refuse_errno(c, error, "reading a public address");
    const struct peering_peer owner = {lease.account, lease.region, SPAN_NONE, SPAN_NONE, false};
    struct call as = peering_call(c, &owner);
    *ret = dns_name_public(&as, cidr_address_text(c->arena, address));
    if (!span_starts(lease.holder, elastic_address_kind.prefix))
        return OK;
    error = resource_find(&as, &elastic_address_kind, lease.holder, &elastic);
    if (error)
        return refuse_errno(c, error, "reading an elastic address");
    if (elastic.reverse_name.at)
        *ret = elastic.reverse_name;
    return OK;
}

/* ---- the operations ----------------------------------------------------------------------------
 */

static struct span with_dot(struct call *c, struct span name)
{
    return name.at ? arena_printf(c->arena, "%.*s.", SPAN_ARG(name)) : name;
}

static void show(struct call *c, const struct stored_elastic_address *elastic,
                 struct ec2_address_attribute *to)
{
    to->public_ip = elastic->public_address;
    to->allocation_id = elastic->id;
    to->ptr_record = with_dot(c, elastic->reverse_name);
    if (elastic->reverse_state == REVERSE_SETTLED)
        return;
    to->ptr_record_update = ARENA_NEW(c->arena, struct ec2_ptr_update_status);
    to->ptr_record_update->value = with_dot(c, elastic->reverse_wish);
    to->ptr_record_update->status =
        elastic->reverse_state == REVERSE_PENDING ? S("PENDING") : S("FAILED");
    if (elastic->reverse_state == REVERSE_FAILED)
        to->ptr_record_update->reason =
            arena_printf(c->arena, "The domain name %.*s does not resolve to the address %.*s.",
                         SPAN_ARG(elastic->reverse_wish), SPAN_ARG(elastic->public_address));
}

static RESULT wish(struct call *c, struct stored_elastic_address *elastic, struct span name,
                   struct ec2_address_attribute **ret)
{
    elastic->reverse_wish = name;
    elastic->reverse_state = REVERSE_PENDING;
    resource_put_moving(c, &elastic_address_kind, elastic, 0);
    *ret = ARENA_NEW(c->arena, struct ec2_address_attribute);
    show(c, elastic, *ret);
    return OK;
}

static bool is_label(struct span label)
{
    for (size_t i = 0; i < label.len; i++) {
        char letter = label.at[i];
        if (!((letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ||
              letter == '-' || letter == '_'))
            return false;
    }
    return label.len > 0 && label.len <= DNS_LABEL_MAX;
}

/* In lower case, without the last dot. */
static RESULT read_name(struct call *c, struct span text, struct span *ret)
{
    char *letters = arena_cstr(c->arena, text);
    for (size_t i = 0; i < text.len; i++)
        if (letters[i] >= 'A' && letters[i] <= 'Z')
            letters[i] = (char)(letters[i] + 'a' - 'A');
    struct span name = span_of(letters, text.len);
    if (span_ends(name, S(".")))
        name.len--;
    *ret = name;
    bool good = name.len > 0 && name.len <= DNS_NAME_MAX;
    for (struct span rest = name; good && rest.at;)
        good = is_label(span_cut(&rest, '.'));
    return good ? OK
                : refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                         "Value (%.*s) for parameter domainName is invalid.", SPAN_ARG(text));
}

RESULT ec2_modify_address_attribute(struct call *c,
                                    const struct ec2_modify_address_attribute_in *in,
                                    struct ec2_modify_address_attribute_out *out)
{
    struct span name;
    struct stored_elastic_address elastic;
    if (!in->domain_name.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter domainName");
    TRY(read_name(c, in->domain_name, &name));
    TRY(resource_get(c, &elastic_address_kind, in->allocation_id, &elastic));
    return wish(c, &elastic, name, &out->address);
}

RESULT ec2_reset_address_attribute(struct call *c, const struct ec2_reset_address_attribute_in *in,
                                   struct ec2_reset_address_attribute_out *out)
{
    struct stored_elastic_address elastic;
    TRY(resource_get(c, &elastic_address_kind, in->allocation_id, &elastic));
    return wish(c, &elastic, SPAN_NONE, &out->address);
}

/* Those that were asked for, or all; *ret in the order of their ids. */
static RESULT list_asked(struct call *c, const struct ec2_allocation_ids *ids,
                         struct resource_list *ret)
{
    struct stored_elastic_address elastic;
    for (size_t i = 0; i < ids->count; i++)
        TRY(resource_get(c, &elastic_address_kind, ids->at[i], &elastic));
    TRY(resource_list(c, &elastic_address_kind, NULL, ret));
    size_t kept = 0;
    for (size_t i = 0; i < ret->count; i++) {
        bool asked = !ids->count;
        for (size_t j = 0; j < ids->count; j++)
            asked = asked || span_eq(ids->at[j], resource_id(ret->at[i]));
        if (asked)
            ret->at[kept++] = ret->at[i];
    }
    ret->count = kept;
    return OK;
}

#define ATTRIBUTES "address-attribute" /* of tokens */

/* Addresses that have no name and want none are not told. */
RESULT ec2_describe_addresses_attribute(struct call *c,
                                        const struct ec2_describe_addresses_attribute_in *in,
                                        struct ec2_describe_addresses_attribute_out *out)
{
    struct span from;
    struct resource_list all;
    TRY(describe_read_token(c, ATTRIBUTES, in->next_token, &from));
    TRY(list_asked(c, &in->allocation_ids, &all));
    out->addresses.at = ARENA_ARRAY(c->arena, struct ec2_address_attribute, all.count);
    for (size_t i = 0; i < all.count; i++) {
        const struct stored_elastic_address *elastic = all.at[i];
        if ((from.at && span_compare(elastic->id, from) < 0) ||
            (!elastic->reverse_name.at && elastic->reverse_state == REVERSE_SETTLED))
            continue;
        if (in->max_results && out->addresses.count == (size_t)in->max_results) {
            out->next_token = describe_token(c, ATTRIBUTES, elastic->id);
            break;
        }
        show(c, elastic, &out->addresses.at[out->addresses.count++]);
    }
    return OK;
}
