/* report.h - lines for the user about a connection: which way it goes, how long it took. */
#ifndef ADIT_REPORT_H
#define ADIT_REPORT_H

#include "adit/adit.h"

void adit_report_connected(struct adit_peer *peer);
void adit_report_stats(struct adit_peer *peer); /* what it has carried so far: three lines */
/* An error; with -v all pairs that were tried follow. peer may be NULL. */
void adit_report_failed(struct adit_peer *peer, const char *text);
void adit_report_path(struct adit_peer *peer); /* another one is in use */

#endif
