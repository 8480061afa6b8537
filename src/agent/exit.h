/* exit.h - what the program says with its exit code. */
#ifndef ADIT_EXIT_H
#define ADIT_EXIT_H

#include "adit/adit.h"

/* Exit codes of the program, docs/adit.1. */
enum adit_exit {
    ADIT_EXIT_OK = 0,
    ADIT_EXIT_FAILED = 1,
    ADIT_EXIT_USAGE = 2,
    ADIT_EXIT_REFUSED = 3, /* the peer refused, or is not who it should be */
    ADIT_EXIT_NO_PATH = 4,
    ADIT_EXIT_SIGNALING = 5, /* what was pasted is no description of the other side */
    ADIT_EXIT_PERMISSION = 77,
};

/* The exit code that a cause stands for. */
int adit_exit_of(const struct adit_cause *cause);

#endif
