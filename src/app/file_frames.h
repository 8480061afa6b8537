/* file_frames.h - what travels on a stream of kind `file`: docs/streams.md, "Files".
 *
 * Encoding and decoding alone, and the rule for names. What is decoded has been checked: sizes that
 * a file can have, modes without surprises, names that stay where they belong. */
#ifndef ADIT_FILE_FRAMES_H
#define ADIT_FILE_FRAMES_H

#include "base/base.h"

#define ADIT_FILE_NAME_MAX   4096 /* of a whole name */
#define ADIT_FILE_PART_MAX   255  /* of what is between two slashes */
#define ADIT_FILE_DEPTH_MAX  32   /* parts of a name */
#define ADIT_FILE_FIXED      24   /* bytes of OPEN before the name */
#define ADIT_FILE_OPEN_MAX   (ADIT_FILE_FIXED + ADIT_FILE_NAME_MAX)
#define ADIT_FILE_OFFERS_MAX 4
#define ADIT_FILE_OFFER_SIZE 40
#define ADIT_FILE_SUFFIX     ".part" /* of what is not yet whole */

enum adit_file_what {
    ADIT_FILE_REGULAR = 1,
    ADIT_FILE_DIRECTORY,
    ADIT_FILE_BATCH,
};

enum adit_file_result {
    ADIT_FILE_STORED,
    ADIT_FILE_THERE,  /* it was there already, the same to the bit */
    ADIT_FILE_DIFFER, /* the digest is another one: what came was thrown away */
};

/* OPEN. */
struct adit_file_open {
    enum adit_file_what what;
    bool asks; /* nothing is sent before HEAD has said what is there */
    uint16_t mode;
    uint64_t size;
    int64_t mtime;
    uint32_t mtime_ns;
    const uint8_t *name; /* relative, parts divided by '/'; no zero byte behind it */
    size_t name_n;
    uint32_t files; /* of a batch: what is to come, as far as that is known */
    uint64_t bytes;
};

/* HEAD: so many bytes from the beginning are there, and this is their digest. */
struct adit_file_offer {
    uint64_t have;
    uint8_t digest[32];
};

/* Why a name is refused, or NULL: it is not. */
const char *adit_file_name_fault(const uint8_t *name, size_t n);

/* Returns how many bytes of out were used. */
size_t adit_file_open_encode(uint8_t out[ADIT_FILE_OPEN_MAX], const struct adit_file_open *o);
/* -EPROTO: it cannot be so, *ret_why says how. Names are not judged. */
ADIT_MUST_USE int adit_file_open_decode(struct adit_file_open *ret_open, const uint8_t *bytes,
                                        size_t n, const char **ret_why);

/* In ascending order of `have`. */
size_t adit_file_head_encode(uint8_t out[ADIT_FILE_OFFERS_MAX * ADIT_FILE_OFFER_SIZE],
                             const struct adit_file_offer *offers, size_t count);
/* The number of offers, or -EPROTO. */
ADIT_MUST_USE int adit_file_head_decode(struct adit_file_offer ret_offers[ADIT_FILE_OFFERS_MAX],
                                        uint64_t size, const uint8_t *bytes, size_t n);

/* The first bytes of DATA: where it begins. */
#define ADIT_FILE_START_SIZE 8
void adit_file_start_encode(uint8_t out[ADIT_FILE_START_SIZE], uint64_t start);
uint64_t adit_file_start_decode(const uint8_t in[ADIT_FILE_START_SIZE]);

/* END of who receives: how it went, and under which name if it is not the one that was asked for
 * (name_n 0). */
#define ADIT_FILE_RESULT_MAX (1 + ADIT_FILE_NAME_MAX)
size_t adit_file_result_encode(uint8_t out[ADIT_FILE_RESULT_MAX], enum adit_file_result result,
                               const char *name, size_t name_n);
/* -EPROTO. The name points into bytes. */
ADIT_MUST_USE int adit_file_result_decode(enum adit_file_result *ret_result,
                                          struct adit_span *ret_name, const uint8_t *bytes,
                                          size_t n);

/* END of a batch, from either side: what was sent or stored, and what was not. */
#define ADIT_FILE_TALLY_SIZE 8
void adit_file_tally_encode(uint8_t out[ADIT_FILE_TALLY_SIZE], uint32_t done, uint32_t failed);
ADIT_MUST_USE int adit_file_tally_decode(uint32_t *ret_done, uint32_t *ret_failed,
                                         const uint8_t *bytes, size_t n);

#endif
