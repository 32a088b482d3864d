"""The standard tasks, offered through the same hook as anybody's."""

from collections.abc import Iterator

from benchhost.hookspecs import hookimpl
from benchhost.types import Task
from benchhost_tasks.cs_spec import CS
from benchhost_tasks.ct_spec import CT
from benchhost_tasks.deblur_spec import DEBLUR
from benchhost_tasks.denoise_spec import DENOISE
from benchhost_tasks.inpaint_spec import INPAINT
from benchhost_tasks.jpeg_spec import JPEG
from benchhost_tasks.mri_spec import MRI
from benchhost_tasks.sr_spec import SR


@hookimpl
def benchhost_tasks() -> Iterator[Task]:
    """Natural images, then MRI and CT."""
    yield from (DENOISE, SR, CS, INPAINT, DEBLUR, JPEG, MRI, CT)
