// SPDX-License-Identifier: Apache-2.0
/* Base64 on CPUs for which there is nothing better than tables. Pure, any thread. */
#include "base/base64_way.h"

const struct base64_way *base64_way(enum BASE64_WAY way)
{
    return NULL;
}
