#!/usr/bin/env bash
# Finds what napari needs from a Debian or Ubuntu system and lacks there. Prints the one command that installs it, or runs
# that command where CI=true and the user is root. Silent when nothing is missing; other systems are left alone.
set -euo pipefail
[ "$(uname -s)" = Linux ] || exit 0
command -v apt-get >/dev/null || exit 0
export PATH="$PATH:/usr/sbin:/sbin"

# shared library -> package that brings it
libraries="
libEGL.so.1            libegl1
libGL.so.1             libgl1
libOpenGL.so.0         libopengl0
libX11-xcb.so.1        libx11-xcb1
libdbus-1.so.3         libdbus-1-3
libfontconfig.so.1     libfontconfig1
libglib-2.0.so.0       libglib2.0-0
libxcb-cursor.so.0     libxcb-cursor0
libxcb-icccm.so.4      libxcb-icccm4
libxcb-image.so.0      libxcb-image0
libxcb-keysyms.so.1    libxcb-keysyms1
libxcb-randr.so.0      libxcb-randr0
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0      libxcb-shape0
libxcb-xinerama.so.0   libxcb-xinerama0
libxcb-xkb.so.1        libxcb-xkb1
libxkbcommon-x11.so.0  libxkbcommon-x11-0
libxkbcommon.so.0      libxkbcommon0
"
missing=()
present=$(ldconfig -p)
while read -r library package; do
    [ -z "$library" ] || grep -qF "$library" <<<"$present" || missing+=("$package")
done <<<"$libraries"
"${PYTHON:-python3}" -c "import ensurepip, venv" 2>/dev/null || missing+=(python3-venv)
if [ -n "${NEEDS_SCREEN:-}" ]; then
    command -v xvfb-run >/dev/null || missing+=(xvfb)
    command -v xauth >/dev/null || missing+=(xauth)
    compgen -G "/usr/lib/*/dri/*_dri.so" >/dev/null || missing+=(libgl1-mesa-dri)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
    echo "System packages are missing. Install them once, then repeat:" >&2
    echo "    sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
