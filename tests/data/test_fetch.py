"""Downloads: bounded, verified, atomic, mirrors in turn; what fails is named."""

import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from benchhost.data.fetch import STALE_SECONDS, download, fetch
from benchhost.data.places import cached_path
from benchhost.errors import ChecksumMismatch, DatasetMissing

DATA = b"0123456789" * 100


def files_in(folder):
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def writes(table):
    """A downloader that knows these addresses: bytes are sent in small pieces, errors raised."""

    def get(url, sink):
        answer = table[url]
        if isinstance(answer, Exception):
            raise answer
        for start in range(0, len(answer), 64):
            sink.write(answer[start : start + 64])

    return get


@pytest.fixture
def dataset(make_card):
    return make_card({"a.png": DATA}, urls=("https://one/{file}", "https://two/{file}"))


def test_a_file_address_is_copied_into_the_cache(make_card, tmp_path, clean_environment):
    (tmp_path / "my files").mkdir()
    (tmp_path / "my files" / "a.png").write_bytes(DATA)
    dataset = make_card({"a.png": DATA}, urls=(f"file://{tmp_path}/my files/{{file}}",))
    (path,) = fetch(dataset)
    assert path == clean_environment / "data" / "mine" / "a.png"
    assert path.read_bytes() == DATA
    assert files_in(path.parent) == ["a.png"]


def test_what_is_here_is_verified_and_not_fetched_again(dataset):
    seen = []
    fetch(dataset, downloader=writes({"https://one/a.png": DATA}), progress=lambda ref, path, new: seen.append(new))
    fetch(dataset, downloader=writes({}), progress=lambda ref, path, new: seen.append(new))
    assert seen == [True, False]


def test_mirrors_are_tried_in_turn(dataset):
    table = {"https://one/a.png": OSError("503 busy"), "https://two/a.png": DATA}
    assert download(dataset, dataset.items[0], downloader=writes(table)).read_bytes() == DATA


def test_when_all_mirrors_fail_each_failure_is_named(dataset):
    table = {"https://one/a.png": OSError("503 busy"), "https://two/a.png": TimeoutError("timed out")}
    with pytest.raises(DatasetMissing) as error:
        download(dataset, dataset.items[0], downloader=writes(table))
    assert "Downloads failed: https://one/a.png: OSError: 503 busy; https://two/a.png: TimeoutError: timed out." in str(
        error.value
    )
    assert "Looked for: " in str(error.value)
    assert files_in(cached_path(dataset, dataset.items[0]).parent) == []


def test_wrong_bytes_are_refused_by_name_and_the_next_mirror_is_tried(dataset):
    table = {"https://one/a.png": DATA[::-1], "https://two/a.png": DATA}
    assert download(dataset, dataset.items[0], downloader=writes(table)).read_bytes() == DATA


def test_when_only_wrong_bytes_can_be_had_nothing_is_kept(dataset):
    table = {"https://one/a.png": DATA[::-1], "https://two/a.png": OSError("gone")}
    with pytest.raises(ChecksumMismatch) as error:
        download(dataset, dataset.items[0], downloader=writes(table))
    said = str(error.value)
    assert f"https://one/a.png: expected sha256 {dataset.items[0].sha256} (1000 bytes), found " in said
    assert "https://two/a.png: OSError: gone" in said
    assert "Nothing was kept" in said
    assert files_in(cached_path(dataset, dataset.items[0]).parent) == []


def test_a_mirror_that_sends_too_much_is_cut_off(dataset):
    sent = []

    def endless(url, sink):
        while True:
            sent.append(1)
            sink.write(b"x" * 300)

    with pytest.raises(DatasetMissing, match="sends more than the 1000 bytes expected"):
        download(dataset, dataset.items[0], downloader=endless)
    assert len(sent) == 2 * 4  # two mirrors, cut at the fourth piece
    assert files_in(cached_path(dataset, dataset.items[0]).parent) == []


def test_a_short_answer_is_wrong_bytes(dataset):
    table = {"https://one/a.png": DATA[:-1], "https://two/a.png": b""}
    with pytest.raises(ChecksumMismatch, match=r"\(999 bytes\)"):
        download(dataset, dataset.items[0], downloader=writes(table))


