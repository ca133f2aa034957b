// SPDX-License-Identifier: Apache-2.0
/*
 * Machines that really run: what they see and may not do, their limits, their lives and what is
 * left of them. Everything is made in a folder of this test's own and removed.
 */
#include "test.h"

#include "base/scope.h"
#include "engines/sandbox/cgroup.h"
#include "engines/sandbox/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)
#define SOON_MS 20000
#define BOOT_SIZE 2048
#define LIVES 40
#define AT_ONCE 3

static char base[64]; /* the host's, hidden from machines */
static int number;

/* What a failed test left. */
__attribute__((destructor)) static void end_all(void)
{
    char folder[128];
    struct sandbox box;
    for (int i = 1; base[0] && i <= number; i++) {
        snprintf(folder, sizeof folder, "%s/%d", base, i);
        if (sandbox_adopt(folder, &box) == 0 && sandbox_signal(&box, SANDBOX_KILL) == 0) {
            struct pollfd end = {.fd = box.process, .events = POLLIN};
            poll(&end, 1, 1000);
        }
        int ignored = sandbox_remove(folder);
        (void)ignored;
    }
    if (base[0])
        rmdir(base);
}

struct machine {
    char folder[128], name[64];
    struct sandbox box;
};

static void need_root(void)
{
    const char *why;
    if (sandbox_check(&why) < 0)
        test_skip(why);
    if (!base[0]) {
        snprintf(base, sizeof base, "/var/tmp/sandbox-test-%d", (int)getpid());
        CHECK_INT(mkdir(base, 0755), 0);
    }
}

static struct machine machine_new(void)
{
    struct machine it = {.box = {-1, -1, -1}};
    need_root();
    snprintf(it.name, sizeof it.name, "kintoun-test-%d-%d", (int)getpid(), ++number);
    snprintf(it.folder, sizeof it.folder, "%s/%d", base, number);
    CHECK_INT(mkdir(it.folder, 0700), 0);
    CHECK_INT(sandbox_make_disk(it.folder, 64 * MIB), 0);
    return it;
}

static int start(struct machine *it, const char *script)
{
    const char *step = "";
    const char *const boot[] = {"/bin/sh", "/boot.sh", NULL};
    const char *const hidden[] = {base, "/root", NULL};
    const struct sandbox_file file = {"/boot.sh", 0755, span_of_cstr(script)};
    const struct sandbox_spec spec = {.folder = it->folder,
                                      .name = it->name,
                                      .hostname = "tested",
                                      .limits = {64 * MIB, 50, 64},
                                      .boot = boot,
                                      .hidden = hidden,
                                      .files = &file,
                                      .file_count = 1};
    int error = sandbox_start(&spec, &it->box, &step);
    if (error)
        printf("# %s: %s\n", step, strerror(-error));
    return error;
}

static void run(struct machine *it, const char *script)
{
    const char *step;
    CHECK_INT(start(it, script), 0);
    CHECK_INT(sandbox_go(it->folder, &it->box, &step), 0);
}

static bool ended(const struct machine *it, int within_ms)
{
    struct pollfd end = {.fd = it->box.process, .events = POLLIN};
    return poll(&end, 1, within_ms) == 1;
}

static void stop(struct machine *it, enum SANDBOX_SIGNAL how)
{
    CHECK_INT(sandbox_signal(&it->box, how), 0);
    CHECK(ended(it, SOON_MS));
    sandbox_close(&it->box);
    CHECK_INT(sandbox_clear(it->folder), 0);
}

static void machine_end(struct machine *it)
{
    if (it->box.process >= 0)
        stop(it, SANDBOX_KILL);
    CHECK_INT(sandbox_remove(it->folder), 0);
    CHECK(access(it->folder, F_OK) < 0);
}

/* The console from the beginning, as text. */
static const char *console(const struct machine *it)
{
    static char text[SANDBOX_CONSOLE + 1];
    int len = sandbox_console(it->folder, text);
    CHECK(len >= 0);
    text[len] = '\0';
    return text;
}

