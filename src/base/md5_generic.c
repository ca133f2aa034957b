// SPDX-License-Identifier: Apache-2.0
/* MD5 on CPUs without wide vectors: libcrypto's, one stream after the other. Pure, any thread. */
#include "base/md5_lanes.h"

struct md5_lanes md5_lanes_way(enum MD5_WAY way)
{
    return (struct md5_lanes){.count = 0};
}
