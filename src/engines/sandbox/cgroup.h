// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Control groups of both hierarchies, by name: memory, processor time and number of tasks. v2 is
 * taken where its controllers are there, else v1. Part of the program and of its helper. Negative
 * errnos.
 */
#include "engines/sandbox/sandbox.h"

#include <stdio.h>

enum CGROUP_VERSION { CGROUP_NONE, CGROUP_V1, CGROUP_V2 };

/* What the hierarchy mounted at `root` has of memory, cpu and pids. */
enum CGROUP_VERSION cgroup_version(const char *root);
#define CGROUP_ROOT "/sys/fs/cgroup"

MUST_CHECK int cgroup_make(const char *root, const char *name, const struct sandbox_limits *limits);
/* Moves this process in, which has one thread; with it those that it makes. "": out of all. */
MUST_CHECK int cgroup_join(const char *root, const char *name);
/* 0 also when there is none; -EBUSY while somebody is in it. */
MUST_CHECK int cgroup_remove(const char *root, const char *name);
/* Its processes, a number per line; NULL with errno. */
FILE *cgroup_members(const char *root, const char *name);
