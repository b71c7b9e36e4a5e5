"""Changes in the service: access control and limits of requests."""

from __future__ import annotations

from plant import Mutant

MUTANTS = [
    Mutant(
        "any token will do",
        "service/auth.py",
        "if hmac.compare_digest(",
        "if True or hmac.compare_digest(",
        ("service/test_service_access.py",),
    ),
    Mutant(
        "the server answers to any name",
        "service/auth.py",
        "            raise HTTPException(421, ",
        "            HTTPException(421, ",
        ("service/test_service_access.py",),
    ),
    Mutant(
        "other sites are let in",
        "service/auth.py",
        "if origin not in self.rules.origins:",
        "if False:",
        ("service/test_service_access.py",),
    ),
    Mutant(
        "a bucket fills beyond its size",
        "service/limits.py",
        "tokens = min(most, tokens + (now - then) * self._rate)",
        "tokens = tokens + (now - then) * self._rate",
        ("service/test_service_limits.py",),
    ),
    Mutant(
        "a body in pieces may be of any size",
        "service/request_limits.py",
        "            if size > self.limits.body_bytes:\n",
        "            if False:\n",
        ("service/test_service_limits.py",),
    ),
]
