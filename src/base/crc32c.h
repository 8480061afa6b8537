/* crc32c.h - the checksum of SCTP (RFC 9260 appendix A; CRC-32C, Castagnoli).
 *
 * Reflected, initial value and final xor 0xffffffff. By the CPU's own instruction where it has one
 * (SSE4.2, ARMv8 CRC), else by tables. SCTP stores the value least significant byte first.
 *
 * crc is 0 at the beginning and the result so far when more bytes follow. */
#ifndef ADIT_CRC32C_H
#define ADIT_CRC32C_H

#include "base/base.h"

uint32_t adit_crc32c(uint32_t crc, const void *bytes, size_t n);

/* The two ways by name, for tests. _hw may be called only where _has_hw says so. */
uint32_t adit_crc32c_table(uint32_t crc, const void *bytes, size_t n);
uint32_t adit_crc32c_hw(uint32_t crc, const void *bytes, size_t n);
bool adit_crc32c_has_hw(void);

#endif
