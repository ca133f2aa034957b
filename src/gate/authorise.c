// SPDX-License-Identifier: Apache-2.0
/*
 * What the operation's .ops line demands: each action on the resource whose ARN template is filled
 * from the call and the input's top-level text members. Services ask further with auth_require.
 * Thread of the handler.
 */
#include "gate/request.h"

/* The text of an input member, absent when there is none of that name or it was not sent. */
static struct span member_text(const struct request *r, struct span name)
{
    const struct service *service = r->route.service;
    if (r->route.operation->input == NO_SHAPE)
        return SPAN_NONE;
    const struct shape *shape = &service->shapes[r->route.operation->input];
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field *field = &service->fields[shape->first_field + i];
        bool text = service->shapes[field->shape].kind == KIND_STRING;
        if (text && span_eq(service_text(service, field->name), name))
            return *const_struct_at(r->in, field->offset, struct span);
    }
    return SPAN_NONE;
}

/* {A|B}: the first member that was sent. */
static struct span placeholder(const struct request *r, struct span names)
{
    if (span_eq(names, S("account")))
        return r->call.account;
    if (span_eq(names, S("region")))
        return r->call.region;
    struct span value = SPAN_NONE;
    while (span_is_absent(value) && !span_is_absent(names))
        value = member_text(r, span_cut(&names, '|'));
    return span_is_absent(value) ? S("*") : value;
}

/* A member that is itself an ARN, as DynamoDB's TableName may be, stands for the whole resource. */
static struct span fill(struct request *r, struct span template)
{
    struct span parts[16];
    size_t count = 0;
    while (!span_is_absent(template) && count + 2 < ARRAY_LEN(parts)) {
        parts[count++] = span_cut(&template, '{');
        if (span_is_absent(template))
            break;
        struct span value = placeholder(r, span_cut(&template, '}'));
        if (span_starts(value, S("arn:")))
            return value;
        parts[count++] = value;
    }
    return arena_join(r->call.arena, parts, count);
}

/* With what the resource says of itself, where the service knows of such a thing. */
static RESULT ask(struct request *r, struct span action, struct span resource)
{
    struct auth_question question = {.action = action, .resource = resource};
    const struct service_hooks *hooks = r->route.service->hooks;
    if (hooks && hooks->resource)
        TRY(hooks->resource(&r->call, r->in, &question));
    return auth_ask(&r->call, &question);
}

static struct span action_of(const struct request *r, const struct permission *permission)
{
    bool instead = permission->instead &&
                   !span_is_absent(*const_struct_at(r->in, permission->when, struct span));
    return service_text(r->route.service, instead ? permission->instead : permission->action);
}

RESULT request_authorise(struct request *r)
{
    const struct service *service = r->route.service;
    const struct operation *operation = r->route.operation;
    const struct service_hooks *hooks = service->hooks;
    if (hooks && hooks->enter)
        TRY(hooks->enter(&r->call, r->in));
    r->call.condition_input = r->in;
    for (size_t i = 0; i < operation->permission_count; i++) {
        const struct permission *permission =
            &service->permissions[operation->first_permission + i];
        struct span resource = fill(r, service_text(service, permission->resource));
        if (i == 0)
            r->call.audit_resource = resource;
        TRY(ask(r, action_of(r, permission), resource));
    }
    return OK;
}

RESULT request_admit(struct request *r)
{
    r->call.txn = txn_begin(r->gate->config->cloud->store);
    const struct refusal *refusal = request_authorise(r);
    if (!refusal)
        refusal = r->route.operation->admit(&r->call, r->in, &r->plan);
    txn_rollback(r->call.txn);
    r->call.txn = NULL;
    return refusal;
}
