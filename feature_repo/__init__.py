"""Feast definitions."""
