/* usrsctp-ours.h - forced into usrsctp's sources: its clock and its memory are ours.
 *
 * The clock is src/sctp/usr.c, the memory src/base/alloc.h, where a test lets an allocation fail.
 */
#ifndef ADIT_USRSCTP_OURS_H
#define ADIT_USRSCTP_OURS_H

#include <sched.h> /* musl declares calloc there too */
#include <stdlib.h>
#include <sys/time.h>

int adit_usr_gettimeofday(struct timeval *tv, void *tz);
void *adit_malloc(size_t n);
void *adit_zalloc(size_t n);
void adit_free(void *p);

#define gettimeofday      adit_usr_gettimeofday
#define malloc(n)         adit_malloc(n)
#define calloc(one, size) adit_zalloc((one) * (size))
#define free(p)           adit_free(p)

#endif
