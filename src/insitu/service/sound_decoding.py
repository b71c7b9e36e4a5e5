"""Decoding of recordings from untrusted data URLs."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException

from insitu.core import InsituError
from insitu.data import sounds
from insitu.encoders import Encoder
from insitu.service import data_urls
from insitu.service.limits import Limits

HEAD = re.compile(r"data:audio/(?:x-)?wave?;base64,")


def decode_sounds(encoder: Encoder, urls: list[str], limits: Limits) -> NDArray[Any]:
    """Return the recordings in data URLs as an array (n,) of what ``encoder`` reads: they differ in length."""
    out = np.empty(len(urls), object)
    for row, url in enumerate(urls):
        out[row] = _decode(encoder, url, limits)
    return out


def _decode(encoder: Encoder, url: str, limits: Limits) -> Any:
    head = HEAD.match(url)
    if head is None:
        raise HTTPException(422, "a sound is a data URL of a WAV file: data:audio/wav;base64,...")
    data = data_urls.content(url, head.end(), limits.sound_bytes, "a sound")
    try:
        rate, samples = sounds.wav(data)
        if len(samples) > limits.sound_s * max(rate, 1):
            raise HTTPException(413, f"a sound lasts at most {limits.sound_s:g} s; cut it")
        return encoder.read((rate, samples))
    except InsituError as error:
        raise HTTPException(422, f"the sound cannot be used: {error}") from None
