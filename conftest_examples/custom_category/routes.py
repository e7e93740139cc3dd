"""Paths of a site, taken apart and put together."""


def parts(path):
    """Return the parts of a path, lower case, without empty ones and without what `..` goes back over."""
    found = []
    for part in path.strip().split("/"):
        if part == "..":
            del found[-1:]
        elif part not in ("", "."):
            found.append(part.lower())
    return found


def join(base, *more):
    """Return the path that leads from a base over others; one that begins with a slash starts anew."""
    result = base
    for part in more:
        result = part if part.startswith("/") else f"{result.rstrip('/')}/{part}"
    return "/" + "/".join(parts(result))


def is_below(path, folder):
    """Return whether a path leads to something inside a folder, which is not inside itself."""
    inner, outer = parts(path), parts(folder)
    return len(inner) > len(outer) and inner[: len(outer)] == outer
