// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A crash test: a writer process is killed at a random instant, or its n-th call fails, for growing
 * n, on a new folder and on an old one; then a checker process opens the same folder. This process
 * opens nothing itself. Prints TAP. The first argument is the seed (else the time), CRASH_SECONDS
 * (30) bounds the whole; SEED KIND (of enum FAULT) tries only that kind, SEED KIND NTH OLD only
 * that call, on an old (1) or new folder.
 */
#include "base/header.h"

/* Begins the notes, which lie in memory that all processes share. */
struct trial_notes {
    _Atomic uint64_t ready; /* how often a writer came to write */
    uint64_t calls;         /* of write_a_little, as fault.h counts them */
};

struct trial {
    struct trial_notes *notes; /* from trial_memory */
    size_t notes_size;
    void (*write_for_ever)(const char *dir);
    void (*write_a_little)(const char *dir); /* the same calls each time, as far as may be */
    bool (*check)(const char *dir);          /* prints what is wrong */
    uint64_t (*acknowledged)(void);          /* for the report */
};

/* Zeros, shared with the processes made later. */
void *trial_memory(size_t size);
uint64_t trial_dice(uint64_t below);
/* What main returns. */
int trial_run(const struct trial *trial, int argc, char **argv);
