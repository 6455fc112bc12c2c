"""Great Expectations, imported once without the two warnings that its import raises on Python 3.11 and later."""

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "module 'sre_.*' is deprecated", DeprecationWarning)
    import great_expectations  # noqa: F401 - imported for what it warns about, before the tests import it
