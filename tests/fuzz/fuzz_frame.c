/* fuzz_frame.c - a stream of packets: however it is cut into pieces, the same packets come out, and
 * each is what its head says. The first byte says where it is cut. */
#include <stdlib.h>

#include "core/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As far as the packets go; the bytes of all of them are added up. */
static ssize_t read_all(const uint8_t *bytes, size_t n, uint64_t *sum)
{
    struct adit_span packet;
    size_t used = 0;
    ssize_t len;

    while ((len = adit_frame_next(&packet, bytes + used, n - used)) > 0) {
        uint8_t head[ADIT_FRAME_HEAD];

        adit_frame_head(head, packet.len);
        if ((size_t)len != sizeof head + packet.len || packet.data != bytes + used + sizeof head ||
            memcmp(head, bytes + used, sizeof head) != 0)
            abort();
        for (size_t i = 0; i < packet.len; i++)
            *sum = *sum * 31 + packet.data[i];
        *sum = *sum * 31 + packet.len;
        used += (size_t)len;
    }
    return len < 0 ? len : (ssize_t)used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole = 0, pieces = 0;
    size_t cut, at;
    ssize_t n;

    if (size < 1)
        return 0;
    cut = data[0] < size - 1 ? data[0] : size - 1;
    data++;
    size--;
    n = read_all(data, size, &whole);
    ssize_t first = read_all(data, cut, &pieces);
    if (first < 0) /* nonsense stays nonsense, whatever follows */
        return n < 0 && whole == pieces ? 0 : (abort(), 0);
    at = (size_t)first;
    first = read_all(data + at, size - at, &pieces);
    if ((first < 0) != (n < 0) || whole != pieces || (n >= 0 && (size_t)first + at != (size_t)n))
        abort();
    return 0;
}
