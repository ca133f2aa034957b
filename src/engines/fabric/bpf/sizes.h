// SPDX-License-Identifier: Apache-2.0
#pragma once
/* How much the maps hold. Preallocated but for routes: about 215 bytes a session. */
#define FAB_SESSIONS 262144
#define FAB_TARGETS 65536
#define FAB_PLACES 65536
#define FAB_PUBLICS 4096
#define FAB_SERVICES 8192
#define FAB_NETWORKS 1024
#define FAB_SUBNETS 8192
#define FAB_INTERFACES 16384
#define FAB_GATEWAYS 1024
#define FAB_RULES 262144
#define FAB_ROUTES 65536
#define FAB_RECORDS 131072
#define FAB_RECORDS6 32768
#define FAB_FRAGMENTS 8192
#define FAB_PROVEN 65536
/* What fab_tails holds. */
enum FAB_TAIL { FAB_TAIL_SLOW, FAB_TAIL_SIX, FAB_TAIL_SLOW6, FAB_TAILS };
