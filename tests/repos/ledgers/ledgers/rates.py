"""Interest rates by account."""


def rate_of(table, account, default=0):
    """The rate of an account in a table of lines such as `savings 3`."""
    for line in table.split("\n"):
        name, _, rate = line.partition(" ")
        if name == account and rate:
            return int(rate)
    return default