static bool says(const struct machine *it, const char *what)
{
    for (int waited = 0; waited < SOON_MS / 5; waited++) {
        if (strstr(console(it), what))
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    printf("# the console does not say \"%s\" but:\n%s\n", what, console(it));
    return false;
}

/* What the script prints, once it has printed `done.`. */
static struct machine ran(const char *script)
{
    char whole[BOOT_SIZE];
    struct machine it = machine_new();
    snprintf(whole, sizeof whole, "%s\necho \"do\"ne.\n", script);
    run(&it, whole);
    CHECK(says(&it, "done."));
    return it;
}

static void check_prints(const char *script, const char *what)
{
    struct machine it = ran(script);
    CHECK(says(&it, what));
    machine_end(&it);
}

/* ---- what it is -------------------------------------------------------------------------------
 */

TEST(boots_as_a_machine_of_its_own)
{
    struct machine it =
        ran("hostname; echo pid=$(ls -d /proc/[0-9]* | grep -c .); id -u\n"
            "echo user=$(id -u) links=$(ls /sys/class/net | tr '\\n' ,)\n"
            "tty; ls /dev | tr '\\n' ' '; echo > /etc/mine && cat /etc/mine\n"
            "test -e /proc/1/root/ || echo no-way-out; cat /boot.sh > /dev/null && echo read");
    CHECK(says(&it, "tested"));
    CHECK(says(&it, "user=0 links=lo,"));
    CHECK(says(&it, "/dev/pts/0"));
    CHECK(says(&it, "null"));
    CHECK(says(&it, "read"));
    CHECK(access("/etc/mine", F_OK) < 0);
    machine_end(&it);
}

TEST(what_is_hidden_is_not_there)
{
    char script[BOOT_SIZE];
    need_root();
    snprintf(
        script, sizeof script,
        "echo a$(ls %s | wc -l)b c$(ls -A /root | wc -l)d; touch %s/x && echo ok; ls -d /usr/bin",
        base, base);
    check_prints(script, "a0b c0d\r\nok\r\n/usr/bin");
}

TEST(root_inside_is_not_root_of_the_host)
{
    struct machine it =
        ran("mount -t tmpfs none /mnt; mknod /dev/vda b 254 0; unshare -U true; unshare -n true\n"
            "echo core > /proc/sys/kernel/core_pattern\n"
            "chroot /proc/1/root true; umount /proc/sys; date -s 2001-01-01; for f in "
            "/proc/1/fd/*; do (cat < $f) && echo opened $f; done\n"
            "echo 1 > /proc/sys/net/ipv4/ip_forward && echo forward=$(cat "
            "/proc/sys/net/ipv4/ip_forward)\n"
            "grep -E 'CapEff|Seccomp:' /proc/self/status; swapoff -a; kill -9 1; echo alive");
    CHECK(says(&it, "forward=1"));
    CHECK(says(&it, "CapEff:\t00000000a00435fb"));
    CHECK(says(&it, "Seccomp:\t2"));
    CHECK(says(&it, "alive"));
    const char *text = console(&it);
    CHECK(strstr(text, "mount: /mnt: permission denied"));
    CHECK(strstr(text, "mknod: /dev/vda: Operation not permitted"));
    CHECK(strstr(text, "unshare: unshare failed: Operation not permitted"));
    CHECK(strstr(text, "core_pattern: Read-only file system"));
    CHECK(
        strstr(text, "chroot: cannot change root directory to '/proc/1/root': Permission denied"));
    CHECK(strstr(text, "cannot set date: Operation not permitted"));
    CHECK(!strstr(text, "opened /"));
    machine_end(&it);
}

/* ---- limits -----------------------------------------------------------------------------------
 */

TEST(memory_is_limited)
{
    check_prints("head -c 200000000 /dev/zero | tail -c 199999999 > /dev/null; echo status=$?",
                 "status=137");
}

TEST(tasks_are_limited)
{
    check_prints("(i=0; while [ $i -lt 80 ]; do sleep 60 & i=$((i+1)); done)", "Cannot fork");
}

/* Half a processor: the tenths of a second that a loop of two seconds has burnt. */
TEST(processor_time_is_limited)
{
    struct machine it =
        ran("timeout 2 sh -c 'while :; do :; done'; echo burnt=$(awk '{print int(($16+$17)/10)}' "
            "/proc/$$/stat)");
    const char *at = strstr(console(&it), "burnt=");
    CHECK(at);
    long tenths = strtol(at + 6, NULL, 10);
    CHECK(tenths >= 3 && tenths <= 13);
    machine_end(&it);
}

TEST(the_disk_is_limited)
{
    check_prints("dd if=/dev/zero of=/big bs=1M count=100 2>&1", "No space left on device");
}

/* ---- its life ---------------------------------------------------------------------------------
 */

TEST(the_disk_outlives_a_stop)
{
    struct machine it = ran("echo kept > /kept; sync");
    stop(&it, SANDBOX_SHUT_DOWN);
    run(&it, "cat /kept; echo again");
    CHECK(says(&it, "kept\r\nagain"));
    machine_end(&it);
}

TEST(shutting_down_asks_first)
{
    struct machine it =
        ran("(trap 'echo last-words; exit' TERM; echo armed; while :; do sleep 0.05; done) &");
    CHECK(says(&it, "armed"));
    stop(&it, SANDBOX_SHUT_DOWN);
    CHECK(says(&it, "last-words"));
    machine_end(&it);
}

TEST(a_reboot_boots_again_in_the_same_machine)
{
    struct machine it = ran("echo x >> /count; echo boots=$(wc -l < /count); sleep 1000 &");
    CHECK(says(&it, "boots=1"));
    CHECK_INT(sandbox_signal(&it.box, SANDBOX_REBOOT), 0);
    CHECK(says(&it, "boots=2"));
    CHECK(!ended(&it, 0));
    machine_end(&it);
}

TEST(goes_on_without_who_started_it)
{
    struct machine it = machine_new();
    pid_t child = fork();
    if (child == 0) {
        run(&it, "echo up; sleep 1000");
        _exit(0); /* no destructor */
    }
    int status;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    CHECK_INT(sandbox_adopt(it.folder, &it.box), 0);
    CHECK(says(&it, "up"));
    CHECK_INT(sandbox_clear(it.folder), -EBUSY);
    stop(&it, SANDBOX_SHUT_DOWN);
    CHECK_INT(sandbox_adopt(it.folder, &it.box), -ESRCH);
    machine_end(&it);
}

TEST(a_shut_gate_whose_keeper_has_gone_ends_it)
{
    struct machine it = machine_new();
    CHECK_INT(start(&it, "echo never"), 0);
    close(it.box.gate);
    it.box.gate = -1;
    CHECK(ended(&it, SOON_MS));
    CHECK(!strstr(console(&it), "never"));
    sandbox_close(&it.box);
    machine_end(&it);
}

TEST(one_that_never_began_is_not_adopted)
{
    struct machine it = machine_new();
    struct sandbox again;
    CHECK_INT(start(&it, "echo never"), 0);
    CHECK_INT(sandbox_adopt(it.folder, &again), -ESRCH);
    CHECK(ended(&it, SOON_MS));
    sandbox_close(&it.box);
    machine_end(&it);
}

TEST(a_start_that_fails_leaves_nothing)
{
    struct machine it = machine_new();
    char path[200];
    snprintf(path, sizeof path, "%s/disk", it.folder);
    const char *step = "";
    CHECK_INT(truncate(path, 4096), 0);
    CHECK_INT(start(&it, "echo never"), 0);
    CHECK(sandbox_go(it.folder, &it.box, &step) < 0);
    CHECK_SPAN(span_of_cstr(step), S("mounting the disk"));
    sandbox_close(&it.box);
    CHECK_INT(sandbox_adopt(it.folder, &it.box), -ESRCH);
    machine_end(&it);
}

TEST(the_console_keeps_what_is_newest)
{
    struct machine it = ran("i=0; while [ $i -lt 20000 ]; do echo line-$i; i=$((i+1)); done");
    CHECK_INT(strlen(console(&it)), SANDBOX_CONSOLE);
    CHECK(strstr(console(&it), "line-19999\r\ndone."));
    CHECK(!strstr(console(&it), "line-0\r"));
    machine_end(&it);
}

/* ---- roots of their own -----------------------------------------------------------------------
 */

/* A file as the source of a disk. */
static ssize_t read_file(void *user, char *to, size_t size)
{
    return read(*(int *)user, to, size);
}

/* An archive of the host's shell and what it needs, made by these words of tar's. */
static int make_from(struct machine *it, const char *words, uint64_t bytes)
{
    char command[BOOT_SIZE], path[80];
    const char *step = "";
    *it = (struct machine){.box = {-1, -1, -1}};
    need_root();
    snprintf(it->name, sizeof it->name, "kintoun-test-%d-%d", (int)getpid(), ++number);
    snprintf(it->folder, sizeof it->folder, "%s/%d", base, number);
    snprintf(path, sizeof path, "%s/archive", base);
    CHECK_INT(mkdir(it->folder, 0700), 0);
    snprintf(command, sizeof command,
             "cd / && tar -hcf %s %s bin/sh bin/cat bin/ls $(ldd /bin/sh /bin/cat /bin/ls | "
             "grep -o '/[^ ]*lib[^ ]* ' | cut -c2- | sort -u) 2>/dev/null",
             path, words);
    CHECK_INT(system(command), 0);
    AUTO_FD file = open(path, O_RDONLY | O_CLOEXEC);
    unlink(path);
    int fd = file;
    return sandbox_make_disk_from(it->folder, bytes, &(struct sandbox_source){read_file, &fd},
                                  &step);
}

TEST(a_root_of_its_own)
{
    static const char *const packings[] = {"",     "--gzip",       "--zstd",
                                           "--xz", "--format=gnu", "--format=ustar"};
    for (size_t i = 0; i < ARRAY_LEN(packings); i++) {
        struct machine it;
        CHECK_INT(make_from(&it, packings[i], 64 * MIB), 0);
        run(&it, "/bin/ls / > /listed; /bin/cat /listed; test -e /etc/passwd || echo alo\"\"ne\n"
                 "sleep 1000 &\n");
        CHECK(says(&it, "alone"));
        CHECK(strstr(console(&it), "bin\r\nboot.sh\r\ndev\r\nlib"));
        stop(&it, SANDBOX_SHUT_DOWN);
        run(&it, "/bin/cat /listed; echo ag\"\"ain\n");
        CHECK(says(&it, "again"));
        machine_end(&it);
    }
}

TEST(what_is_larger_than_the_disk_is_no_root)
{
    struct machine it;
    char large[80];
    need_root();
    snprintf(large, sizeof large, "%s/large", base);
    AUTO_FD file = open(large, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK_INT(ftruncate(file, 32 * MIB), 0);
    signal(SIGPIPE, SIG_IGN);
    CHECK_INT(make_from(&it, large, 16 * MIB), -ENOSPC);
    unlink(large);
    CHECK_INT(sandbox_remove(it.folder), 0);
}

TEST(a_source_that_fails)
{
    const char *step = "";
    int closed = -1;
    struct machine it = machine_new();
    char disk[200];
    snprintf(disk, sizeof disk, "%s/disk", it.folder);
    unlink(disk);
    CHECK(sandbox_make_disk_from(it.folder, 64 * MIB, &(struct sandbox_source){read_file, &closed},
                                 &step) < 0);
    CHECK_INT(sandbox_remove(it.folder), 0);
}

/* ---- entering ---------------------------------------------------------------------------------
 */

static int enter(const struct machine *it, int in, int out, char *const *argv)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        dup2(in, 0);
        dup2(out, 1);
        dup2(out, 2);
        _exit(sandbox_enter(it->folder, argv) ? 99 : 98);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static char entered[4096];
static int enter_with_pipe(const struct machine *it, const char *command)
{
    char *const argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, (char *)(uintptr_t)command, NULL};
    int pipe[2];
    CHECK_INT(pipe2(pipe, O_CLOEXEC), 0);
    AUTO_FD nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int status = enter(it, nothing, pipe[1], argv);
    close(pipe[1]);
    ssize_t got = read(pipe[0], entered, sizeof entered - 1);
    close(pipe[0]);
    entered[got > 0 ? got : 0] = '\0';
    return status;
}

TEST(a_command_can_be_run_inside)
{
    struct machine it = ran("echo here > /here");
    CHECK_INT(enter_with_pipe(&it, "cat /here; hostname; tty; mount -t tmpfs x /mnt; exit 7"), 7);
    CHECK(strstr(entered, "here\ntested\nnot a tty"));
    CHECK(strstr(entered, "permission denied"));
    CHECK_INT(enter_with_pipe(&it, "kill -9 $$"), 128 + SIGKILL);
    char *const missing[] = {(char[]){"/no/such"}, NULL};
    AUTO_FD nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    CHECK_INT(enter(&it, nothing, nothing, missing), 127);
    stop(&it, SANDBOX_KILL);
    CHECK_INT(enter_with_pipe(&it, "true"), 125);
    machine_end(&it);
}

TEST(a_terminal_gets_a_terminal_inside)
{
    struct machine it = ran("true");
    char *const argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, (char[]){"tty; stty size"}, NULL};
    char text[512];
    AUTO_FD master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    AUTO_FD slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK_INT(enter(&it, slave, slave, argv), 0);
    ssize_t got = read(master, text, sizeof text - 1);
    text[got > 0 ? got : 0] = '\0';
    CHECK(strstr(text, "/dev/pts/1"));
    machine_end(&it);
}

