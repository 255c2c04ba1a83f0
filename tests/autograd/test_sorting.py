"""Order with ties and NaN, the first k, medians and quantiles, and what is refused."""

import math

import numpy as np
import pytest

import autograd as ag
from autograd import tensor

from .test_special_points import same, slope

inf, nan = math.inf, math.nan


# --- sort -----------------------------------------------------------------------------------------------------------


def test_ties_keep_their_order_either_way():
    x = tensor([1, 0, 1, 0, 1])
    assert ag.sort(x).indices.tolist() == [1, 3, 0, 2, 4]
    assert ag.argsort(x, descending=True).tolist() == [0, 2, 4, 1, 3]


def test_nan_counts_as_the_largest():
    x = tensor([nan, 1.0, inf, nan, -inf])
    assert ag.sort(x).indices.tolist() == [4, 1, 2, 0, 3]
    assert ag.argsort(x, descending=True).tolist() == [0, 3, 2, 1, 4]
    same(ag.topk(x, 3).values.tolist(), [nan, nan, inf])
    assert ag.topk(x, 2, largest=False).values.tolist() == [-inf, 1]
    assert ag.kthvalue(x, 3).values.item() == inf
    assert ag.argmax(x).item() == 0


def test_sort_hands_each_gradient_to_its_element():
    weights = tensor(np.array([1.0, 10.0, 100.0]))
    assert slope(lambda x: ag.sort(x).values * weights, [3.0, 1.0, 2.0]) == [100, 1, 10]
    assert slope(lambda x: ag.msort(x) * weights, [3.0, 1.0, 2.0]) == [100, 1, 10]
    assert slope(lambda x: x.topk(2).values * weights[:2], [3.0, 1.0, 2.0]) == [1, 0, 10]


def test_order_of_a_number():
    for values, indices in (ag.sort(tensor(2.0)), ag.topk(tensor(2.0), 1), ag.kthvalue(tensor(2.0), 1)):
        assert values.item() == 2 and indices.item() == 0 and indices.dtype == np.int64
    assert ag.argsort(tensor(2.0)).item() == 0


def test_few_of_many_are_those_of_a_whole_sort():
    x = np.random.default_rng(0).integers(0, 50, (3, 200)).astype(float)
    for largest in (True, False):
        values, indices = ag.topk(tensor(x), 10, largest=largest)
        np.testing.assert_array_equal(values.numpy(), ag.sort(tensor(x), descending=largest).values.numpy()[:, :10])
        np.testing.assert_array_equal(np.take_along_axis(x, indices.numpy(), 1), values.numpy())
        assert all(len(set(row)) == 10 for row in indices.tolist())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: ag.topk(x, 4), ValueError, "topk: k=4 is not between 0 and 3, the size of dim 0"),
        (lambda x: ag.topk(x, -1), ValueError, "topk: k=-1 is not between 0 and 3"),
        (lambda x: ag.topk(x, 1.5), TypeError, "integer"),
        (lambda x: ag.kthvalue(x, 0), ValueError, "kthvalue: k=0 is not between 1 and 3, the size of dim 0"),
        (lambda x: ag.sort(x, 1), IndexError, "sort: dim 1 is out of range"),
        (lambda x: ag.median(x[:0], 0), IndexError, r"median: dim 0 of shape \(0,\) is empty"),
        (lambda x: ag.median(x[:0].long()), ValueError, "median: there is no median of no int64"),
        (lambda x: ag.quantile(x, 1.5), ValueError, "quantile: q lies between 0 and 1, not at 1.5"),
        (lambda x: ag.quantile(x, tensor([0.5, -1.0])), ValueError, "quantile: q lies between 0 and 1, not at -1.0"),
        (lambda x: ag.quantile(x, nan), ValueError, "not at nan"),
        (lambda x: ag.quantile(x, tensor([[0.5]])), ValueError, r"quantile: q is a number or a vector, not of shape"),
        (lambda x: ag.quantile(x, np.array(0.5)), TypeError, "quantile: q is float64 but the input float32"),
        (lambda x: ag.quantile(x[:0], 0.5), ValueError, r"quantile: the input of shape \(0,\) is empty"),
        (lambda x: ag.quantile(x.long(), 0.5), TypeError, "quantile: the result of int64 is not whole"),
        (lambda x: ag.nanquantile(x, 0.5, interpolation="cubic"), ValueError, "nanquantile: .* not 'cubic'"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(tensor([1.0, 3.0, 2.0]))


# --- medians and quantiles ------------------------------------------------------------------------------------------


def test_median_of_all_is_the_lower_one_and_its_ties_share():
    assert slope(ag.median, [1.0, 2.0, 2.0, 5.0]) == [0, 0.5, 0.5, 0]
    assert slope(ag.median, [1.0, nan, 2.0, nan]) == [0, 0.5, 0, 0.5]
    assert slope(ag.nanmedian, [1.0, nan, 2.0, 2.0]) == [0, 0, 0.5, 0.5]
    assert ag.median(tensor([4, 1, 3, 2])).item() == 2
    assert math.isnan(ag.median(tensor([])).item())
    assert math.isnan(ag.nanmedian(tensor([nan, nan])).item())


def test_median_along_a_dimension_takes_one_index():
    assert slope(lambda x: ag.median(x, 0).values, [1.0, 2.0, 2.0, 5.0]) == [0, 1, 0, 0]
    assert slope(lambda x: ag.median(x, 0).values, [1.0, nan, 2.0, nan]) == [0, 1, 0, 0]
    assert slope(lambda x: ag.nanmedian(x, 0).values, [nan, nan]) == [1, 0]
    assert ag.median(tensor([[1.0, 2.0]]), 1, keepdim=True).indices.shape == (1, 1)


def test_quantile_interpolates():
    x = [1.0, 2.0, 4.0, 5.0]
    expected = {"linear": [1.3, 3], "lower": [1, 2], "higher": [2, 4], "nearest": [1, 4], "midpoint": [1.5, 3]}
    for interpolation, values in expected.items():
        y = ag.quantile(tensor(x), tensor([0.1, 0.5]), interpolation=interpolation)
        assert y.tolist() == pytest.approx(values)
    gx, gq = slope(ag.quantile, x, [0.1, 0.5])
    assert gx == pytest.approx([0.7, 0.8, 0.5, 0]) and gq == pytest.approx([3, 6])


def test_quantile_with_nan():
    x = [1.0, nan, 4.0, 5.0]
    same(ag.quantile(tensor(x), 0.1).item(), nan)
    assert slope(lambda x: ag.quantile(x, 0.1), x) == [0, 1, 0, 0]
    assert ag.nanquantile(tensor(x), tensor([0.1, 0.5])).tolist() == pytest.approx([1.6, 4])
    same(ag.nanquantile(tensor([nan, nan]), 0.5).item(), nan)


def test_quantile_shapes():
    x = tensor(np.zeros((2, 3, 4)))
    levels = tensor(np.array([0.2, 0.4]))
    assert ag.quantile(x, 0.5).shape == ()
    assert ag.quantile(x, levels, 1).shape == (2, 2, 4)
    assert ag.quantile(x, levels, -1, keepdim=True).shape == (2, 2, 3, 1)
    assert ag.quantile(x, 0.5, keepdim=True).shape == (1, 1, 1)
    assert ag.quantile(tensor(2.0), 0.5, 0).item() == 2
