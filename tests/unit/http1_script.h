/* http1_script.h - what a reader says about bytes, as one line of words.
 *
 * "GET /x 1.1 Host=a X= | body=hello | end T=x | left 4" or "… bad 400". Responses begin with
 * "200 OK 1.1". Flags follow the version: k = keep-alive, u = upgrade, c = chunked, e = until the
 * connection ends, i = interim, x = expects 100; a number after them is the body's length. */
#ifndef TEST_HTTP1_SCRIPT_H
#define TEST_HTTP1_SCRIPT_H

#include "http/http1.h"

/* Feeds in pieces of `step` bytes (0 = whole), the first one of `first` (0 = as the others); then
 * tells the end of the connection if `eof`. Messages that follow are read as well, unless the last
 * one was an upgrade. */
void http1_answer(struct adit_buf *out, const struct adit_http1_conf *conf, const char *expect,
                  const void *bytes, size_t n, size_t first, size_t step, bool eof);

#endif
