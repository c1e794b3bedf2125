"""Metrics: one file each, pure functions on arrays, evaluated together on shared inputs."""
