"""rarecall: the pipeline that keeps the recall of a rare class."""

__all__ = ["__version__"]

__version__ = "0.6.0"
