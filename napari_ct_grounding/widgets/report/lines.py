"""What the list of a report shows: a line for each heading and sentence, as texts. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.report.placed_references import PlacedReference
from napari_ct_grounding.widgets.report.rows import ReportRow

__all__ = ["COLUMNS", "ReportLine", "heading_of", "lines_of", "lines_text", "status_text", "walkable"]

COLUMNS = ("Image", "z mm", "Interval", "Score", "Report")

NO_LOCATION = "no clear location"


@dataclass(frozen=True)
class ReportLine:
    """One line of the list.

    Parameters
    ----------
    text : str
        The sentence, or the name of a section.
    row : int or None
        Which row of the report; None for a heading.
    words : tuple of str
        What was recognised ("negated"), written in front of the sentence.
    is_faded : bool
        Whether it tells of nothing to look at.
    figures : tuple of str
        Image or slice, z, interval, score; empty where there is no place.
    remark : str
        Stands where the figures would.
    reference : str
        How far off the images are that the sentence itself refers to, or why that is not known; short.
    tool_tip : str
    result : GroundingResult or None
    """

    text: str
    row: int | None = None
    words: tuple[str, ...] = ()
    is_faded: bool = False
    figures: tuple[str, ...] = ()
    remark: str = ""
    reference: str = ""
    tool_tip: str = ""
    result: GroundingResult | None = None

    @property
    def place(self) -> GroundingResult | None:
        """The result, where it names a place."""
        return self.result if self.result is not None and self.result.has_location else None


def lines_of(
    rows: Sequence[ReportRow],
    result_of: Callable[[ReportRow], GroundingResult | None],
    refusal_of: Callable[[ReportRow], str | None],
    references_of: Callable[[ReportRow], Sequence[PlacedReference]],
    *,
    is_waiting: bool,
    only_localizable: bool = False,
) -> list[ReportLine]:
    """Return the lines; a heading stands before the first shown sentence of each section.

    Parameters
    ----------
    rows : sequence of ReportRow
    result_of, refusal_of, references_of : callable
        From row to answer, to why there is none, and to the references with their places.
    is_waiting : bool
        Whether answers that are missing are on their way.
    only_localizable : bool
        Whether sentences that name no place, or nothing in this study, are left out.
    """
    lines: list[ReportLine] = []
    section: str | None = None
    for index, row in enumerate(rows):
        if only_localizable and not row.has_place:
            continue
        if row.sentence.section != section:
            section = row.sentence.section
            if section or lines:
                lines.append(ReportLine(heading_of(section)))
        lines.append(_line(index, row, result_of(row), refusal_of(row), references_of(row), is_waiting))
    return lines


def heading_of(section: str | None) -> str:
    """The name of a section as a heading."""
    return (section or "other").replace("_", " ").capitalize()


def _line(
    index: int,
    row: ReportRow,
    result: GroundingResult | None,
    refusal: str | None,
    references: Sequence[PlacedReference],
    is_waiting: bool,
) -> ReportLine:
    has_place = result is not None and result.has_location
    remark = ""
    if not has_place:
        remark = NO_LOCATION if result is not None else _why_open(row, refusal, is_waiting)
    return ReportLine(
        text=row.sentence.text,
        row=index,
        words=row.words,
        is_faded=row.is_faded,
        figures=_figures(result) if result is not None and has_place else (),
        remark=remark,
        reference=_references_text(references, result),
        tool_tip="\n".join(_tips(row, result, refusal, references)),
        result=result,
    )


def _why_open(row: ReportRow, refusal: str | None, is_waiting: bool) -> str:
    if row.prompt is None:
        return "too long for one place"
    if refusal is not None:
        return "not understood"
    return "\u2026" if is_waiting else ""


def _figures(result: GroundingResult) -> tuple[str, ...]:
    name = result.slice_index if result.image_number is None else result.image_number
    low, high = result.interval_mm
    # The model's positions are 5 to 12 mm thick: no decimals.
    interval = f"{_signed(low)}\u2026{_signed(high)}"
    return str(name), _signed(result.z_mm), interval, _signed(result.score, 2)


def _references_text(references: Sequence[PlacedReference], result: GroundingResult | None) -> str:
    """Differences, or why there are none; named where there are several, as one stands in the sentence itself."""
    texts = [_difference_text(reference, result) for reference in references]
    if len(references) == 1:
        return texts[0]
    return ", ".join(f"{reference.name} {text}" for reference, text in zip(references, texts, strict=True))


def _difference_text(reference: PlacedReference, result: GroundingResult | None) -> str:
    difference = reference.difference_mm(result)
    if difference is None:
        return reference.short_reason
    return f"{'~' if reference.is_approximate else ''}{_difference(difference)} mm"


def _tips(
    row: ReportRow, result: GroundingResult | None, refusal: str | None, references: Sequence[PlacedReference]
) -> Iterator[str]:
    yield row.sentence.text
    if row.words:
        yield f"Recognised as: {', '.join(row.words)}."
    if refusal is not None:
        yield refusal
    elif row.prompt is None:
        yield "The sentence is too long to point to one place. Double click or F2: shorten it, or split it by a full stop."
    if result is not None and not result.has_location:
        yield "No clear location: no place in this scan fits the sentence clearly."
    for reference in references:
        yield _reference_tip(reference, result)


def _reference_tip(reference: PlacedReference, result: GroundingResult | None) -> str:
    if not reference.z_mm:
        return f"The report says {reference.long_name}. {reference.reason}"
    low, high = reference.range_mm or (0.0, 0.0)
    place = f"z {_signed(low, 1)} mm" if low == high else f"z {_signed(low, 1)} to {_signed(high, 1)} mm"
    text = f"The report says {reference.long_name}: {place}"
    if reference.reason:
        text += f". {reference.reason.rstrip('.')}"
    difference = reference.difference_mm(result)
    if difference is None:
        return f"{text}."
    if round(difference) == 0:
        return f"{text}; the prediction is the same within 1 mm."
    side = "above it, towards the head" if difference > 0 else "below it"
    return f"{text}; the prediction lies {abs(difference):.0f} mm {side}."


def walkable(line: ReportLine) -> bool:
    """Whether the arrow keys stop here: a finding of this study that has a place."""
    return line.place is not None and not line.is_faded


def status_text(lines: Sequence[ReportLine], num_hidden: int, progress: tuple[int, int] | None) -> tuple[str, str]:
    """Return what the list holds, in a word or two and as a tooltip.

    Parameters
    ----------
    lines : sequence of ReportLine
    num_hidden : int
        Sentences that the filter leaves out.
    progress : tuple of int, optional
        (done, total) while places are looked for.
    """
    if progress is not None:
        return f"{progress[0]} of {progress[1]}", "Sentences whose place was looked for"
    sentences = [line for line in lines if line.row is not None]
    num_walked = sum(map(walkable, sentences))
    counts = [f"{len(sentences)} sentences", f"{num_walked} of them findings with a place"]
    counts += [f"{num_hidden} hidden by the filter"] if num_hidden else []
    keys = "Up and down: walk the findings; with Ctrl: every sentence. Enter: go there again. F2: edit. Del: remove."
    return f"{num_walked} finding{'' if num_walked == 1 else 's'}", f"{', '.join(counts)}.\n{keys}"


def lines_text(lines: Sequence[ReportLine]) -> str:
    """Return lines as tab-separated text with a head, for a spreadsheet; headings become a column."""
    out = [
        "\t".join(
            ("section", "sentence", "recognised", "slice", "image number", "z mm", "interval low mm", "interval high mm",
             "score", "report says")
        )
    ]  # fmt: skip
    section = ""
    for line in lines:
        if line.row is None:
            section = line.text
            continue
        place, score = ["", "", "", "", ""], ""
        if line.result is not None:
            score = f"{line.result.score:.3f}"
            place[0] = NO_LOCATION
        if (result := line.place) is not None:
            place = [str(result.slice_index), "" if result.image_number is None else str(result.image_number)]
            place += [f"{result.z_mm:.1f}", f"{result.interval_mm[0]:.1f}", f"{result.interval_mm[1]:.1f}"]
        sentence = " ".join(line.text.split())
        out.append("\t".join([section, sentence, ", ".join(line.words), *place, score, line.reference]))
    return "\n".join(out)


def _difference(value: float) -> str:
    rounded = round(value)
    sign = "+" if rounded > 0 else "\u2212" if rounded < 0 else "\u00b1"
    return f"{sign}{abs(rounded)}"


def _signed(value: float, digits: int = 0) -> str:
    return f"{value:.{digits}f}".replace("-", "\u2212")
