"""Meta-trained spiking networks that learn an arm movement from one demonstration: 250 and 800 neurons."""

from __future__ import annotations

from insitu.backbones.spiking import Spiking
from insitu.training.eprop import EpropTrain
from insitu.training.robot_arm_jobs import RobotArmJob

JOB = RobotArmJob(backbone=Spiking(), recipe=EpropTrain())
