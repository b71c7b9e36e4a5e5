"""Meta-trained spiking networks that learn an arm movement from one showing: 250 and 800 neurons, 946 900 weights."""

from __future__ import annotations

from insitu.backbones.spiking import Spiking
from insitu.training.eprop import EpropTrain
from insitu.training.robot_arm_jobs import ArmJob

JOB = ArmJob(backbone=Spiking(), recipe=EpropTrain())
