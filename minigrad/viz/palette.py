"""Color-blind-safe colors (Okabe and Ito, 2008), in light and in dark, and the scale of gradients."""

from __future__ import annotations

import math

__all__ = ["DARK", "DIVERGING", "LIGHT", "fill", "flow", "mix", "ramp", "theme_css"]

RGB = tuple[int, int, int]

# name: (light, dark). `x` is a fill, `x-line` its outline and its text.
COLORS = {
    "paper": ("#ffffff", "#0f141b"),
    "ink": ("#1d2530", "#e6ebf2"),
    "soft": ("#5d6878", "#9aa7b8"),
    "line": ("#8a95a5", "#6d7b8d"),
    "card": ("#ffffff", "#1a212b"),
    "card-line": ("#b4bdc9", "#465364"),
    "box": ("#f4f6f9", "#151b24"),
    "box-line": ("#d9dfe7", "#2c3643"),
    "inner": ("#ebeff4", "#1b232e"),
    "input": ("#dcecf8", "#10304a"),
    "input-line": ("#0072b2", "#5db8f0"),
    "parameter": ("#d9f1e8", "#0d3a2d"),
    "parameter-line": ("#007a59", "#3ecfa3"),
    "output": ("#fdecc8", "#46340a"),
    "output-line": ("#a66900", "#f0b440"),
    "fault": ("#fbe0d3", "#4a1d0c"),
    "fault-line": ("#c84c00", "#ff8a4d"),
    "saved": ("#8e6bbf", "#b59be0"),
}
# The filter of images on whose scale zero is white: in the dark it is nearly black, and blue and orange stay what they are.
KERNEL = ("none", "invert(.93) hue-rotate(180deg)")
LIGHT, DARK = ({name: pair[i] for name, pair in COLORS.items()} for i in (0, 1))

FLOW = ((61, 111, 214), (122, 99, 190), (196, 82, 126), (224, 106, 53))  # vanishing to exploding
SMALLEST, LARGEST = -8.0, 2.0  # the logarithms, to base 10, at which the scale ends

NEGATIVE, ZERO, POSITIVE = (0, 90, 150), (247, 247, 247), (190, 80, 10)


def fill(kind: str) -> str:
    """Return the name of the fill of a kind of card."""
    return {"op": "card", "module": "card", "unknown": "box", "data": "input", "buffer": "parameter"}.get(kind, kind)


def flow(rms: float) -> tuple[str, float]:
    """Return color and width for a gradient of this strength: by the logarithm of its size, from 1e-8 to 100."""
    if not math.isfinite(rms):
        return "var(--fault-line)", 5.5
    if rms == 0:
        return "var(--line)", 1.0
    t = (min(max(math.log10(abs(rms)), SMALLEST), LARGEST) - SMALLEST) / (LARGEST - SMALLEST)
    return ramp(t), round(1.0 + 3.5 * t, 2)


def ramp(t: float) -> str:
    """Return the color of the scale at t in 0..1."""
    at = t * (len(FLOW) - 1)
    i = min(int(at), len(FLOW) - 2)
    return "#{:02x}{:02x}{:02x}".format(*mix(FLOW[i], FLOW[i + 1], at - i))


def mix(a: RGB, b: RGB, t: float) -> RGB:
    """Interpolate between two colors, t in 0..1."""
    return tuple(round(x + (y - x) * t) for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


def theme_css(selector: str, theme: str) -> str:
    """Return the colors as custom properties of a selector; "auto" follows the screen, and the notebook around it.

    Of a whole page, ``:root``, it follows the attribute data-theme, which its button sets.
    """
    light, dark = ("".join(f"--{name}:{value};" for name, value in colors.items()) for colors in (LIGHT, DARK))
    light, dark = f"{light}--kernel:{KERNEL[0]};", f"{dark}--kernel:{KERNEL[1]};"
    if theme != "auto":
        return f"{selector}{{{dark if theme == 'dark' else light}}}"
    if selector == ":root":
        return (
            f':root,:root[data-theme="light"]{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}'
            f':root[data-theme="dark"]{{{dark}}}'
        )
    notebooks = f'[data-jp-theme-light="false"] {selector},.vscode-dark {selector},[data-theme="dark"] {selector}'
    lit = f'[data-jp-theme-light="true"] {selector},.vscode-light {selector},[data-theme="light"] {selector}'
    return (
        f"{selector}{{{light}}}@media(prefers-color-scheme:dark){{{selector}{{{dark}}}}}"
        f"{notebooks}{{{dark}}}{lit}{{{light}}}"
    )


DIVERGING = [mix(NEGATIVE, ZERO, (i - 1) / 127) if i <= 128 else mix(ZERO, POSITIVE, (i - 128) / 127) for i in range(1, 256)]
