/* serial.h - a serial device as bytes: raw, eight bits, no parity, one stop bit. */
#ifndef ADIT_SERIAL_H
#define ADIT_SERIAL_H

#include "base/base.h"

/* The descriptor, non-blocking and locked (flock). baud 0: as it is set. -errno of open; -EBUSY:
 * somebody else has it; -ENOTTY: it is no such device; -EINVAL: no such speed. */
ADIT_MUST_USE int adit_serial_open(const char *path, uint32_t baud);

#endif
