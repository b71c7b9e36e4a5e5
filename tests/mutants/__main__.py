"""Plant changes one by one and say which of them the tests notice.

    python tests/mutants             # all of them: some half an hour
    python tests/mutants cwr drift   # those whose description or file holds one of the words

Exits 1 where one survives, or can no longer be planted because the line it changes is another.
"""

from __future__ import annotations

import sys
import time

import plant

import devices
import learners
import memory
import report
import service
import substrates
import training

ROOMS = (devices, substrates, learners, training, memory, service, report)
ALL = [mutant for room in ROOMS for mutant in room.MUTANTS]


def main(words: list[str]) -> int:
    """Plant the mutants that hold one of ``words``, all without words."""
    chosen = [each for each in ALL if not words or any(word in f"{each.what} {each.file}" for word in words)]
    if not chosen:
        print(f"no mutant holds {' or '.join(words)}")
        return 1
    bad = []
    with plant.copy() as tree:
        tests = tuple(dict.fromkeys(test for each in chosen for test in each.tests))
        code, said = plant.run(tests, tree)
        if code:
            print(f"the tests fail before anything is planted: {said}")
            return 1
        print(f"{len(chosen)} mutants; their tests pass without them: {said}", flush=True)
        for each in chosen:
            started = time.monotonic()
            why = plant.fault(each, tree)
            dead, said = (False, why) if why else plant.killed(each, tree)
            verdict = "killed" if dead else "CANNOT BE PLANTED" if why else "SURVIVED"
            print(f"{verdict:8}  {each.file}: {each.what} ({time.monotonic() - started:.0f} s; {said})", flush=True)
            if not dead:
                bad.append(each)
    print(f"{len(chosen) - len(bad)} of {len(chosen)} killed")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
