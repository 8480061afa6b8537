#include <stdio.h>

#include "agent/session.h"
#include "cli/cli.h"
#include "core/igd.h"

int adit_cmd_help(const struct adit_options *o)
{
    struct adit_buf out;
    int exit_code = ADIT_EXIT_FAILED;

    adit_buf_init(&out, 1024 * 1024);
    if (o->man)
        adit_options_man(&out);
    else
        adit_options_help(&out, o->topic);
    if (!out.err && fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0)
        exit_code = ADIT_EXIT_OK;
    adit_buf_done(&out);
    return exit_code;
}

int adit_cmd_version(const struct adit_options *o)
{
    (void)o;
    printf("adit %s%s\n", ADIT_VERSION, adit_igd_built() ? ", with UPnP" : "");
    return fflush(stdout) == 0 ? ADIT_EXIT_OK : ADIT_EXIT_FAILED;
}
