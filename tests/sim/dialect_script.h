/* dialect_script.h - plays a conversation with a signaling server, written down line by line.
 *
 * A script begins with `conf NAME key=value …` (id, token, room, role, target, email, password,
 * new_account, device_key). The lines after it are what happens; what the dialect does follows
 * each, two blanks in front:
 *
 *   begin              an attempt begins            #0 200 BODY   an HTTP call came back (tag 0)
 *   open               the WebSocket stands         #0 200 seq=7 BODY
 *   < TEXT             a message came               lost 403 1008 REASON
 *   udp ADDRESS TEXT   a datagram came (\xHH)       wait 30.5     seconds go by, deadlines are kept
 *   call PEER · offer PEER SDP · answer PEER SDP · cand PEER MID MLINE TEXT · end PEER · bye PEER
 *   outcome PEER yes|no · endpoint ADDRESS · say PEER TEXT · ping PEER · bench PEER BYTES CHUNK
 *   leave
 *
 * Playing the input lines of a script again must give the script: so a script is its own test. */
#ifndef ADIT_DIALECT_SCRIPT_H
#define ADIT_DIALECT_SCRIPT_H

#include "base/buf.h"

/* Plays `script` and writes the transcript. */
void adit_dialect_script(struct adit_buf *out, const char *script, size_t len);

#endif
