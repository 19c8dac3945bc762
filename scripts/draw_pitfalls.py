"""Draw the pictures of docs/pitfalls/: before and after, drawn from the phantom.

    python scripts/draw_pitfalls.py docs/pitfalls

The pages around them are written by scripts/write_rule_pages.py.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy import ndimage

from gnomon.core.geometry import flip_axes, permute_axes
from gnomon.core.randomness import generator
from gnomon.io.artifacts import write_bytes
from gnomon.phantom.anatomy import draw_anatomy

Draw = Callable[[Axes, Axes], tuple[str, str]]
STEP_MM = 0.8
ANATOMY = draw_anatomy(0, 0)
DRAWINGS: dict[str, Draw] = {}


def draws(pitfall: str) -> Callable[[Draw], Draw]:
    """Registers the drawing of a pitfall."""

    def keep(draw: Draw) -> Draw:
        DRAWINGS[pitfall] = draw
        return draw

    return keep


def plane(
    axis: int, at_mm: float = 4.0, step_mm: tuple[float, float] = (STEP_MM, STEP_MM), half_mm: float = 40.0
) -> Any:
    """HU in a plane as a radiologist sees it: the patient's right on the left, head or front on top."""
    u, v = (np.arange(-half_mm, half_mm, step) for step in step_mm)
    rows, columns = np.meshgrid(-v, -u, indexing="ij")
    points = np.full((*rows.shape, 3), at_mm)
    across = {2: (0, 1), 1: (0, 2), 0: (1, 2)}[axis]
    points[..., across[0]], points[..., across[1]] = columns, rows
    return ANATOMY.hounsfield_at(points)


def noise(shape: tuple[int, ...], spread: float, grain: float = 0.0, key: str = "noise") -> Any:
    drawn = generator(0, key).normal(0, 1, shape)
    drawn = ndimage.gaussian_filter(drawn, grain) if grain else drawn
    return drawn * spread / drawn.std()


def show(axes: Axes, picture: Any, low: float = -160, high: float = 240, aspect: float = 1.0) -> None:
    axes.imshow(picture, cmap="gray", vmin=low, vmax=high, aspect=aspect, interpolation="nearest")


@draws("P01")
def polarity(before: Axes, after: Axes) -> tuple[str, str]:
    hu = plane(2)
    show(before, 45 - hu - 1000 + 1000)
    show(after, hu)
    return "stored values inverted because of MONOCHROME1", "HU kept; only the display is inverted"


@draws("P02")
def units(before: Axes, after: Axes) -> tuple[str, str]:
    hu = plane(2)
    show(before, hu + 1024)
    show(after, hu)
    return "stored values in a window of HU", "slope and intercept applied"


@draws("P03")
def bits(before: Axes, after: Axes) -> tuple[str, str]:
    hu = plane(2)
    show(before, (((hu + 1024).astype(np.uint16) << 4).astype(np.int16)) - 1024.0)
    show(after, hu)
    return "12 bits stored high, read as 16", "decoded by the stated HighBit"


def coronal() -> Any:
    return plane(1, step_mm=(STEP_MM, 3.2))


@draws("P04")
def series(before: Axes, after: Axes) -> tuple[str, str]:
    mixed = np.insert(coronal(), 8, plane(2)[50], axis=0)
    mixed[13:] = np.roll(mixed[13:], 12, axis=1)
    show(before, mixed, aspect=4)
    show(after, coronal(), aspect=4)
    return "a scout and another pass in one stack", "split by what tells slices apart"


@draws("P05")
def order(before: Axes, after: Axes) -> tuple[str, str]:
    show(before, coronal()[generator(0, "order").permutation(25)], aspect=4)
    show(after, coronal(), aspect=4)
    return "slices as their file names sort", "slices by place along the normal"


@draws("P06")
def frames(before: Axes, after: Axes) -> tuple[str, str]:
    stack = coronal()
    show(before, np.concatenate([stack[::2], stack[1::2]]), aspect=4)
    show(after, stack, aspect=4)
    return "frames as they lie in the file", "frames by their functional groups"


@draws("P07")
def kernels(before: Axes, after: Axes) -> tuple[str, str]:
    hu = plane(2)
    sharp = hu + 1.2 * (hu - ndimage.gaussian_filter(hu, 1.5)) + noise(hu.shape, 55)
    show(before, sharp)
    show(after, ndimage.gaussian_filter(hu, 0.8) + noise(hu.shape, 10, 1.3))
    return "a lung kernel among soft ones", "the accepted kernel"


@draws("P08")
def position(before: Axes, after: Axes) -> tuple[str, str]:
    hu = plane(2)
    show(before, flip_axes(hu[None], (1, 2))[0])
    show(after, hu)
    return "turned because the header said prone", "the cosines decide; nothing is turned"


