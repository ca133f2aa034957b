// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The names by which services are called in a region: which one a name is of, and what stands on
 * their certificates. Pure, any thread.
 */
#include "services/ec2/endpoint_service.h"

/* With the region in it; absent: the service has no such name in that region. */
struct span endpoint_pattern_in(struct arena *arena, struct span pattern, struct span region);
/* Whether that is one of the public names of the service, or of those that an interface endpoint
 * takes over. A star stands for one label or more. */
enum ENDPOINT_NAMES { ENDPOINT_NAMES_ALL, ENDPOINT_NAMES_PRIVATE };
bool endpoint_host_is(struct arena *arena, struct span name, const struct endpoint_service *service,
                      struct span region, enum ENDPOINT_NAMES which);
