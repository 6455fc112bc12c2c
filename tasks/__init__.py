"""Prefect tasks, a verb a file."""
