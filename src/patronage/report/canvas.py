"""Write SVG: elements, text that fits, and the frame that makes marks a `Chart`."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from patronage.report.palette import PAPER, QUIET_TEXT, TEXT, patterns
from patronage.report.picture import Caption, Chart

WIDTH = 480.0
"""All charts are this wide: 13.5 units of text are over 9 px where 480 units become 330 px."""

SIZE = 13.5
LINE = 17.0
HEADING = 16.0
BOLD = 1.1
"""How much wider bold text runs."""

MARGIN = 8.0
FONTS = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', "
    "'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', 'WenQuanYi Micro Hei', sans-serif"
)
OWN = "\x01"
"""Stands for the chart's own key in ids until the marks, and so the key, are known."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NARROW, _WIDE = frozenset("ijlftrI.,:;|!'()[] -·"), frozenset("mwMWOQGDHNU@%&")


def clean(words: object) -> str:
    r"""Write text that XML can hold, on one line.

    Examples
    --------
    >>> clean("a\x00b\n c"), clean(7)
    ('ab c', '7')
    """
    return " ".join(_NOT_XML.sub("", str(words)).split())


def tag(name: str, *children: str, **attributes: float | str | None) -> str:
    """Write an element; children are SVG already, attributes are escaped, None is left out.

    Examples
    --------
    >>> tag("rect", x=1.0, stroke_width=0.5, class_="a<b")
    '<rect x="1" stroke-width="0.5" class="a&lt;b"/>'
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}={quoteattr(_value(value))}"
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(children)
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def title(words: str) -> str:
    """Text shown on hover; goes into the element that it is about."""
    return f"<title>{escape(clean(words))}</title>"


def text(
    x: float,
    y: float,
    words: object,
    *,
    room: float | None = None,
    halo: bool = False,
    **attributes: float | str,
) -> str:
    """Write a line of text.

    Parameters
    ----------
    room
        Width that it has: a longer text is cut, with the whole of it on hover.
    halo
        Keep it readable over grid lines.
    """
    whole = clean(words)
    size = SIZE * BOLD if "font_weight" in attributes else SIZE
    shown = whole if room is None else shorten(whole, room, size)
    about = title(whole) if shown != whole else ""
    if halo:
        attributes |= {"paint_order": "stroke", "stroke": PAPER, "stroke_width": 3.0}
    return tag("text", about + escape(shown), x=x, y=y, **attributes)


def width_of(words: str, size: float = SIZE) -> float:
    """Width of a text, rather too much than too little: fonts are the reader's."""
    return size * sum(map(_advance, words))


def shorten(words: str, room: float, size: float = SIZE) -> str:
    """Cut a text so that it fits.

    Examples
    --------
    >>> shorten("a very long name", 60), shorten("short", 60)
    ('a very…', 'short')
    """
    if width_of(words, size) <= room:
        return words
    kept = words
    while kept and width_of(f"{kept}…", size) > room:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def wrap(words: str, room: float, size: float = SIZE) -> list[str]:
    """Break a text into lines that fit, between words or between Chinese characters.

    Examples
    --------
    >>> wrap("what this shows", 60), wrap("客户留存率", 30)
    (['what', 'this', 'shows'], ['客户', '留存', '率'])
    """
    lines = [""]
    for piece in _pieces(clean(words)):
        longer = lines[-1] + piece
        if lines[-1].strip() and width_of(longer.rstrip(), size) > room:
            lines.append(piece.lstrip())
        else:
            lines[-1] = longer
    return [shorten(line.strip(), room, size) for line in lines]


def wrap_alike(names: Sequence[str], room: float) -> list[list[str]]:
    """Break names into lines that fit; names that differ in their numbers alone break alike.

    Examples
    --------
    >>> wrap_alike(["0% to 20%", "80% to 100%"], 84), wrap_alike(["new", "at risk"], 50)
    ([['0% to', '20%'], ['80% to', '100%']], [['new'], ['at risk']])
    """
    lines = [wrap(name, room) for name in names]
    if (
        max(map(len, lines), default=1) == 1
        or len({re.sub(r"\d+", "", each) for each in names}) > 1
    ):
        return lines
    return [
        wrap(name, min(room, width_of(clean(name)) - 1)) if len(found) == 1 else found
        for name, found in zip(names, lines, strict=True)
    ]