/* ---- nothing is left --------------------------------------------------------------------------
 */

struct left {
    int mounts, groups, loops, processes;
};

static int count_lines(const char *path, const char *with)
{
    char line[4096];
    int count = 0;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        count += strstr(line, with) != NULL;
    if (file)
        fclose(file);
    return count;
}

/* Folder entries whose name begins so, and which have `file` inside where it is not NULL. */
static int count_entries(const char *folder, const char *begin, const char *file)
{
    char path[512];
    int count = 0;
    DIR *all = opendir(folder);
    for (struct dirent *entry; all && (entry = readdir(all));) {
        snprintf(path, sizeof path, "%s/%s/%s", folder, entry->d_name, file ? file : "");
        count += strncmp(entry->d_name, begin, strlen(begin)) == 0 && access(path, F_OK) == 0;
    }
    if (all)
        closedir(all);
    return count;
}

static int count_groups(void)
{
    static const char *const folders[] = {"memory", "cpu", "pids", ""};
    char path[64], begin[64];
    int count = 0;
    snprintf(begin, sizeof begin, "kintoun-test-%d-", (int)getpid());
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        snprintf(path, sizeof path, CGROUP_ROOT "/%s", folders[i]);
        count += count_entries(path, begin, NULL);
    }
    return count;
}

