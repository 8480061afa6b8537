"""One of the two programs of a case: adit, or a peer."""
import json
import os
import queue
import signal
import subprocess
import threading
import time


class Failure(Exception):
    """The case does not hold, and why."""


class Side:
    """Descriptions and results are told apart by their content, from whichever descriptor they come."""

    def __init__(self, name, command, folder, pass_fds=(), extra_output=None):
        self.name, self.results, self.odd = name, [], []
        self._descriptions, self._ended = queue.Queue(), threading.Event()
        self._errors = os.path.join(folder, name + '.err')
        with open(self._errors, 'wb') as err:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err,
                                            pass_fds=pass_fds, start_new_session=True, env=self._environment(folder))
        self._readers = [threading.Thread(target=self._read, args=(s,), daemon=True)
                         for s in (self.process.stdout, extra_output) if s]
        for r in self._readers:
            r.start()

    @staticmethod
    def _environment(folder):
        return dict(os.environ, TMPDIR=folder, HOME=folder)

    def _read(self, stream):
        with stream:
            for line in stream:
                try:
                    said = json.loads(line)
                    if not isinstance(said, dict):
                        raise ValueError
                except ValueError:
                    self.odd.append(line.decode(errors='replace').rstrip('\n'))
                    continue
                if 'sdp' in said:
                    self._descriptions.put(said)
                else:
                    self.results.append(said)
        self._descriptions.put(None)

    def description(self, deadline):
        try:
            d = self._descriptions.get(timeout=max(0, deadline - time.monotonic()))
        except queue.Empty:
            d = None
        if d is None:
            raise Failure('%s gives no description' % self.name)
        return d

    def more_descriptions(self):
        """How many it gave that nobody asked for; once it has ended."""
        return sum(d is not None for d in self._descriptions.queue)

    def tell(self, description):
        try:
            self.process.stdin.write(json.dumps(description).encode() + b'\n')
            self.process.stdin.flush()
        except OSError:
            raise Failure('%s does not read the description' % self.name) from None

    def wait(self, deadline):
        """The exit code."""
        try:
            code = self.process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Failure('%s still runs at the end of its time' % self.name) from None
        for r in self._readers:
            r.join(2)
        return code

    def checks(self):
        return [r for r in self.results if 'check' in r or 'ok' in r]

    def channels(self):
        """What a peer said about the channels that came in."""
        return [r for r in self.results if 'channel' in r]

    def memory(self):
        """Resident anonymous kilobytes."""
        with open('/proc/%d/status' % self.process.pid) as f:
            return int(next(l for l in f if l.startswith('RssAnon:')).split()[1])

    def descriptors(self):
        return len(os.listdir('/proc/%d/fd' % self.process.pid))

    def stop(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it had not read all that it was told

    def story(self):
        """Its results and last words, for the report of a failed case."""
        with open(self._errors, errors='replace') as f:
            words = f.read().splitlines()[-25:]
        bad = [json.dumps(r, ensure_ascii=False) for r in self.results if r.get('ok') is False]
        code = self.process.poll()
        head = '%s: %s' % (self.name, 'killed' if code is None or code == -9 else 'exit code %d' % code)
        return '\n'.join([head] + ['  ' + l[:300] for l in bad + self.odd[-5:] + words])
