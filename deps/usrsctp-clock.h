/* usrsctp-clock.h - forced into usrsctp's sources: its clock is ours (defined in src/sctp/usr.c).
 */
#ifndef ADIT_USRSCTP_CLOCK_H
#define ADIT_USRSCTP_CLOCK_H

#include <sys/time.h>

int adit_usr_gettimeofday(struct timeval *tv, void *tz);

#define gettimeofday adit_usr_gettimeofday

#endif
