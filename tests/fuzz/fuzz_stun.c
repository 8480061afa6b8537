/* fuzz_stun.c - our use of libnice's STUN layer. The first byte chooses who the sender should be.
 */
#include <stdlib.h>

#include "ice/stun.h"

#define SPAN(text)                                \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct adit_stun_auth modes[] = {
        { .fingerprint = false },
        { .fingerprint = true },
        { .key = SPAN("VOkJxbRl1RmTxUk/WvJxBt"), .username = SPAN("evtj:h6vY") },
        { .key = SPAN("VOkJxbRl1RmTxUk/WvJxBt"),
          .username = SPAN("evtj:"),
          .prefix = true,
          .fingerprint = true },
    };
    struct adit_stun_head head;
    struct adit_stun msg;
    struct adit_stun_out out;

    if (size == 0)
        return 0;
    const struct adit_stun_auth *auth = &modes[data[0] % ADIT_LEN(modes)];
    data++;
    size--;
    enum adit_stun_verdict verdict = adit_stun_decode(&msg, data, size, auth);
    if (verdict != ADIT_STUN_MALFORMED && !adit_stun_peek(&head, data, size))
        abort();
    if (verdict != ADIT_STUN_OK && verdict != ADIT_STUN_UNKNOWN &&
        (msg.authenticated || msg.username.data || msg.mapped.family || msg.other.family))
        abort();
    if (auth->key.len == 0 && msg.authenticated)
        abort();
    if (msg.username.data &&
        (msg.username.data < data || msg.username.data + msg.username.len > data + size))
        abort();
    if (verdict == ADIT_STUN_UNKNOWN && msg.head.class == ADIT_STUN_REQUEST)
        adit_stun_answer_unknown(&out, data, size, auth->key);
    return 0;
}
