"""A shop small enough to know by heart."""
