"""Doubted labels: who doubts them, what a person says of them, and what follows for training."""
