/* transport.h - where in their headers TCP and UDP have what cut.h and join.h change. */
#ifndef ADIT_TRANSPORT_H
#define ADIT_TRANSPORT_H

#define ADIT_TCP_SEQ      4
#define ADIT_TCP_FLAGS    13
#define ADIT_TCP_CHECKSUM 16
#define ADIT_UDP_LEN      4
#define ADIT_UDP_CHECKSUM 6

#define ADIT_TCP_FIN 0x01
#define ADIT_TCP_PSH 0x08
#define ADIT_TCP_ACK 0x10
#define ADIT_TCP_ECE 0x40
#define ADIT_TCP_CWR 0x80

#endif
