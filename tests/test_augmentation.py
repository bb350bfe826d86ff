"""random_flip and random_crop: every result is a flip or a crop of its image, and every draw can be repeated."""

import numpy as np
import pytest
from augmentation_cases import DTYPES, LAYOUTS, MODES, batches, content, crop, crops, filled, flip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# the fixture isa holds for all examples of a test
SETTINGS = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SEEDS = st.integers(0, 2**32)


@SETTINGS
@given(images=batches(), horizontal=st.sampled_from([0, 0.5, 1]), vertical=st.sampled_from([0, 0.5, 1]), rng=SEEDS)
def test_flips(fastml, isa, images, horizontal, vertical, rng):
    kwargs = {"horizontal": horizontal, "vertical": vertical}
    flipped, params = fastml.random_flip(images, **kwargs, rng=rng, return_params=True)
    expected = np.random.default_rng(rng).random((len(images), 2)) < [horizontal, vertical]
    np.testing.assert_array_equal(params, expected)
    assert content(flipped) == content(flip(images, params))
    assert content(fastml.random_flip(images, **kwargs, rng=rng)) == content(flipped)
    assert content(fastml.random_flip(flipped, params=params)) == content(images)  # a flip undoes itself
    masks = filled(images.shape[:3], "u1", 1)
    assert content(fastml.random_flip(masks, params=params)) == content(flip(masks, params))


@SETTINGS
@given(case=crops(), mode=st.sampled_from(MODES), rng=SEEDS)
def test_crops(fastml, isa, case, mode, rng):
    images, size, padding = case
    kwargs = {"padding": padding, "mode": mode}
    crops, params = fastml.random_crop(images, size, **kwargs, rng=rng, return_params=True)
    generator = np.random.default_rng(rng)
    for k in (0, 1):
        places = images.shape[1 + k] + sum(padding[k]) - size[k] + 1
        np.testing.assert_array_equal(params[:, k] + padding[k][0], generator.integers(places, size=len(images)))
    zero = np.zeros((), images.dtype)
    assert content(crops) == content(crop(images, size, padding, mode, zero, params))
    assert content(fastml.random_crop(images, size, **kwargs, rng=rng)) == content(crops)
    masks = filled(images.shape[:3], "u1", 1)
    repeated = fastml.random_crop(masks, size, **kwargs, fill=255, params=params)
    assert content(repeated) == content(crop(masks, size, padding, mode, 255, params))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_out_of_any_layout(fastml, isa, layout):
    for shape, dtype in (((3, 5, 21, 3), "u1"), ((2, 4, 6), ">f8"), ((2, 3, 4, 5), "V7")):
        images = filled(shape, dtype, 0)
        out = LAYOUTS[layout](np.zeros(shape, dtype))
        if out.strides[0] == 0 or not out.flags.writeable:
            continue
        result, params = fastml.random_flip(images, vertical=0.5, rng=3, out=out, return_params=True)
        assert result is out
        assert content(out) == content(flip(images, params))
        out[...] = np.zeros((), dtype)
        size, padding = shape[1:3], ((2, 0), (1, 3))
        assert fastml.random_crop(images, size, padding=padding, rng=3, out=out) is out
        again, params = fastml.random_crop(images, size, padding=padding, rng=3, return_params=True)
        expected = crop(images, size, padding, "constant", np.zeros((), dtype), params)
        assert content(out) == content(again) == content(expected)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 31, 32, 48])
def test_rows_of_any_length(fastml, isa, size):
    """Nothing beside a row is written, whatever remains of its last vector."""
    for width in range(1, 40):
        images = filled((2, 2, width), f"V{size}", width)
        room = np.full((2, 2, width + 2), b"\xa5" * size, f"V{size}")
        fastml.random_flip(images, horizontal=1, out=room[:, :, 1:-1])
        assert content(room[:, :, 1:-1]) == content(images[:, :, ::-1])
        assert set(room[:, :, [0, -1]].ravel().tolist()) == {b"\xa5" * size}
        assert content(fastml.random_flip(images, horizontal=1, vertical=1)) == content(images[:, ::-1, ::-1])


@pytest.mark.parametrize("name", ["random_flip", "random_crop"])
def test_same_for_any_number_of_threads(fastml, isa, name):
    images = filled((301, 32, 33, 3), "f4", 5)
    results = []
    for threads in (1, 2, 5):
        with fastml.num_threads(threads):
            arguments = (30,) if name == "random_crop" else ()
            kwargs = {"padding": 4, "mode": "reflect"} if arguments else {"vertical": 0.5}
            results.append(getattr(fastml, name)(images, *arguments, **kwargs, rng=11, return_params=True))
    for result, params in results[1:]:
        assert content(result) == content(results[0][0])
        np.testing.assert_array_equal(params, results[0][1])
    params = results[0][1]
    expected = crop(images, (30, 30), ((4, 4),) * 2, "reflect", 0, params) if arguments else flip(images, params)
    assert content(results[0][0]) == content(expected)


def test_draws_of_flips_are_fair(fastml):
    n = 40_000
    _, params = fastml.random_flip(np.zeros((n, 1, 1), "u1"), horizontal=0.3, vertical=0.6, rng=1, return_params=True)
    np.testing.assert_array_equal(params, np.random.default_rng(1).random((n, 2)) < [0.3, 0.6])
    for rate, column in ((0.3, params[:, 0]), (0.6, params[:, 1])):
        assert abs(column.mean() - rate) < 4 * np.sqrt(rate * (1 - rate) / n)
    both = (params[:, 0] & params[:, 1]).mean()  # independent of each other, and of the image before
    assert abs(both - 0.18) < 4 * np.sqrt(0.18 * 0.82 / n)
    assert abs((params[1:, 0] & params[:-1, 0]).mean() - 0.09) < 6 * np.sqrt(0.09 * 0.91 / n)


