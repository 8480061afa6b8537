#include "core/unixpath.h"

int adit_unix_addr(struct sockaddr_un *ret_addr, const char *text)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    const char *path = text + 5;
    size_t n = strlen(path);

    if (n == 0 || strcmp(path, "@") == 0)
        return -EINVAL;
    if (n >= sizeof sun.sun_path)
        return -ENAMETOOLONG;
    memcpy(sun.sun_path, path, n);
    *ret_addr = sun;
    if (path[0] != '@')
        return (int)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    ret_addr->sun_path[0] =
        '\0'; /* unix(7): abstract, the length counts and no zero byte ends it */
    return (int)(offsetof(struct sockaddr_un, sun_path) + n);
}