/* Loop devices on a disk of this test. */
static int count_loops(void)
{
    char path[512];
    int count = 0;
    DIR *all = opendir("/sys/block");
    for (struct dirent *entry; all && (entry = readdir(all));) {
        snprintf(path, sizeof path, "/sys/block/%s/loop/backing_file", entry->d_name);
        count += count_lines(path, base);
    }
    if (all)
        closedir(all);
    return count;
}

static int count_processes(void)
{
    char path[300];
    int count = 0;
    DIR *all = opendir("/proc");
    for (struct dirent *entry; all && (entry = readdir(all));) {
        snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
        count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
                 count_lines(path, "kintoun-machine") > 0;
    }
    if (all)
        closedir(all);
    return count;
}

static struct left count_left(void)
{
    return (struct left){.mounts = base[0] ? count_lines("/proc/self/mountinfo", base) : 0,
                         .groups = count_groups(),
                         .loops = count_loops(),
                         .processes = count_processes()};
}

/* A step of a random life. */
static void live(struct machine *it)
{
    int what = rand() % 6;
    if (it->box.process < 0)
        run(it, "sleep 1000 & sh -c 'sleep 1000 & sleep 1000' & wait");
    else if (what == 0)
        CHECK_INT(sandbox_signal(&it->box, SANDBOX_REBOOT), 0);
    else if (what == 1)
        enter_with_pipe(it, "echo x > /x");
    else if (what < 4)
        stop(it, what == 2 ? SANDBOX_KILL : SANDBOX_SHUT_DOWN);
    else
        machine_end(it);
    if (access(it->folder, F_OK) < 0)
        *it = machine_new();
}

