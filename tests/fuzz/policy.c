// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a policy of any kind; a document that parses is also asked. One thread. */
#include "auth/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool lookup(void *user, struct span key, struct arena *arena, const struct span **ret_values,
                   size_t *ret_count)
{
    static const struct span values[] = {S_INIT("a"), S_INIT("10.0.0.1"),
                                         S_INIT("2020-01-01T00:00:00Z"), S_INIT("7")};
    *ret_values = values;
    *ret_count = key.len % 5;
    return key.len % 5 != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    arena_init(&arena, 4096, 256 << 20);
    for (int kind = POLICY_IDENTITY; kind <= POLICY_SESSION; kind++) {
        struct span why = SPAN_NONE;
        const struct policy *policy =
            policy_parse(&arena, span_of(bytes, len), (enum POLICY_KIND)kind, &why);
        if (!policy && span_is_absent(why))
            __builtin_trap();
        if (!policy)
            continue;
        struct policy_request request = {
            .action = S("s3:GetObject"),
            .resource = S("arn:aws:s3:::bucket/a/b"),
            .principal_arn = S("arn:aws:iam::111122223333:user/x"),
            .principal_account = S("111122223333"),
            .lookup = lookup,
            .scratch = &arena,
        };
        policy_decide(policy, &request);
    }
    arena_done(&arena);
    return 0;
}
