/* driver.c - runs a fuzz target over its corpus in the ordinary check, without libFuzzer.
 *
 * Each argument is a file or a directory of files. An input ends exactly at a guard page, so that
 * reading one byte too far stops the program in every build. Prints TAP. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count;

static void run_input(const char *name, FILE *f, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (size + page - 1) / page * page;
    uint8_t *map =
        mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (map == MAP_FAILED || mprotect(map + room, page, PROT_NONE) < 0) {
        perror("mmap");
        exit(1);
    }
    uint8_t *data = map + room - size;
    if (fread(data, 1, size, f) != size) {
        perror(name);
        exit(1);
    }
    LLVMFuzzerTestOneInput(data, size);
    munmap(map, room + page);
    printf("ok %d - %s\n", ++count, name);
    fflush(stdout);
}

static void run_path(const char *path)
{
    struct stat st;
    struct dirent **entries;

    if (stat(path, &st) < 0) {
        perror(path);
        exit(1);
    }
    if (S_ISDIR(st.st_mode)) {
        int n = scandir(path, &entries, NULL, alphasort);
        for (int i = 0; i < n; i++) {
            char sub[4096];
            if (entries[i]->d_name[0] != '.') {
                snprintf(sub, sizeof sub, "%s/%s", path, entries[i]->d_name);
                run_path(sub);
            }
            free(entries[i]);
        }
        if (n >= 0)
            free(entries);
        return;
    }
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    run_input(path, f, (size_t)st.st_size);
    fclose(f);
}

int main(int argc, char **argv)
{
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("ok %d - empty input\n", ++count);
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    printf("1..%d\n", count);
    return 0;
}
