/* fuzz_pairtext.c - pasted text, whole and in two pieces: the first byte says where it is cut. */
#include <stdlib.h>

#include "peer/pairtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run(struct adit_pairtext *p, const uint8_t *data, size_t cut, size_t size)
{
    int r = cut ? adit_pairtext_feed(p, data, cut) : 0;

    if (r == 0 && cut < size)
        r = adit_pairtext_feed(p, data + cut, size - cut);
    if (r == 0)
        r = adit_pairtext_pause(p);
    if (r == 0)
        r = adit_pairtext_end(p);
    if (r == 0 || (r < 0 && p->cause.text[0] == '\0'))
        abort();
    if (r == 1 &&
        (p->end > p->text.len || p->desc.fingerprint_count == 0 || p->desc.ufrag[0] == '\0'))
        abort();
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct adit_pairtext p;
    const struct adit_pairtext_conf conf = { .wall = 1767268800 };
    size_t cut = size ? data[0] * (size - 1) / 255 : 0;

    if (size == 0)
        return 0;
    adit_pairtext_init(&p, &conf);
    run(&p, data + 1, cut, size - 1);
    adit_pairtext_done(&p);
    return 0;
}
