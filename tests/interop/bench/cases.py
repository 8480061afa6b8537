"""All cases. A name reads PEER/ROLE-MODE/WHAT, where role and mode are adit's: pion/offer-check/ipv6."""
from dataclasses import dataclass
from typing import Callable

from . import sdp
from .lab import ADIT_PUBLIC
from .programs import PEERS
from .side import Failure

BOTH_ROLES = ('offer', 'answer')
BOTH_MODES = ('check', 'echo')
REFUSED = 3  # adit's exit code: peer refused or not authentic
LONG_LABEL = 'long' * 16384  # a byte more than DCEP can carry; cut to what a case may have
LABEL_MAX = {'pion': 65536 - 12, 'chromium': 65536 - 12}  # opened by the peer: they send nothing above 64 KiB here
LABEL_READ_MAX = {'pion': 8192 - 12}  # opened by adit: pion reads a channel's opening into 8 KiB
SHORT = {'bulk': 1 << 20}  # what the peer sends last where the path matters and not the amount
LOSSY = {'limit': 1100, 'bulk': 100000}  # one packet each: nobody promises more on a channel that may lose


@dataclass
class Case:
    name: str
    peer: str
    seconds: int
    body: Callable
    adit_only: bool = False  # says something about adit alone: no stand-in can take its place


CASES = []


def case(name, peer, body, seconds=30, adit_only=False):
    CASES.append(Case('%s/%s' % (peer, name), peer, seconds, body, adit_only))


def require(condition, words):
    if not condition:
        raise Failure(words)


# --- the series, over every kind of path ------------------------------------------------------------------------

def series(peer, role, mode, lab, to_adit=None, adit=None, peer_more=None):
    def body(m):
        m.build_lab(**lab)
        m.start(peer, role, mode, adit, peer_more)
        m.introduce(to_adit=to_adit)
        m.both_end_well()
    return body


def dual_stack(peer, role, mode):
    """adit, when it nominates, prefers IPv6 (RFC 8421 section 4, by candidate priority).

    Most of the 10 MB: data does not wait for the better pair, and on a busy machine IPv4 may carry thousands of
    packets before the other side has found the time to answer on IPv6. Once it has, all the rest goes there. A peer
    that names no IPv6 address cannot be asked for it: Chromium, answering, stops to gather when adit answers its first
    check, and on a busy machine that may be before it has looked at IPv6.
    """
    def body(m):
        m.build_lab(families=(4, 6))
        m.start(peer, role, mode)
        _, theirs = m.introduce()
        m.both_end_well()
        ipv4, ipv6 = m.lab.forwarded()
        if peer == 'chromium' and not any(':' in address for address in sdp.candidates(theirs, 'host')):
            return
        require(role == 'answer' or m.stand_in or ipv6 > ipv4, '%d packets by IPv4, %d by IPv6' % (ipv4, ipv6))
    return body


def server_reflexive(peer, role, mode):
    """Behind address translation: only what the STUN server shows can be reached."""
    def body(m):
        m.build_lab(nat=True)
        stun = m.lab.stun()
        m.start(peer, role, mode, {'stun': stun}, dict(SHORT, stun=stun))
        keep = sdp.only_candidates('srflx')
        adits, _ = m.introduce(to_adit=keep, to_peer=keep)
        # Of the peer the same cannot be asked: Chromium, answering, stops to gather when adit answers its first check.
        require(ADIT_PUBLIC in sdp.candidates(adits, 'srflx'), 'adit names no %s typ srflx' % ADIT_PUBLIC)
        m.both_end_well()
    return body


def hidden_addresses(role, mode):
    """Chromium as users have it: its host candidate is a .local name that nobody here can resolve."""
    def body(m):
        m.build_lab()
        m.start('chromium', role, mode, None, dict(SHORT, mdns=True))
        _, peers = m.introduce()
        hosts = sdp.candidates(peers, 'host')
        require(hosts and all(h.endswith('.local') for h in hosts), 'chromium hides nothing: %s' % hosts)
        m.both_end_well()
    return body


def names_alone(role, mode):
    """Both hide their addresses, on one link. Only one is told names, so it has to ask for them and the other to answer."""
    def body(m):
        m.build_lab(one_link=True)
        m.start('chromium', role, mode, {'hide_addresses': True}, dict(SHORT, mdns=True))
        nothing = sdp.only_candidates('srflx')
        adits, peers = m.introduce(**{'to_peer' if mode == 'check' else 'to_adit': nothing})
        for who, words in (('adit', adits), ('chromium', peers)):
            hosts = sdp.candidates(words, 'host')
            require(hosts and all(h.endswith('.local') for h in hosts), '%s hides nothing: %s' % (who, hosts))
        m.both_end_well()
    return body


