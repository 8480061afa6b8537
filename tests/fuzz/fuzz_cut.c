/* What a device hands out joined is cut; what a peer sends is joined, and cut again by the check.
 */
#include <stdlib.h>

#include "tun/cut.h"
#include "tun/join.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static size_t cut_all(const struct virtio_net_hdr *h, bool tap, const uint8_t *data, size_t size)
{
    enum { HEADROOM = 16 };
    uint8_t *bytes = malloc(HEADROOM + size), *piece;
    struct adit_cut cut;
    size_t n, pieces = 0;

    if (size)
        memcpy(bytes + HEADROOM, data, size);
    if (adit_cut_begin(&cut, h, tap, bytes + HEADROOM, size) == 0)
        while ((piece = adit_cut_next(&cut, &n))) {
            must(piece >= bytes + HEADROOM && piece + n <= bytes + HEADROOM + size);
            piece[-1] = 1;
            pieces++;
        }
    free(bytes);
    return pieces;
}

static bool is_tap;

static int on_write(void *arg, const struct virtio_net_hdr *h, const uint8_t *bytes, size_t n,
                    unsigned count)
{
    size_t *written = arg;

    must(count == 1 || cut_all(h, is_tap, bytes, n) == count);
    *written += count;
    return 0;
}

static void on_lost(void *arg, unsigned count, size_t bytes)
{
    (void)arg, (void)count, (void)bytes;
    must(false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct adit_join_ops ops = { .write = on_write, .lost = on_lost };
    struct virtio_net_hdr h;
    struct adit_join *join;
    size_t added = 0, written = 0;

    if (size < 1 + sizeof h)
        return 0;
    is_tap = data[0] & 1;
    memcpy(&h, data + 1, sizeof h);
    cut_all(&h, is_tap, data + 1 + sizeof h, size - 1 - sizeof h);

    join = adit_join_new(is_tap, data[0] & 2, &ops, &written);
    if (!join)
        return 0;
    for (data++, size--; size >= 2; added++) {
        size_t n = adit_get16(data);

        data += 2;
        size -= 2;
        n = n < size ? n : size;
        must(adit_join_add(join, data, n) == 0);
        data += n;
        size -= n;
    }
    adit_join_flush(join);
    must(written == added);
    adit_join_free(join);
    return 0;
}
