/* ticket.c - the meaning of a ticket: credentials, tag, age, description; see ticket.h.
 *
 * ticket_text.c has its bytes and its line. */
#include "peer/ticket.h"

#include <stdio.h>

#include "base/digest.h"
#include "base/str.h"

/* A clock before this (the year of the first version) has not been set: routers boot in 1970. */
#define WALL_MIN   1735689600 /* 2025-01-01 */
#define WALL_MAX   4102444800 /* 2100-01-01 */
#define DATE_EPOCH 1704067200 /* 2024-01-01 */
#define DATE_UNIT  (15 * 60)
#define END_UNIT   3600
#define END_MAX    (3LL * 365 * 24 * 3600) /* below half of what 16 bits of hours hold */

static void derive(const uint8_t nonce[ADIT_TICKET_NONCE], const uint8_t fingerprint[32],
                   const char *info, char ret_ufrag[ADIT_TICKET_UFRAG + 1],
                   char ret_pwd[ADIT_TICKET_PWD + 1])
{
    uint8_t bytes[(ADIT_TICKET_UFRAG + ADIT_TICKET_PWD) / 4 * 3];
    char chars[ADIT_TICKET_UFRAG + ADIT_TICKET_PWD + 1];

    adit_hkdf_sha256(bytes, sizeof bytes, nonce, ADIT_TICKET_NONCE, fingerprint, 32, info);
    /* Base64's alphabet is that of ice-char, and 24 bytes need no padding. */
    adit_base64_encode(chars, bytes, sizeof bytes, false);
    memcpy(ret_ufrag, chars, ADIT_TICKET_UFRAG);
    ret_ufrag[ADIT_TICKET_UFRAG] = '\0';
    memcpy(ret_pwd, chars + ADIT_TICKET_UFRAG, ADIT_TICKET_PWD + 1);
}

void adit_ticket_credentials(const uint8_t nonce[ADIT_TICKET_NONCE], const uint8_t fingerprint[32],
                             char ret_ufrag[ADIT_TICKET_UFRAG + 1],
                             char ret_pwd[ADIT_TICKET_PWD + 1])
{
    derive(nonce, fingerprint, "adit ticket 1 ice", ret_ufrag, ret_pwd);
}

void adit_ticket_door_credentials(const uint8_t secret[ADIT_TICKET_NONCE],
                                  const uint8_t fingerprint[32],
                                  char ret_ufrag[ADIT_TICKET_UFRAG + 1],
                                  char ret_pwd[ADIT_TICKET_PWD + 1])
{
    derive(secret, fingerprint, "adit ticket 2 ice", ret_ufrag, ret_pwd);
}

uint16_t adit_ticket_tag(const struct adit_ticket *offer)
{
    uint8_t tag[2];

    adit_hkdf_sha256(tag, sizeof tag, offer->nonce, sizeof offer->nonce, offer->fingerprint,
                     sizeof offer->fingerprint, "adit ticket 1 tag");
    return adit_get16(tag);
}

bool adit_ticket_same(const struct adit_ticket *a, const struct adit_ticket *b)
{
    return memcmp(a->fingerprint, b->fingerprint, sizeof a->fingerprint) == 0 &&
           memcmp(a->nonce, b->nonce, sizeof a->nonce) == 0;
}

/* ---- dates ----------------------------------------------------------------------------------- */

static bool plausible(int64_t wall)
{
    return wall >= WALL_MIN && wall < WALL_MAX;
}

static uint16_t date_of(int64_t wall)
{
    return (uint16_t)((wall - DATE_EPOCH) / DATE_UNIT);
}

int64_t adit_ticket_end(int64_t wall, int64_t seconds)
{
    if (!plausible(wall) || seconds <= 0 || seconds > END_MAX)
        return 0;
    return (wall + seconds - DATE_EPOCH + END_UNIT - 1) / END_UNIT * END_UNIT + DATE_EPOCH;
}

void adit_ticket_set_end(struct adit_ticket *ticket, int64_t end)
{
    ticket->dated = end != 0;
    ticket->date = end ? (uint16_t)((end - DATE_EPOCH) / END_UNIT) : 0;
}

static int check_end(const struct adit_ticket *ticket, int64_t wall, struct adit_cause *ret_cause)
{
    uint16_t hours = (uint16_t)((wall - DATE_EPOCH) / END_UNIT);

    if ((int16_t)(uint16_t)(hours - ticket->date) < 0)
        return 0;
    adit_cause_set(ret_cause, ADIT_REASON_PROTOCOL, ESTALE,
                   "this ticket has expired: ask for a new one");
    return -ESTALE;
}

