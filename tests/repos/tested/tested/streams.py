"""Works on open files, which cannot be kept and replayed."""


def copy_lines(source, target, skip=0):
    """Write the lines of an open file to another, without the first ones and without blank ones; how many."""
    count = 0
    for number, line in enumerate(source):
        if number >= skip and line.strip():
            target.write(line)
            count += 1
    return count


def close_quietly(file):
    """Close a file; nothing can be seen of it in the tests."""
    file.close()
