"""Functions that keep laws, print, or take defaults, so that each kind of input is needed to judge them."""


def squeezed(text):
    return " ".join(text.split())


def largest(numbers):
    best = None
    for number in numbers:
        if best is None or number > best:
            best = number
    return best


def encode_name(name):
    return name.replace("%", "%%").replace(" ", "%_")


def decode_name(text):
    return text.replace("%_", " ").replace("%%", "%")


def shout(word, times=2):
    return word.upper() * times


def announce(name):
    print("here comes", name)
    return len(name)


def weight(parts):
    total = 0.0
    for part in {str(part) for part in parts}:
        total += float(part) / 3
    return total


REGISTRY = {}


def register(name):
    REGISTRY[name] = len(name) + 1
