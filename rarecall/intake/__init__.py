"""From a source to a snapshot: reading, naming rows, and holding back those that failed."""
