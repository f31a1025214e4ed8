"""Fans, fixed weights and drawn moments against PyTorch, with the places where it counts differently."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from firstdraw.draws import CounterDraws
from firstdraw.initializers import INITIALIZERS
from firstdraw.roles import Role, bias_role, weight_role

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


def drawn(name: str, role: Role, **options: Any) -> np.ndarray:
    law = INITIALIZERS[name](**options).law(role)
    return law.sample(CounterDraws(0), role.name, role.shape)


@pytest.mark.parametrize(
    ("shape", "operation"),
    [
        ((8, 3), "dense"),
        ((12, 4), "recurrent"),
        ((8, 3, 5), "convolution"),
        ((8, 3, 5, 2), "convolution"),
        ((8, 3, 5, 2, 3), "convolution"),
    ],
)
def test_fans_are_pytorch_s_where_both_count_the_same(torch: Any, shape: tuple[int, ...], operation: Any) -> None:
    role = weight_role(shape, operation=operation)
    assert torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape)) == (role.fan_in, role.fan_out)


@pytest.mark.parametrize(
    ("shape", "options", "ours", "theirs"),
    [
        # Groups: PyTorch's fan-out counts the outputs of all of them.
        ((8, 3, 5), {"operation": "convolution", "groups": 4}, (15, 10), (15, 40)),
        # A transposed convolution: PyTorch's fans are exchanged, and blind to the stride.
        ((8, 3, 4), {"operation": "transposed_convolution"}, (32, 12), (12, 32)),
        ((8, 3, 4), {"operation": "transposed_convolution", "stride": 2}, (16, 12), (12, 32)),
        # A packed projection: PyTorch's fan-out is that of all parts.
        ((12, 4), {"parts": 3}, (4, 4), (4, 12)),
        # An embedding: PyTorch sees the matrix of a dense layer.
        ((50, 8), {"operation": "embedding"}, (1, 8), (8, 50)),
        # Stacked experts: PyTorch sees a convolution.
        ((6, 8, 3), {"stacked": 1}, (3, 8), (24, 18)),
    ],
)
def test_fans_differ_from_pytorch_s_where_it_miscounts(
    torch: Any, shape: tuple[int, ...], options: dict[str, Any], ours: tuple[int, int], theirs: tuple[int, int]
) -> None:
    role = weight_role(shape, **options)
    assert (role.fan_in, role.fan_out) == ours
    assert torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape)) == theirs


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [3, 4, 6])
@pytest.mark.parametrize("operation", ["convolution", "transposed_convolution"])
def test_fans_are_the_products_that_pytorch_s_convolutions_make(
    torch: Any, operation: Any, kernel: int, stride: int, groups: int
) -> None:
    """With weights and inputs of 1 an output is its number of products; with gradients of 1, so is an input's."""
    n, m, length = 4 * groups, 3 * groups, 120
    shape = (m, n // groups, kernel) if operation == "convolution" else (n, m // groups, kernel)
    role = weight_role(shape, operation=operation, groups=groups, stride=stride)
    x = torch.ones(1, n, length, dtype=torch.float64, requires_grad=True)
    function = torch.nn.functional.conv1d if operation == "convolution" else torch.nn.functional.conv_transpose1d
    y = function(x, torch.ones(shape, dtype=torch.float64), stride=stride, groups=groups)
    y.sum().backward()
    # Whole periods of the stride, away from the borders.
    inner = slice(24, 24 + 2 * stride)
    assert y.detach()[0, 0, inner].mean().item() == pytest.approx(role.fan_in)
    assert x.grad[0, 0, inner].mean().item() == pytest.approx(role.fan_out)


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_the_identity_is_eye(torch: Any, shape: tuple[int, int]) -> None:
    expected = torch.nn.init.eye_(torch.empty(shape)).numpy()
    np.testing.assert_array_equal(drawn("partial_identity", weight_role(shape)), expected)


@pytest.mark.parametrize(
    ("shape", "groups"),
    [((4, 4, 3), 1), ((6, 3, 3), 2), ((6, 2, 4), 3), ((3, 5, 3, 3), 1), ((4, 2, 3, 2), 2), ((4, 4, 3, 3, 3), 1)],
)
def test_the_identity_of_a_kernel_is_dirac(torch: Any, shape: tuple[int, ...], groups: int) -> None:
    expected = torch.nn.init.dirac_(torch.empty(shape), groups=groups).numpy()
    np.testing.assert_array_equal(
        drawn("partial_identity", weight_role(shape, operation="convolution", groups=groups)), expected
    )


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.25, 0.5, 1.0])
def test_sparse_has_as_many_zeros_in_each_column(torch: Any, sparsity: float) -> None:
    theirs = torch.nn.init.sparse_(torch.empty(30, 20), sparsity).numpy()
    ours = drawn("sparse", weight_role((30, 20)), sparsity=sparsity)
    assert (np.sum(ours == 0, axis=0) == np.sum(theirs == 0, axis=0)).all()


