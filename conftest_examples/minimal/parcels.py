"""What it costs to send parcels."""

LIMITS = ((1000, 390), (5000, 650), (20000, 1290))


def price(grams):
    """Return the price in cents of a parcel by its weight: up to 1 kg 390, up to 5 kg 650, up to 20 kg 1290.

    Raises ValueError for a weight that is not positive or above 20 kg.
    """
    if grams <= 0:
        raise ValueError("weight must be positive")
    for limit, cents in LIMITS:
        if grams <= limit:
            return cents
    raise ValueError("too heavy")


def total(weights):
    """Return the price in cents of several parcels; from the third on each costs 50 cents less."""
    result = 0
    for number, grams in enumerate(weights, 1):
        result += price(grams) - (50 if number >= 3 else 0)
    return result


def by_town(parcels):
    towns = {}
    for town, grams in parcels:
        towns.setdefault(town.strip().title(), []).append(grams)
    return towns
