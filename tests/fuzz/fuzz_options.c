/* fuzz_options.c - a configuration file or .env of any bytes. The first byte says which. What is
 * printed of what was understood is understood again. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONFIG, DOTENV };

static int load(struct adit_options *o, unsigned kind, const void *bytes, size_t n)
{
    char path[64], *argv[] = { "adit", "config", "--config", path, NULL }, *env[] = { NULL };
    struct adit_option_error error = { .text = "" };
    int fd = memfd_create("options", MFD_CLOEXEC), err = -EINVAL;

    if (fd >= 0 && write(fd, bytes, n) == (ssize_t)n) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        err = adit_options_load(o, kind == DOTENV ? 2 : 4, argv, env, kind == DOTENV ? path : NULL,
                                &error);
        if (err < 0 && (error.text[0] == '\0' || error.err == 0))
            abort();
    }
    close(fd);
    return err;
}

static void print(const struct adit_options *o)
{
    struct adit_options again;
    struct adit_buf text;

    json_decref(adit_options_json(o));
    adit_buf_init(&text, 4 * 1024 * 1024);
    adit_options_print(&text, o);
    if (text.err)
        abort();
#ifdef ADIT_HAVE_YAML
    if (text.len <= ADIT_OPTION_FILE_MAX) {
        if (load(&again, CONFIG, text.data, text.len) < 0)
            abort();
        adit_options_free(&again);
    }
#else
    (void)again;
#endif
    adit_buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct adit_options o;

    if (size == 0 || load(&o, data[0] & 1, data + 1, size - 1) < 0)
        return 0;
    print(&o);
    adit_options_free(&o);
    return 0;
}
