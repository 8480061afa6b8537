/* conf - configurations from a program that may have been compiled against another header. */
#include "agent/inner.h"

int adit_conf_take(void *out, size_t known, const void *conf, size_t size)
{
    const uint8_t *bytes = conf;

    if (size < known) /* nothing smaller has ever been published */
        return -EINVAL;
    for (size_t i = known; i < size; i++)
        if (bytes[i])
            return -E2BIG;
    memcpy(out, conf, known);
    return 0;
}
