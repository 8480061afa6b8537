"""What the peers written in Python share: the command line, and JSON lines in and out."""
import argparse
import json
import re
import sys

NO_LIMIT = 1 << 30


def arguments(description):
    p = argparse.ArgumentParser(description=description)
    p.add_argument('--role', choices=('offer', 'answer'), required=True)
    p.add_argument('--mode', choices=('check', 'echo'), required=True)
    p.add_argument('--stun', metavar='HOST:PORT', help='STUN server')
    p.add_argument('--label', default='peer', help='label of the channel we open')
    p.add_argument('--unordered', action='store_true', help='our channel is unordered')
    p.add_argument('--max-retransmits', type=int, metavar='N', help='our channel gives up after so many')
    p.add_argument('--channels', type=int, default=0, help='check: open so many at once, instead of the series')
    p.add_argument('--rounds', type=int, default=1, help='check: open and close them so many times')
    p.add_argument('--limit', type=int, default=NO_LIMIT, help='check: no message larger than this')
    p.add_argument('--bulk', type=int, default=10 << 20, help='check: bytes of the last step')
    return p


def emit(**fields):
    """One JSON line for the program that runs us."""
    print(json.dumps(fields, ensure_ascii=False), flush=True)


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def largest_message(sdp):
    """The largest message the writer of this description takes (RFC 8841 section 6.1: absent is 64K, 0 no limit)."""
    found = re.search(r'^a=max-message-size:(\d+)', sdp, re.M)
    return (int(found[1]) or NO_LIMIT) if found else 65536
