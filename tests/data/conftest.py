"""Fixtures of the data tests: an empty cache, no data folder, and small cards written on the spot."""

import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchhost.data import load_card
from benchhost.types import Dataset


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has its own cache and no data folder; gives the cache."""
    monkeypatch.delenv("BENCHHOST_DATA", raising=False)
    monkeypatch.delenv("BENCHHOST_OFFLINE", raising=False)
    monkeypatch.setenv("BENCHHOST_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def encode() -> Callable[..., bytes]:
    """``encode(array, format)``: the bytes of an image file."""

    def encode(array: np.ndarray, format: str = "PNG", **options) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(array).save(buffer, format, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture
def make_card(tmp_path: Path) -> Callable[..., Dataset]:
    """``make_card({"a.png": bytes}, urls=[...])``: a card that pins these bytes; nothing but the card is written."""

    def make(files: Mapping[str, bytes], name: str = "mine", urls: tuple[str, ...] = (), extra: str = "") -> Dataset:
        rows = "\n".join(f"{hashlib.sha256(data).hexdigest()}  {len(data)}  {file}" for file, data in files.items())
        quoted = ", ".join(f'"{url}"' for url in urls)
        path = tmp_path / "cards" / f"{name}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            f'name = "{name}"\ntitle = "t"\nkind = "image"\nchannels = 1\nhome = "https://example.org"\n'
            f"urls = [{quoted}]\nfiles = '''\n{rows}\n'''\n{extra}"
        )
        return load_card(path)

    return make
