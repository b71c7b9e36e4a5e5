"""The robot arm of the movement tasks: kinematics, dynamics, movements and their errors."""
