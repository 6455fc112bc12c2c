"""The panels of the dashboards: a page a file."""
