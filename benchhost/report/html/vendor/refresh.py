"""Make the files beside ``versions.json`` anew from their npm packages: ``python refresh.py [FOLDER]``.

Each tarball is fetched from the npm registry, checked against its sha256, and the named files are copied out of it
unchanged; each is checked, too.  To take a new version, change versions.json and run this.  Never run by benchhost.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
import urllib.request
from pathlib import Path


def refresh(folder: Path) -> list[Path]:
    """Fetch, verify and write every file that ``folder/versions.json`` names.  Raises ValueError for a wrong digest."""
    written = []
    for package in json.loads((folder / "versions.json").read_text(encoding="utf-8")).values():
        with urllib.request.urlopen(package["tarball"], timeout=60) as answer:
            data = answer.read()
        _check(package["tarball"], data, package["tarball_sha256"])
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for name, (member, digest) in package["files"].items():
                found = archive.extractfile(member)
                if found is None:
                    raise ValueError(f"{package['tarball']} has no file {member}")
                content = found.read()
                _check(member, content, digest)
                (folder / name).write_bytes(content)
                written.append(folder / name)
    return written


def _check(name: str, data: bytes, wanted: str) -> None:
    digest = hashlib.sha256(data).hexdigest()
    if digest != wanted:
        raise ValueError(f"{name} has sha256 {digest}, expected {wanted}")


if __name__ == "__main__":
    for path in refresh(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent):
        sys.stdout.write(f"{path}\n")
