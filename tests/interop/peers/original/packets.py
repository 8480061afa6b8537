"""Packets that nobody sent, and what came back."""
import ipaddress
import struct

OUR_MAC = bytes.fromhex("025eed000001")


def packed(address):
    return ipaddress.ip_address(address).packed


def checksum(data):
    n = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    n = (n & 0xFFFF) + (n >> 16)
    return ~(n + (n >> 16)) & 0xFFFF


def arp_request(here, there):
    return (b"\xff" * 6 + OUR_MAC + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + OUR_MAC + packed(here)
            + bytes(6) + packed(there))


def icmp_echo(here, there):
    icmp = struct.pack("!BBHHH", 8, 0, 0, 7, 1) + b"twenty-two bytes of it"
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp), 1, 0, 64, 1, 0, packed(here), packed(there))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + icmp


def frame_words(data):
    if data[12:14] == b"\x08\x06" and data[20:22] == b"\0\2":
        return "arp-reply %s is at %s" % (ipaddress.ip_address(data[28:32]), data[22:28].hex(":"))
    return "%s %d bytes" % (data[12:14].hex(), len(data))


def packet_words(data):
    if data[0] >> 4 == 4 and data[9] == 1 and data[20] == 0:
        return "echo-reply from %s" % ipaddress.ip_address(data[12:16])
    return "version %d, %d bytes" % (data[0] >> 4, len(data))
