"""adit and one peer in a lab: start both, carry the descriptions over, see how it ends."""
import os
import shutil
import tempfile
import time

from . import programs
from .lab import Lab
from .side import Failure, Side

ROLES = {'offer': 'answer', 'answer': 'offer'}
MODES = {'check': 'echo', 'echo': 'check'}
PARTING = 10  # seconds that one side may take to notice that the other has gone


class Meeting:
    """One case's lab and programs. stand_in: the name of a peer that takes adit's place, to try the bench itself."""

    def __init__(self, peers, adit, stand_in, seconds, work):
        self.peers, self._adit, self.stand_in = peers, adit, stand_in
        self.deadline = time.monotonic() + seconds
        self.folder = tempfile.mkdtemp(dir=work)
        self.lab = self.adit = self.peer = None
        self.sanitized = 'asan' in (adit or '') or 'tsan' in (adit or '')  # memory figures then mean nothing

    def build_lab(self, **how):
        self.lab = Lab(**how)

    def start(self, peer, role, mode, adit=None, peer_more=None):
        """role and mode are adit's; adit and peer_more are further options."""
        self.role, self.mode = role, mode
        self.peer = Side(peer, self.lab.peer.enter(
            self.peers[peer].command(ROLES[role], MODES[mode], **(peer_more or {}))), self.folder)
        if self.stand_in:
            command = self.peers[self.stand_in].command(role, mode, **(adit or {}))
            self.adit = Side('stand-in', self.lab.adit.enter(command), self.folder)
            return
        read, write = os.pipe()
        command = programs.adit_command(self._adit, role, mode, write, **(adit or {}))
        self.adit = Side('adit', self.lab.adit.enter(command), self.folder, (write,), os.fdopen(read, 'rb'))
        os.close(write)

    def introduce(self, to_adit=None, to_peer=None):
        """Carry both descriptions over, through the changes asked for; returns adit's and the peer's."""
        offerer, answerer = (self.adit, self.peer) if self.role == 'offer' else (self.peer, self.adit)
        told = {}
        for source, target in ((offerer, answerer), (answerer, offerer)):
            told[source] = source.description(self.deadline)
            edit = to_adit if target is self.adit else to_peer
            d = told[source]
            target.tell(dict(d, sdp=edit(d['sdp'])) if edit else d)
        return told[self.adit], told[self.peer]

    def checker(self):
        return self.adit if self.mode == 'check' else self.peer

    def both_end_well(self, least_checks=6):
        """The one that checks says that everything held; then both leave by themselves."""
        first = self.checker()
        second = self.peer if first is self.adit else self.adit
        if first.wait(self.deadline):
            raise Failure('%s says that not everything held' % first.name)
        bad = [c for c in first.checks() if c.get('ok') is not True]
        if bad or first.odd:
            raise Failure('%s ends with 0 but prints %s' % (first.name, (bad + first.odd)[0]))
        if len(first.checks()) < least_checks:
            raise Failure('%s made only %d checks' % (first.name, len(first.checks())))
        if second.wait(time.monotonic() + PARTING):
            raise Failure('%s echoed everything and then does not end with 0' % second.name)
        if second.odd:
            raise Failure('%s prints %s' % (second.name, second.odd[0]))

    def pause(self):
        """Between two looks at something that gives no sign by itself."""
        if time.monotonic() > self.deadline:
            raise Failure('the time of this case is over')
        time.sleep(0.05)

    def story(self):
        return '\n'.join(s.story() for s in (self.adit, self.peer) if s)

    def close(self):
        for side in (self.adit, self.peer):
            if side:
                side.stop()
        if self.lab:
            self.lab.close()
        shutil.rmtree(self.folder, ignore_errors=True)
