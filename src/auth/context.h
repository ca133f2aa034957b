// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to src/auth: condition keys of a call, the global ones and those in call.conditions. */
#include "auth/identity.h"

struct auth_context {
    struct call *call;
    struct span resource_account;
};

/* The look-up of struct policy_request; `user` is a struct auth_context. */
bool context_lookup(void *user, struct span key, struct arena *arena,
                    const struct span **ret_values, size_t *ret_count);
