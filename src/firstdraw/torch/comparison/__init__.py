"""Trainings of one's own model compared: paired runs, kept in a store, judged by the statistics of the experiments."""
