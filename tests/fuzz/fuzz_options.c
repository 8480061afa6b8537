/* fuzz_options.c - a configuration file or .env of any bytes. The first byte says which. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], *argv[] = { "adit", "offer", "--config", path, NULL }, *env[] = { NULL };
    struct adit_options o;
    struct adit_option_error error = { .text = "" };
    int fd = memfd_create("options", MFD_CLOEXEC);

    if (size == 0 || fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1)) {
        close(fd);
        return 0;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (adit_options_load(&o, data[0] & 1 ? 2 : 4, argv, env, data[0] & 1 ? path : NULL, &error) ==
        0)
        adit_options_free(&o);
    else if (error.text[0] == '\0' || error.err == 0)
        abort();
    close(fd);
    return 0;
}
