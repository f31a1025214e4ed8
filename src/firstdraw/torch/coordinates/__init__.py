"""Coordinate checks: how the signal in a model's layers, and its change in training, grow with width and depth."""
