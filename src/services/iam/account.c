// SPDX-License-Identifier: Apache-2.0
/*
 * The account's alias: one an account, unique among all accounts; a new one replaces the old.
 * Control thread. Source: IAM API reference, CreateAccountAlias.
 */
#include "services/iam/iam.h"

#include <errno.h>

static const struct refusal *read_account(struct call *c, struct auth_account *out)
{
    *out = (struct auth_account){.account = c->account};
    int error = auth_account_get(c->txn, c->arena, out);
    return error && error != -ENOENT ? refuse_errno(c, error, "reading the account") : OK;
}

RESULT iam_create_account_alias(struct call *c, const struct iam_create_account_alias_in *in,
                                struct iam_create_account_alias_out *out)
{
    struct auth_account account;
    struct auth_alias alias = {.alias = in->account_alias};
    TRY(iam_permit(c, S("*")));
    TRY(read_account(c, &account));
    int error = auth_alias_get(c->txn, c->arena, &alias);
    if (error && error != -ENOENT)
        return refuse_errno(c, error, "reading an alias");
    if (!error && !span_eq(alias.account, c->account))
        return refuse(c, &IAM_ENTITY_ALREADY_EXISTS, "The account alias %.*s already exists.",
                      SPAN_ARG(in->account_alias));
    if (account.alias.len)
        auth_alias_delete(c->txn, &(struct auth_alias){.alias = account.alias});
    account.alias = in->account_alias;
    alias = (struct auth_alias){.alias = in->account_alias, .account = c->account};
    auth_alias_put(c->txn, &alias);
    auth_account_put(c->txn, &account);
    return OK;
}

RESULT iam_delete_account_alias(struct call *c, const struct iam_delete_account_alias_in *in,
                                struct iam_delete_account_alias_out *out)
{
    struct auth_account account;
    TRY(iam_permit(c, S("*")));
    TRY(read_account(c, &account));
    if (!span_eq(account.alias, in->account_alias))
        return refuse(c, &IAM_NO_SUCH_ENTITY, "The account alias with name %.*s cannot be found.",
                      SPAN_ARG(in->account_alias));
    auth_alias_delete(c->txn, &(struct auth_alias){.alias = account.alias});
    account.alias = SPAN_NONE;
    auth_account_put(c->txn, &account);
    return OK;
}

RESULT iam_list_account_aliases(struct call *c, const struct iam_list_account_aliases_in *in,
                                struct iam_list_account_aliases_out *out)
{
    struct auth_account account;
    struct iam_page page;
    TRY(iam_permit(c, S("*")));
    TRY(read_account(c, &account));
    TRY(IAM_PAGE_BEGIN(c, in, &page));
    out->account_aliases.at = ARENA_ARRAY(c->arena, struct span, 1);
    if (account.alias.len && iam_page_takes_index(&page, 0))
        out->account_aliases.at[out->account_aliases.count++] = account.alias;
    IAM_PAGE_END(&page, out);
    return OK;
}
