"""Class colours and overlays."""

import colorsys

import numpy as np
import pytest

from segmentation.palette import OKABE_ITO, colorize, overlay, palette, perceived


def least_difference(colors):
    """The smallest distance of any two colours, for the eye that sees the least: a plain loop."""
    return min(
        float(np.linalg.norm(seen[i] - seen[j]))
        for seen in perceived(colors)
        for i in range(len(colors))
        for j in range(i)
    )


def test_palette_begins_with_okabe_ito_and_grows_without_changing():
    assert tuple(map(tuple, palette(8).tolist())) == OKABE_ITO
    for count in (1, 3, 11, 21, 150):
        assert palette(count).shape == (count, 3)
        assert np.array_equal(palette(count), palette(300)[:count])
    assert len(np.unique(palette(100), axis=0)) == 100


def test_perceived_of_white_and_gray_is_colourless_for_every_eye():
    lab = perceived([[255, 255, 255], [128, 128, 128]])
    np.testing.assert_allclose(lab[..., 1:], 0, atol=1e-5)
    np.testing.assert_allclose(lab[:, 0, 0], 1, atol=1e-5)


@pytest.mark.parametrize("count", [8, 11, 21])
def test_colours_stay_apart_for_colour_blind_eyes(count):
    """0.02 is about the least difference OKLab calls noticeable; a rainbow of as many colours falls far behind."""
    rainbow = [[0, 0, 0]] + [
        [round(255 * v) for v in colorsys.hsv_to_rgb(k / (count - 1), 1, 1)] for k in range(count - 1)
    ]
    assert least_difference(palette(count)) > 0.06
    assert least_difference(palette(count)) > 3 * least_difference(np.array(rainbow))


def test_palette_is_shared_and_read_only():
    with pytest.raises(ValueError, match="read-only"):
        palette(5)[0] = 1
    with pytest.raises(ValueError, match="count is 0"):
        palette(0)


def test_colorize_paints_each_label_and_stripes_what_is_ignored():
    mask = np.array([[0, 1], [2, 255]])
    painted = colorize(mask, ignore_index=255)
    assert painted.dtype == np.uint8
    assert painted[:1].tolist() == [[list(OKABE_ITO[0]), list(OKABE_ITO[1])]]
    assert painted[1, 1].tolist() in ([160] * 3, [96] * 3)
    assert len(np.unique(colorize(np.full((6, 6), 9), ignore_index=9).reshape(-1, 3), axis=0)) == 2
    assert colorize(np.array([[1]]), [[1, 2, 3], [4, 5, 6]])[0, 0].tolist() == [4, 5, 6]


@pytest.mark.parametrize("mask", [[[0, 2]], [[-1, 0]]])
def test_colorize_refuses_labels_without_colour(mask):
    with pytest.raises(ValueError, match=r"holds the label .* but there are"):
        colorize(np.array(mask), [[0, 0, 0], [1, 1, 1]])


def test_overlay_mixes_inside_outlines_edges_and_leaves_the_background():
    image = np.full((3, 7, 7), 0.4, np.float32)
    mask = np.zeros((7, 7), int)
    mask[1:6, 1:6] = 1
    mixed = overlay(image, mask, alpha=0.5)
    assert (mixed.shape, mixed.dtype) == ((7, 7, 3), np.uint8)
    assert mixed[0, 0].tolist() == [102] * 3
    assert mixed[1, 1].tolist() == list(OKABE_ITO[1])
    assert mixed[3, 3].tolist() == np.rint((102 + np.array(OKABE_ITO[1])) / 2).tolist()
    assert overlay(image, mask, outline=False)[1, 1].tolist() == mixed[3, 3].tolist()
    assert overlay(image, mask, alpha=1, background=None)[0, 0].tolist() == [0, 0, 0]
    assert (overlay(image, mask, alpha=0) == 102).all()


def test_overlay_takes_gray_bytes_and_any_number_of_channels():
    mask = np.zeros((2, 3), int)
    assert (overlay(np.full((2, 3), 0.2), mask) == 51).all()
    assert (overlay(np.full((1, 2, 3), 51, np.uint8), mask) == 51).all()
    assert (overlay(np.stack([np.full((2, 3), v) for v in (0, 0.2, 0.2, 0.4)]), mask) == 51).all()
    assert (overlay(np.full((1, 2, 3), np.nan), mask) == 0).all()


def test_overlay_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"the image has shape \(3, 4, 4\) but the mask \(4, 5\)"):
        overlay(np.zeros((3, 4, 4)), np.zeros((4, 5), int))
    with pytest.raises(ValueError, match="alpha is 2"):
        overlay(np.zeros((3, 4, 4)), np.zeros((4, 4), int), alpha=2)
