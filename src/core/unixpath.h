/* unixpath.h - "unix:PATH": addresses of local sockets, "unix:@NAME" for those without a file. */
#ifndef ADIT_UNIXPATH_H
#define ADIT_UNIXPATH_H

#include <sys/socket.h>
#include <sys/un.h>

#include "base/base.h"

static inline bool adit_unix_is(const char *text)
{
    return strncmp(text, "unix:", 5) == 0;
}

/* Takes text with its "unix:". Returns the length for connect(2) and bind(2); -EINVAL: no path;
 * -ENAMETOOLONG: sockaddr_un takes 107 bytes. */
ADIT_MUST_USE int adit_unix_addr(struct sockaddr_un *ret_addr, const char *text);

#endif
