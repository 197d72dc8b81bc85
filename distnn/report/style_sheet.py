"""The page's style: light or dark as the reader's system is, and from a phone's width on."""

from distnn.report.style import GRID, INK, SERIES

_LIGHT = {"ink": INK, "grid": GRID, "ground": "#ffffff", "panel": "#f6f7f9", "quiet": "#59626d", "mark": "#9a5b00"}
_DARK = {
    "ink": "#e4e7eb",
    "grid": "#3a414a",
    "ground": "#14171b",
    "panel": "#1d2126",
    "quiet": "#a0a9b4",
    "mark": "#e8b04a",
}
_DARK_SERIES = ("#6ea1ff", "#ff8a5c", "#5fc774", "#d08ae4", "#4fc3d9", "#f37aa4", "#b9c94f", "#c9a18d")


def _variables(colors: dict[str, str], series: tuple[str, ...]) -> str:
    named = {**colors, **{f"series-{place}": color for place, color in enumerate(series)}}
    return ":root{" + "".join(f"--{name}:{color};" for name, color in named.items()) + "}"


STYLE_SHEET = f"""
{_variables(_LIGHT, SERIES)}
@media (prefers-color-scheme: dark) {{ {_variables(_DARK, _DARK_SERIES)} svg image {{ filter: brightness(1.55); }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--ground); color: var(--ink); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }}
main {{ max-width: 92rem; margin: 0 auto; padding: 1rem; }}
h1 {{ font-size: 1.5rem; margin: 0.5rem 0; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.15rem; margin: 2rem 0 0.5rem; border-bottom: 1px solid var(--grid); }}
p, li {{ max-width: 50rem; overflow-wrap: anywhere; }}
.lacking {{ margin: 0.75rem 0; padding: 0.5rem 1rem 0.5rem 2rem; background: var(--panel);
  border-left: 4px solid var(--mark); }}
.figures {{ display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr)); }}
figure {{ margin: 0; padding: 0.5rem; background: var(--panel); border-radius: 6px; min-width: 0; }}
figure svg {{ display: block; width: 100%; height: auto; stroke-linejoin: round; stroke-linecap: butt; }}
figcaption {{ font-size: 0.85rem; color: var(--quiet); padding: 0.25rem 0.25rem 0; overflow-wrap: anywhere; }}
.table {{ overflow-x: auto; margin: 0.5rem 0; }}
table {{ border-collapse: collapse; font-size: 0.9rem; }}
th, td {{ padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--grid); }}
th {{ font-weight: 600; }}
.table:not(.numbers) th {{ white-space: nowrap; }}
.numbers td {{ max-width: 18rem; }}
.numbers td, .numbers th:not(:first-child) {{ text-align: right; font-variant-numeric: tabular-nums; }}
details {{ margin: 0.5rem 0; }}
summary {{ cursor: pointer; overflow-wrap: anywhere; }}
pre {{ background: var(--panel); padding: 0.6rem; overflow-x: auto; border-radius: 6px; font-size: 0.85rem; }}
footer {{ margin: 2rem 0 1rem; font-size: 0.85rem; color: var(--quiet); }}
@media print {{ figure {{ break-inside: avoid; }} }}
"""
