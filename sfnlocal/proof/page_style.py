"""How a proof's page looks: colours for light and dark surroundings and for paper, no font or
picture to load. The script shows what the mouse rests on in a panel; without it the browser's own
hint does.

The colours are those of GitHub's Primer. https://primer.style/product/primitives/color/
"""

from __future__ import annotations

# Name, light, dark.
_COLOURS = (
    ("page", "#ffffff", "#0d1117"),
    ("card", "#f6f8fa", "#151b23"),
    ("ink", "#1f2328", "#f0f6fc"),
    ("pale", "#59636e", "#9198a1"),
    ("line", "#d1d9e0", "#3d444d"),
    ("good", "#2da44e", "#3fb950"),
    ("good-ink", "#1a7f37", "#3fb950"),
    ("back", "#218bff", "#4493f8"),
    ("letter", "#a475f9", "#ab7df8"),
    ("bad", "#cf222e", "#f85149"),
    ("bad-ink", "#b3202c", "#ff8f87"),
    ("bad-page", "#ffebe9", "#2d1315"),
    ("warn", "#9a6700", "#d29922"),
    ("warn-page", "#fff8c5", "#332b06"),
    ("partial", "#d4a72c", "#d29922"),
    ("c0", "#bf3989", "#db61a2"),
    ("c1", "#bc4c00", "#db6d28"),
    ("c2", "#0969da", "#4493f8"),
    ("c3", "#1a7f37", "#3fb950"),
    ("c4", "#8250df", "#ab7df8"),
    ("c5", "#9a6700", "#d29922"),
    ("c6", "#1b7c83", "#39c5cf"),
    ("c7", "#57606a", "#8b949e"),
)
CHART_COLOURS = 8

