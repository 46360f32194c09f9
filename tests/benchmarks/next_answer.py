"""A session that has encoded the scan: seconds for one more sentence, none of them met before.

``python -m tests.benchmarks.next_answer SCAN``
"""

from __future__ import annotations

import sys
import time

from napari_ct_grounding.inference.session import GroundingSession
from napari_ct_grounding.readers import read_volume
from tests.benchmarks.measure import report, spread

PLACES = ("carina", "aortic arch", "left ventricle", "liver dome", "gallbladder")
WORDINGS = (
    "Level of the {}.",
    "Small hypodense lesion near the {}.",
    "Kein Nachweis einer Raumforderung, {}.",
    "{} enlarged.",
)


def main() -> None:
    start = time.perf_counter()
    session = GroundingSession.from_pretrained("bundled", device="cpu")
    loaded_s = time.perf_counter() - start
    start = time.perf_counter()
    volume = read_volume(sys.argv[1])
    read_s = time.perf_counter() - start
    start = time.perf_counter()
    session.encode(volume)
    encoded_s = time.perf_counter() - start
    session.ground(["Warm-up sentence."])
    seconds = []
    for sentence in (wording.format(place) for place in PLACES for wording in WORDINGS):
        start = time.perf_counter()
        session.ground([sentence])
        seconds.append(time.perf_counter() - start)
    start = time.perf_counter()
    session.score_diseases()
    diseases_s = time.perf_counter() - start
    report(loaded_s=loaded_s, read_s=read_s, encoded_s=encoded_s, diseases_s=diseases_s, **spread(seconds))


if __name__ == "__main__":
    main()
