"""A report in one piece, taken apart into findings and impression."""

from __future__ import annotations

import re

__all__ = ["findings_and_impression"]

_IMPRESSION = re.compile(
    r"^[ \t]*(?:impressions?(?:\(s\))?|conclusions?|beurteilung|zusammenfassung)[ \t]*:[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_FINDINGS = re.compile(r"^[ \t]*(?:findings|befund(?:e)?)[ \t]*:[ \t]*", re.IGNORECASE | re.MULTILINE)
_FIRST_ITEM = re.compile(r"^[ \t]*1[.)][ \t]+\S", re.MULTILINE)
_ANY_ITEM = re.compile(r"^[ \t]*\d{1,2}[.)][ \t]+\S")


def findings_and_impression(report: str) -> tuple[str, str]:
    """Return (findings, impression) of a report, English or German.

    The impression begins at the last heading "Impression:" (or its like); without one it is the numbered list at the report's
    end; without either it is empty. A heading "Findings:" cuts off what stands before it.
    """
    text = report.replace("\r\n", "\n")
    headings = list(_IMPRESSION.finditer(text))
    if headings:
        findings, impression = text[: headings[-1].start()], text[headings[-1].end() :]
        if not findings.strip() and (later := _FINDINGS.search(impression)):  # impression first, as some write
            findings, impression = impression[later.start() :], impression[: later.start()]
    else:
        start = _trailing_list(text)
        findings, impression = text[:start], text[start:]
    if heading := _FINDINGS.search(findings):
        findings = findings[heading.end() :]
    return findings.strip(), impression.strip()


def _trailing_list(text: str) -> int:
    """Where the numbered list at the end begins; the text's length where there is none.

    Lines of an item may be wrapped, but no blank line parts the list from the end of the report.
    """
    items = list(_FIRST_ITEM.finditer(text))
    if not items:
        return len(text)
    start = items[-1].start()
    blocks = [block for block in re.split(r"\n\s*\n", text[start:].strip()) if block]
    return start if all(_ANY_ITEM.match(block) for block in blocks) else len(text)
