"""Reports and records that people read."""
