#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>

void adit_cause_set(struct adit_cause *cause, enum adit_reason reason, int err, const char *fmt,
                    ...)
{
    va_list ap;

    cause->reason = reason;
    cause->err = err;
    va_start(ap, fmt);
    vsnprintf(cause->text, sizeof cause->text, fmt, ap);
    va_end(ap);
}
