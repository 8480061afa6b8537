/* ticket_call - calling by a public ticket: who the caller is, and what proves it.
 *
 * The caller's user name fragment is
 *
 *     43 letters   base64 of the SHA-256 fingerprint of its certificate, without padding
 *      1 letter    what it takes: 1 = packets in datagrams beside SCTP
 *     12 letters   random, new for each call
 *
 * and its password HKDF of the ticket's secret and that. So the first check, whose integrity is of
 * the listener's password, names a certificate and shows the secret. */
#include "base/digest.h"
#include "base/str.h"
#include "peer/ticket.h"

#define PRINT        43
#define FLAG_AT      PRINT
#define RANDOM_AT    (PRINT + 1)
#define RANDOM       (ADIT_TICKET_CALLER - RANDOM_AT)
#define FLAG_NONE    'A' /* 0 and 1 in base64 */
#define FLAG_PACKETS 'B'

static void derive_pwd(struct adit_caller *c, const uint8_t secret[ADIT_TICKET_NONCE])
{
    uint8_t bytes[ADIT_TICKET_PWD / 4 * 3];

    adit_hkdf_sha256(bytes, sizeof bytes, secret, ADIT_TICKET_NONCE, c->ufrag, ADIT_TICKET_CALLER,
                     "adit ticket 2 caller");
    adit_base64_encode(c->pwd, bytes, sizeof bytes, false);
}

void adit_caller_make(struct adit_caller *ret_caller, const uint8_t secret[ADIT_TICKET_NONCE],
                      const uint8_t fingerprint[32], bool datagrams, struct adit_rng *rng)
{
    struct adit_caller *c = ret_caller;
    char text[PRINT + 2]; /* and a letter of padding */

    *c = (struct adit_caller){ .datagrams = datagrams };
    memcpy(c->fingerprint, fingerprint, sizeof c->fingerprint);
    adit_base64_encode(text, fingerprint, 32, false);
    memcpy(c->ufrag, text, PRINT);
    c->ufrag[FLAG_AT] = datagrams ? FLAG_PACKETS : FLAG_NONE;
    adit_rng_ice_chars(rng, c->ufrag + RANDOM_AT, RANDOM);
    derive_pwd(c, secret);
}

int adit_caller_read(struct adit_caller *ret_caller, const uint8_t secret[ADIT_TICKET_NONCE],
                     const void *ufrag, size_t n)
{
    struct adit_caller c = { 0 };
    uint8_t bytes[PRINT];

    if (n != ADIT_TICKET_CALLER || !adit_ice_chars_valid(ufrag, n))
        return -EINVAL;
    memcpy(c.ufrag, ufrag, n);
    if (adit_base64_decode(bytes, c.ufrag, PRINT) != (int)sizeof c.fingerprint)
        return -EINVAL;
    memcpy(c.fingerprint, bytes, sizeof c.fingerprint);
    c.datagrams = c.ufrag[FLAG_AT] == FLAG_PACKETS;
    derive_pwd(&c, secret);
    *ret_caller = c;
    return 0;
}

void adit_caller_desc(const struct adit_caller *caller, struct adit_desc *ret_desc)
{
    struct adit_desc *d = ret_desc;

    adit_desc_init(d, ADIT_DESC_OFFER);
    d->datagram = caller->datagrams;
    memcpy(d->ufrag, caller->ufrag, sizeof caller->ufrag);
    memcpy(d->pwd, caller->pwd, sizeof caller->pwd);
    d->fingerprints[0] = (struct adit_fingerprint){ .hash = ADIT_HASH_SHA256, .len = 32 };
    memcpy(d->fingerprints[0].value, caller->fingerprint, sizeof caller->fingerprint);
    d->fingerprint_count = 1;
}
