"""How each program is started; adit's command line is composed here and nowhere else."""
import glob
import os
import shutil
import subprocess

INTEROP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(INTEROP))
BUILD = os.path.join(ROOT, 'build', 'interop')
PEERS = ('pion', 'aiortc', 'chromium')


def options(role_mode, stun=None, label=None, unordered=False, max_retransmits=None):
    """What adit and the peers spell alike."""
    words = list(role_mode)
    if stun:
        words += ['--stun', stun]
    if label is not None:
        words += ['--label', label]
    if unordered:
        words += ['--unordered']
    if max_retransmits is not None:
        words += ['--max-retransmits', str(max_retransmits)]
    return words


def adit_command(adit, role, mode, out, hide_addresses=False, **more):
    """out: the descriptor for our descriptions; stdout is left to the results."""
    return (options([adit, role, '--as', 'json', '--mode', mode, '--out', str(out), '--timeout', '25'], **more) +
            ['--hide-addresses'] * hide_addresses)


def find_adit():
    """What ADIT names, or else the newest release build; None if there is no such program."""
    built = glob.glob(os.path.join(ROOT, 'build', '*', 'release', 'adit'))
    adit = os.environ.get('ADIT') or max(built, key=os.path.getmtime, default=None)
    return os.path.abspath(adit) if adit and os.access(adit, os.X_OK) else None


class Peer:
    def __init__(self, name):
        self.name = name
        self.missing = getattr(self, '_' + name)()  # why it cannot be used, or None

    def _pion(self):
        self._program = [os.path.join(BUILD, 'pion')]
        gopath = '/usr/share/gocode'
        if not shutil.which('go') or not os.path.isdir(gopath + '/src/github.com/pion/webrtc'):
            return 'golang-go or golang-github-pion-webrtc.v3-dev is not installed'
        os.makedirs(BUILD, exist_ok=True)
        environment = dict(os.environ, GOPATH=gopath, GO111MODULE='off', GOFLAGS='',
                           GOCACHE=os.path.join(BUILD, 'go-cache'))
        made = subprocess.run(['go', 'build', '-p', '2', '-o', self._program[0], '.'], env=environment,
                              cwd=os.path.join(INTEROP, 'peers', 'pion'), capture_output=True, text=True)
        return None if made.returncode == 0 else 'does not build: ' + made.stderr.strip().replace('\n', '; ')[-300:]

    def _aiortc(self):
        self._program = [os.path.join(INTEROP, 'peers', 'aiortc', 'peer')]
        tried = subprocess.run(['/usr/bin/python3', '-c', 'import aiortc'], stderr=subprocess.DEVNULL)
        return None if tried.returncode == 0 else 'python3-aiortc is not installed'

    def _chromium(self):
        self._program = [os.path.join(INTEROP, 'peers', 'chromium', 'peer')]
        found = shutil.which('chromium') or shutil.which('chromium-browser')
        return None if found else 'chromium is not installed'

    def command(self, role, mode, limit=None, bulk=None, channels=None, rounds=None, mdns=False, tcp=None,
                restart=None, **more):
        words = options(self._program + ['--role', role, '--mode', mode], **more)
        for name, value in (('--limit', limit), ('--bulk', bulk), ('--channels', channels), ('--rounds', rounds),
                            ('--tcp', tcp), ('--restart', restart)):
            if value is not None:
                words += [name, str(value)]
        return words + ['--mdns'] * mdns
