"""Changes in the service: who is let in, how much one may ask, what becomes of pictures."""

from __future__ import annotations

from plant import Mutant

MUTANTS = [
    Mutant(
        "any token will do",
        "app/server/access.py",
        "if not hmac.compare_digest(",
        "if False and not hmac.compare_digest(",
        ("app/server/test_service_access.py",),
    ),
    Mutant(
        "the server answers to any name",
        "app/server/access.py",
        "            raise Refusal(421, ",
        "            Refusal(421, ",
        ("app/server/test_service_access.py",),
    ),
    Mutant(
        "other sites are let in",
        "app/server/access.py",
        "if origin not in self.rules.origins:",
        "if False:",
        ("app/server/test_service_access.py",),
    ),
    Mutant(
        "a bucket fills beyond its size",
        "app/server/limits.py",
        "tokens = min(most, tokens + (now - then) * self._rate)",
        "tokens = tokens + (now - then) * self._rate",
        ("app/server/test_service_limits.py",),
    ),
    Mutant(
        "a body in pieces may be of any size",
        "app/server/limits.py",
        "            if size > self.limits.body_bytes:\n",
        "            if False:\n",
        ("app/server/test_service_limits.py",),
    ),
]
