"""The user's own memory: a few-shot classifier with the conventions of scikit-learn, optionally stored in a file."""

from insitu.memory.estimator import Memory

__all__ = ["Memory"]
