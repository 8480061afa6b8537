/* fuzz_jwt.c - tokens, and keys in PEM. What is accepted without the secret would be a forgery. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "signal/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t zero[32];
    struct adit_jwt_keys keys = {
        .ed25519 = zero, .secret = "secret", .secret_len = 6, .skew = 60
    };
    struct adit_cause cause;
    uint8_t key[32];
    json_t *claims = adit_jwt_read((const char *)data, size, &keys, 1700000000, &cause);

    /* The corpus has tokens that are signed with this secret, so that what comes behind the
     * signature is reached. */
    if (claims) {
        char *again = adit_jwt_write(claims, keys.secret, keys.secret_len);
        json_decref(claims);
        if (again) {
            claims = adit_jwt_read(again, strlen(again), &keys, 1700000000, &cause);
            if (!claims)
                abort();
            json_decref(claims);
        }
        adit_free(again);
    }
    if (adit_jwt_pem(key, (const char *)data, size) == 0 && size < 60)
        abort();
    return 0;
}
