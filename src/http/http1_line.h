/* http1_line.h - what RFC 9112 allows, by the letter: single lines, without their CRLF and known to
 * have no control characters but HTAB, and the fields that say how long the body is.
 *
 * 0 if it is good; else the status that refuses it, and why. */
#ifndef ADIT_HTTP1_LINE_H
#define ADIT_HTTP1_LINE_H

#include "base/base.h"

struct adit_http1_head;

/* Section 3: method SP target SP version, single blanks. */
int adit_http1_check_request_line(const char *s, size_t len, const char **ret_why);
/* Section 4: version SP status [SP reason]; the second blank is often forgotten. */
int adit_http1_check_status_line(const char *s, size_t len, const char **ret_why);
/* Section 5, for a line that is not empty. */
int adit_http1_check_field(const char *s, size_t len, const char **ret_why);
/* Section 7.1: 1*HEXDIG, then nothing or extensions, which are passed over. */
int adit_http1_check_chunk_size(const char *s, size_t len, const char **ret_why);
/* Sections 3.2 and 6, for a head whose version and fields are known: Host, Content-Length and
 * Transfer-Encoding leave no doubt. */
int adit_http1_check_framing(const struct adit_http1_head *head, bool request,
                             const char **ret_why);

#endif
