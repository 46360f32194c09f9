from __future__ import annotations

import numpy as np

from train.data.scan_records import ReportTexts
from train.fit.report_text import draw_report, report_key, report_text
from train.radfinder_recipe import ReportRecipe

TEXTS = ReportTexts(
    findings="Small nodule, unchanged.",
    impressions="Stable nodule.",
    findings_by_organ=(("Lung", "Small nodule"), ("Heart", "Normal"), ("Liver", "Cyst")),
    findings_without_comparison="Small nodule.",
    impressions_without_comparison="Nodule.",
)


def drawn(seed, **chances):
    chances = {"organ_list_chance": 0.0, "no_comparison_chance": 0.0, "drop_findings_chance": 0.0, **chances}
    return draw_report(TEXTS, ReportRecipe(**chances), np.random.default_rng(seed))


def test_a_report_has_the_form_that_the_released_network_reads():
    assert report_text("Impressions: a. impressions", "b.") == "Findings: : a. \nImpressions: b.\n"
    assert drawn(0) == "Findings: Small nodule, unchanged.\nImpressions: Stable nodule.\n"


def test_each_variation_is_there_and_impressions_always_stay():
    assert drawn(0, no_comparison_chance=1.0) == "Findings: Small nodule.\nImpressions: Nodule.\n"
    assert drawn(0, drop_findings_chance=1.0) == "Findings: \nImpressions: Stable nodule.\n"
    lists = {drawn(seed, organ_list_chance=1.0) for seed in range(20)}
    assert len(lists) == 6  # every order of three organs
    assert all(text.startswith("Findings: Findings per organ:\n") for text in lists)
    assert all("Liver: Cyst" in text and text.endswith("Impressions: Stable nodule.\n") for text in lists)


def test_findings_are_dropped_only_where_comparisons_were_kept():
    both = {drawn(seed, no_comparison_chance=0.5, drop_findings_chance=1.0) for seed in range(30)}
    assert both == {"Findings: Small nodule.\nImpressions: Nodule.\n", "Findings: \nImpressions: Stable nodule.\n"}


def test_variations_come_as_often_as_the_recipe_says():
    rng = np.random.default_rng(0)
    texts = [draw_report(TEXTS, ReportRecipe(), rng) for _ in range(4000)]
    shares = [np.mean([word in text for text in texts]) for word in ("per organ", ": Nodule.", "Findings: \n")]
    np.testing.assert_allclose(shares, [0.15, 0.214, (1 - 0.214) * 0.176 * 0.85], atol=0.02)


def test_reports_that_say_the_same_have_one_key():
    same = ReportTexts(findings="small  NODULE,\nunchanged.", impressions="Stable nodule.")
    assert report_key(same) == report_key(TEXTS)
    assert report_key(ReportTexts(findings="Small nodule.")) != report_key(TEXTS)
