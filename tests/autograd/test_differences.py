"""The published list of differences from PyTorch is the one that the comparison uses."""

from tests.oracle.surface.document import PATH, document


def test_the_document_is_what_the_lists_say():
    assert PATH.read_text(encoding="utf-8") == document(), "run: python -m tests.oracle.surface.document"