@draws("P09")
def breasts(before: Axes, after: Axes) -> tuple[str, str]:
    j, i = np.mgrid[:100, :80]
    breast = np.where(((i + 2) / 48) ** 2 + ((j - 50) / 40) ** 2 < 1, 180 + 30 * np.sin(i / 7) * np.cos(j / 9), -150)
    for axes, picture in ((before, flip_axes(breast[None], (2,))[0]), (after, breast)):
        show(axes, picture)
        axes.text(4 if axes is before else 62, 12, "L-CC", color="white", fontsize=9)
    return "a left breast with its chest wall on the right", "side, view and picture agree"


@draws("P10")
def windows(before: Axes, after: Axes) -> tuple[str, str]:
    hu = plane(2)
    show(before, (hu + 1024) * 0.5, -160, 240)
    show(after, hu)
    return "the window applied to stored values", "applied after slope and intercept"


@draws("P11")
def pixels(before: Axes, after: Axes) -> tuple[str, str]:
    hu = plane(2)
    for axes, mm in ((before, 1.33), (after, 1.0)):
        show(axes, hu)
        axes.plot([8, 8 + 40 / STEP_MM], [92, 92], color="white", lw=2)
        axes.text(8, 89, f"{40 * mm:.0f} mm", color="white", fontsize=9)
    return "size on the detector", "size in the patient"


@draws("P12")
def orientation(before: Axes, after: Axes) -> tuple[str, str]:
    hu = plane(2)
    show(before, permute_axes(hu[None], (0, 2, 1))[0])
    show(after, hu)
    return "rows and columns exchanged", "axes by the direction cosines"


@draws("P13")
def thickness(before: Axes, after: Axes) -> tuple[str, str]:
    fine = plane(1, step_mm=(STEP_MM, 0.4)) + noise((200, 100), 60, key="fine")
    show(before, fine[::12], aspect=6)
    show(after, ndimage.gaussian_filter1d(fine, 12 / 2.355, axis=0)[6::12], aspect=6)
    return "every twelfth slice taken: noise and edges alias", "smoothed to the new spacing first"


@draws("P14")
def canonical(before: Axes, after: Axes) -> tuple[str, str]:
    show(before, flip_axes(permute_axes(plane(0)[None], (0, 2, 1)), (1,))[0])
    show(after, plane(2))
    return "a sagittal stack taken for an axial one", "brought to RAS+ by its affine"


@draws("P15")
def clipping(before: Axes, after: Axes) -> tuple[str, str]:
    values = (plane(2) + noise((100, 100), 14)).ravel()
    before.hist(np.clip(values, -100, 80), 60, range=(-1100, 500), color="#b33")
    after.hist(values, 60, range=(-1100, 500), color="#357")
    return "clipped before it was stored", "the whole range; clipped in training only"


@draws("P16")
def phases(before: Axes, after: Axes) -> tuple[str, str]:
    hu = plane(2)
    organs = hu == np.float32(ANATOMY.organ_hu)
    show(before, np.where(organs, 55, hu) + noise(hu.shape, 10, key="n1"))
    show(after, np.where(organs, 150, hu) + noise(hu.shape, 10, key="n2"))
    return "non-contrast under the name of portal venous", "portal venous"


@draws("P17")
def gating(before: Axes, after: Axes) -> tuple[str, str]:
    j, i = np.mgrid[-50:50, -50:50]
    large, small = (np.where((i / (a + 6)) ** 2 + (j / a) ** 2 < 1, 200.0, 40.0) for a in (30, 19))
    show(before, (large + small) / 2)
    show(after, large)
    return "two phases of a heart in one volume", "one phase a volume"


@draws("P18")
def vendors(before: Axes, after: Axes) -> tuple[str, str]:
    bars = np.array([400.0, 905.0, 1500.0])
    before.bar(["scan 1", "scan 2", "scan 3"], bars, color="#b33")
    after.bar(["scan 1", "scan 2", "scan 3"], bars / np.array([400.0, 905.0, 1500.0]) * 100, color="#357")
    return "one tissue in three Philips scans, display values", "with the private scale slope"


@draws("P19")
def padding(before: Axes, after: Axes) -> tuple[str, str]:
    hu = plane(2)
    j, i = np.mgrid[-50:50, -50:50]
    outside = i**2 + j**2 > 49**2
    framed = np.where(outside, -3024, hu)
    show(before, framed, framed.mean() - 2 * framed.std(), framed.mean() + 2 * framed.std())
    inside = np.where(outside, np.nan, hu)
    show(after, inside, np.nanmean(inside) - 2 * np.nanstd(inside), np.nanmean(inside) + 2 * np.nanstd(inside))
    return "normalised with the padding", "normalised without it"


