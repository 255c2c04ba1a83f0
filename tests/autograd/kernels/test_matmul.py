import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import autograd
from autograd.kernels import matmul as module
from autograd.kernels.matmul import dot, matmul

ROOT = Path(__file__).parents[3]
SHAPES = [
    ((64, 576), (576, 1000)),  # other bits in NumPy itself, on one thread of BLAS and on two
    ((1000, 300), (300, 64)),
    ((8, 4096), (4096, 1000)),
    ((3000, 2000), (2000, 5)),
    ((100, 100), (100, 100)),
    ((1, 1000), (1000, 1000)),
    ((1000, 1000), (1000, 1)),
    ((5, 64, 64), (5, 64, 64)),
    ((2, 3, 40, 50), (2, 3, 50, 60)),
    ((3, 100, 100), (100, 100)),
    ((1, 3, 60, 60), (4, 1, 60, 60)),
    ((3, 4), (4, 5)),
    ((0, 400), (400, 400)),
    ((400, 0), (0, 400)),
    ((0, 50, 50), (0, 50, 50)),
]


@pytest.fixture(autouse=True)
def threads():
    before = autograd.get_num_threads()
    yield
    autograd.set_num_threads(before)


def arrays(shapes, dtype):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_product_is_numpys_and_has_the_same_bits_for_any_number_of_threads(shapes, dtype):
    a, b = arrays(shapes, dtype)
    results = []
    for threads in (1, 2, 3, 4):
        autograd.set_num_threads(threads)
        results.append(matmul(a, b))
    exact = np.matmul(a.astype("f8"), b.astype("f8"))
    assert results[0].dtype == a.dtype
    np.testing.assert_allclose(results[0], exact, rtol=0, atol=(2e-3 if dtype == "float32" else 1e-10))
    assert all(result.tobytes() == results[0].tobytes() for result in results)


def test_infinities_do_not_warn_in_any_thread():
    a = autograd.tensor(np.full((512, 512), np.inf, np.float32))
    a[:, ::2] = -np.inf
    assert (a @ a).isnan().all()


def test_memory_that_blas_reads_ahead_in_is_touched_once_for_each_number_of_threads():
    module._touch_buffers.cache_clear()
    for threads in (1, 2, 4):
        autograd.set_num_threads(threads)
        matmul(np.ones((2, 3)), np.ones((3, 4)))  # too small to be worth it
    assert module._touch_buffers.cache_info().currsize == 0
    for threads in (1, 2, 4):
        autograd.set_num_threads(threads)
        for _ in range(2):
            matmul(np.ones((64, 128)), np.ones((128, 64)))
    assert module._touch_buffers.cache_info().currsize == 3


DIGESTS = """
import hashlib, sys
from tests.autograd.kernels.test_matmul import SHAPES, arrays, matmul, dot
for shapes in SHAPES:
    print(hashlib.sha256(matmul(*arrays(shapes, "f4")).tobytes()).hexdigest())
print(dot(*arrays([(100_000,), (100_000,)], "f4")))
"""


@pytest.mark.skipif(not module._blas(), reason="NumPy's BLAS is not OpenBLAS")
def test_same_bits_on_machines_where_blas_has_one_thread_or_several():
    digests = [
        subprocess.run(
            [sys.executable, "-c", DIGESTS],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in "12"
    ]
    assert digests[0] == digests[1]
    assert len(digests[0].split()) == len(SHAPES) + 1


@pytest.mark.parametrize("layout", ["transposed", "every second", "reversed", "read-only"])
def test_any_layout(layout):
    a, b = arrays([(300, 200), (200, 300)], "f4")
    turn = {
        "transposed": lambda x: np.asfortranarray(x),
        "every second": lambda x: np.repeat(x, 2, 1)[:, ::2],
        "reversed": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
        "read-only": lambda x: np.broadcast_to(x[:1], x.shape),
    }[layout]
    np.testing.assert_allclose(matmul(turn(a), turn(b)), np.matmul(turn(a), turn(b)), rtol=0, atol=1e-3)


def test_mixed_and_whole_numbers_are_numpys():
    a, b = arrays([(100, 100), (100, 100)], "f4")
    assert (matmul(a, b.astype("f8")) == np.matmul(a, b.astype("f8"))).all()
    whole = (a * 10).astype(int)
    assert (matmul(whole, whole) == whole @ whole).all()


def test_nan_and_inf_stay():
    a, b = arrays([(300, 300), (300, 300)], "f4")
    a[7, 3], a[290, 5] = np.nan, np.inf
    product = matmul(a, b)
    assert np.isnan(product[7]).all() and not np.isfinite(product[290]).any()
    assert np.isfinite(np.delete(product, (7, 290), 0)).all()


def test_dot_of_vectors():
    a, b = arrays([(100_000,), (100_000,)], "f4")
    assert dot(a, b) == pytest.approx(float(a.astype("f8") @ b), abs=0.1)


@pytest.mark.skipif(not module._blas(), reason="NumPy's BLAS is not OpenBLAS")
def test_threads_of_blas_are_given_back():
    get = module._blas().get
    before = get()
    a, b = arrays([(300, 300), (300, 7)], "f4")
    running = [threading.Thread(target=lambda: [matmul(a, b) for _ in range(50)]) for _ in range(3)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(timeout=60)
    assert get() == before
    with pytest.raises(ValueError):
        matmul(a, b[:200])
    assert get() == before
    assert module._on_one_blas_thread(get) == 1


@pytest.mark.skipif(not hasattr(os, "fork") or not module._blas(), reason="no fork, or no OpenBLAS")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_child_multiplies_while_the_parent_is_multiplying():
    get = module._blas().get
    before = get()
    a, b = arrays([(300, 300), (300, 7)], "f4")

    def fork():
        with module._lock:
            child = os.fork()
            if not child:
                os._exit(0 if get() == before and matmul(a, b).shape == (300, 7) else 1)
            return os.waitpid(child, 0)[1]

    assert module._on_one_blas_thread(fork) == 0


def test_without_openblas_products_are_numpys(monkeypatch):
    a, b = arrays([(300, 300), (300, 7)], "f4")
    monkeypatch.setattr(module, "_blas", lambda: None)
    assert (matmul(a, b) == np.matmul(a, b)).all()
    assert dot(a[0], a[1]) == np.dot(a[0], a[1])
