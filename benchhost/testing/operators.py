"""The contract of an operator, one assertion a clause: what every :class:`Physics` must satisfy to be benchmarked with.

Use :func:`assert_linear_physics` (or :func:`assert_physics` for a non-linear one) in a plugin's tests::

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_my_operator_keeps_the_contract(dtype):
        assert_linear_physics(MyOperator((1, 17, 16), dtype=dtype), torch.Generator().manual_seed(0), dtype)

Build the operator in the precision it is tested in: factors rounded to float32 do not satisfy float64 identities.
Errors are relative to what the operator can produce, ``norm * |x| * |y|``, so that a strong blur is no excuse.
"""

import json
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Generator, Tensor

from benchhost.capability import CAPABILITIES
from benchhost.physics import LinearPhysics, Physics, SpectralPhysics
from benchhost.physics.lanczos import lanczos_norm
from benchhost.testing.probes import calls, draw, inner, inputs, norm, relative, tensors

# float32 has a unit roundoff of 6e-8; sums over an image and two FFTs lose about one digit, never two.
ADJOINT = {torch.float32: 1e-6, torch.float64: 1e-12}
EXACT = {torch.float32: 1e-5, torch.float64: 1e-10}
BATCH = {torch.float32: 1e-6, torch.float64: 1e-12}  # BLAS may sum in another order for another batch


def assert_linear_physics(
    A: LinearPhysics,
    rng: Generator,
    dtype: torch.dtype = torch.float32,
    *,
    batch: int = 3,
    pinv_tolerance: float | None = None,
    limits: bool = True,
) -> None:
    """Every clause that applies to ``A``, on random images and measurements drawn from ``rng``.

    pinv_tolerance: for A A+ A = A where small singular values are cut (relative to ``norm * |x|``); default exact.
    limits: also check the prox for tau -> 0 and tau -> infinity (needs a well-conditioned exact pseudo-inverse).
    """
    assert_physics(A, rng, dtype, batch=batch)
    assert_adjoint(A, rng, dtype, batch=batch)
    assert_linear(A, rng, dtype, batch=batch)
    assert_norm(A, rng, dtype)
    assert_prox(A, rng, dtype, batch=batch)
    assert_autograd(A, rng)
    if A.pinv_kind == "exact":
        assert_exact_pinv(A, rng, dtype, batch=batch, tolerance=pinv_tolerance)
        if limits and pinv_tolerance is None:
            assert_prox_limits(A, rng, dtype, batch=batch)
    elif A.pinv_kind == "iterative":
        assert_iterative_pinv(A, rng, dtype, batch=batch)
    if isinstance(A, SpectralPhysics):
        assert_spectral(A, rng, dtype, batch=batch)


def assert_physics(A: Physics, rng: Generator, dtype: torch.dtype = torch.float32, *, batch: int = 3) -> None:
    """What linear and non-linear operators share: shapes, purity, batch = loop, spec, capabilities, ``to``."""
    assert_shapes(A, rng, dtype, batch=batch)
    assert_spec(A)
    assert_pure(A, rng, dtype, batch=batch)
    assert_batch_is_loop(A, rng, dtype, batch=batch)
    assert_to_gives_a_new_object(A)
    if A.linear:
        assert_precision(A, rng)


def assert_shapes(A: Physics, rng: Generator, dtype: torch.dtype = torch.float32, *, batch: int = 3) -> None:
    """Calls map (B, *in_shape) and (B, *out_shape) onto each other, keep the dtype, and refuse other shapes by name."""
    for name, call, (shape, *_), result in calls(A):
        given = inputs(A, name, rng, dtype, batch)
        out = call(*given)
        assert tuple(out.shape) == (batch, *result), f"{A!r}.{name} gave {tuple(out.shape)}"
        assert out.dtype == dtype, f"{A!r}.{name} turned {dtype} into {out.dtype}"
        assert out.isfinite().all(), f"{A!r}.{name} gave values that are not finite"
        message = _refusal(call, torch.zeros(batch, *shape, 1, dtype=dtype), *given[1:])
        assert "expected shape" in message, f"{A!r}.{name} given a wrong shape says: {message or 'nothing'}"


