"""The method contract catches each way of breaking it, and lets a good method pass."""

import time

import pytest
import torch

from benchhost.execute.contract import ContractBroken
from benchhost.plugins import load
from benchhost.testing.methods import assert_method, why_not
from benchhost.testing.problems import pose, synthetic_item
from benchhost.types import Method

HERE = __name__
CATALOGUE = load(["benchhost.testing.synthetic"])


class _Made:
    def __init__(self, params):
        self.calls = 0


class Good(_Made):
    def reconstruct(self, problem):
        return problem.physics.A_dagger(problem.y)


class Remembers(_Made):
    def reconstruct(self, problem):
        self.calls += 1
        return problem.physics.A_dagger(problem.y) * self.calls


class Draws(_Made):
    def reconstruct(self, problem):
        x = problem.physics.A_dagger(problem.y)
        return x + torch.randn(x.shape, generator=problem.rng)


class DrawsGlobally(_Made):
    def reconstruct(self, problem):
        x = problem.physics.A_dagger(problem.y)
        return x + torch.randn(x.shape)


class ReadsGlobalState(_Made):
    """Looks at the global generator without moving it."""

    def reconstruct(self, problem):
        return problem.physics.A_dagger(problem.y) + torch.get_rng_state().sum() * 1e-6


class ChangesY(_Made):
    def reconstruct(self, problem):
        problem.y.mul_(2)
        return problem.physics.A_dagger(problem.y)


class ChangesPhysics(_Made):
    def reconstruct(self, problem):
        problem.physics.in_shape = (1, 1, 1)
        return torch.zeros(len(problem.y), *problem.image_shape)


class WrongShape(_Made):
    def reconstruct(self, problem):
        return problem.physics.A_dagger(problem.y)[..., 1:]


class NotFinite(_Made):
    def reconstruct(self, problem):
        return problem.physics.A_dagger(problem.y) / 0


class BatchStatistics(_Made):
    def reconstruct(self, problem):
        x = problem.physics.A_dagger(problem.y)
        return x - x.mean()


class Late(_Made):
    def reconstruct(self, problem):
        if problem.deadline:
            time.sleep(1.3)
        return problem.physics.A_dagger(problem.y)


class Peeks(_Made):
    def reconstruct(self, problem, truth):
        return truth


def record(cls, **facts):
    return Method(name=cls.__name__.lower(), target=f"{HERE}:{cls.__name__}", summary="", **facts)


@pytest.fixture(scope="module", autouse=True)
def importable():
    """Targets name this module, whichever way pytest imported it."""
    import sys

    before = sys.modules.get(HERE)
    sys.modules[HERE] = sys.modules.get(HERE) or __import__("types").ModuleType(HERE)
    for cls in (v for v in globals().values() if isinstance(v, type)):
        setattr(sys.modules[HERE], cls.__name__, cls)
    yield
    if before is None:
        del sys.modules[HERE]


@pytest.fixture(scope="module")
def posing():
    return pose(CATALOGUE.task("synthetic"), size=16)


def test_a_good_method_passes_and_its_estimate_comes_back(posing):
    estimate = assert_method(record(Good), posing, batch=True, deadline_s=0.1)
    torch.testing.assert_close(estimate, posing.problem.physics.A_dagger(posing.problem.y))


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (Remembers, "keeps state between calls"),
        (Draws, "declare stochastic=True"),
        (DrawsGlobally, "global random generator of torch"),
        (ReadsGlobalState, "draws from something else than problem.rng"),
        (ChangesY, "changed problem.y in place"),
        (WrongShape, "expected"),
        (NotFinite, "NaN or infinite"),
    ],
)
def test_a_breach_is_named(posing, cls, words):
    with pytest.raises(ContractBroken, match=words):
        assert_method(record(cls), posing)


def test_randomness_from_the_problem_is_allowed_where_declared(posing):
    assert_method(record(Draws, stochastic=True), posing)


def test_only_a_control_may_see_the_truth(posing):
    with pytest.raises(ContractBroken, match="is a control"):
        assert_method(record(Peeks, sees_truth=True), posing)
    assert_method(record(Peeks, sees_truth=True, role="control"), posing)


def test_a_sample_must_not_depend_on_its_batch(posing):
    with pytest.raises(ContractBroken, match="of a batch differs"):
        assert_method(record(BatchStatistics), posing, batch=True)


def test_a_missed_deadline_is_a_breach(posing):
    with pytest.raises(ContractBroken, match="deadline was 0.1 s ahead"):
        assert_method(record(Late), posing, deadline_s=0.1)


def test_a_method_that_does_not_suit_says_why(posing):
    assert why_not(record(Good, requires=frozenset({"svd"})), posing).startswith("needs svd")
    assert why_not(record(Good, requires=frozenset({"pinv"})), posing) == ""


def test_changing_the_operator_is_a_breach():
    with pytest.raises(ContractBroken, match=r"changed problem.physics"):
        assert_method(record(ChangesPhysics), pose(CATALOGUE.task("denoise")))


@pytest.mark.parametrize("kind", ["image", "mri", "ct"])
def test_synthetic_items_are_what_their_kind_promises(kind):
    item = synthetic_item(kind, 32, seed=1)
    assert item.array.shape == (32, 32)
    assert item.array.dtype == {"image": "uint8", "mri": "float32", "ct": "float32"}[kind]
    assert item.array.std() > 0


def test_a_task_that_takes_larger_images_gets_one():
    assert pose(CATALOGUE.task("cs"), {"ratio": 0.25}).problem.image_shape == (1, 33, 33)
