/** Tokens of the console (light and dark), for a page that has to work from a file, on paper and years later. */
export const reportStyle = `
:root{color-scheme:light dark;
--page:#FBFBFA;--surface:#FFF;--raised:#F2F3F3;--ink:#16191C;--muted:#565C61;--link:#0F47C8;--edge:#7F858A;--line:#DCDFE1;
--ok:#0A9C93;--warn:#CB740F;--bad:#8E0F08;--unknown:#434049;--bar:#9AA3A9;--bar-2:#C3C9CD}
@media screen and (prefers-color-scheme:dark){:root{
--page:#0F1214;--surface:#161A1D;--raised:#1F2428;--ink:#E9ECEE;--muted:#A4ADB3;--link:#8FB6FF;--edge:#747D84;--line:#2C3338;
--ok:#AFE9D1;--warn:#F8C731;--bad:#DD2827;--unknown:#89868E;--bar:#6B757C;--bar-2:#454D53}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;overflow-wrap:anywhere}
main,header,footer{max-width:1120px;margin:0 auto;padding:0 24px}
header{padding-top:24px}
h1{font-size:28px;line-height:1.25;font-weight:600;margin:8px 0 12px;max-width:34em;text-wrap:balance}
h2{font-size:20px;font-weight:600;margin:40px 0 12px;padding-top:12px;border-top:1px solid var(--line)}
h3{font-size:16px;font-weight:600;margin:0}
h4{font-size:13px;font-weight:600;margin:20px 0 6px}
p{margin:0 0 8px;max-width:72ch}
a{color:var(--link)}
a:focus-visible{outline:2px solid var(--link);outline-offset:2px}
code,.num,td.num,.mono{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-variant-numeric:tabular-nums;font-size:12.5px}
.muted{color:var(--muted)}
.small{font-size:12px}
.badge{display:inline-block;border:1px solid var(--edge);border-radius:4px;padding:1px 8px;font-size:12px;font-weight:600;letter-spacing:.04em}
.badge.real{border:2px solid var(--bad)}
.g{font-weight:700;display:inline-block;min-width:1em;text-align:center;font-style:normal}
.g.ok{color:var(--ok)}.g.warn{color:var(--warn)}.g.bad{color:var(--bad)}.g.unknown{color:var(--unknown)}.g.plain{color:var(--muted)}
.status,.absent{white-space:nowrap}
.absent{color:var(--muted);border-bottom:1px dotted var(--unknown)}
.lede{font-size:16px;max-width:68ch}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(168px,1fr));background:var(--surface);border:1px solid var(--line);border-radius:4px;overflow:hidden;margin:16px 0}
.facts div{padding:8px 12px;box-shadow:1px 0 0 var(--line),0 1px 0 var(--line)}
.facts .wide{grid-column:span 2}
.facts dt{color:var(--muted);font-size:12px}
.facts dd{margin:0;font-size:14px}
.facts dd.big{font-size:16px;font-weight:600}
.attention{background:var(--surface);border:1px solid var(--line);border-left:4px solid var(--warn);border-radius:4px;padding:12px 16px;margin:16px 0}
.attention.none{border-left-color:var(--ok)}
.attention.bad{border-left-color:var(--bad)}
.attention h2{border:0;margin:0 0 6px;padding:0;font-size:16px}
.attention ul,.plain{margin:0;padding:0;list-style:none}
.attention li,.plain li{padding:3px 0 3px 1.6em;text-indent:-1.6em}
.attention .g,.plain .g{text-indent:0}
.lines{margin:0;padding:0;list-style:none}.lines li{padding:3px 0}
.fault p{max-width:88ch}.facts .sub{display:block;color:var(--muted);font-size:12px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;background:var(--surface);border:1px solid var(--line);font-size:13px}
caption{text-align:left;color:var(--muted);font-size:12px;padding:0 0 6px}
th,td{text-align:left;vertical-align:top;padding:5px 10px;border-bottom:1px solid var(--line);overflow-wrap:break-word}
th{font-weight:600;font-size:12px;color:var(--muted);background:var(--raised)}
th.num,td.num{text-align:right;white-space:nowrap}
th.num{white-space:normal}
tbody th{background:none;color:var(--ink);font-size:13px}
th.num{font-family:inherit;font-size:12px}
tr:last-child>td,tr:last-child>th{border-bottom:0}
td .sub{display:block;color:var(--muted);font-size:12px;font-family:system-ui,sans-serif}
.nowrap{white-space:nowrap}
.fault{background:var(--surface);border:1px solid var(--line);border-radius:4px;padding:16px 20px;margin:0 0 24px}
.fault>header{padding:0;margin:0 0 8px;max-width:none;display:flex;flex-wrap:wrap;gap:4px 16px;align-items:baseline;justify-content:space-between}
.fault table{border-left:0;border-right:0}
figure{margin:12px 0}
figcaption{color:var(--muted);font-size:12px;margin-top:4px}
figure svg{display:block;width:100%;height:auto;min-width:680px}
svg text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:12.5px;fill:var(--ink)}
svg .m{fill:var(--muted);font-size:11.5px}
svg .b{font-weight:600}
svg .n{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:12px}
svg .bar{fill:var(--bar)}svg .whole{fill:var(--bar-2)}svg .over{fill:var(--bad)}
svg .axis{stroke:var(--line);stroke-width:1}svg .guide{stroke:var(--edge);stroke-width:1;stroke-dasharray:2 3}
svg .tick{stroke:var(--ink);stroke-width:2}svg .dot{fill:var(--muted)}
svg .gap{stroke:var(--unknown);stroke-width:2;stroke-dasharray:2 5;fill:none}
svg .ok{fill:var(--ok)}svg .warn{fill:var(--warn)}svg .bad{fill:var(--bad)}svg .unknown{fill:var(--unknown)}
svg .box{fill:var(--surface);stroke:var(--edge);stroke-width:1}
svg .box.active{stroke:var(--ink);stroke-width:3}
svg .box.degraded{stroke-dasharray:6 4}svg .box.suspect{stroke-dasharray:8 3 2 3}svg .box.unknown{stroke-dasharray:2 4}
svg .link{stroke:var(--edge);stroke-width:1.5;fill:none}svg .link.backup{stroke-dasharray:5 4}
svg .halo{fill:var(--page)}
svg .s1{fill:var(--ink)}svg .s2{fill:var(--bar)}svg .s3{fill:var(--bar-2)}svg .s4{fill:none;stroke:var(--edge);stroke-width:1}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(280px,1fr));gap:16px;margin:12px 0}
.card{background:var(--surface);border:1px solid var(--line);border-radius:4px;padding:12px 16px}
.card .status{font-size:16px;font-weight:600}
footer{margin-top:40px;padding-top:12px;padding-bottom:40px;color:var(--muted);font-size:12px}
@media (max-width:640px){main,header,footer{padding-left:12px;padding-right:12px}h1{font-size:20px}.fault{padding:12px}.facts .wide{grid-column:auto}.facts{grid-template-columns:1fr 1fr}.scroll>table{min-width:640px}}
@media print{@page{size:A4;margin:14mm 12mm}
body{font-size:11px;background:#fff}main,header,footer{max-width:none;padding:0}h1{font-size:20px}
h2{font-size:15px;margin-top:24px}h3{font-size:13px}h4{font-size:11px}.attention h2{font-size:12px}
th,td,tbody th,th.num,td.num,td .sub,caption,figcaption,.small,.mono,code,.facts dt,.facts .sub{font-size:9px}
th,td{padding:3px 5px}.facts dd{font-size:11px}.facts div{padding:4px 8px}.badge,.lede{font-size:11px}
figure svg,.scroll>table{min-width:0}.scroll{overflow:visible}
h2,h3,h4{break-after:avoid}figure,.card,.attention,tr,.facts{break-inside:avoid}
.fault{border:0;padding:0}a{color:inherit;text-decoration:none}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`;
