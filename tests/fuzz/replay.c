// SPDX-License-Identifier: Apache-2.0
/* Feeds every file of a corpus folder to a fuzzer's entry point, and prints TAP. One thread. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void replay_file(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    size_t size = 1 << 20;
    uint8_t *bytes = malloc(size);
    size_t len = bytes ? fread(bytes, 1, size, file) : 0;
    uint8_t *exact = realloc(bytes, len ? len : 1); /* so that ASan sees reads behind the input */
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    fclose(file);
}

int main(int argc, char **argv)
{
    int count = 0;
    DIR *folder = argc > 1 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return EXIT_FAILURE;
    }
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_type == DT_REG) {
            replay_file(argv[1], entry->d_name);
            printf("ok %d - %s\n", ++count, entry->d_name);
        }
    closedir(folder);
    printf("1..%d\n", count);
    return EXIT_SUCCESS;
}
