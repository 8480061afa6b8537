#include "base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum adit_log_level adit_log_level = ADIT_LOG_INFO;

static unsigned lost; /* lines that stderr did not take */

#define LINE_MAX_BYTES 1024

bool adit_log_takes(void)
{
    struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

    return poll(&p, 1, 0) != 0;
}

void adit_log_write(enum adit_log_level level, const char *module, const char *fmt, ...)
{
    static const char *const names[] = { "error: ", "warning: ", "", "debug ", "trace " };
    char line[LINE_MAX_BYTES];
    int n = snprintf(line, sizeof line, "adit: %s%s%s", names[level],
                     level >= ADIT_LOG_DEBUG ? module : "", level >= ADIT_LOG_DEBUG ? ": " : "");
    va_list ap;

    va_start(ap, fmt);
    n += vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, ap);
    va_end(ap);
    if ((size_t)n > sizeof line - 2)
        n = sizeof line - 2;
    line[n++] = '\n';
    /* A terminal that is stopped with ^S, or a pipe that nobody empties, must not stop the
     * connection. */
    if (!adit_log_takes()) {
        lost++;
        return;
    }
    if (lost) {
        char text[80];
        int len = snprintf(text, sizeof text,
                           "adit: warning: %u lines were lost, nobody took them\n", lost);

        lost = 0;
        if (write(STDERR_FILENO, text, (size_t)len) < 0)
            return;
    }
    /* One write, so that lines of several processes on one terminal do not mix; if stderr is gone
     * there is nobody to tell. */
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        return;
}
