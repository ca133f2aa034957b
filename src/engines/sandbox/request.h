// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the program tells its helper: fields of (number, length, bytes, NUL) in a memory file, and
 * what the helper answers: once when there is a machine, by the gate once more when it is made. The
 * helper is a small static program of the build, embedded in this one and run from memory: nothing
 * of the daemon's memory is in a sandbox, and what happens between clone and exec happens in a
 * process with one thread.
 */
#include <stdint.h>

/* The gate is a socket of packets: a struct helper_reply from the machine, a byte to it. */
enum HELPER_FD { HELPER_REQUEST = 3, HELPER_REPLY, HELPER_GATE, HELPER_FDS };

enum REQUEST_FIELD {
    REQUEST_FOLDER,
    REQUEST_NAME,
    REQUEST_HOSTNAME,
    REQUEST_LIMITS,  /* struct sandbox_limits */
    REQUEST_NETWORK, /* struct sandbox_network, one each */
    REQUEST_BOOT,    /* one argument each */
    REQUEST_HIDDEN,
    REQUEST_FILE_PATH, /* begins a file */
    REQUEST_FILE_MODE, /* uint32_t */
    REQUEST_FILE_BODY,
    REQUEST_FIELDS
};

struct request_field {
    uint32_t number, length;
};

/* One message. */
struct helper_reply {
    int32_t error;
    char step[60]; /* that failed */
};