def test_draws_of_crops_are_even(fastml):
    n = 40_000
    images = np.zeros((n, 3, 4), "u1")
    _, params = fastml.random_crop(images, (2, 4), padding=(1, 2), rng=2, return_params=True)
    generator = np.random.default_rng(2)
    expected = np.stack([generator.integers(6, size=n) - 2, generator.integers(3, size=n) - 1], 1)
    np.testing.assert_array_equal(params, expected)
    counts = np.zeros((6, 3))
    np.add.at(counts, tuple(np.add(params, [2, 1]).T), 1)
    chi2 = ((counts - n / 18) ** 2).sum() / (n / 18)
    assert 2 < chi2 < 45  # 17 degrees of freedom: beyond these once in 5,000


def test_a_generator_goes_on(fastml):
    images = filled((50, 3, 3), "u1", 0)
    rng = np.random.default_rng(8)
    first, second = (fastml.random_flip(images, rng=rng, return_params=True)[1] for _ in range(2))
    assert (first != second).any()
    state = rng.bit_generator.state
    fastml.random_flip(images, rng=rng, params=first)
    fastml.random_crop(images, 2, rng=rng, params=np.zeros((50, 2), int))
    assert rng.bit_generator.state == state
    unseeded = [fastml.random_flip(images, return_params=True)[1].tobytes() for _ in range(3)]
    assert len(set(unseeded)) > 1


@pytest.mark.parametrize("fill", [7, np.uint8(9), [1, 2, 3], np.array([4, 5, 6])])
def test_fill(fastml, isa, fill):
    for images in (filled((4, 5, 6, 3), "u1", 0), np.moveaxis(filled((4, 3, 5, 6), "u1", 0), 1, -1)):
        result, params = fastml.random_crop(images, 9, padding=7, fill=fill, rng=1, return_params=True)
        assert content(result) == content(crop(images, (9, 9), ((7, 7), (7, 7)), "constant", fill, params))
    wide = fastml.random_crop(images[:1], (2, 3000), padding=(5000, 0), fill=fill, params=[[0, -5000]])
    assert (wide == np.asarray(fill)).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_fill_of_any_dtype_is_its_zero(fastml, dtype):
    images = filled((2, 2, 2), dtype, 1)
    result = fastml.random_crop(images, 1, padding=1, params=[[-1, -1], [2, 2]])
    assert content(result) == content(np.zeros((2, 1, 1), dtype))


def test_params_that_out_overwrites(fastml):
    corners = np.zeros((4, 2), "i8")
    images = filled((4, 1, 2), "i8", 0) + 10**6
    result, params = fastml.random_crop(images, (1, 2), params=corners, out=corners[:, None], return_params=True)
    assert content(result) == content(images)
    assert not params.any()


def test_padding_as_others_write_it(fastml):
    images = filled((40, 5, 6), "u1", 0)

    def bounds(padding):
        params = fastml.random_crop(np.zeros((4000, 5, 6), "u1"), (5, 6), padding=padding, rng=0, return_params=True)[1]
        return [*params.min(0).tolist(), *params.max(0).tolist()]  # top, left, bottom, right

    assert bounds(2) == bounds(np.int8(2)) == [-2, -2, 2, 2]
    assert bounds((1, 3)) == bounds([1, 3]) == [-3, -1, 3, 1]  # as torchvision: columns, rows
    assert bounds((1, 2, 3, 4)) == bounds(np.array([1, 2, 3, 4])) == [-2, -1, 4, 3]  # left, top, right, bottom
    assert bounds(((1, 2), (3, 4))) == bounds(np.array([[1, 2], [3, 4]])) == [-1, -3, 2, 4]  # as numpy.pad
    assert fastml.random_crop(images, np.int64(3)).shape == (40, 3, 3)


def test_nothing_to_do(fastml):
    for shape in ((0, 4, 4), (0, 4, 4, 3), (3, 4, 4, 0)):
        images = np.zeros(shape, "f4")
        flipped, params = fastml.random_flip(images, return_params=True)
        assert content(flipped) == content(images)
        assert params.shape == (shape[0], 2)
        crops, corners = fastml.random_crop(images, (2, 3), padding=1, mode="reflect", return_params=True)
        assert crops.shape == (shape[0], 2, 3, *shape[3:])
        assert content(fastml.random_crop(images, (2, 3), padding=1, params=corners)) == content(crops)
    assert fastml.random_crop(np.zeros((2, 3, 3), "V0"), 2, padding=1).shape == (2, 2, 2)
    for shape in ((3, 0, 4), (3, 4, 0, 2)):
        assert fastml.random_flip(np.zeros(shape)).shape == shape
    assert (fastml.random_crop(np.zeros((3, 0, 4)), (2, 2), padding=1, fill=5) == 5).all()


def test_array_likes_and_layout(fastml):
    nested = [[[1, 2], [3, 4]]]
    assert fastml.random_flip(nested, horizontal=1).tolist() == [[[2, 1], [4, 3]]]
    assert fastml.random_crop(nested, 1, params=[[1, 0]]).tolist() == [[[3]]]
    planes = np.moveaxis(filled((4, 3, 8, 9), "f4", 0), 1, -1)
    assert fastml.random_flip(planes).strides == planes.strides  # axes keep their order in memory
    assert np.moveaxis(fastml.random_crop(planes, 5), -1, 1).flags.c_contiguous
