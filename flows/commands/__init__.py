"""The commands beside the main ones, a noun a file."""
