"""A first look at an unknown table, and the project file written from it."""
