"""Networks that several methods share."""

from benchhost.nets.schedule import NoiseSchedule
from benchhost.nets.unet import UNet, UNetShape

__all__ = ["NoiseSchedule", "UNet", "UNetShape"]
