"""Dataset versions: what one is made of, what tells two apart, and which are still needed."""
