"""How wide text is, without knowing the font: a little more than in the widest usual one."""

from __future__ import annotations

from html import escape

NAME_PX = 13
SMALL_PX = 11

# Of the font's size; measured in DejaVu Sans, which is wider than what macOS and Windows have.
_NARROW, _NARROW_EM = frozenset("iljtfI.,:;'|!()[] "), 0.36
_WIDE, _WIDE_EM = frozenset("mwMWQ%@"), 0.9
_CAPITAL_EM, _USUAL_EM = 0.69, 0.61
_BOLD = 1.1


def text_width(text: str, px: int = SMALL_PX, *, bold: bool = False) -> float:
    width_em = 0.0
    for letter in text:
        if letter in _NARROW:
            width_em += _NARROW_EM
        elif letter in _WIDE:
            width_em += _WIDE_EM
        else:
            width_em += _CAPITAL_EM if letter.isupper() else _USUAL_EM
    return width_em * px * (_BOLD if bold else 1)


def fitted(text: str, width_max: float, px: int = SMALL_PX, *, bold: bool = False) -> str:
    """The text, cut where it is wider than that."""
    if text_width(text, px, bold=bold) <= width_max:
        return text
    while text and text_width(f"{text}…", px, bold=bold) > width_max:
        text = text[:-1]
    return f"{text.rstrip()}…"


def wrapped(text: str, width_max: float) -> list[str]:
    """On two lines where it is wider than that; what does not fit on the second is cut."""
    words = text.split(" ")
    count = len(words)
    while count > 1 and text_width(" ".join(words[:count])) > width_max:
        count -= 1
    if 1 < count < len(words) and not any(map(str.isalnum, words[count - 1])):
        count -= 1  # an operator begins the second line
    lines = [" ".join(words[:count]), " ".join(words[count:])]
    return [fitted(line, width_max) for line in lines if line]


def number(value: float) -> str:
    """A coordinate."""
    return f"{value:.1f}".removesuffix(".0")


def label(
    text: str, x: float, y: float, *, anchor: str = "start", kind: str = "small", title: str = ""
) -> str:
    """A text element; `y` is its base line, `title` what is shown when it is pointed at."""
    inner = f"<title>{escape(title)}</title>" if title else ""
    place = f'x="{number(x)}" y="{number(y)}"'
    ending = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{kind}" {place}{ending}>{inner}{escape(text)}</text>'
