// SPDX-License-Identifier: Apache-2.0
/* Cases for the log's files: what a start finds after each kind of end, files used again, and one
 * made ahead. */
#include "store_helper.h"

#include "base/hash.h"
#include "base/scope.h"
#include "store/ahead.h"
#include "store/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define BODY 1000 /* bytes */

struct found {
    uint64_t first, last, count;
    int answer;
};

static int take(void *user, uint64_t ticket, struct span body)
{
    struct found *found = user;
    found->first = found->count++ ? found->first : ticket;
    found->last = ticket;
    CHECK(body.len == BODY && (uint8_t)body.at[0] == (uint8_t)ticket);
    return found->answer;
}

static int dir_fd(void)
{
    int fd = open(test_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

/* The answer of the opening; the journal may be NULL for a look only. */
static int journal_at(uint64_t applied, struct found *found, struct journal **ret)
{
    AUTO_FD fd = dir_fd();
    struct journal *journal;
    uint64_t latest;
    struct journal_source source = {.applied = applied, .take = take, .user = found};
    found->count = found->first = found->last = 0;
    int error = journal_open(&journal, fd, &source, &latest);
    if (!error)
        CHECK_INT(latest, found->last > applied ? found->last : applied);
    if (error || !ret)
        journal_free(journal);
    else
        *ret = journal;
    return error;
}

static void append(struct journal *journal, uint64_t first, uint64_t count)
{
    struct buf records;
    char body[BODY];
    buf_init(&records, SIZE_MAX);
    for (uint64_t ticket = first; ticket < first + count; ticket++) {
        memset(body, (int)ticket, sizeof body);
        struct record_head head = {.body_crc = crc32c_feed(0, span_of(body, sizeof body)),
                                   .body_len = BODY,
                                   .ticket = ticket};
        buf_append(&records, span_of(&head, sizeof head));
        buf_append(&records, span_of(body, sizeof body));
    }
    CHECK_INT(journal_append(journal, buf_span(&records)), 0);
    CHECK_INT(journal_sync(journal), 0);
    buf_done(&records);
}

/* Of the log; the one that is made ahead is not among them. */
static size_t files(void)
{
    char path[400];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/journal", test_dir);
    DIR *dir = opendir(path);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += strstr(entry->d_name, ".log") != NULL;
    closedir(dir);
    return count;
}

static int file_open(unsigned number)
{
    char path[400];
    snprintf(path, sizeof path, "%s/journal/%016x.log", test_dir, number);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

/* Where record `index` of a file written in one go begins. */
static off_t record_at(uint64_t index)
{
    return (off_t)(index * (sizeof(struct record_head) + BODY));
}

TEST(what_was_appended_is_found_from_the_applied_ticket_on)
{
    struct journal *journal;
    struct found found = {0};
    test_dir_make();
    CHECK_INT(journal_at(0, &found, &journal), 0);
    CHECK_INT(found.count, 0);
    append(journal, 1, 10);
    append(journal, 11, 1);
    CHECK_INT(journal_bytes(journal), record_at(11));
    journal_free(journal);
    CHECK_INT(journal_at(0, &found, NULL), 0);
    CHECK(found.first == 1 && found.last == 11 && found.count == 11);
    CHECK_INT(journal_at(4, &found, NULL), 0);
    CHECK(found.first == 5 && found.count == 7);
    CHECK_INT(journal_at(50, &found, NULL), 0);
    CHECK_INT(found.count, 0);
    found.answer = -EBADMSG;
    CHECK_INT(journal_at(0, &found, NULL), -EBADMSG);
}

TEST(a_torn_end_is_absent_and_does_not_come_back)
{
    struct journal *journal;
    struct found found = {0};
    test_dir_make();
    CHECK_INT(journal_at(0, &found, &journal), 0);
    append(journal, 1, 10);
    journal_free(journal);
    AUTO_FD fd = file_open(1);
    CHECK_INT(pwrite(fd, "torn", 4, record_at(7) + 100), 4); /* the 8th; two whole ones behind it */
    CHECK_INT(journal_at(0, &found, &journal), 0);
    CHECK_INT(found.last, 7);
    append(journal, 8, 1);
    journal_free(journal);
    CHECK_INT(journal_at(0, &found, NULL), 0);
    CHECK(found.last == 8 && found.count == 8);
}

TEST(a_damaged_head_ends_a_file)
{
    struct journal *journal;
    struct found found = {0};
    test_dir_make();
    CHECK_INT(journal_at(0, &found, &journal), 0);
    append(journal, 1, 3);
    journal_free(journal);
    AUTO_FD fd = file_open(1);
    CHECK_INT(pwrite(fd, "\xff\xff\xff\x7f", 4, record_at(1) + 8), 4); /* its length */
    CHECK_INT(journal_at(0, &found, NULL), 0);
    CHECK_INT(found.last, 1);
}

TEST(missing_records_are_refused_unless_they_are_applied)
{
    struct journal *journal;
    struct found found = {0};
    char path[400];
    test_dir_make();
    for (uint64_t first = 1; first < 30; first += 10) { /* a file for each opening */
        CHECK_INT(journal_at(0, &found, &journal), 0);
        append(journal, first, 10);
        journal_free(journal);
    }
    CHECK_INT(files(), 3);
    snprintf(path, sizeof path, "%s/journal/%016x.log", test_dir, 2);
    CHECK_INT(unlink(path), 0);
    CHECK_INT(journal_at(0, &found, NULL), -EUCLEAN);
    CHECK_INT(journal_at(19, &found, NULL), -EUCLEAN);
    CHECK_INT(journal_at(20, &found, NULL), 0);
    CHECK(found.first == 21 && found.last == 30);
}

TEST(files_are_used_again)
{
    struct journal *journal;
    struct found found = {0};
    uint64_t ticket = 1;
    test_dir_make();
    CHECK_INT(journal_at(0, &found, &journal), 0);
    for (int round = 0; round < 6; round++) { /* 3 files each */
        for (int i = 0; i < 3; i++, ticket += 16000)
            append(journal, ticket, 16000);
        uint64_t before = journal_bytes(journal);
        journal_forget(journal, ticket - 16001); /* all but the last append */
        CHECK(journal_bytes(journal) == before - (round ? 3 : 2) * (uint64_t)record_at(16000));
        CHECK(files() <= 5);
    }
    append(journal, ticket, 1); /* into a file that has older records behind it */
    journal_free(journal);
    CHECK_INT(journal_at(ticket - 2, &found, NULL), 0);
    CHECK(found.first == ticket - 1 && found.last == ticket);
}

TEST(a_record_larger_than_a_file_has_one_of_its_own)
{
    struct journal *journal;
    struct found found = {0};
    struct stat status;
    test_dir_make();
    CHECK_INT(journal_at(0, &found, &journal), 0);
    append(journal, 1, 1);
    append(journal, 2, 20000);
    append(journal, 20002, 1);
    AUTO_FD fd = file_open(2);
    CHECK_INT(fstat(fd, &status), 0);
    CHECK(status.st_size > (16 << 20));
    journal_forget(journal, 20001);
    CHECK_INT(files(), 2); /* the large one is not kept */
    journal_free(journal);
    CHECK_INT(journal_at(20001, &found, NULL), 0);
    CHECK_INT(found.last, 20002);
}

TEST(one_file_is_made_ahead_and_taken_once)
{
    struct ahead ahead;
    struct stat status;
    char path[400], byte = 'x';
    int taken;
    test_dir_make();
    AUTO_FD dir = dir_fd();
    ahead_init(&ahead, dir, 1 << 20);
    CHECK_INT(ahead_take(&ahead, "first"), 0);
    ahead_ask(&ahead);
    ahead_ask(&ahead);
    while (!(taken = ahead_take(&ahead, "first")))
        usleep(1000);
    CHECK_INT(taken, 1);
    CHECK_INT(ahead_take(&ahead, "second"), 0);
    ahead_ask(&ahead);
    ahead_done(&ahead);
    snprintf(path, sizeof path, "%s/first", test_dir);
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK_INT(fstat(fd, &status), 0);
    CHECK_INT(status.st_size, 1 << 20);
    CHECK_INT(pread(fd, &byte, 1, (1 << 20) - 1), 1);
    CHECK_INT(byte, 0);
}
