from tested.ranking import ranked


def check(items, expected):
    found = ranked(items)
    assert found == expected
