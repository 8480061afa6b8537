"""What the bench looks for in a description, and the changes it makes on the way from one side to the other."""
import re


def candidates(description, kind):
    """The addresses of all candidates of one kind (host, srflx, ...)."""
    lines = re.findall(r'^a=candidate:(.*)$', description['sdp'], re.M)
    return [c[4] for c in map(str.split, lines) if len(c) > 7 and c[7] == kind]


def ports(description):
    """All that its candidates name."""
    lines = re.findall(r'^a=candidate:(.*)$', description['sdp'], re.M)
    return {int(c.split()[5]) for c in lines}


def only_candidates(kind):
    def edit(sdp):
        return ''.join(line for line in sdp.splitlines(True)
                       if not line.startswith('a=candidate:') or ' typ %s' % kind in line)
    return edit


def max_message_size(value):
    """Another a=max-message-size; None takes the line out."""
    def edit(sdp):
        sdp = re.sub(r'a=max-message-size:.*\r\n', '', sdp)
        if value is None:
            return sdp
        return sdp.rstrip('\r\n') + '\r\na=max-message-size:%d\r\n' % value
    return edit


def flip_fingerprint(sdp):
    """One bit of every fingerprint is wrong."""
    def flip(match):
        return match[1] + '%02X' % (int(match[2], 16) ^ 1)
    changed, count = re.subn(r'(a=fingerprint:\S+ (?:[0-9A-Fa-f]{2}:)*)([0-9A-Fa-f]{2})(?=\r)', flip, sdp)
    assert count, 'no fingerprint to flip'
    return changed