@pytest.mark.parametrize("scheme", ["http", "ftp", "data"])
def test_only_https_and_file_addresses_are_used(make_card, scheme):
    dataset = make_card({"a.png": DATA}, urls=(f"{scheme}://one/{{file}}",))
    asked = []
    with pytest.raises(DatasetMissing, match=f"only https and file addresses are used, not {scheme}"):
        download(dataset, dataset.items[0], downloader=lambda url, sink: asked.append(url))
    assert asked == []


def test_a_killed_download_leaves_nothing_that_could_be_taken_for_the_file(dataset, tmp_path, clean_environment):
    code = """
        import os, signal, sys
        from benchhost.data import load_card
        from benchhost.data.fetch import download

        def half_then_die(url, sink):
            sink.write(b"0123456789" * 50)
            sink.file.flush()
            os.kill(os.getpid(), signal.SIGKILL)

        dataset = load_card(sys.argv[1])
        download(dataset, dataset.items[0], downloader=half_then_die)
    """
    card = tmp_path / "cards" / "mine.toml"
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(card)], env=os.environ)
    assert died.returncode == -9
    folder = clean_environment / "data" / "mine"
    (part,) = files_in(folder)
    assert part.startswith(".part-a.png-")
    assert (folder / part).stat().st_size == 500
    assert download(dataset, dataset.items[0], downloader=writes({"https://one/a.png": DATA})).read_bytes() == DATA
    assert files_in(folder) == [part, "a.png"]  # it may belong to a living process
    old = time.time() - STALE_SECONDS - 60
    os.utime(folder / part, (old, old))
    (folder / "a.png").unlink()
    download(dataset, dataset.items[0], downloader=writes({"https://one/a.png": DATA}))
    assert files_in(folder) == ["a.png"]


def test_two_that_fetch_at_once_do_not_disturb_each_other(dataset):
    barrier = threading.Barrier(2, timeout=20)

    def slow(url, sink):
        sink.write(DATA[:500])
        barrier.wait()
        sink.write(DATA[500:])

    results = []
    work = [
        threading.Thread(
            target=lambda: results.append(download(dataset, dataset.items[0], downloader=slow).read_bytes())
        )
        for _ in range(2)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert results == [DATA, DATA]
    assert files_in(cached_path(dataset, dataset.items[0]).parent) == ["a.png"]


def test_a_fetched_file_can_be_read_by_others_who_share_the_cache(dataset):
    path = download(dataset, dataset.items[0], downloader=writes({"https://one/a.png": DATA}))
    assert path.stat().st_mode & 0o444 == 0o444


def test_a_wrong_file_in_the_cache_is_reported_not_replaced(dataset):
    path = cached_path(dataset, dataset.items[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    with pytest.raises(ChecksumMismatch, match="delete it to fetch it again"):
        fetch(dataset, downloader=writes({"https://one/a.png": DATA}))
    assert path.read_bytes() == b"mine"


def test_a_dataset_without_addresses_says_how_to_get_it(make_card):
    with pytest.raises(DatasetMissing, match="Get it: put the files into"):
        fetch(make_card({"a.png": DATA}))


def test_a_file_that_several_items_share_is_fetched_once(make_card, tmp_path):
    from dataclasses import replace

    dataset = make_card({"a.npz": DATA}, urls=("https://one/{file}",))
    dataset = replace(dataset, items=tuple(replace(dataset.items[0], name=n, key=n) for n in "xyz"))
    asked = []

    def get(url, sink):
        asked.append(url)
        sink.write(DATA)

    assert len(fetch(dataset, downloader=get)) == 1
    assert asked == ["https://one/a.npz"]


def test_an_address_that_does_not_resolve_is_said_in_one_line(make_card, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    dataset = make_card({"a.png": DATA}, urls=("https://no-such-host.invalid/{file}",))
    with pytest.raises(DatasetMissing) as caught:
        fetch(dataset)
    assert "a.png: NameResolutionError: Failed to resolve 'no-such-host.invalid'" in str(caught.value)
    assert "HTTPSConnection" not in str(caught.value)
