"""Random numbers keyed by what they are for: the method's name is never among it, so every method meets the same y."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """Streams for one (task, dataset, image, repeat).

    base: the run's ``--seed``; with equal fields two processes on two machines draw the same numbers, because
    numpy freezes the stream of the legacy ``RandomState`` (NEP 19).
    """

    task: str
    dataset: str
    image: str
    repeat: int = 0
    base: int = 0

    def integer(self, purpose: str) -> int:
        """A 63-bit seed for ``purpose``, e.g. ``"noise"``."""
        text = "\x1f".join((str(self.base), self.task, self.dataset, self.image, str(self.repeat), purpose))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1

    def random_state(self, purpose: str) -> "np.random.RandomState":
        """numpy's frozen legacy generator for ``purpose``."""
        import numpy as np

        seed = self.integer(purpose)
        return np.random.RandomState([seed & 0xFFFFFFFF, seed >> 32])
