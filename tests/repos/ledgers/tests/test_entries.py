from ledgers.entries import Entry, grouped, total

ENTRIES = [Entry("giro", 120), Entry("savings", 33), Entry("giro", -20), Entry("bonds", 7), Entry("savings", 1)]


def test_amount():
    for entry in ENTRIES:
        assert entry.amount() == entry.cents
        assert entry.amount(5) % 5 == 0
        assert entry.amount(step=2) % 2 == 0


def test_total():
    assert total(ENTRIES) == 141
    assert total(ENTRIES, "giro") == 100
    assert total(ENTRIES, "none") == 0
    assert total(ENTRIES[1:3]) == 13
    assert total([], "giro") == 0


def test_grouped():
    assert grouped(ENTRIES) == {"giro": [120, -20], "savings": [33, 1], "bonds": [7]}
    assert grouped([]) == {}
    assert grouped(ENTRIES[:1]) == {"giro": [120]}
    assert list(grouped(ENTRIES[1:])) == ["savings", "giro", "bonds"]
