"""Sums of money in cents."""


def rounded(amount, step=5):
    """Round an amount to the nearest multiple of a step, halves up."""
    rest = amount % step
    if rest * 2 >= step:
        return amount - rest + step
    return amount - rest


def split(amount, parts):
    """Split an amount into parts that differ by at most one cent, the larger ones first."""
    if parts < 1:
        raise ValueError("parts")
    base, rest = divmod(amount, parts)
    return [base + 1] * rest + [base] * (parts - rest)
