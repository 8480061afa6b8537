/* carrier.h - for the fuzz targets of carriers: an input is a script of carrier_script.h, for a
 * consumer and a provider alone, or, if its first line is "pair", for two that talk to each other.
 */
#ifndef ADIT_FUZZ_CARRIER_H
#define ADIT_FUZZ_CARRIER_H

#include <stdlib.h>

#include "sim/carrier_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_script(const struct adit_carrier_class *class, bool consumer, bool provider,
                        const char *script)
{
    struct script_world w;

    script_begin(&w, class, consumer, provider);
    w.greedy = true;
    script_settle(&w);
    script_run(&w, script);
    script_settle(&w);
    script_end(&w);
}

static inline int fuzz_carrier(const struct adit_carrier_class *class, const uint8_t *data,
                               size_t size)
{
    char *script = malloc(size + 1);

    memcpy(script, data, size);
    script[size] = '\0';
    if (size > 5 && memcmp(script, "pair\n", 5) == 0) {
        fuzz_script(class, true, true, script + 5);
    } else {
        fuzz_script(class, true, false, script);
        fuzz_script(class, false, true, script);
    }
    free(script);
    return 0;
}

#endif