def by_tcp(role, mode):
    """pion has no UDP and waits for TCP, and adit calls (RFC 6544)."""
    def body(m):
        m.build_lab()
        m.start('pion', role, mode, {}, dict(SHORT, tcp=443))
        m.introduce()
        m.both_end_well()
        require('by TCP' in m.adit.story(), 'adit does not say that it is by TCP')
    return body


for peer in PEERS:
    black_hole = 1280 if peer == 'chromium' else 1300  # what this peer itself can live with
    for role in BOTH_ROLES:
        for mode in BOTH_MODES:
            at = '%s-%s/' % (role, mode)
            case(at + 'ipv4', peer, series(peer, role, mode, {}), 60)
            case(at + 'ipv6', peer, series(peer, role, mode, {'families': (6,)}, peer_more=SHORT), 60)
            case(at + 'dual-stack', peer, dual_stack(peer, role, mode), 60)
            case(at + 'srflx', peer, server_reflexive(peer, role, mode), 60)
            case(at + 'mtu-black-hole', peer, series(peer, role, mode, {'mtu': black_hole}, peer_more=SHORT), 60,
                 adit_only=peer == 'chromium')
            if peer == 'pion':
                case(at + 'tcp', peer, by_tcp(role, mode), 60, adit_only=True)
            if peer == 'chromium':
                case(at + 'mdns', peer, hidden_addresses(role, mode), 60)
                case(at + 'mdns-both', peer, names_alone(role, mode), 60)


# --- channel options --------------------------------------------------------------------------------------------

def adit_opens(peer, options):
    """The peer sees the channel that adit's options ask for, and its echo holds."""
    def body(m):
        m.build_lab()
        m.start(peer, 'offer', 'check', options, {})
        m.introduce()
        # A message that may be lost has to fit one packet, so adit sends nothing above 1000 bytes there.
        m.both_end_well(least_checks=5 if 'max_retransmits' in options else 6)
        lost = sum(c.get('lost', 0) for c in m.adit.checks())
        require(lost < 64, '%d of 640 messages were lost on a path that loses none' % lost)
        asked = {'ordered': 'unordered' not in options, 'maxRetransmits': options.get('max_retransmits')}
        if 'label' in options:
            asked['channel'] = options['label']
        require(any(asked.items() <= c.items() for c in m.peer.channels()),
                'the peer sees %.200s where %.200s was asked for' % (m.peer.channels(), asked))
    return body


def peer_opens(peer, role, options):
    return series(peer, role, 'echo', {}, peer_more={**options, **(LOSSY if 'max_retransmits' in options else SHORT)})


OPTIONS = {
    'unordered': {'unordered': True},
    'retransmits-0': {'unordered': True, 'max_retransmits': 0},
    'retransmits-3': {'unordered': True, 'max_retransmits': 3},
    'ordered-retransmits-0': {'max_retransmits': 0},
    'utf8-label': {'label': 'Kanal Grüße 世界 \U0001F6F0'},
    'empty-label': {'label': ''},
    'long-label': {'label': LONG_LABEL},
}


def cut(options, most):
    return dict(options, label=options['label'][:most]) if 'label' in options else options



for peer in PEERS:
    for name, options in OPTIONS.items():
        case('offer-check/' + name, peer, adit_opens(peer, cut(options, LABEL_READ_MAX.get(peer, 65535))), 60)
        for role in BOTH_ROLES:
            case('%s-echo/%s' % (role, name), peer, peer_opens(peer, role, cut(options, LABEL_MAX.get(peer, 65535))))


# --- somebody else's certificate (early, for they wait long and compute nothing) ----------------------------------

def told_wrong_fingerprint(peer, role):
    """What adit is told does not fit the peer's certificate: no channel, one clear sentence, its own exit code."""
    def body(m):
        m.build_lab()
        m.start(peer, role, 'echo')
        m.introduce(to_adit=sdp.flip_fingerprint)
        code = m.adit.wait(m.deadline)
        require(code == REFUSED, 'adit ends with %s, not %d' % (code, REFUSED))
        require('fingerprint' in m.adit.story().lower(), 'adit does not say that the fingerprint is wrong')
        require(not m.peer.channels(), 'a channel opened')
    return body


def tells_wrong_fingerprint(peer, role):
    """What the peer is told does not fit adit's certificate: the peer refuses, adit says that it failed."""
    def body(m):
        m.build_lab()
        m.start(peer, role, 'check')
        m.introduce(to_peer=sdp.flip_fingerprint)
        code = m.adit.wait(m.deadline)
        require(code not in (0, 2) and code > 0, 'adit ends with %s' % code)
        require(not m.peer.channels(), 'a channel opened')
    return body


