"""The contract suite finds what is wrong with a broken operator: one broken operator a clause."""

import pytest
import torch

from benchhost.physics import LinearPhysics, SpectralPhysics
from benchhost.testing import operators as suite
from benchhost.testing.operators import assert_linear_physics


class Scaling(LinearPhysics):
    """y = w x with weights from 1/2 to 1: correct, and the parent of the broken ones."""

    pinv_kind = "exact"

    def __init__(self):
        super().__init__((1, 4, 5), (1, 4, 5))
        self.w = torch.linspace(0.5, 1, 20, dtype=torch.float64).reshape(4, 5)

    def _A(self, x):
        return self.w * x

    def _A_adjoint(self, y):
        return self.w * y

    def _A_dagger(self, y):
        return y / self.w

    def _prox(self, z, y, tau):
        return (z + tau * self.w * y) / (1 + tau * self.w**2)

    def spec(self):
        return {"kind": "scaling"}


class WrongAdjoint(Scaling):
    def _A_adjoint(self, y):
        return self.w * y * (1 + 1e-4)


class Affine(Scaling):
    def _A(self, x):
        return self.w * x + 1e-3


class NormTooLarge(Scaling):
    norm = 1.01


class NormTooSmall(Scaling):
    norm = 0.99


class WrongInverse(Scaling):
    def _A_dagger(self, y):
        return y / self.w * (1 + 1e-4)


class WrongProx(Scaling):
    def _prox(self, z, y, tau):
        return (z + tau * self.w * y) / (1 + tau * self.w)


class BatchProx(Scaling):
    def _prox(self, z, y, tau):
        return super()._prox(z, y, tau.mean())


class WritesIntoInput(Scaling):
    def _A(self, x):
        return x.mul_(self.w)


class CountsCalls(Scaling):
    def __init__(self):
        super().__init__()
        self.calls = torch.zeros(1)

    def _A(self, x):
        self.calls += 1
        return self.w * x


class Random(Scaling):
    def _A(self, x):
        return self.w * x + 1e-9 * torch.randn_like(x)


class NoGradient(Scaling):
    def _A(self, x):
        return self.w * x.detach()


class SinglePrecisionInside(Scaling):
    def _A(self, x):
        return (self.w.float() * x.float()).to(x)


class TupleInSpec(Scaling):
    def spec(self):
        return {"kind": "scaling", "shape": self.in_shape}


class Boasts(Scaling):
    def offers(self):
        return super().offers() | {"magic"}


class KeepsItself(Scaling):
    def to(self, device=None, dtype=None):
        return self


class NotUnchecked(Scaling):
    def A(self, x):
        return self._A(x)


BROKEN = {
    WrongAdjoint: "A_adjoint is not the adjoint",
    Affine: "not the adjoint|is not linear",
    NormTooLarge: "only",
    NormTooSmall: "is reached",
    WrongInverse: "A A\\+ A = A",
    WrongProx: "optimality",
    BatchProx: "differs from itself alone",
    WritesIntoInput: "two answers|wrote into its input",
    CountsCalls: "changed by use",
    Random: "two answers",
    NoGradient: "gradcheck|grad",
    SinglePrecisionInside: "not the adjoint",
    TupleInSpec: "does not survive JSON",
    Boasts: "magic",
    KeepsItself: None,
    NotUnchecked: "given a wrong shape says",
}


def check(A):
    assert_linear_physics(A, torch.Generator().manual_seed(0), torch.float64)


def test_a_correct_operator_passes():
    check(Scaling())


@pytest.mark.parametrize("broken", BROKEN, ids=lambda cls: cls.__name__)
def test_a_broken_operator_is_caught_and_the_clause_named(broken):
    with pytest.raises((AssertionError, RuntimeError, pytest.fail.Exception), match=BROKEN[broken]):
        check(broken())


class Flip(SpectralPhysics):
    """A x = x, with factors that do not belong together."""

    def __init__(self):
        super().__init__((1, 3, 3), (1, 3, 3))

    def _A(self, x):
        return x.clone()

    _A_adjoint = _A

    @property
    def singular_values(self):
        return torch.ones(9, dtype=torch.float64)

    def V(self, c):
        return c.flip(1).reshape(-1, 1, 3, 3)

    def V_adjoint(self, x):
        return x.flatten(1).flip(1)

    def U(self, c):
        return c.reshape(-1, 1, 3, 3)

    def U_adjoint(self, y):
        return y.flatten(1)

    def spec(self):
        return {"kind": "flip"}


def test_factors_that_are_not_those_of_the_operator_are_caught():
    with pytest.raises(AssertionError, match="A = U S V"):
        suite.assert_spectral(Flip(), torch.Generator().manual_seed(0), torch.float64)


class Stuck(Scaling):
    """Claims CGLS but returns the same small step whatever the count."""

    pinv_kind = "iterative"

    def _A_dagger(self, y):
        return 1e-3 * y


def test_an_iterative_pseudo_inverse_that_does_not_fit_the_data_is_caught():
    with pytest.raises(AssertionError, match="hardly fit"):
        suite.assert_iterative_pinv(Stuck(), torch.Generator().manual_seed(0), torch.float64)
