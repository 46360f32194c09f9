"""A report of 40 sentences, none of them met before, on a scan that is encoded: seconds until all have their places.

``python -m tests.benchmarks.report_grounding SCAN [REPEATS]``

The work is that of the tab "Report" on the inference thread: `ground_chunk`, some sentences to a job. Splitting the text is
measured, too. Every repetition has other sizes in its sentences, so that nothing comes from memory.
"""

from __future__ import annotations

import sys
import time

from napari_ct_grounding.inference.session import GroundingSession
from napari_ct_grounding.readers import read_volume
from napari_ct_grounding.widgets.jobs import JobContext
from napari_ct_grounding.widgets.report.grounding import CHUNK, ground_chunk
from napari_ct_grounding.widgets.report.rows import rows_of
from tests.benchmarks.measure import report, spread

NUM_SENTENCES = 40
PLACES = ("left upper lobe", "right hilum", "liver segment VII", "aortic arch", "left adrenal gland")
WORDINGS = (
    "Spiculated nodule of {size} mm in the {place}, slightly larger than before (series 4, image {size}).",
    "No suspicious lymph nodes near the {place} above {size} mm.",
    "Rundliche Läsion von {size} mm, Lokalisation: {place}.",
    "Unremarkable {place} apart from a calcification of {size} mm.",
    "There is a hypodense lesion of {size} mm close to the {place}, which may represent a cyst.",
    "Status post resection at the {place}, with a scar of {size} mm.",
    "Verdickung von {size} mm ({place}).",
    "Compared to the previous study, a new opacity of {size} mm has appeared in the {place}.",
)


def text_of(repeat: int) -> str:
    """A report of 40 sentences; other figures in each repetition."""
    pairs = [(wording, place) for place in PLACES for wording in WORDINGS]
    assert len(pairs) == NUM_SENTENCES
    sizes = (10 + repeat * NUM_SENTENCES + number for number in range(NUM_SENTENCES))
    lines = [wording.format(place=place, size=size) for (wording, place), size in zip(pairs, sizes, strict=True)]
    return "Findings:\n" + "\n".join(lines)


def main() -> None:
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    session = GroundingSession.from_pretrained("bundled", device="cpu")
    encoded = session.encode(read_volume(sys.argv[1]))
    session.ground(["Warm-up sentence."])
    split_s, ground_s, chunk_s, cpu_s = [], [], [], []
    for repeat in range(repeats):
        start = time.perf_counter()
        prompts = [row.prompt or "" for row in rows_of(text_of(repeat))]
        split_s.append(time.perf_counter() - start)
        assert len(set(prompts)) == NUM_SENTENCES, len(set(prompts))
        start, cpu_start = time.perf_counter(), time.process_time()
        for first in range(0, NUM_SENTENCES, CHUNK):
            began = time.perf_counter()
            context = JobContext(first, lambda *_: None)
            results, refused = ground_chunk(
                prompts[first : first + CHUNK], first, NUM_SENTENCES, session, encoded, context
            )
            assert len(results) + len(refused) == len(prompts[first : first + CHUNK])
            chunk_s.append(time.perf_counter() - began)
        ground_s.append(time.perf_counter() - start)
        cpu_s.append(time.process_time() - cpu_start)
    report(
        split_s=min(split_s),
        grounded_s=spread(ground_s)["median"],
        cpu_s=spread(cpu_s)["median"],
        chunk_s=spread(chunk_s)["median"],
        n=repeats,
    )


if __name__ == "__main__":
    main()
