"""What the comparisons with frameworks share."""

from __future__ import annotations

import os

# Keras reads it once, when it is first imported; without it, it looks for TensorFlow.
os.environ.setdefault("KERAS_BACKEND", "torch")
