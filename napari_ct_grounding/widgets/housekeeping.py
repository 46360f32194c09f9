"""What the menu with three dots does: embeddings on disk, and the log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices, QGuiApplication

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.diagnostics import diagnostics_text, failure_name
from napari_ct_grounding.widgets.jobs import Continuations, JobContext, Jobs
from napari_ct_grounding.widgets.log_file import log_folder
from napari_ct_grounding.widgets.panels.session_menu import MenuFacts
from napari_ct_grounding.widgets.requests import AUTO
from napari_ct_grounding.widgets.settings import read_settings, write_settings
from napari_ct_grounding.widgets.wording import bytes_text, coverage_label, error_text
from napari_ct_grounding.widgets.work import SessionStore, user_cache

__all__ = ["Housekeeping"]


class Housekeeping:
    """Answers the menu.

    Parameters
    ----------
    controller : GroundingController
    store : SessionStore
        Told whether sessions may keep embeddings on disk.
    jobs : Jobs
        Where files are deleted.
    """

    def __init__(self, controller: GroundingController, store: SessionStore, jobs: Jobs) -> None:
        self._controller = controller
        self._store = store
        self._jobs = jobs
        self._last_failure = ""
        store.keeps_embeddings = read_settings().keeps_embeddings

    def menu_facts(self) -> MenuFacts:
        """What the menu shows now."""
        return replace(self._choices(), **self._cache_facts())

    def _choices(self) -> MenuFacts:
        facts, intent = self._controller.facts, self._controller.intent
        if facts is None:
            return MenuFacts()
        precisions = [(AUTO, f"Automatic ({facts.precision})" if intent.precision == AUTO else "Automatic")]
        return MenuFacts(
            coverages=[(coverage, coverage_label(coverage)) for coverage in facts.coverages],
            coverage=intent.coverage if intent.coverage in facts.coverages else facts.coverages[0],
            precisions=[*precisions, *((name, name) for name in facts.precisions)] if len(facts.precisions) > 1 else [],
            precision=intent.precision,
        )

    def _cache_facts(self) -> dict[str, Any]:
        try:
            cache = user_cache()
        except InputError as error:
            return {"cache_text": error_text(error), "is_kept": None}
        if cache is None:
            return {"cache_text": "switched off by CT_GROUNDING_CACHE", "is_kept": None}
        size = cache.size_bytes
        return {
            "cache_text": f"{bytes_text(size)} of {bytes_text(cache.max_bytes)} on disk" if size else "none on disk",
            "is_cache_empty": size == 0,
            "is_kept": self._store.keeps_embeddings,
        }

    def set_keeping(self, is_kept: bool) -> None:
        """Keep embeddings on disk from now on, or do not; what is there stays until it is cleared."""
        self._store.keeps_embeddings = is_kept
        try:
            write_settings(replace(read_settings(), keeps_embeddings=is_kept))
        except OSError as error:
            show_warning(f"The choice holds until napari is closed; it could not be stored ({error.strerror}).")

    def clear_cache(self) -> None:
        """Delete the embeddings on disk."""
        self._jobs.submit(
            _clear_cache,
            Continuations(on_done=_tell_cleared, on_failed=lambda error: show_warning(error_text(error))),
        )

    def remember_failure(self, error: Exception) -> None:
        """Keep what kind of error came last, for `copy_diagnostics`."""
        self._last_failure = failure_name(error)

    def copy_diagnostics(self) -> None:
        """Put onto the clipboard what helps with a fault and tells nothing of the patient."""
        QGuiApplication.clipboard().setText(diagnostics_text(self._controller, self._last_failure))
        show_info("Copied: versions, device and size of the scan. No names, paths, UIDs or texts are among them.")

    def open_log_folder(self) -> None:
        """Show the folder of the log in the system's file browser."""
        folder = log_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            show_warning(f"The log folder cannot be made ({error.strerror}).")
            return
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            show_info(f"The log lies in {folder}")


def _clear_cache(_context: JobContext) -> int:
    cache = user_cache()
    return 0 if cache is None else cache.clear()


def _tell_cleared(num_bytes: int) -> None:
    show_info(f"Encoded scans removed from disk: {bytes_text(num_bytes)} set free.")
