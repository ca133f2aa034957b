// SPDX-License-Identifier: Apache-2.0
/* Checksums on CPUs for which there is nothing better than tables. Pure, any thread. */
#include "base/crc.h"

struct crc_cpu crc_cpu_probe(void)
{
    return (struct crc_cpu){.any = crc_feed_table, .castagnoli = crc_feed_table};
}
