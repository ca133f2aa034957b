// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The subcommands. Each gets the words behind its name and returns the exit status. */
int command_up(int argc, char **argv);
int command_status(int argc, char **argv);
int command_shards(int argc, char **argv);
int command_nat(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_fabric(int argc, char **argv);
int command_coverage(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_exec(int argc, char **argv);
int command_image(int argc, char **argv);
