#!/usr/bin/env python3
"""A STUN server that answers Binding requests over UDP (RFC 8489) and nothing else: stun_server.py ADDRESS PORT.

Prints "ready" when it listens.
"""
import ipaddress
import socket
import struct
import sys

REQUEST, RESPONSE, COOKIE, XOR_MAPPED_ADDRESS = 0x0001, 0x0101, 0x2112A442, 0x0020


def answer(request, sender):
    if len(request) < 20:
        return None
    kind, _, cookie = struct.unpack_from('!HHI', request)
    if kind != REQUEST or cookie != COOKIE:
        return None
    address = ipaddress.ip_address(sender[0].split('%')[0])
    mask = request[4:4 + len(address.packed)]  # cookie, and for IPv6 the transaction after it
    hidden = bytes(a ^ m for a, m in zip(address.packed, mask))
    family = 1 if address.version == 4 else 2
    value = struct.pack('!BBH', 0, family, sender[1] ^ (COOKIE >> 16)) + hidden
    attribute = struct.pack('!HH', XOR_MAPPED_ADDRESS, len(value)) + value
    return struct.pack('!HH', RESPONSE, len(attribute)) + request[4:20] + attribute


def main(host, port):
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.bind((host, int(port)))
        print('ready', flush=True)
        while True:
            request, sender = s.recvfrom(2048)
            reply = answer(request, sender)
            if reply:
                s.sendto(reply, sender)


if __name__ == '__main__':
    main(*sys.argv[1:])
