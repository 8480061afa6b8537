#!/bin/bash
# One packet in ten is lost, each way: 10 MB arrive, byte exact.
. "$(dirname "$0")/lib.sh"

lab up port-restricted port-restricted && lab stun
lab impair A delay=5 loss=10 seed=3
check "10 MB arrive whole" transfer 10000000 120
