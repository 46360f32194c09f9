"""The display window that a sentence asks for."""

from __future__ import annotations

import pytest

from napari_ct_grounding.export.display_choice import window_for


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("Nodule in the right upper lobe.", "Lung"),
        ("Milchglastrübungen im linken Unterlappen", "Lung"),
        ("Centrilobular emphysema", "Lung"),
        ("Cyst in the right lobe of the liver.", "Abdomen"),
        ("Kleine Zyste in der rechten Niere.", "Abdomen"),
        ("Nebennierenadenom links", "Abdomen"),
        ("Pulmonary embolism in the right lower lobe artery.", "Mediastinum"),
        ("Pleuraerguss rechts basal.", "Mediastinum"),
        ("Vergrößerte Lymphknoten subkarinal", "Mediastinum"),
        ("Coronary calcification", "Mediastinum"),
        ("Mass in the left hilum.", "Mediastinum"),
        ("Fraktur der 4. Rippe links", "Bone"),
        ("Degenerative changes of the thoracic vertebral bodies", "Bone"),
        ("Something remarkable", "Mediastinum"),
        ("", "Mediastinum"),
    ],
)
def test_the_window_is_that_of_the_organ_the_sentence_speaks_of(sentence: str, name: str) -> None:
    assert window_for(sentence).name == name
