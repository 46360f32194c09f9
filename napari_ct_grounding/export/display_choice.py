"""Which display window shows what a sentence speaks of: English and German words, the first rule that fits."""

from __future__ import annotations

import re

from napari_ct_grounding.core.display import DISPLAY_WINDOWS, DisplayWindow

__all__ = ["window_for"]

_BY_NAME = {window.name: window for window in DISPLAY_WINDOWS}

#: Vessels, nodes and fluid of the chest come first: their words hold those of the lung ("pulmonary artery", "Lungenembolie").
_RULES = tuple(
    (_BY_NAME[name], re.compile(words, re.IGNORECASE))
    for name, words in (
        ("Abdomen", r"\b(liver|hepat|leber|spleen|splen|milz|kidney|renal|niere|pancrea|pankrea|gallbl|gallen|cholecyst|adrenal|"
                    r"nebennier|bowel|colon|kolon|sigma|sigmoid|darm|stomach|gastric|magen|duoden|bladder|harnblase|prostat|uter|ovar|"
                    r"ascit|aszit|periton|retroperiton|mesent|appendi)"),
        ("Mediastinum", r"lymph|embol|embolie|arter|aort|aneurys|vein|\bvena|vene\b|effusion|erguss|pericard|perikard|cardi|"
                        r"kardi|\bheart|\bherz|mediast|thyroid|schilddr|oesoph|esoph|\u00f6soph|breast|mamma|hernia|hernie|"
                        r"coronar|koronar|axill|\bhil(?:um|ar|us|i)"),
        ("Bone", r"fract|fraktur|\brib|rippe|vertebr|wirbel|spine|spinal|osteo|skelet|\bbone|\bossa|oss\u00e4r|knochen|"
                 r"stern(?:um|al)|"
                 r"scapul|skapul|clavic|klavik|\blytic|lytisch|spondyl|femur|pelvic bone|humer|\bhip\b|h\u00fcft"),
        ("Lung", r"\blung|lungen|pulmon|lobe\b|lobar|lappen|bronch|emphysem|ground.glass|milchglas|consolid|konsolid|infiltrat|"
                 r"atelect|atelekt|fibros|fibrot|pneumothorax|pneumon|nodul|rundherd|honeycomb|reticul|retikul|"
                 r"interstit|trachea|carina|karina|airway|apical|apex|apikal|mosaic|mosaik|lingula|tree.in.bud|hemidiaphragm"),
    )
)  # fmt: skip


def window_for(sentence: str) -> DisplayWindow:
    """Return the window in which the sentence's organ is read; the mediastinal one where no word tells."""
    return next((window for window, words in _RULES if words.search(sentence)), _BY_NAME["Mediastinum"])
