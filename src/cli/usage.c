/* usage - what commands share: words about options, and descriptors. */
#include "agent/exit.h"
#include "cli/cli.h"
#include "cli/options_inner.h"

#define VALUE_MAX (128 * 1024)

int adit_cli_usage(const struct adit_options *o, const char *option, const char *value,
                   const char *wanted)
{
    enum adit_option i = adit_option_find(option, strlen(option));
    const char *where = i < ADIT_OPTION_COUNT ? o->where[i] : NULL;
    bool line = !where || o->source[i] == ADIT_SOURCE_LINE;
    struct adit_buf shown;

    adit_buf_init(&shown, VALUE_MAX);
    if (i < ADIT_OPTION_COUNT)
        adit_option_mask(&shown, i, value);
    adit_log(ADIT_LOG_ERROR, "cli", "%s%s%s%s %.60s: %s", line ? "" : where, line ? "" : ": ",
             line ? "--" : "", option, adit_buf_str(&shown), wanted);
    adit_buf_done(&shown);
    return ADIT_EXIT_USAGE;
}

rlim_t adit_cli_raise_files(rlim_t want)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= want)
        return want;
    l.rlim_cur = l.rlim_max < want ? l.rlim_max : want;
    if (setrlimit(RLIMIT_NOFILE, &l) < 0)
        (void)!getrlimit(RLIMIT_NOFILE, &l);
    return l.rlim_cur;
}
