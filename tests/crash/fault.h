// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Makes the n-th write, sync, truncation or allocation below a folder fail. Linked into a test, or
 * preloaded into any program, then armed by FAULT_DIR, FAULT_NTH and FAULT_KIND (a number).
 */
#include <stdint.h>

enum FAULT {
    FAULT_EIO,       /* the n-th call, once */
    FAULT_EIO_ON,    /* the n-th and all later ones */
    FAULT_ENOSPC,    /* once; syncs fail with EIO */
    FAULT_ENOSPC_ON, /* from the n-th on */
    FAULT_SHORT,     /* half of the bytes, once; other calls fail with EIO */
    FAULT_COUNT,
};

/* Counts calls from now on; nth begins at 1, 0 never fails. */
void fault_arm(const char *dir, uint64_t nth, enum FAULT kind);
uint64_t fault_calls(void);
