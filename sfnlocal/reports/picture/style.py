"""The colours of a picture, for light and dark surroundings; no script, no font to load.

The colours are those of GitHub's Primer, so that pictures sit well in a README.
https://primer.style/product/primitives/color/
"""

from __future__ import annotations

_FONT = 'system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif'

# Selector, property, light, dark.
_COLOURS = (
    (".page", "fill", "#ffffff", "#0d1117"),
    ("text", "fill", "#1f2328", "#f0f6fc"),
    (".small,.legend", "fill", "#59636e", "#9198a1"),
    (".error-name", "fill", "#b3202c", "#ff8f87"),
    (".halo", "stroke", "#ffffff", "#0d1117"),
    (".edge", "stroke", "#6e7781", "#8b949e"),
    (".head,.dot", "fill", "#6e7781", "#8b949e"),
    (".icon", "stroke", "#59636e", "#9198a1"),
    (".caught.edge", "stroke", "#d1242f", "#f85149"),
    (".caught.head", "fill", "#d1242f", "#f85149"),
    (".box", "fill", "#f6f8fa", "#151b23"),
    (".box", "stroke", "#818b98", "#656c76"),
    (".task .box", "fill", "#ddf4ff", "#0f2a4a"),
    (".task .box", "stroke", "#0969da", "#4493f8"),
    (".wait .box", "fill", "#fbefff", "#2d1b4e"),
    (".wait .box", "stroke", "#8250df", "#ab7df8"),
    (".choice .box", "fill", "#fff8c5", "#332b06"),
    (".choice .box", "stroke", "#9a6700", "#d29922"),
    (".after-error .box", "fill", "#fff1e5", "#3a2211"),
    (".after-error .box", "stroke", "#bc4c00", "#db6d28"),
    (".lost .box,.fail .box", "fill", "#ffebe9", "#3c1618"),
    (".lost .box,.fail .box", "stroke", "#cf222e", "#f85149"),
    (".succeed .box", "fill", "#dafbe1", "#12311b"),
    (".succeed .box", "stroke", "#1a7f37", "#3fb950"),
    (".group", "fill", "#fff8f8", "#1c1214"),
    (".group", "stroke", "#ffb3ae", "#6b2b2d"),
    (".visited.edge", "stroke", "#1a7f37", "#3fb950"),
    (".visited.head", "fill", "#1a7f37", "#3fb950"),
    (".visited.caught.edge", "stroke", "#cf222e", "#f85149"),
    (".visited.caught.head", "fill", "#cf222e", "#f85149"),
    (".succeeded .box", "stroke", "#1a7f37", "#3fb950"),
    (".caught-here .box,.failed .box", "stroke", "#cf222e", "#f85149"),
    (".failed .box", "fill", "#ffd8d3", "#67060c"),
    (".waiting .box", "stroke", "#0969da", "#4493f8"),
)
_SHAPES = f"""\
text{{font-family:{_FONT};font-size:11px}}
.name{{font-size:13px;font-weight:600}}
.heading{{font-size:16px;font-weight:600}}
.attempts{{font-size:12px;font-weight:700}}
.halo{{paint-order:stroke;stroke-width:4px;stroke-linejoin:round}}
.box{{stroke-width:1.25}}
.icon{{fill:none;stroke-width:1.4;stroke-linecap:round}}
.inner{{fill:none}}
.edge{{fill:none;stroke-width:1.4}}
.caught.edge{{stroke-dasharray:5 3}}
.group{{stroke-width:1.25;stroke-dasharray:2 3}}
.visited.edge{{stroke-width:3}}
.succeeded .box,.caught-here .box,.failed .box,.waiting .box{{stroke-width:2.5}}
.unvisited{{opacity:.4}}"""


def style_sheet() -> str:
    light, dark = (
        "\n".join(f"{row[0]}{{{row[1]}:{row[column]}}}" for row in _COLOURS) for column in (2, 3)
    )
    return f"{_SHAPES}\n{light}\n@media (prefers-color-scheme:dark){{\n{dark}\n}}"
