"""Floor 3. What wide networks do at the start: predicted from laws and activations alone, never from a measurement."""