int adit_ticket_check_age(const struct adit_ticket *ticket, int64_t wall,
                          struct adit_cause *ret_cause)
{
    if (!ticket->dated || !plausible(wall))
        return 0;
    if (ticket->kind == ADIT_TICKET_PUBLIC)
        return check_end(ticket, wall, ret_cause);
    /* Dates go round in 682 days: what is further back than half of that looks like the future.
     * The future is no reason to refuse, because it is a clock that is wrong, and who knows whose.
     */
    int units = (int16_t)(uint16_t)(date_of(wall) - ticket->date);
    if (units <= ADIT_TICKET_AGE_MAX / DATE_UNIT)
        return 0;
    adit_cause_set(ret_cause, ADIT_REASON_PROTOCOL, ESTALE,
                   "this ticket has expired (%d hours old): ask for a new one",
                   units / (3600 / DATE_UNIT));
    return -ESTALE;
}

/* ---- from and to descriptions ---------------------------------------------------------------- */

static void take_cands(struct adit_ticket *t, const struct adit_desc *desc)
{
    unsigned hosts = ADIT_TICKET_CANDS_MAX;

    for (unsigned i = 0; i < desc->cand_count; i++) {
        if (desc->cands[i].type != ADIT_CAND_HOST && hosts > 0)
            hosts--;
    }
    for (unsigned i = 0; i < desc->cand_count && t->cand_count < ADIT_TICKET_CANDS_MAX; i++) {
        const struct adit_cand *c = &desc->cands[i];
        if (c->transport != ADIT_TRANSPORT_UDP || c->type == ADIT_CAND_PRFLX ||
            c->addr.family == ADIT_FAMILY_NONE)
            continue;
        if (c->type == ADIT_CAND_HOST) {
            if (hosts == 0)
                continue;
            hosts--;
        }
        struct adit_ticket_cand *to = &t->cands[t->cand_count++];
        *to = (struct adit_ticket_cand){ .type = c->type, .addr = c->addr };
        to->addr.scope = 0;
    }
}

int adit_ticket_make(struct adit_ticket *ret_ticket, enum adit_ticket_kind kind,
                     const uint8_t nonce[ADIT_TICKET_NONCE], const struct adit_desc *desc,
                     const struct adit_ticket *offer, int64_t wall)
{
    struct adit_ticket t = { .kind = kind };
    const struct adit_fingerprint *fp = NULL;

    for (unsigned i = 0; i < desc->fingerprint_count && !fp; i++) {
        if (desc->fingerprints[i].hash == ADIT_HASH_SHA256)
            fp = &desc->fingerprints[i];
    }
    if (!fp)
        return -EINVAL;
    memcpy(t.fingerprint, fp->value, sizeof t.fingerprint);
    memcpy(t.nonce, nonce, sizeof t.nonce);
    t.datagram = desc->datagram;
    if (kind == ADIT_TICKET_ANSWER) {
        t.of_tag = offer ? adit_ticket_tag(offer) : 0;
    } else if (kind != ADIT_TICKET_PUBLIC && plausible(wall)) {
        t.dated = true;
        t.date = date_of(wall);
    }
    take_cands(&t, desc);
    *ret_ticket = t;
    return 0;
}

void adit_ticket_desc(const struct adit_ticket *ticket, struct adit_desc *ret_desc)
{
    static const enum adit_desc_type types[] = { ADIT_DESC_OFFER, ADIT_DESC_ANSWER,
                                                 ADIT_DESC_UNKNOWN, ADIT_DESC_ANSWER };
    /* RFC 8445 section 5.1.2.2: recommended type preferences. */
    static const uint32_t preference[] = { 126, 100, 110, 0 };
    struct adit_desc *d = ret_desc;

    adit_desc_init(d, types[ticket->kind]);
    d->datagram = ticket->datagram;
    if (ticket->kind == ADIT_TICKET_PUBLIC)
        adit_ticket_door_credentials(ticket->nonce, ticket->fingerprint, d->ufrag, d->pwd);
    else
        adit_ticket_credentials(ticket->nonce, ticket->fingerprint, d->ufrag, d->pwd);
    d->fingerprints[0] = (struct adit_fingerprint){ .hash = ADIT_HASH_SHA256, .len = 32 };
    memcpy(d->fingerprints[0].value, ticket->fingerprint, 32);
    d->fingerprint_count = 1;
    for (unsigned i = 0; i < ticket->cand_count; i++) {
        const struct adit_ticket_cand *from = &ticket->cands[i];
        struct adit_cand c = { .type = from->type,
                               .transport = ADIT_TRANSPORT_UDP,
                               .component = 1,
                               .addr = from->addr,
                               .priority = preference[from->type] << 24 | (65535 - i) << 8 | 255 };
        snprintf(c.foundation, sizeof c.foundation, "%u", i + 1);
        if (adit_cand_usable(&c, true))
            d->cands[d->cand_count++] = c;
    }
    /* A ticket is all there will be; but with nothing in it, what comes in may still be the way. */
    d->end_of_candidates = d->cand_count > 0;
}
