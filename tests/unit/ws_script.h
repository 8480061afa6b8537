/* ws_script.h - frames written as words, and a WebSocket's answer to them as words.
 *
 * Frames, with blanks between them; the first byte in hex (FIN, RSV, opcode), then one of
 *
 *     81:hello     this payload (no blanks)         81#65536   so many '*'
 *     88x03e8      this payload in hex              =8180…     these bytes as they are
 *     !81:hello    masked where it must not be, or the other way round
 *     81~9:he      a header that promises 9 bytes, and fewer of them
 *
 * An answer is its events, " > ", and the frames it sent, both in the same manner: "text:hello",
 * "binary#65536" above 40 bytes, "pong:", "ping:", "close:1000", "closed:1000/remote". What is not
 * printable is in hex: "ping:x00ff". */
#ifndef TEST_WS_SCRIPT_H
#define TEST_WS_SCRIPT_H

#include "base/buf.h"
#include "http/ws.h"

/* The bytes of these frames as they go to this role. */
void ws_script(struct adit_buf *out, const char *frames, bool to_server);
/* Feeds in pieces of `step` bytes (0 = whole), and says all that comes of it. *ret_end, which may
 * be NULL: how many bytes had been fed when CLOSED came, or all. */
void ws_answer(struct adit_buf *answer, struct adit_ws *ws, const struct adit_buf *bytes,
               size_t step, size_t *ret_end);
/* The frames in these bytes, in words; fails the test if they are none, or masked wrongly. */
void ws_words(struct adit_buf *out, struct adit_span bytes, bool from_server);

#endif
