"""Entries of a ledger."""

from ledgers.money import rounded


class Entry:
    """One line of a ledger."""

    def __init__(self, account, cents):
        self.account = account
        self.cents = cents

    def amount(self, step=1):
        """The entry's amount, rounded to a step if that is more than one cent."""
        if step > 1:
            return rounded(self.cents, step)
        return self.cents


def total(entries, account=None):
    """The sum of all entries, or of those of one account."""
    found = 0
    for entry in entries:
        if account is None or entry.account == account:
            found += entry.cents
    return found


def grouped(entries):
    """The amounts by account, in the order of the entries."""
    found = {}
    for entry in entries:
        found.setdefault(entry.account, []).append(entry.cents)
    return found
