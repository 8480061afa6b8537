/* way - by what a peer is reached: whose credentials, and under which name at a port of many. */
#include <stdio.h>

#include "agent/inner.h"

void adit_peer_credentials(struct adit_peer *peer, const struct adit_peer_way *way,
                           char ret_pwd[ADIT_TICKET_PWD + 1], char ret_name[ADIT_PORT_NAME])
{
    struct adit_fingerprint fp;
    struct adit_caller caller;

    adit_rng_bytes(&peer->rng, peer->nonce, sizeof peer->nonce);
    adit_cert_fingerprint(peer->cert, ADIT_HASH_SHA256, &fp);
    if (way->calls) {
        adit_caller_make(&caller, way->calls->nonce, fp.value, way->datagrams, &peer->rng);
        memcpy(peer->ufrag, caller.ufrag, sizeof caller.ufrag);
        memcpy(ret_pwd, caller.pwd, sizeof caller.pwd);
    } else if (way->called) {
        adit_ticket_door_credentials(way->secret, fp.value, peer->ufrag, ret_pwd);
    } else {
        adit_ticket_credentials(peer->nonce, fp.value, peer->ufrag, ret_pwd);
    }
    snprintf(ret_name, ADIT_PORT_NAME, "%s%s%s", peer->ufrag, way->called ? ":" : "",
             way->called ? way->called->ufrag : "");
}
