"""Arms: the ways to train that are tried beside one another, and what each has to show before it is shipped."""
