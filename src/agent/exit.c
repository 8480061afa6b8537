#include "agent/exit.h"

int adit_exit_of(const struct adit_cause *cause)
{
    switch (cause->reason) {
    case ADIT_REASON_NONE:
    case ADIT_REASON_LOCAL:
        return ADIT_EXIT_OK;
    case ADIT_REASON_NO_PATH:
    case ADIT_REASON_TIMEOUT:
        return ADIT_EXIT_NO_PATH;
    case ADIT_REASON_NOT_AUTHENTIC:
        return ADIT_EXIT_REFUSED;
    case ADIT_REASON_REMOTE:
    case ADIT_REASON_SILENCE:
    case ADIT_REASON_PROTOCOL:
    case ADIT_REASON_RESOURCE:
        break;
    }
    return ADIT_EXIT_FAILED;
}
