"""A package whose functions candidates of the tests replace."""
