"""File names as people may see them: any bytes, on any terminal."""


def escaped(name: bytes) -> str:
    """Return `name` as text in which whatever is not UTF-8, or does not print, is an escape."""
    text = name.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