def chart(
    marks: Sequence[str],
    height: float,
    *,
    caption: Caption,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> Chart:
    """Frame marks as a chart, for a page and to stand alone."""
    body = "".join(marks)
    words = [clean(part) for part in (caption.title, caption.sentence, caption.note())]
    identity = "\n".join([caption.fmt.language, caption.key, *words, body])
    key = "c" + hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:10]
    told = tag("title", escape(words[0]), id=f"{key}-t") + tag(
        "desc", escape(" ".join(words[1:]).strip()), id=f"{key}-d"
    )
    defined = tag("defs", patterns(f"{OWN}-", body)) if "url(#" in body else ""
    inside = (defined + body).replace(OWN, key)
    above, top = _heading(words)
    below, bottom = _footing(words[2], top + height)

    moved = tag("g", inside, transform=f"translate(0 {_value(top)})")
    lang, standing = caption.fmt.language, above + moved + below
    return Chart(
        title=words[0],
        sentence=words[1],
        n=clean(caption.n),
        window=clean(caption.window),
        interval=clean(caption.interval),
        note=words[2],
        header=tuple(map(clean, header)),
        rows=tuple(tuple(map(clean, row)) for row in rows),
        svg=_framed(told, inside, height, key=key, lang=lang),
        picture=_framed(
            told,
            standing,
            top + height + bottom,
            key=key,
            lang=lang,
            xmlns="http://www.w3.org/2000/svg",
        ),
    )


def _framed(told: str, content: str, tall: float, *, key: str, **more: str) -> str:
    return tag(
        "svg",
        told,
        tag("rect", width=WIDTH, height=tall, fill=PAPER, class_="pt-paper"),
        tag("g", content, font_family=FONTS, font_size=SIZE, fill=TEXT),
        **more,
        viewBox=f"0 0 {_value(WIDTH)} {_value(tall)}",
        width=WIDTH,
        height=tall,
        role="img",
        aria_labelledby=f"{key}-t {key}-d",
        class_="pt-chart",
    )


def nothing(caption: Caption, header: Sequence[str], rows: Sequence[Sequence[str]] = ()) -> Chart:
    """Frame a chart of no values: it says so."""
    words = text(WIDTH / 2, 46, caption.fmt.nothing, text_anchor="middle", fill=QUIET_TEXT)
    edge = tag(
        "rect", x=MARGIN, y=8, width=WIDTH - 2 * MARGIN, height=64, rx=4, fill="none",
        stroke=QUIET_TEXT, stroke_dasharray="3 4",
    )  # fmt: skip
    return chart([edge, words], 80, caption=caption, header=header, rows=rows)


def _heading(words: Sequence[str]) -> tuple[str, float]:
    """Title and sentence above the marks, and the height that they take."""
    room, y, lines = WIDTH - 2 * MARGIN, 8.0, []
    for line in wrap(words[0], room, HEADING * BOLD) if words[0] else []:
        y += HEADING + 4
        lines.append(text(MARGIN, y, line, font_size=HEADING, font_weight=600))
    for line in wrap(words[1], room) if words[1] else []:
        y += LINE
        lines.append(text(MARGIN, y + 2, line))
    return "".join(lines), y + 10


def _footing(note: str, y: float) -> tuple[str, float]:
    lines = wrap(note, WIDTH - 2 * MARGIN) if note else []
    written = [
        text(MARGIN, y + LINE * (place + 1) - 2, line, fill=QUIET_TEXT)
        for place, line in enumerate(lines)
    ]
    return "".join(written), LINE * len(lines) + (8 if lines else 0)


def _pieces(words: str) -> list[str]:
    """Parts that a line may break between, the space before each kept with it."""
    pieces: list[str] = []
    for character in words:
        breaks = character == " " or _is_wide(character)
        after_wide = bool(pieces) and _is_wide(pieces[-1][-1])
        if not pieces or breaks or (after_wide and character.isalnum()):
            pieces.append(character)
        else:
            pieces[-1] += character
    return pieces


def _is_wide(character: str) -> bool:
    """Whether it is an ideograph or the like; closing marks stay with what they close."""
    return unicodedata.east_asian_width(character) in "WF" and not unicodedata.category(
        character
    ).startswith("P")


def _advance(character: str) -> float:
    """Width of a character in ems."""
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    if unicodedata.combining(character):
        return 0.0
    if character in _NARROW:
        return 0.38
    return 0.86 if character in _WIDE else 0.6


def _value(value: float | str) -> str:
    if isinstance(value, str):
        # OWN is the only character in marks that XML cannot hold.
        return value
    written = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written
