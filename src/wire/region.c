// SPDX-License-Identifier: Apache-2.0
/* The table of regions. Source: "AWS Regions" and "Availability Zones" in the Global Infrastructure
 * guide. Pure. */
#include "wire/region.h"

#define REGION(name, prefix, zones, opt_in)                                                        \
    {                                                                                              \
        S_INIT(name), S_INIT(prefix), zones, opt_in                                                \
    }

static const struct region regions[] = {
    REGION("af-south-1", "afs1", 3, true),       REGION("ap-east-1", "ape1", 3, true),
    REGION("ap-east-2", "ape2", 3, true),        REGION("ap-northeast-1", "apne1", 3, false),
    REGION("ap-northeast-2", "apne2", 4, false), REGION("ap-northeast-3", "apne3", 3, false),
    REGION("ap-south-1", "aps1", 3, false),      REGION("ap-south-2", "aps2", 3, true),
    REGION("ap-southeast-1", "apse1", 3, false), REGION("ap-southeast-2", "apse2", 3, false),
    REGION("ap-southeast-3", "apse3", 3, true),  REGION("ap-southeast-4", "apse4", 3, true),
    REGION("ap-southeast-5", "apse5", 3, true),  REGION("ap-southeast-6", "apse6", 3, true),
    REGION("ap-southeast-7", "apse7", 3, true),  REGION("ca-central-1", "cac1", 3, false),
    REGION("ca-west-1", "caw1", 3, true),        REGION("eu-central-1", "euc1", 3, false),
    REGION("eu-central-2", "euc2", 3, true),     REGION("eu-north-1", "eun1", 3, false),
    REGION("eu-south-1", "eus1", 3, true),       REGION("eu-south-2", "eus2", 3, true),
    REGION("eu-west-1", "euw1", 3, false),       REGION("eu-west-2", "euw2", 3, false),
    REGION("eu-west-3", "euw3", 3, false),       REGION("il-central-1", "ilc1", 3, true),
    REGION("me-central-1", "mec1", 3, true),     REGION("me-south-1", "mes1", 3, true),
    REGION("mx-central-1", "mxc1", 3, true),     REGION("sa-east-1", "sae1", 3, false),
    REGION("us-east-1", "use1", 6, false),       REGION("us-east-2", "use2", 3, false),
    REGION("us-west-1", "usw1", 2, false),       REGION("us-west-2", "usw2", 4, false),
};

const struct region *region_table(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(regions);
    return regions;
}

const struct region *region_named(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(regions); i++)
        if (span_eq(regions[i].name, name))
            return &regions[i];
    return NULL;
}
