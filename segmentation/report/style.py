"""The style sheet of the report: readable on a phone and on paper, in light and in dark."""

CSS = """
:root { color-scheme: light dark;
  --page: #fbfbfa; --card: #ffffff; --text: #1c1d1f; --soft: #5d6168; --edge: #dcdcd8; --accent: #0b62a4;
  --s0: #0b62a4; --s1: #b3500b; --s2: #2f7d4f; --heat: 11 98 164; }
@media (prefers-color-scheme: dark) { :root {
  --page: #15171a; --card: #1e2125; --text: #e9eaec; --soft: #a3a8b0; --edge: #363b42; --accent: #7cbcf0;
  --s0: #7cbcf0; --s1: #f2a65e; --s2: #7fcf9d; --heat: 40 110 170; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 4rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; }
p { margin: .25rem 0 .75rem; max-width: 46rem; }
a { color: var(--accent); }
.soft, figcaption { color: var(--soft); font-size: .875rem; }
.notice { border-left: 4px solid var(--s1); padding: .5rem .75rem; background: var(--card); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.6rem, 1fr)); gap: .75rem; margin: 1.25rem
  0; padding: 0; }
.cards div { background: var(--card); border: 1px solid var(--edge); border-radius: .5rem; padding: .7rem .85rem; }
.cards dt { color: var(--soft); font-size: .8125rem; line-height: 1.3; }
.cards dd { margin: .15rem 0 0; font-size: 1.2rem; font-weight: 600; line-height: 1.2; font-variant-numeric:
  tabular-nums; }
.cards .first { border-color: var(--accent); border-width: 2px; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem; }
.card { background: var(--card); border: 1px solid var(--edge); border-radius: .5rem; padding: 1rem; margin: 0;
  min-width: 0; }
.chart { display: block; width: 100%; height: auto; }
.chart text { fill: var(--soft); font-size: 13px; }
.chart .grid { stroke: var(--edge); }
.chart .marked { stroke: var(--soft); stroke-dasharray: 3 4; }
.line { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
.line.s0 { stroke: var(--s0); } .line.s1 { stroke: var(--s1); stroke-dasharray: 7 4; } .line.s2 { stroke: var(--s2);
  stroke-dasharray: 2 4; }
.dot.s0 { fill: var(--s0); } .dot.s1 { fill: var(--s1); } .dot.s2 { fill: var(--s2); }
.key, .legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .6rem 0 0; padding:
  0; font-size: .875rem; }
.legend { margin: 0 0 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--edge); white-space: nowrap; }
th { font-weight: 600; }
.wide thead th:first-child { text-align: left; }
th[scope=row], .left th, .left td { text-align: left; }
.left td { white-space: normal; overflow-wrap: anywhere; }
.wide { width: 100%; }
.swatch { display: inline-block; width: .85em; height: .85em; margin-right: .45em; border-radius: 2px; border: 1px
  solid var(--soft);
  vertical-align: -.08em; }
.bar { display: inline-block; width: 5rem; height: .6em; margin-left: .5rem; background: var(--edge); border-radius:
  3px; overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--s0); }
.heat td { text-align: center; min-width: 2.6rem; border: 1px solid var(--edge); }
.heat td.hit { outline: 2px solid var(--text); outline-offset: -2px; }
.heat thead th { text-align: center; }
.heat .zero { color: var(--soft); }
.two.pictures { grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
.triple { display: grid; grid-template-columns: repeat(3, 1fr); gap: .35rem; }
.triple img { width: 100%; height: auto; display: block; image-rendering: pixelated; border: 1px solid var(--edge);
  background: #000; }
.triple span { font-size: .75rem; color: var(--soft); }
figure { margin: 0; }
figcaption { margin-top: .5rem; overflow-wrap: anywhere; }
.graph { overflow: auto; max-height: 80vh; background: var(--card); border-radius: .5rem; border: 1px solid
  var(--edge); padding: .5rem; }
.graph svg { display: block; margin: 0 auto; height: auto; }
summary { cursor: pointer; padding: .35rem 0; color: var(--accent); }
pre { background: var(--card); border: 1px solid var(--edge); border-radius: .5rem; padding: .75rem; overflow-x:
  auto; font-size: .875rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
@media (max-width: 30rem) { .chart text { font-size: 18px; } }
@media print { body { max-width: none; } .graph { max-height: none; } .card, figure { break-inside: avoid; } }
"""