@draws("P20")
def spaces(before: Axes, after: Axes) -> tuple[str, str]:
    before.bar(["off by 2\nin plane", "off by 2\nslices"], [2, 2], color="#b33")
    before.set_ylabel("voxels")
    after.bar(["off by 2\nin plane", "off by 2\nslices"], [1.6, 10], color="#357")
    after.set_ylabel("mm")
    return "surface distance in voxels", "in millimetres of the patient"


@draws("P21")
def seeds(before: Axes, after: Axes) -> tuple[str, str]:
    steps = np.arange(200)
    base = 1.2 * np.exp(-steps / 60) + 0.2
    for axes, same in ((before, False), (after, True)):
        for run in range(2):
            axes.plot(base + noise((200,), 0.05, 2, key=f"seed {0 if same else run}"), lw=1)
        axes.set_ylabel("loss")
    return "one configuration, run twice without keyed seeds", "the same bits twice"


@draws("P22")
def postprocessing(before: Axes, after: Axes) -> tuple[str, str]:
    j, i = np.mgrid[:100, :100]
    lesions = [(30, 30, 12), (68, 40, 5), (55, 72, 7)]
    for axes, kept in ((before, lesions[:1]), (after, lesions)):
        picture = np.full((100, 100), -50.0)
        for x, y, r in kept:
            picture[(i - x) ** 2 + (j - y) ** 2 < r * r] = 200
        show(axes, picture)
    return "only the largest component kept: two lesions lost", "a rule that was shown to lose none"


@draws("P23")
def anisotropy(before: Axes, after: Axes) -> tuple[str, str]:
    for axes, (x, z) in ((before, (7 * 0.8, 7 * 5.0)), (after, (7 * 0.8 * 4, 7 * 5.0 * 0.45))):
        axes.add_patch(Rectangle((-x / 2, -z / 2), x, z, color="#357", alpha=0.6))
        axes.set(xlim=(-20, 20), ylim=(-20, 20), xlabel="mm in plane", ylabel="mm across slices")
    return "cubic kernels: seen far across, hardly in plane", "kernels and strides from the spacing"


@draws("P24")
def checkpoints(before: Axes, after: Axes) -> tuple[str, str]:
    before.bar(["push 1", "push 2", "push 3"], [400, 800, 1200], color="#b33")
    before.set_ylabel("MB in the history")
    after.bar(["push 1", "push 2", "push 3"], [0.004, 0.008, 0.012], color="#357")
    after.set(ylabel="MB in the history", ylim=(0, 1200))
    return "checkpoints committed", "manifests with their hashes committed"


@draws("P25")
def lossy(before: Axes, after: Axes) -> tuple[str, str]:
    hu = plane(2) + noise((100, 100), 14)
    blocks = hu[:96, :96].reshape(24, 4, 24, 4).mean((1, 3)).repeat(4, 0).repeat(4, 1)
    show(before, 0.75 * blocks + 0.25 * hu[:96, :96])
    show(after, hu)
    return "compressed with loss: texture is the codec's", "pixels as the scanner made them"


@draws("P26")
def captures(before: Axes, after: Axes) -> tuple[str, str]:
    hu = plane(2)
    show(before, hu)
    before.text(3, 12, "DOSE REPORT\nDLP 412 mGy cm", color="white", fontsize=8, family="monospace")
    show(after, hu)
    return "a screen save under the class of a CT", "refused; the original series is asked for"


@draws("P27")
def scouts(before: Axes, after: Axes) -> tuple[str, str]:
    hu = np.stack([plane(1, at) for at in np.arange(-30, 30, 3.0)])
    show(before, hu.mean(0), -900, 100)
    show(after, plane(2))
    return "a scout: a projection through the patient", "slices"


@draws("P28")
def leakage(before: Axes, after: Axes) -> tuple[str, str]:
    names = ["kernel", "site", "kVp", "anatomy"]
    for axes, values, colour in ((before, (0.93, 0.71, 0.55, 0.6), "#b33"), (after, (0.52, 0.5, 0.51, 0.6), "#357")):
        axes.barh(names, values, color=colour)
        axes.set(xlim=(0.4, 1), xlabel="AUC for the label")
        axes.axvline(0.65, color="black", lw=0.8, ls=":")
    return "the ill were scanned with another kernel", "balanced: settings tell nothing"


def picture(pitfall: str) -> bytes:
    """Before and after, side by side (PNG, the same bytes each time)."""
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    before, after = figure.subplots(1, 2)
    for axes, title in zip((before, after), DRAWINGS[pitfall](before, after)):
        axes.set_title(title, fontsize=9)
        if axes.images:
            axes.set_axis_off()
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=80, metadata={"Software": None})
    return out.getvalue()


def main() -> None:
    """Write every picture."""
    folder = Path(sys.argv[1])
    for pitfall in DRAWINGS:
        write_bytes(folder / f"{pitfall}.png", picture(pitfall))


if __name__ == "__main__":
    main()
