"""Another name for the contract's ``Images``, kept for those who import it from here."""

from insitu.data import Images

__all__ = ["Images"]
