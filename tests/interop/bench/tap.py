"""Test Anything Protocol on stdout, and the three sums at the end on stderr."""
import sys


class Tap:
    def __init__(self, planned):
        self.number = self.failed = self.skipped = 0
        print('1..%d' % planned, flush=True)

    def ok(self, name):
        self._line('ok', name)

    def skip(self, name, reason):
        self.skipped += 1
        self._line('ok', '%s # SKIP %s' % (name, reason))

    def fail(self, name, why):
        self.failed += 1
        self._line('not ok', name, why)

    def _line(self, word, name, comment=''):
        self.number += 1
        lines = ['%s %d - %s' % (word, self.number, name)]
        lines += ['# ' + line for line in comment.splitlines()]
        print('\n'.join(lines), flush=True)

    def finish(self):
        passed = self.number - self.failed - self.skipped
        print('interop: %d passed, %d failed, %d skipped' % (passed, self.failed, self.skipped), file=sys.stderr)
        return 1 if self.failed else 0
