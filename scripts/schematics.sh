#!/usr/bin/env bash
# Draws the schematics of the README (PNG) from their sources in docs/ (SVG), twice as large as they are shown, and notes
# the hashes of both in docs/schematics.sha256, by which a test knows that source and drawing belong together.
set -euo pipefail
cd "$(dirname "$0")/.."

tools_are_here() {
  command -v rsvg-convert >/dev/null && command -v pngquant >/dev/null && command -v fc-list >/dev/null &&
    [[ -n $(fc-list Lato) ]]
}
tools_are_here || scripts/setup/packages.sh librsvg2-bin pngquant fontconfig fonts-lato

drawing=$(mktemp)
trap 'rm -f "$drawing"' EXIT
for name in compose_schematic kubernetes_schematic; do
  # 256 colours show no difference, at a third of the size.
  rsvg-convert --zoom 2 "docs/$name.svg" | pngquant --strip --speed 1 256 - >"$drawing"
  cat "$drawing" >"$name.png"
  echo "$name.png is drawn from docs/$name.svg"
done
sha256sum docs/*_schematic.svg ./*_schematic.png | sed 's|\./||' >docs/schematics.sha256