def assert_spec(A: Physics) -> None:
    """``spec`` is plain JSON that names its kind; the id is stable; ``offers`` uses known words only."""
    spec = A.spec()
    assert json.loads(json.dumps(spec, allow_nan=False)) == spec, (
        f"{A!r}.spec() does not survive JSON (tuples? numpy numbers?)"
    )
    assert spec.get("kind"), f"{A!r}.spec() names no kind"
    assert A.spec_id == A.spec_id
    strange = A.offers() - set(CAPABILITIES)
    assert not strange, f"{A!r} offers {sorted(strange)}, which no method can ask for"


def assert_pure(A: Physics, rng: Generator, dtype: torch.dtype = torch.float32, *, batch: int = 3) -> None:
    """No call changes the operator or writes into its inputs, and a second call gives the same bits."""
    spec, before = A.spec(), tensors(A)
    for name, call, _, _ in calls(A):
        given = inputs(A, name, rng, dtype, batch)
        kept = [value.clone() for value in given]
        first, second = call(*given), call(*(value.clone() for value in kept))
        assert torch.equal(first, second), f"{A!r}.{name} gave two answers to the same question"
        for value, original in zip(given, kept, strict=True):
            assert torch.equal(value, original), f"{A!r}.{name} wrote into its input"
    assert A.spec() == spec, f"{A!r}: spec changed by use"
    after = tensors(A)
    for key, value in before.items():
        assert torch.equal(value, after[key]), f"{A!r}: tensor {key!r} changed by use"


def assert_batch_is_loop(A: Physics, rng: Generator, dtype: torch.dtype = torch.float32, *, batch: int = 3) -> None:
    """Each sample of a batch gives what it gives alone, for every call, iterative ones too."""
    for name, call, _, _ in calls(A):
        given = inputs(A, name, rng, dtype, batch)
        whole = call(*given)
        for i in range(batch):
            alone = call(*(value[i : i + 1] for value in given))[0]
            error = relative(alone - whole[i], whole[i])
            tolerance = BATCH[dtype] if name in ("A", "A_adjoint") else 10 * BATCH[dtype]
            assert error <= tolerance, f"{A!r}.{name}: sample {i} differs from itself alone by {error:.1e}"


def assert_to_gives_a_new_object(A: Physics) -> None:
    """``to`` leaves the operator as it was, and changes neither its identity nor its shapes."""
    before = tensors(A)
    new = A.to(dtype=torch.float64)
    assert new is not A
    assert type(new) is type(A)
    assert (new.in_shape, new.out_shape, new.spec_id) == (A.in_shape, A.out_shape, A.spec_id)
    for key, value in tensors(A).items():
        assert value.dtype == before[key].dtype, f"{A!r}: to() changed its own tensor {key!r}"
    for key, value in tensors(new).items():
        assert value.dtype not in (torch.float32, torch.complex64), f"{A!r}: to(float64) left {key!r} as {value.dtype}"


def assert_precision(A: LinearPhysics, rng: Generator) -> None:
    """float32 and float64 agree to single precision, so nothing is lost to an unstable formula."""
    single, double = A.to(dtype=torch.float32), A.to(dtype=torch.float64)
    for name in ("A", "A_adjoint"):
        (x,) = inputs(A, name, rng, torch.float64, 2)
        a, b = getattr(single, name)(x.float()).double(), getattr(double, name)(x)
        error = relative(a - b, b)
        assert error <= 1e-5, f"{A!r}.{name}: float32 is {error:.1e} off float64"


def assert_adjoint(A: LinearPhysics, rng: Generator, dtype: torch.dtype = torch.float32, *, batch: int = 3) -> None:
    """<A x, y> = <x, A_adjoint y>, relative to norm |x| |y|."""
    x, y = draw(A.in_shape, rng, dtype, batch), draw(A.out_shape, rng, dtype, batch)
    left, right = inner(A.A(x), y), inner(x, A.A_adjoint(y))
    scale = A.norm * norm(x) * norm(y)
    error = float(((left - right).abs() / scale).max())
    assert error <= ADJOINT[dtype], f"{A!r}: A_adjoint is not the adjoint of A, relative error {error:.1e}"


