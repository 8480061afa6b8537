#!/bin/bash
# A quarter of a second each way, more or less: they meet within 10 s and all arrives.
. "$(dirname "$0")/lib.sh"

lab up port-restricted port-restricted && lab stun
lab impair A delay=125 jitter=10 seed=1
lab impair B delay=125 jitter=10 seed=2
check "2 MB arrive whole" transfer 2000000 60
