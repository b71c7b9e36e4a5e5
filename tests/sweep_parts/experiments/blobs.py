"""Blobs learned by a noisy mean."""

from insitu.learners.blob_mean import BlobMean
from insitu.scenarios.blob_stream import BlobStream

from insitu.experiments import Experiment

EXPERIMENT = Experiment(
    paper="none", scenario=BlobStream(), learner=BlobMean(noise=0.5, bits=8), baseline=BlobMean(), seeds=3
)
