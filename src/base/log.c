#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum adit_log_level adit_log_level = ADIT_LOG_INFO;

#define LINE_MAX_BYTES 1024

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
    /* One write, so that lines of several processes on one terminal do not mix; if stderr is gone
     * there is nobody to tell. */
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        return;
}
