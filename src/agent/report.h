/* report.h - lines for the user about a connection: which way it goes, how long it took. */
#ifndef ADIT_REPORT_H
#define ADIT_REPORT_H

#include "adit/adit.h"

void adit_report_connected(struct adit_peer *peer);
void adit_report_stats(struct adit_peer *peer); /* what it has carried so far: three lines */
void adit_report_pairs(struct adit_peer *peer); /* all that were tried; with -v alone */
void adit_report_path(struct adit_peer *peer);  /* another one is in use */

#endif
