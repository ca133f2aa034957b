// SPDX-License-Identifier: Apache-2.0
/* What the NAT discovery programs of others (coturn's after RFC 5780, stun-client's after RFC 3489)
 * find out about the gateway: mapping and filtering by address and port, random ports, as AWS's. */
#include "fabric_hosts.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define SERVER_TEXT "192.0.2.80"
#define OTHER_TEXT "192.0.2.81"
#define OTHER IP(192, 0, 2, 81)

static bool installed(const char *program)
{
    static const char *const folders[] = {"/usr/bin", "/usr/sbin"};
    char path[128];
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        snprintf(path, sizeof path, "%s/%s", folders[i], program);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

/* A program in a host's namespace; what it prints comes from the descriptor. */
static pid_t run_in(enum HOST host, const char *const *words, int *ret_output)
{
    int ends[2];
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        char *args[24] = {NULL};
        for (size_t i = 0; i + 1 < ARRAY_LEN(args) && words[i]; i++)
            args[i] = strdup(words[i]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (setns(hosts[host], CLONE_NEWNET) == 0 && dup2(ends[1], 1) >= 0 && dup2(ends[1], 2) >= 0)
            execvp(args[0], args);
        _exit(127);
    }
    CHECK(child > 0);
    close(ends[1]);
    *ret_output = ends[0];
    return child;
}

static void end(pid_t child, int output)
{
    int status;
    kill(child, SIGKILL);
    CHECK_INT(waitpid(child, &status, 0), child);
    close(output);
}

/* Everything that a program prints until it ends. */
static const char *printed(enum HOST host, const char *const *words)
{
    static char text[32768];
    size_t len = 0;
    int output;
    pid_t child = run_in(host, words, &output);
    while (len < sizeof text - 1 && ready(output, POLLIN, 30000)) {
        ssize_t got = read(output, text + len, sizeof text - 1 - len);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    text[len] = 0;
    end(child, output);
    return text;
}

static int add_address(struct inside *inside)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "eth0:1"};
    struct sockaddr_in in = socket_address(inside->address, 0);
    memcpy(&request.ifr_addr, &in, sizeof in);
    int error = ioctl(fd, SIOCSIFADDR, &request) < 0 ? -errno : 0;
    close(fd);
    return error;
}

/* A server with two addresses and two ports. */
static pid_t serve(int *ret_output)
{
    static const char *const words[] = {"turnserver", "-n",
                                        "--no-auth",  "--stun-only",
                                        "--no-tls",   "--no-dtls",
                                        "--no-cli",   "-L",
                                        SERVER_TEXT,  "-L",
                                        OTHER_TEXT,   "--listening-port",
                                        "3478",       "--alt-listening-port",
                                        "3479",       "--log-file",
                                        "stdout",     "--pidfile",
                                        "/dev/null",  NULL};
    char word[4];
    CHECK_INT(in_namespace((struct inside){.host = INTERNET, .run = add_address, .address = OTHER}),
              0);
    pid_t server = run_in(INTERNET, words, ret_output);
    int probe = socket_in(APP_HOST, SOCK_DGRAM, 0);
    struct sockaddr_in to = socket_address(SERVER, 3478);
    const uint8_t binding[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1};
    bool up = false;
    for (int i = 0; i < 50 && !up; i++) {
        (void)!sendto(probe, binding, sizeof binding, 0, (struct sockaddr *)&to, sizeof to);
        up = ready(probe, POLLIN, NEVER_MS) && recv(probe, word, sizeof word, 0) > 0;
    }
    CHECK(up);
    close(probe);
    return server;
}

TEST(by_rfc_5780_mapping_and_filtering_depend_on_address_and_port)
{
    static const char *const words[] = {
        "turnutils_natdiscovery", "-m", "-f", "-p", "3478", SERVER_TEXT, NULL};
    int output;
    if (!installed("turnserver") || !installed("turnutils_natdiscovery"))
        test_skip("coturn is not installed");
    open_world();
    pid_t server = serve(&output);
    const char *text = printed(APP_HOST, words);
    if (!strstr(text, "NAT with Address and Port Dependent Mapping!") ||
        !strstr(text, "NAT with Address and Port Dependent Filtering!"))
        test_fail(__FILE__, __LINE__, "%s", text);
    end(server, output);
    close_world();
}

TEST(by_rfc_3489_mapping_is_dependent_and_ports_are_random)
{
    static const char *const words[] = {"stun", SERVER_TEXT, "-v", NULL};
    int output;
    if (!installed("turnserver") || !installed("stun"))
        test_skip("coturn or stun-client is not installed");
    open_world();
    pid_t server = serve(&output);
    const char *text = printed(APP_HOST, words);
    if (!strstr(text, "Dependent Mapping, random port"))
        test_fail(__FILE__, __LINE__, "%s", text);
    end(server, output);
    close_world();
}
