"""Tables that grow: partitions and revisions that are only ever added, and joins as of a moment."""
