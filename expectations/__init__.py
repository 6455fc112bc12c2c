"""Great Expectations: what a table must hold, as code, and the check that asks it."""
