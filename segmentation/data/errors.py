"""The one error of this package: a data set that disagrees with itself or with what was asked of it."""


class DataError(ValueError):
    """A problem in the data: one line that names the file, the two things that disagree, and the remedy."""


def show(path: object) -> str:
    """A path for an error message, always on one line: line breaks and undecodable bytes are escaped."""
    return repr(str(path))
