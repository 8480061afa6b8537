/* session_inner.h - what the files of a session share; nobody else includes it.
 *
 *   session.c        from the first turn of the loop to the exit code
 *   session_text.c   the descriptions that begin it: ours printed, theirs read
 *   session_again.c  those under a connection that stands: an ICE restart, carried by people */
#ifndef ADIT_SESSION_INNER_H
#define ADIT_SESSION_INNER_H

#include "agent/handout.h"
#include "agent/inner.h"
#include "agent/paste.h"
#include "agent/session.h"

#define ADIT_SESSION_TEXT         (64 * 1024)
#define ADIT_SESSION_ANSWERED_MAX (60 * ADIT_SEC) /* when both sides have all they need */
#define ADIT_SESSION_HINT_AFTER   (40 * ADIT_SEC) /* the same, and no check was answered */

/* session_again.c */
struct session_again {
    enum adit_desc_type due; /* what is printed as soon as it is complete; UNKNOWN = nothing */
    bool printed;            /* and is not again, unless our addresses have changed */
    bool lost;               /* there has been no consent for half a minute */
    bool asked;              /* people know that it is their turn */
    bool deaf;               /* the input has ended */
    struct adit_timer limit; /* of the outage: what is next to be done about it, or the end */
    struct adit_task print;
};

struct adit_session {
    struct adit_loop *loop;
    struct adit_session_conf conf;
    void (*ended)(void *arg, int exit_code);
    void *arg;

    struct adit_peer *peer;
    struct adit_lanes lanes;
    struct adit_paste paste;
    struct adit_timer timeout, hint, goodbye;
    struct adit_task bury;
    bool gathered, accepted, told, over;
    bool closing; /* goodbye has been said; exit_code is decided */
    enum adit_form form;
    int exit_code;
    struct adit_handout handout;
    char *text; /* ADIT_SESSION_TEXT: a description being printed */
    struct session_again again;
};

/* session.c. After a line for the user was logged. */
void adit_session_fail(struct adit_session *s, int exit_code, const char *text);

/* session_text.c */
const char *adit_session_other_command(const struct adit_session *s);
/* Prints our description when it is complete, and again when it changed. */
void adit_session_tell(struct adit_session *s);
void adit_session_give(struct adit_session *s); /* prints our description as it is now */
void adit_session_read(struct adit_session *s); /* theirs */
/* An answer is printed in the form of its offer, unless told otherwise. */
void adit_session_take_form(struct adit_session *s, const struct adit_pairtext *theirs);

/* session_again.c. What has happened: */
void adit_session_again_init(struct adit_session *s);
void adit_session_again_done(struct adit_session *s);
void adit_session_again_attach(struct adit_session *s); /* there is a peer */
void adit_session_again_up(struct adit_session *s);     /* the first channel is open */
void adit_session_again_silent(struct adit_session *s); /* the path does not answer */
void adit_session_again_back(struct adit_session *s);   /* a path answers, perhaps another one */
void adit_session_again_failed(const struct adit_session *s, const struct adit_cause *cause);
void adit_session_again_gathered(struct adit_session *s);
/* How long the engine is to hold a connection without consent: for people, too. */
adit_time adit_session_again_hold(const struct adit_session *s);
/* Why nobody can mend an outage by hand; NULL: somebody can. */
const char *adit_session_again_not(const struct adit_session *s);

#endif