for peer in PEERS:
    for role in BOTH_ROLES:
        case('%s-echo/peers-fingerprint-flipped' % role, peer, told_wrong_fingerprint(peer, role), 40, adit_only=True)
        case('%s-check/own-fingerprint-flipped' % role, peer, tells_wrong_fingerprint(peer, role), 40, adit_only=True)


# --- the largest message ----------------------------------------------------------------------------------------

def announced_size(peer, role, mode, value):
    """adit is told that the peer takes messages up to this size only (or any, or does not say)."""
    most = {None: 65536, 0: None}.get(value, value)

    def body(m):
        m.build_lab()
        m.start(peer, role, mode, None, {'limit': most} if most else {})
        m.introduce(to_adit=sdp.max_message_size(value))
        m.both_end_well()
        for said in m.peer.results:
            require(not most or said.get('largest', 0) <= most, 'a message of %s bytes came' % said.get('largest'))
    return body


for peer in PEERS:
    for value, word in ((None, 'absent'), (0, '0'), (1200, '1200'), (262144, '262144')):
        for role, mode in (('offer', 'check'), ('answer', 'check'), ('answer', 'echo')):
            # Telling adit of more than the peer can take would only test the peer.
            if value not in (0, 262144) or peer == 'chromium' or mode == 'echo':
                case('%s-%s/max-message-%s' % (role, mode, word), peer,
                     announced_size(peer, role, mode, value), 60, adit_only=True)


# --- many channels ----------------------------------------------------------------------------------------------

def reopened(peer, role):
    """64 channels, closed and opened again 20 times: none stays open at adit, and adit does not grow."""
    def body(m):
        m.build_lab()
        m.start(peer, role, 'echo', None, {'channels': 64, 'rounds': 20})
        m.introduce()
        early = None
        while m.peer.process.poll() is None and not early:
            if len(m.peer.checks()) >= 4:
                early = m.adit.memory(), m.adit.descriptors()
            m.pause()
        late = early
        while m.peer.process.poll() is None:
            try:
                late = m.adit.memory(), m.adit.descriptors()
            except (OSError, StopIteration):
                break  # it has just ended
            m.pause()
        m.both_end_well(20)
        if early and not m.stand_in and not m.sanitized:
            require(late[0] - early[0] <= 2048, 'adit grew from %d to %d KiB' % (early[0], late[0]))
            require(late[1] <= early[1], 'adit went from %d to %d descriptors' % (early[1], late[1]))
    return body


for peer in PEERS:
    for role in BOTH_ROLES:
        case('%s-echo/64-channels-20-times' % role, peer, reopened(peer, role), 120)


# --- ICE restarts -----------------------------------------------------------------------------------------------

def peer_restarts(peer, role, mode):
    """The peer restarts ICE in the middle, from another port: the channel goes on by that path.

    The old ports are left open: Chromium, having lost all that was on its way, sends one packet in each round trip for
    a long time.
    """
    def body(m):
        m.build_lab()
        m.start(peer, role, mode, None, {'restart': 1 << 20})
        _, before = m.introduce()
        offer = m.peer.description(m.deadline)
        require(offer['type'] == 'offer', 'the peer gives an %s' % offer['type'])
        ports = sdp.ports(offer) - sdp.ports(before)
        require(ports, 'the peer goes on with the same ports')
        m.lab.count_ports(ports)
        m.adit.tell(offer)
        answer = m.adit.description(m.deadline)
        require(answer['type'] == 'answer', 'adit gives an %s' % answer['type'])
        m.peer.tell(answer)
        m.both_end_well()
        require({'restarted': True} in m.peer.results, 'the peer did not restart')
        require(m.lab.counted() > 5000, 'only %d packets went by the new path' % m.lab.counted())
    return body


def not_offered(peer, role, mode):
    """A new address here is a reason to restart ICE, but not with a peer that cannot."""
    def body(m):
        m.build_lab()
        m.start(peer, role, mode, None, SHORT)
        m.introduce()
        while len(m.checker().checks()) < 6:
            m.pause()
        m.lab.adit.ip('address add 10.77.1.9/24 dev eth0')
        m.both_end_well()
        require(m.adit.more_descriptions() == 0, 'adit gives a description that nobody asked for')
    return body


for role in BOTH_ROLES:
    for mode in BOTH_MODES:
        for peer in ('pion', 'chromium'):
            case('%s-%s/restart' % (role, mode), peer, peer_restarts(peer, role, mode), 60, adit_only=True)
    case('%s-echo/no-restart' % role, 'aiortc', not_offered('aiortc', role, 'echo'), 60, adit_only=True)
