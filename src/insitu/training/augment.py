"""Random crops, flips, colours, rotations and mixing of a batch, all drawn from one generator."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from insitu.backbones.inputs import normalise


def random_crops(
    pixels: NDArray[np.uint8], size: int, rng: np.random.Generator, area: tuple[float, float], flip: bool = True
) -> Tensor:
    """Cut a random box from every image and resize it: (n, h, w, c) uint8 to (n, c, size, size) float in [-1, 1].

    The box covers a share of the image drawn from ``area``, its aspect ratio is log-uniform in 3/4..4/3, and half of
    the boxes are mirrored where ``flip`` is set.
    """
    n, height, width, channels = pixels.shape
    shares = rng.uniform(*area, n)
    ratios = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), n))
    heights = np.clip(np.sqrt(shares * height * width / ratios).round().astype(int), 1, height)
    widths = np.clip(np.sqrt(shares * height * width * ratios).round().astype(int), 1, width)
    tops = (rng.random(n) * (height - heights + 1)).astype(int)
    lefts = (rng.random(n) * (width - widths + 1)).astype(int)
    flips = np.less(rng.random(n), 0.5)
    # channels-last memory keeps torch's vectorised uint8 resize on its fast path
    out = torch.empty(n, channels, size, size, dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    for i in range(n):
        box = pixels[i, tops[i] : tops[i] + heights[i], lefts[i] : lefts[i] + widths[i]]
        if flip and flips[i]:
            box = box[:, ::-1]
        image = torch.from_numpy(np.ascontiguousarray(box)).permute(2, 0, 1)[None]
        out[i] = F.interpolate(image, size=(size, size), mode="bilinear", antialias=True)[0]
    return normalise(out)


def warp(batch: Tensor, rng: np.random.Generator, strength: float) -> Tensor:
    """Rotate, shear, scale and bend each image of (n, c, h, w), as if another person had drawn it.

    The affine part is a matrix of entries drawn with spread ``strength`` around the identity; the bend moves a grid of
    5 x 5 points with spread ``strength`` / 3 of half an image side, smoothly in between. Pixels from outside the
    image repeat its border.
    """
    n = len(batch)
    matrix = np.eye(2, 3)[None] + strength * rng.standard_normal((n, 2, 3)) * [1, 1, 0.5]
    bend = torch.from_numpy((strength / 3 * rng.standard_normal((n, 2, 5, 5))).astype(np.float32))
    grid = F.affine_grid(torch.from_numpy(matrix.astype(np.float32)), list(batch.shape), align_corners=False)
    grid = grid + F.interpolate(bend, size=batch.shape[2:], mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    return F.grid_sample(batch, grid, padding_mode="border", align_corners=False)


def jitter_colours(batch: Tensor, rng: np.random.Generator, strength: float) -> Tensor:
    """Scale brightness, contrast and saturation of each image by factors drawn from 1 +- ``strength``."""
    n = len(batch)
    bright, contrast, saturation = torch.from_numpy(
        rng.uniform(1 - strength, 1 + strength, (3, n, 1, 1, 1)).astype(np.float32)
    ).unbind(0)
    # brightness scales the light itself, which is zero at -1
    batch = (batch + 1) * bright - 1
    mean = batch.mean((1, 2, 3), keepdim=True)
    batch = (batch - mean) * contrast + mean
    grey = batch.mean(1, keepdim=True)
    return ((batch - grey) * saturation + grey).clamp(-1, 1)


def rotate(batch: Tensor, labels: Tensor, classes: int, rng: np.random.Generator, share: float) -> Tensor:
    """Rotate a ``share`` of the images in place by 90, 180 or 270 degrees; return labels of their new classes.

    An image of class c rotated by k quarters becomes class ``c + classes * k``: virtual classes that leave room in the
    embedding for classes not seen yet.
    """
    quarters = rng.integers(1, 4, len(batch)) * (rng.random(len(batch)) < share)
    for k in (1, 2, 3):
        rows = torch.from_numpy(np.flatnonzero(quarters == k))
        if len(rows):
            batch[rows] = torch.rot90(batch[rows], k, (2, 3))
    return labels + classes * torch.from_numpy(quarters)


def cut_mix(batch: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor, float]:
    """Paste one random box of a shuffled copy over the batch (CutMix); return batch, partner rows, share kept."""
    n, _, height, width = batch.shape
    partner = torch.from_numpy(rng.permutation(n))
    side = np.sqrt(1 - rng.random())
    h, w = int(round(side * height)), int(round(side * width))
    top, left = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    mixed = batch.clone()
    mixed[:, :, top : top + h, left : left + w] = batch[partner, :, top : top + h, left : left + w]
    return mixed, partner, 1 - h * w / (height * width)


def mix_up(batch: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor, float]:
    """Blend every image with a partner (mixup, Beta(1, 1)); return batch, partner rows, share kept."""
    partner = torch.from_numpy(rng.permutation(len(batch)))
    share = float(rng.random())
    return share * batch + (1 - share) * batch[partner], partner, share