TEST(random_lives_leave_nothing)
{
    need_root();
    struct left before = count_left();
    struct machine machines[AT_ONCE];
    srand(7);
    for (size_t i = 0; i < AT_ONCE; i++)
        machines[i] = machine_new();
    for (int i = 0; i < LIVES * AT_ONCE; i++)
        live(&machines[rand() % AT_ONCE]);
    for (size_t i = 0; i < AT_ONCE; i++)
        machine_end(&machines[i]);
    struct left after = count_left();
    CHECK_INT(after.mounts, before.mounts);
    CHECK_INT(after.groups, before.groups);
    CHECK_INT(after.loops, before.loops);
    for (int waited = 0; count_processes() > before.processes && waited < 200; waited++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    CHECK_INT(count_processes(), before.processes);
    CHECK_INT(rmdir(base), 0);
    base[0] = '\0';
}

/* ---- the second version of control groups -----------------------------------------------------
 */

static void write_text(const char *root, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "we");
    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static const char *read_text(const char *root, const char *name)
{
    static char text[256];
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "re");
    CHECK(file && fgets(text, sizeof text, file));
    fclose(file);
    return text;
}

/* Where the kernel has no v2 controllers, a folder with its files stands for them. */
TEST(limits_of_version_two)
{
    static const char *const files[] = {"g/memory.max",       "g/memory.swap.max",     "g/cpu.max",
                                        "g/pids.max",         "g/cgroup.procs",        "g",
                                        "cgroup.controllers", "cgroup.subtree_control"};
    char root[] = "/tmp/sandbox-cgroup-XXXXXX", path[256];
    CHECK(mkdtemp(root));
    CHECK_INT(cgroup_version(root), CGROUP_NONE);
    write_text(root, "cgroup.controllers", "cpuset cpu io memory pids\n");
    write_text(root, "cgroup.subtree_control", "");
    snprintf(path, sizeof path, "%s/g", root);
    CHECK_INT(mkdir(path, 0755), 0);
    for (size_t i = 0; i < 5; i++)
        write_text(root, files[i], "");
    CHECK_INT(cgroup_version(root), CGROUP_V2);
    CHECK_INT(cgroup_make(root, "g", &(struct sandbox_limits){512 * MIB, 200, 100}), 0);
    CHECK_INT(cgroup_join(root, "g"), 0);
    CHECK_SPAN(span_of_cstr(read_text(root, "cgroup.subtree_control")), S("+memory +cpu +pids"));
    CHECK_SPAN(span_of_cstr(read_text(root, "g/memory.max")), S("536870912"));
    CHECK_SPAN(span_of_cstr(read_text(root, "g/memory.swap.max")), S("0"));
    CHECK_SPAN(span_of_cstr(read_text(root, "g/cpu.max")), S("200000 100000"));
    CHECK_SPAN(span_of_cstr(read_text(root, "g/pids.max")), S("100"));
    CHECK_SPAN(span_of_cstr(read_text(root, "g/cgroup.procs")), S("0"));
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "%s/%s", root, files[i]);
        CHECK_INT(remove(path), 0);
    }
    CHECK_INT(rmdir(root), 0);
}
