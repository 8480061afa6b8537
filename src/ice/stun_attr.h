/* stun_attr.h - values of STUN attributes that only TURN has to do with; pure, like stun.h. */
#ifndef ADIT_STUN_ATTR_H
#define ADIT_STUN_ATTR_H

#include "ice/stun.h"

#define ADIT_STUN_KEY_SIZE 16 /* of long-term credentials */

/* 32 bits; `otherwise` if they are not there. */
uint32_t adit_stun_find32(const void *bytes, size_t n, enum adit_stun_attribute type,
                          uint32_t otherwise);
/* MAPPED-ADDRESS and its like (RFC 8489 section 14.1). -EPROTO, -EAFNOSUPPORT. */
ADIT_MUST_USE int adit_stun_get_addr(struct adit_addr *ret_addr, struct adit_span value);
/* Writes the value of an XOR-...-ADDRESS of a message with this id: 8 or 20 bytes, which it
 * returns. */
size_t adit_stun_put_xor(uint8_t out[20], const struct adit_addr *addr,
                         const uint8_t id[ADIT_STUN_ID_SIZE]);

/* MD5 (user ":" realm ":" password), RFC 8489 section 9.2.2. Text of more than 2 KiB gives a key
 * that fits nobody. */
void adit_stun_long_term_key(uint8_t out[ADIT_STUN_KEY_SIZE], const char *user, const char *realm,
                             const char *password);

#endif
