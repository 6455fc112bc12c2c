"""Who was made of whom: trees from a model to a line of the source, and back."""
