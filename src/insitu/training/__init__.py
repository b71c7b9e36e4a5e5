"""Recipes that train a backbone off the device, resumable, and the jobs that made the shipped weights."""
