"""The text of a report as training reads it: another version each time, so that the text side learns meaning and not form.

RadFinder (arXiv 2603.02026, section 3): findings as a list by organ, or without comparisons, or left out; impressions
always stay.
"""

from __future__ import annotations

import hashlib

import numpy as np

from train.data.scan_records import ReportTexts
from train.radfinder_recipe import ReportRecipe

__all__ = ["draw_report", "report_key", "report_text"]


def report_text(findings: str, impressions: str) -> str:
    """Return a report in the form that the released network reads; it never meets "Impressions" within findings."""
    for word in ("Impressions", "impressions"):
        findings = findings.replace(word, "")
    return f"Findings: {findings}\nImpressions: {impressions}\n"


def draw_report(texts: ReportTexts, recipe: ReportRecipe, rng: np.random.Generator) -> str:
    """Return one version of a report.

    Four draws are made whatever the report holds, so that one scan's texts do not shift the draws of the next.
    """
    by_organ, without_comparison, without_findings = rng.random(3)
    order = rng.permutation(len(texts.findings_by_organ))
    findings, impressions = texts.findings, texts.impressions
    if without_comparison < recipe.no_comparison_chance:
        findings = texts.findings_without_comparison or findings
        impressions = texts.impressions_without_comparison or impressions
        is_without_findings = False
    else:
        is_without_findings = without_findings < recipe.drop_findings_chance
    if texts.findings_by_organ and by_organ < recipe.organ_list_chance:
        lines = (f"{organ}: {text}" for organ, text in (texts.findings_by_organ[i] for i in order))
        findings = "\n".join(["Findings per organ:", *lines])
    return report_text("" if is_without_findings else findings, impressions)


def report_key(texts: ReportTexts) -> int:
    """Return a number that is the same for reports that say the same."""
    said = " ".join(f"{texts.findings} {texts.impressions}".lower().split())
    return int.from_bytes(hashlib.blake2b(said.encode(), digest_size=8).digest(), "big", signed=True)
