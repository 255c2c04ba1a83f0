"""The published table of checked gradients is what the tests run."""

from .coverage import PATH, document


def test_the_table_of_checked_gradients_is_up_to_date():
    assert PATH.read_text() == document(), "run: python -m tests.autograd.coverage"


def test_every_differentiable_op_is_checked_at_both_orders():
    assert "| NO |" not in document()
