"""JPEG artefact removal: y = decode(encode(x))."""

import hashlib

from benchhost.physics.jpeg import Jpeg, codec_version
from benchhost.seeds import Seeds
from benchhost.types import Item, Posed
from benchhost_tasks.images import pixels, posed, studio_luma, to_tensor
from benchhost_tasks.jpeg_spec import JpegParams


class JpegRemoval:
    """Encode, decode, and record which bytes and which codec the measurement is."""

    def __init__(self, params: JpegParams) -> None:
        self.params = params

    def pose(self, item: Item, seeds: Seeds) -> Posed:
        """Measure an item; see :class:`benchhost.types.TaskRuntime`.  ``seeds`` are not used: nothing is random."""
        p = self.params
        image = pixels(item)
        if p.colour == "luma":
            image = studio_luma(image)
        x = to_tensor(image)
        A = Jpeg(x.shape[1:], p.quality, subsampling=p.subsampling)
        (file,) = A.encode(x)
        notes = {"jpeg_sha256": hashlib.sha256(file).hexdigest(), "jpeg_bytes": len(file), "codec": codec_version()}
        return posed(x=x, y=A.decode([file]), physics=A, sigma=None, notes=notes)
