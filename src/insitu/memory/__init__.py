"""The user's own memory: a few-shot classifier with the conventions of scikit-learn, kept in one file if wanted."""

from insitu.memory.estimator import Memory

__all__ = ["Memory"]
