"""What a sampler says when a table cannot be resampled."""

from rarecall.errors import DataError


class SamplingError(DataError, ValueError):
    """A refusal in one sentence: the house's DataError, and the ValueError that scikit-learn's callers expect."""
