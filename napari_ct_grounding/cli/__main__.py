"""``python -m napari_ct_grounding.cli``, for an installation whose scripts are not on the path."""

from napari_ct_grounding.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
