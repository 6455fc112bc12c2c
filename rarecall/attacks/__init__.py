"""The attacks that privacy is judged by, and what they know of a table."""