@pytest.mark.parametrize("shape", [(20, 30), (30, 20), (8, 4, 3, 3), (64, 4, 3, 3)])
def test_orthogonal_weights_have_pytorch_s_axes_and_moments(torch: Any, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    role = weight_role(shape, operation="convolution" if len(shape) > 2 else "dense")
    theirs = torch.nn.init.orthogonal_(torch.empty(shape, dtype=torch.float64), gain=2.0).numpy()
    ours = drawn("orthogonal", role, gain=2.0)
    for W in (ours, theirs):
        matrix = W.reshape(len(W), -1) / 2
        smaller = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
        np.testing.assert_allclose(smaller, np.eye(len(smaller)), atol=1e-12)
    # Every orthogonal matrix of a shape has the same mean square.
    assert np.mean(theirs**2) == pytest.approx(INITIALIZERS["orthogonal"](gain=2.0).law(role).variance, rel=1e-12)


@pytest.mark.parametrize(("scale", "bound"), [(0.02, 2.0), (1.0, 2.0), (1.5, 1.0)])
def test_the_bounded_normal_is_trunc_normal(torch: Any, scale: float, bound: float) -> None:
    torch.manual_seed(0)
    theirs = torch.nn.init.trunc_normal_(
        torch.empty(400, 500, dtype=torch.float64), std=scale, a=-bound, b=bound
    ).numpy()
    law = INITIALIZERS["torch_truncated_normal"](scale=scale, bound=bound).law(weight_role((400, 500)))
    assert law.support == pytest.approx((-bound, bound))
    assert abs(theirs).max() <= bound
    assert abs(np.mean(theirs**2) - law.variance) < 5 * law.variance * math.sqrt((law.kurtosis - 1) / theirs.size)
    fourth = theirs**4 / law.variance**2
    assert abs(fourth.mean() - law.kurtosis) < 5 * fourth.std() / math.sqrt(theirs.size)


def test_an_lstm_with_one_forget_bias_opens_its_gates_once(torch: Any) -> None:
    cell = torch.nn.LSTMCell(3, 5)
    role = weight_role(tuple(cell.weight_ih.shape), operation="recurrent", parts=4)
    b = drawn("lstm_forget_bias", bias_role(role))
    with torch.no_grad():
        cell.weight_ih.zero_()
        cell.weight_hh.zero_()
        cell.bias_hh.zero_()
        cell.bias_ih.copy_(torch.from_numpy(b))
        _, c = cell(torch.zeros(1, 3), (torch.zeros(1, 5), torch.ones(1, 5)))
    # With an input of 0 the cell keeps sigmoid(b_f) of its state, and adds tanh(0) = 0.
    np.testing.assert_allclose(c.numpy(), 1 / (1 + math.exp(-1)), rtol=1e-6)


@pytest.mark.parametrize("factor", [2, 3])
def test_icnr_makes_a_pixel_shuffle_an_enlargement_by_nearest_neighbors(torch: Any, factor: int) -> None:
    role = weight_role((2 * factor**2, 3, 3, 3), operation="convolution")
    W = torch.from_numpy(drawn("icnr", role, factor=factor))
    x = torch.randn(1, 3, 6, 6, dtype=torch.float64)
    shuffled = torch.nn.functional.pixel_shuffle(torch.nn.functional.conv2d(x, W), factor)
    few = torch.nn.functional.conv2d(x, W[:: factor**2])
    nearest = torch.nn.functional.interpolate(few, scale_factor=factor, mode="nearest")
    assert torch.allclose(shuffled, nearest, rtol=0, atol=1e-12)


def test_a_bilinear_transposed_convolution_is_pytorch_s_interpolation(torch: Any) -> None:
    role = weight_role((2, 2, 4, 4), operation="transposed_convolution", stride=2)
    W = torch.from_numpy(drawn("bilinear", role))
    x = torch.randn(1, 2, 8, 8, dtype=torch.float64)
    ours = torch.nn.functional.conv_transpose2d(x, W, stride=2, padding=1)
    theirs = torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(ours[..., 1:-1, 1:-1], theirs[..., 1:-1, 1:-1], rtol=0, atol=1e-12)
