"""The ED-Scorbot as a body with mass, driven by servos: the movement that results from commands.

MuJoCo (extra ``arm``) simulates the geometry of ``kinematics.py`` under gravity. The arm starts at rest with its servos
settled, follows one velocity command per step, and its pose is read at the end of each step.

Each joint has a PI velocity servo, torque = K (∫ command dt - angle) + D (command - velocity), held within the torque
of the drive. The integral stops at the limits of the joint, as ``kinematics.clipped`` does. Gravity is not fed forward:
the servo reacts to its error alone, so that the arm sags by the change of its weight's torque since rest, divided by K.

A step of .01 s is the movement at full speed. The published arm held each of the 250 steps for .25 s, so a movement
took about a minute. Commands cannot have been the velocities themselves: .25 s at .70 rad/s turn a joint by 10°, and
250 of these by 44 rad. Own reading: ``hold_s`` slows a movement down, and velocities are scaled by .01 / ``hold_s``,
so that the path stays the same.

Own choices, without a data sheet: masses of an aluminium arm of 1 m whose drives sit near the shoulder
(upper arm 8 kg, forearm 5 kg, gripper .8 kg; the weight of the outstretched arm takes 41 Nm), rotors of 3e-5 kg m²
behind gears of 1:130, friction of such gears (4 Nm dry and 6 Nm s/rad), 120 Nm of either drive, and servos that respond
at about 3 Hz with the arm outstretched, nearly critically damped, as suits arms with belts and harmonic drives. None of
it was fitted to errors of movements. With perfect commands the hand is off by .8 cm at full speed and .5 cm at .25 s
a step (medians of 20 movements). Not modelled: elastic gears, play, quantised encoders, delay, temperature; elbow and
wrist do not give.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError, install_hint
from insitu.scenarios.robot_arm import kinematics

TIMESTEP_S = 0.005  # a fifth of it changes errors of the hand by less than .01 cm
TORQUE_NM = 120
STIFFNESS = (1000.0, 1000.0)  # K of base and shoulder, Nm/rad
DAMPING = (90.0, 90.0)  # D, Nm s/rad
ROTOR_KG_M2 = 0.5  # at the joint: 3e-5 behind 1:130
VISCOUS, DRY = 6.0, 4.0  # Nm s/rad, Nm


class Execution(NamedTuple):
    """Pose of the arm after each step."""

    angles: NDArray[np.float64]  # (steps, 2) of base and shoulder, rad
    positions: NDArray[np.float64]  # (steps, 3) of the hand, m


def execute(omega: NDArray[np.floating], hold_s: float = kinematics.STEP_S) -> Execution:
    """Return the movement that results from the commands ``omega`` (steps, 2) in rad/s.

    Each command is held for ``hold_s`` and scaled by .01 / ``hold_s``; commands beyond ±π rad/s are cut. Raises
    ``InsituError`` where MuJoCo is not installed, or commands are not finite numbers of this shape.
    """
    if omega.ndim != 2 or omega.shape[1] != 2 or not len(omega) or not np.isfinite(omega).all():
        raise InsituError(f"commands are finite velocities (steps, 2), at least one step; got {omega.shape}")
    if not kinematics.STEP_S <= hold_s <= 1:
        raise InsituError(f"hold_s is {kinematics.STEP_S} (full speed) to 1 second; got {hold_s}")
    mujoco = require()
    model = _model()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    data.act[:] = data.qfrc_bias / np.array(STIFFNESS)  # torque that holds the resting arm
    commands = np.clip(omega.astype(np.float64), -kinematics.FASTEST, kinematics.FASTEST) * (kinematics.STEP_S / hold_s)
    angles, positions = np.empty((len(omega), 2)), np.empty((len(omega), 3))
    ends = np.rint(np.arange(1, len(omega) + 1) * hold_s / TIMESTEP_S).astype(int)
    for step, count in enumerate(np.diff(ends, prepend=0)):
        data.ctrl[:] = np.tile(commands[step], 2)
        mujoco.mj_step(model, data, nstep=int(count))
        mujoco.mj_kinematics(model, data)  # positions at the angles after the last step
        angles[step], positions[step] = data.qpos, data.site("hand").xpos
    return Execution(angles, positions)


def xml() -> str:
    """Return the model in MuJoCo's XML format, lengths, angles and masses in m, rad and kg."""

    def joint(name: str, axis: str, limit: float) -> str:
        return (
            f'<joint name="{name}" axis="{axis}" range="{-limit} {limit}" damping="{VISCOUS}" frictionloss="{DRY}" '
            f'armature="{ROTOR_KG_M2}" actuatorfrcrange="{-TORQUE_NM} {TORQUE_NM}"/>'
        )

    def link(start: float, end: float, aside: float, radius: float, mass: float) -> str:
        return f'<geom type="capsule" fromto="{start} {aside} 0 {end} {aside} 0" size="{radius}" mass="{mass}"/>'

    base, shoulder = kinematics.LIMITS
    servos = [
        f'<intvelocity joint="{name}" kp="{stiff}" actrange="{-limit - 0.1} {limit + 0.1}"/>'  # room for its weight
        for name, stiff, limit in zip(_NAMES, STIFFNESS, kinematics.LIMITS, strict=True)
    ]
    servos += [f'<velocity joint="{name}" kv="{damping}"/>' for name, damping in zip(_NAMES, DAMPING, strict=True)]
    wrist = kinematics.A2 + kinematics.A3
    return f"""
<mujoco model="ED-Scorbot">
  <compiler angle="radian" autolimits="true"/>
  <option timestep="{TIMESTEP_S}" integrator="implicitfast"><flag contact="disable"/></option>
  <worldbody>
    <body name="column">
      {joint("base", "0 0 -1", base)}
      <geom type="cylinder" fromto="0 0 0 0 0 {kinematics.D1}" size=".09" mass="10"/>
      <body name="arm" pos="{kinematics.A1} {kinematics.D2} {kinematics.D1}">
        {joint("shoulder", "0 -1 0", shoulder)}
        {link(0, kinematics.A2, 0, 0.05, 8)}
        {link(kinematics.A2, wrist, kinematics.D3, 0.04, 5)}
        {link(wrist, kinematics.REACH, kinematics.D3, 0.03, 0.8)}
        <site name="hand" pos="{kinematics.REACH} {kinematics.D3} 0"/>
      </body>
    </body>
  </worldbody>
  <actuator>{"".join(servos)}</actuator>
</mujoco>"""


_NAMES = ("base", "shoulder")


@lru_cache(maxsize=1)
def _model() -> Any:
    return require().MjModel.from_xml_string(xml())


def require() -> Any:
    """Return MuJoCo; raise ``InsituError`` where it is not installed."""
    try:
        import mujoco
    except ImportError as error:
        raise InsituError(f"the simulated arm needs mujoco; install it: {install_hint('arm')}") from error
    return mujoco