def assert_linear(A: LinearPhysics, rng: Generator, dtype: torch.dtype = torch.float32, *, batch: int = 3) -> None:
    """A(a x + b x') = a A x + b A x', and the same for the adjoint."""
    for name, shape in (("A", A.in_shape), ("A_adjoint", A.out_shape)):
        call = getattr(A, name)
        u, v = draw(shape, rng, dtype, batch), draw(shape, rng, dtype, batch)
        error = norm(call(2.5 * u - 0.75 * v) - (2.5 * call(u) - 0.75 * call(v))) / (A.norm * (norm(u) + norm(v)))
        assert float(error.max()) <= EXACT[dtype], f"{A!r}.{name} is not linear: {float(error.max()):.1e}"


def assert_norm(A: LinearPhysics, rng: Generator, dtype: torch.dtype = torch.float32) -> None:
    """``norm`` bounds |A x| / |x|, and Lanczos from a random image comes within 0.1 % of it."""
    x = draw(A.in_shape, rng, dtype, 8)
    gain = float((norm(A.A(x)) / norm(x)).max())
    reached = max(gain, lanczos_norm(A.A, A.A_adjoint, x[:1]))
    assert reached <= A.norm * (1 + 1e-4), f"{A!r}: norm is given as {A.norm:.6g}, but {reached:.6g} is reached"
    assert reached >= 0.999 * A.norm, f"{A!r}: norm is given as {A.norm:.6g}, but only {reached:.6g} is reached"


def assert_exact_pinv(
    A: LinearPhysics,
    rng: Generator,
    dtype: torch.dtype = torch.float32,
    *,
    batch: int = 3,
    tolerance: float | None = None,
) -> None:
    """The four Moore-Penrose conditions, in the scale of the operator."""
    tolerance = EXACT[dtype] if tolerance is None else tolerance
    x, x2 = draw(A.in_shape, rng, dtype, batch), draw(A.in_shape, rng, dtype, batch)
    y, y2 = draw(A.out_shape, rng, dtype, batch), draw(A.out_shape, rng, dtype, batch)
    back = A.A_dagger(y)
    clauses = {
        "A A+ A = A": norm(A.A(A.A_dagger(A.A(x))) - A.A(x)) / (A.norm * norm(x)),
        "A+ A A+ = A+": norm(A.A_dagger(A.A(back)) - back) / norm(back),
        "A+ A symmetric": (inner(A.A_dagger(A.A(x)), x2) - inner(x, A.A_dagger(A.A(x2)))).abs() / (norm(x) * norm(x2)),
        "A A+ symmetric": (inner(A.A(back), y2) - inner(y, A.A(A.A_dagger(y2)))).abs() / (norm(y) * norm(y2)),
    }
    for clause, error in clauses.items():
        assert float(error.max()) <= tolerance, f"{A!r}: {clause} fails by {float(error.max()):.1e}"


def assert_iterative_pinv(
    A: LinearPhysics, rng: Generator, dtype: torch.dtype = torch.float32, *, batch: int = 3
) -> None:
    """The residual |A x_K - y| of measured data falls with K: the last word of CGLS is its fixed count."""
    y = A.A(draw(A.in_shape, rng, dtype, batch))
    residuals = [norm(A.A(_with_iterations(A, k).A_dagger(y)) - y) / norm(y) for k in (2, 5, A.pinv_iterations)]
    for earlier, later in pairwise(residuals):
        assert bool((later <= earlier * (1 + 1e-3)).all()), f"{A!r}: more iterations fit the data worse"
    assert float(residuals[-1].max()) < 0.5, f"{A!r}: {A.pinv_iterations} iterations hardly fit the data"


def assert_prox(A: LinearPhysics, rng: Generator, dtype: torch.dtype = torch.float32, *, batch: int = 3) -> None:
    """(z* - z) + tau A^T(A z* - y) = 0, for one tau and for a tau per sample, weak and strong."""
    z, y = draw(A.in_shape, rng, dtype, batch), draw(A.out_shape, rng, dtype, batch)
    per_sample = torch.logspace(-1, 1, batch, dtype=dtype) / A.norm**2
    for tau in (0.3 / A.norm**2, 100 / A.norm**2, per_sample):
        t = torch.as_tensor(tau, dtype=dtype).reshape(-1, *[1] * len(A.in_shape))
        x = A.prox(z, y, tau)
        residual = (x - z) + t * A.gradient(x, y)
        scale = norm(z) + t.flatten() * norm(A.A_adjoint(y))
        error = float((norm(residual) / scale).max())
        assert error <= 1e-5, f"{A!r}.prox(tau={tau}): optimality fails by {error:.1e}"


