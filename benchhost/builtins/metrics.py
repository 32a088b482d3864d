"""The host's own metrics: PSNR, SSIM, NMSE, PSNR-B and consistency, each with the protocol of a literature."""

from collections.abc import Iterator

from benchhost.hookspecs import hookimpl
from benchhost.types import Metric

SHAVES = (2, 3, 4, 8)


@hookimpl
def benchhost_metrics() -> Iterator[Metric]:
    """PSNR and SSIM families, then the rest."""
    yield from _psnr()
    yield from _ssim()
    yield Metric(
        id="nmse/volume",
        target="benchhost.metrics.nmse:nmse_volume",
        summary="squared error over squared truth, whole volume (fastMRI)",
        higher_is_better=False,
        decimals=4,
    )
    yield Metric(
        id="psnr_b/255",
        target="benchhost.metrics.psnr_b:psnr_b_255",
        summary="PSNR less the estimate's 8x8 block steps, whole grey levels (Yim & Bovik 2011)",
        higher_is_better=True,
        unit="dB",
    )
    yield Metric(
        id="consistency/l2",
        target="benchhost.metrics.consistency:consistency_l2",
        summary="norm(A x - y) / norm(y) of the estimate itself",
        higher_is_better=False,
        decimals=4,
    )


def _psnr() -> Iterator[Metric]:
    def psnr(protocol: str, function: str, summary: str, **options: object) -> Metric:
        target = f"benchhost.metrics.psnr:{function}"
        return Metric(
            id=f"psnr/{protocol}", target=target, summary=summary, higher_is_better=True, unit="dB", options=options
        )

    yield psnr("255/clip_round", "psnr_255", "clipped, whole grey levels 0..255 (DnCNN, KAIR)", rounded=True)
    yield psnr("255/clip", "psnr_255", "clipped, grey levels 0..255 not rounded (ISTA-Net, DDNM)", rounded=False)
    for shave in SHAVES:
        yield psnr(
            f"255/clip_round/shave{shave}",
            "psnr_255",
            f"clipped, whole grey levels 0..255, {shave} border pixels cut",
            rounded=True,
            shave=shave,
        )
        yield psnr(
            f"y_studio/shave{shave}",
            "psnr_y_studio",
            f"on the whole-level studio-range Y of RGB, {shave} border pixels cut",
            shave=shave,
        )
    yield psnr("volmax", "psnr_volmax", "whole volume, peak = largest true value (fastMRI)")
    yield psnr("gtrange", "psnr_gtrange", "range = largest minus smallest true value (LoDoPaB-CT PSNR)")
    yield psnr("1", "psnr_1", "range fixed at 1, not clipped (LoDoPaB-CT PSNR-FR)")


def _ssim() -> Iterator[Metric]:
    def ssim(protocol: str, function: str, summary: str, **options: object) -> Metric:
        target = f"benchhost.metrics.ssim:{function}"
        return Metric(
            id=f"ssim/{protocol}", target=target, summary=summary, higher_is_better=True, decimals=4, options=options
        )

    yield ssim("wang", "ssim_wang", "11x11 Gaussian, population covariance, whole grey levels (Wang 2004, KAIR)")
    for shave in SHAVES:
        yield ssim(f"wang/shave{shave}", "ssim_wang", f"ssim/wang, {shave} border pixels cut", shave=shave)
        yield ssim(
            f"y_studio/shave{shave}",
            "ssim_y_studio",
            f"ssim/wang on the studio-range Y of RGB, {shave} border pixels cut",
            shave=shave,
        )
    yield ssim("sk7", "ssim_sk7", "uniform 7x7, sample covariance, 0..255 not rounded (scikit-image, ISTA-Net)")
    yield ssim("sk7/volmax", "ssim_sk7_volmax", "uniform 7x7 by slice, range = the volume's largest value (fastMRI)")
    yield ssim("sk7/gtrange", "ssim_sk7_gtrange", "uniform 7x7, range = the truth's extent (LoDoPaB-CT)")