_RULES = """\
*{box-sizing:border-box}
body{font:14px/1.5 system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;
margin:0 auto;max-width:84rem;padding:2rem 1.5rem 9rem;background:var(--page);color:var(--ink)}
h1{font-size:1.9rem;line-height:1.2;margin:0}h2{font-size:1.6rem;margin:0;line-height:1.2}
section+section,table+section,p+section,details+section{margin-top:5rem}
h3{font-size:1.15rem;margin:2.5rem 0 .6rem}h4{font-size:1rem;margin:1.2rem 0 .3rem}
p{margin:.3rem 0;max-width:60rem}a{color:inherit}
.pale{color:var(--pale)}.good{color:var(--good-ink)}.bad{color:var(--bad-ink)}
.head{display:flex;align-items:center;gap:1rem;flex-wrap:wrap}
.badge{font-weight:600;border-radius:2rem;padding:.15rem .9rem;color:#fff;
background:var(--good-ink)}
.badge.not{background:var(--bad)}
.facts{display:flex;flex-wrap:wrap;
gap:.75rem;margin:1.2rem 0}
.fact{flex:0 1 auto;border:1px solid var(--line);border-radius:10px;padding:.55rem 1rem;
background:var(--card)}
.fact b{display:block;font-size:1.35rem;white-space:nowrap;line-height:1.25;
font-variant-numeric:tabular-nums}
table{border-collapse:collapse}
th,td{text-align:left;padding:.3rem .8rem .3rem 0;vertical-align:top}
th{font-weight:600;color:var(--pale)}
.lines td,.lines th{border-bottom:1px solid var(--line)}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.wide{overflow-x:auto}
.matrix th{white-space:nowrap}.matrix thead th{border-bottom:1px solid var(--line)}
.matrix tbody td,.matrix tbody th{padding-top:.28rem;padding-bottom:.18rem}
.matrix tbody tr:hover{background:var(--card)}
.matrix .owner th{color:var(--ink);padding-top:1rem;border-bottom:1px solid var(--line)}
.matrix .owner:hover{background:none}
.matrix .site{font-weight:400;color:var(--ink);padding-left:.8rem}
.matrix .runs{font-weight:400;color:var(--pale)}
.matrix td{min-width:4.2rem;max-width:15rem}
.fault{display:inline-flex;margin:0 .26rem .22rem 0;vertical-align:top}
.dot{width:.78rem;height:.78rem;margin-right:1px;background:var(--good);display:inline-block}
.dot:first-child{border-radius:3px 0 0 3px}.dot:last-child{border-radius:0 3px 3px 0;margin:0}
.dot:only-child{border-radius:3px}
.fault .dot:hover,.dot.pinned{outline:2px solid var(--ink);outline-offset:1px}
.dot.back{background:var(--back)}.dot.letter{background:var(--letter)}
.dot.violated{background:var(--bad);background-image:repeating-linear-gradient(45deg,
transparent 0 2px,var(--page) 2px 3.4px)}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.4rem;color:var(--pale);margin:.4rem 0 .8rem}
.legend .dot{margin-right:.35rem;vertical-align:-.08rem}
pre,code{font:12.5px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem 0}
code{overflow-wrap:anywhere}
.command{user-select:all;margin:.35rem 0;background:var(--card);
border:1px solid var(--line);border-radius:6px;
padding:.3rem .6rem;display:block}
.violation{border:1px solid var(--line);border-left:4px solid var(--bad);border-radius:8px;
padding:.7rem 1rem;margin:.7rem 0}
.violation h4{margin:0}
.minus{color:var(--bad-ink)}.plus{color:var(--good-ink)}
details{margin:.4rem 0}summary{cursor:pointer;font-weight:600}
.bar{display:inline-block;width:8rem;height:.6rem;border-radius:.3rem;background:var(--line);
overflow:hidden;vertical-align:.05rem}
.bar i{display:block;height:100%;background:var(--good)}
.bars{display:flex;height:1.15rem;min-width:2px}
.bars i{height:100%}.bars i:first-child{border-radius:4px 0 0 4px}
.bars i:last-child{border-radius:0 4px 4px 0}
.key i{display:inline-block;width:.78rem;height:.78rem;border-radius:3px;margin-right:.35rem;
vertical-align:-.08rem}
.pictures{display:flex;flex-wrap:wrap;gap:1rem;align-items:flex-start}
.picture{border:1px solid var(--line);border-radius:10px;padding:.5rem;overflow:auto;
flex:0 1 auto;max-width:100%}.picture:nth-last-child(2):first-child,
.picture:nth-last-child(2):first-child+.picture{max-width:calc(50% - .5rem)}
.picture svg{max-width:100%;height:auto}
.roles{columns:2 34rem;column-gap:1rem}
.role{break-inside:avoid;border:1px solid var(--line);border-radius:10px;padding:.6rem 1rem;
margin:0 0 1rem}
.role h4{margin:0 0 .3rem;overflow-wrap:anywhere}.role table{width:100%}
.role td{border-top:1px solid var(--line);overflow-wrap:anywhere}
.role .never{background:var(--warn-page)}.role .never td{color:var(--warn)}
.finding{border-left:4px solid var(--warn);padding:.1rem .8rem;margin:.5rem 0}
.finding.missing{border-color:var(--bad)}
.path{max-width:60rem}
svg .covered .box{fill:#dafbe1;stroke:#1a7f37;stroke-width:2}
svg .partly .box{fill:#fff3b8;stroke:#9a6700;stroke-width:2}
svg .missing .box{fill:#ffd8d3;stroke:#cf222e;stroke-width:2}
svg .unvisited{opacity:1}svg .unvisited .edge{stroke:#cf222e}svg .unvisited .head{fill:#cf222e}
svg .visited.edge,svg .visited.caught.edge{stroke:#1a7f37;stroke-width:2}
svg .visited.head,svg .visited.caught.head{fill:#1a7f37}
#panel{position:fixed;left:0;right:0;bottom:0;background:var(--card);max-height:45vh;overflow:auto;
border-top:1px solid var(--line);box-shadow:0 -4px 18px #0003;
padding:.5rem max(1.5rem,50vw - 40.5rem)}
#panel:empty{display:none}#panel pre{margin:0;user-select:text}
@media print{
body{padding:0;max-width:none;font-size:11px}#panel{display:none}section+section{break-before:page}
h3{break-after:avoid}tr,.violation,.role{break-inside:avoid}thead{display:table-header-group}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}"""
_DARK = """\
svg .covered .box{fill:#12311b;stroke:#3fb950}svg .partly .box{fill:#453803;stroke:#d29922}
svg .missing .box{fill:#67060c;stroke:#f85149}
svg .unvisited .edge{stroke:#f85149}svg .unvisited .head{fill:#f85149}
svg .visited.edge,svg .visited.caught.edge{stroke:#3fb950}
svg .visited.head,svg .visited.caught.head{fill:#3fb950}"""

# A click keeps what is shown, so that its command can be copied.
SCRIPT = """\
const panel=document.getElementById("panel");let pinned=null;
const show=dot=>{const text=document.createElement("pre");text.textContent=dot.dataset.told;
panel.replaceChildren(text)};
for(const dot of document.querySelectorAll(".fault .dot")){
dot.dataset.told=dot.title;dot.removeAttribute("title");
dot.onmouseenter=()=>{if(!pinned)show(dot)};
dot.onmouseleave=()=>{if(!pinned)panel.replaceChildren()};
dot.onclick=()=>{if(pinned)pinned.classList.remove("pinned");
pinned=pinned===dot?null:dot;show(dot);if(pinned)dot.classList.add("pinned")}}"""


def style() -> str:
    light = ";".join(f"--{name}:{colour}" for name, colour, _ in _COLOURS)
    dark = ";".join(f"--{name}:{colour}" for name, _, colour in _COLOURS)
    return (
        f":root{{color-scheme:light dark;{light}}}\n{_RULES}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}\n{_DARK}\n}}"
    )