def assert_prox_limits(A: LinearPhysics, rng: Generator, dtype: torch.dtype = torch.float32, *, batch: int = 3) -> None:
    """tau -> 0 gives z; tau -> infinity gives the point of the data set nearest to z, z + A+(y - A z)."""
    z, y = draw(A.in_shape, rng, dtype, batch), A.A(draw(A.in_shape, rng, dtype, batch))
    for tau, limit in ((1e-6, z), (1e6, z + A.A_dagger(y - A.A(z)))):
        error = relative(A.prox(z, y, tau / A.norm**2) - limit, limit)
        assert error <= 1e-3, f"{A!r}.prox misses its limit for tau = {tau:g}/norm^2 by {error:.1e}"


def assert_autograd(A: LinearPhysics, rng: Generator) -> None:
    """Derivatives in float64: gradcheck passes, backward of A is A_adjoint, backward of A_adjoint is A."""
    A = A.to(dtype=torch.float64)
    x, y = draw(A.in_shape, rng, torch.float64, 1), draw(A.out_shape, rng, torch.float64, 1)
    for name, call, other, u, v in (("A", A.A, A.A_adjoint, x, y), ("A_adjoint", A.A_adjoint, A.A, y, x)):
        u = u.clone().requires_grad_()
        assert torch.autograd.gradcheck(call, (u,), fast_mode=True), f"{A!r}.{name}: gradcheck fails"
        (gradient,) = torch.autograd.grad(call(u), u, v)
        error = float(norm(gradient - other(v)).max() / (A.norm * norm(v).max()))
        assert error <= 1e-10, f"{A!r}: backward of {name} is not its adjoint, {error:.1e}"


def assert_spectral(A: SpectralPhysics, rng: Generator, dtype: torch.dtype = torch.float32, *, batch: int = 3) -> None:
    """A = U S V^T with orthogonal V, U an isometry where s > 0, and pseudo-inverse and prox by the same factors."""
    s = A.singular_values
    x, y = draw(A.in_shape, rng, dtype, batch), draw(A.out_shape, rng, dtype, batch)
    n = x[0].numel()
    c = torch.randn(batch, n, generator=rng, dtype=dtype)
    assert tuple(s.shape) == (n,), f"{A!r}: {tuple(s.shape)} singular values for {n} pixels"
    assert bool((s >= 0).all())
    seen = torch.where(s > 0, c, 0)
    clauses = {
        "V V^T = 1": relative(A.V(A.V_adjoint(x)) - x, x),
        "V^T V = 1": relative(A.V_adjoint(A.V(c)) - c, c),
        "U^T U = 1 where s > 0": relative(A.U_adjoint(A.U(seen)) - seen, seen),
        "U^T y = 0 where s = 0": float(torch.where(s > 0, 0, A.U_adjoint(y)).abs().max()),
        "A = U S V^T": float((norm(A.U(s * A.V_adjoint(x)) - A.A(x)) / (A.norm * norm(x))).max()),
        "max s = norm": abs(float(s.max()) / A.norm - 1) if A.norm else 0.0,
    }
    for clause, error in clauses.items():
        assert error <= (1e-3 if clause == "max s = norm" else EXACT[dtype]), f"{A!r}: {clause} fails by {error:.1e}"
    z = draw(A.in_shape, rng, dtype, batch)
    tau = torch.full((1, 1, 1, 1), 3.0 / A.norm**2, dtype=dtype)
    by_factors = SpectralPhysics._prox(A, z, y, tau)
    error = relative(A.prox(z, y, float(tau)) - by_factors, by_factors)
    assert error <= EXACT[dtype], f"{A!r}: prox and its singular value decomposition differ by {error:.1e}"


def _with_iterations(A: LinearPhysics, k: int) -> LinearPhysics:
    """The same operator with another CGLS count: a copy, so that ``A`` stays as it is."""
    new = A.to()
    new.pinv_iterations = k
    return new


def _refusal(call: Callable[..., Tensor], *arguments: Tensor) -> str:
    """What ``call`` says when it refuses its arguments; empty where it takes them."""
    try:
        call(*arguments)
    except Exception as error:  # an unclear error is what is looked for
        return str(error)
    return ""
