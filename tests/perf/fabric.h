// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What the parts of the measuring program `fabric-load` share; fabric.py drives it. */
#include <stdint.h>
#include <stdio.h>

#define CLIENT_ADDRESS "10.0.2.20"
#define SERVER_ADDRESS "192.0.2.80"
#define UDP_PORT 5000
#define TCP_PORT 5001
#define CONNECT_PORT 6000 /* and CONNECT_PORTS - 1 more: a gateway counts per destination */
#define CONNECT_PORTS 16

/* Says why and ends the process. */
_Noreturn void give_up(const char *what, int error);
int64_t now_ns(void);
/* Runs the calling thread on one processor. */
void stay_on(int processor);
/* The calling thread into /run/netns/NAME. */
void enter(const char *name);

/* Each is a command; its arguments follow its name. */
int run_server(char **args);
int run_client(char **args);
int run_inject(char **args);
int run_change(char **args);
