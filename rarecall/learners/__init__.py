"""Learners: a file each, for what it takes to fit one on a table's own columns and to load it again."""
