/* log.h - lines for people, on stderr.
 *
 * error: someone must act. warn: degraded, the text ends in "..., continuing". info: one line per
 * change a user cares about. debug and trace: for us. Engines log at debug and trace only; the
 * layer that decides logs a failure once. Addresses and names of peers never appear at info and
 * above unless the user named them. The level (and how many lines were lost) is one of the two
 * process-wide variables of the program: a log line must be possible where no context reaches. */
#ifndef ADIT_LOG_H
#define ADIT_LOG_H

#include "base/base.h"

enum adit_log_level {
    ADIT_LOG_ERROR,
    ADIT_LOG_WARN,
    ADIT_LOG_INFO,
    ADIT_LOG_DEBUG,
    ADIT_LOG_TRACE
};

extern enum adit_log_level adit_log_level; /* default INFO */

/* Would stderr take a line now? What it does not take is lost, and counted. */
bool adit_log_takes(void);
void adit_log_write(enum adit_log_level level, const char *module, const char *fmt, ...)
    ADIT_PRINTF(3, 4);

/* The module is a short word such as "ice"; arguments are not evaluated when the level is off. */
#define adit_log(level, module, ...)                    \
    do {                                                \
        if ((level) <= adit_log_level)                  \
            adit_log_write(level, module, __VA_ARGS__); \
    } while (0)

#define adit_debug(module, ...) adit_log(ADIT_LOG_DEBUG, module, __VA_ARGS__)
#define adit_trace(module, ...) adit_log(ADIT_LOG_TRACE, module, __VA_ARGS__)

#endif
