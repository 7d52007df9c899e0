import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { labDown } from '../lab/cli.ts';
import { actsFor, play } from '../lab/demo/acts.ts';
import { activate, bringUp, startFlow } from '../lab/demo/bring-up.ts';
import { readTopology } from '../lab/demo/demo.ts';
import { Platform } from '../lab/demo/platform.ts';
import { LabDirectory } from '../lab/lab-directory.ts';

const root = join(import.meta.dirname, '..');
const [name = 'engine-crash', times = '5'] = process.argv.slice(2);
const topologyFile = join(root, 'examples/three-site.yaml');
const topology = readTopology({ topologyFile, overlays: [join(root, 'examples/demo-overlay.yaml')] });
const lab = { root, name: 'bench' };
const say = (line: string) => void process.stderr.write(`${line}\n`);
const outages: number[] = [];
try {
  await bringUp(lab, topology, topologyFile, () => {});
  const platform = new Platform(lab, topology);
  await activate(platform, () => {});
  await startFlow(platform, 1000, () => {});
  const directory = new LabDirectory(root, lab.name);
  const chains = [
    ...topology.hosts.map(
      (host) => [host.id, join(directory.host(host.id), 'agent', 'evidence', 'chain.jsonl')] as const,
    ),
    ...topology.sites.map(
      (site) =>
        [`controller-${site.id}`, join(directory.site(site.id), 'controller', 'evidence', 'chain.jsonl')] as const,
    ),
  ];
  for (let n = 0; n < Number(times); n += 1) {
    const act = actsFor(platform).find((each) => each.name === name)!;
    const outcome = await play(platform, { ...act, name: `${act.name}` }, () => {});
    outages.push(outcome.flow.outageMs ?? Number.NaN);
    say(
      `${name} ${n + 1}: ${outcome.flow.outageMs} ms (±${outcome.flow.resolution.atEdgesMs}, longest stall ${outcome.flow.resolution.longestMs}), last ${outcome.flow.lastSuccessAt} first ${outcome.flow.firstSuccessAt}`,
    );
    const broken = outcome.brokenAtMs ?? 0;
    const lines: [number, string][] = [];
    for (const [who, file] of chains) {
      if (!existsSync(file)) continue;
      for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
        const entry = JSON.parse(line);
        const at = entry.at - broken;
        if (at < -300 || at > 3500) continue;
        if (
          [
            'leadership',
            'anchor',
            'countersign',
            'run-opened',
            'step-started',
            'plan',
            'grant',
            'fencing-proof',
            'epoch-raised',
          ].includes(entry.kind)
        )
          continue;
        lines.push([
          at,
          `${who} ${entry.kind} ${entry.kind === 'decision' ? JSON.stringify([entry.data.verdict, entry.data.reason, entry.data.moves, entry.data.rejected]) : JSON.stringify(entry.data).slice(0, 130)}`,
        ]);
      }
    }
    const ms = (t: string | null) => (t === null ? null : Date.parse(t) - broken);
    say(`   last success at ${ms(outcome.flow.lastSuccessAt)}, first at ${ms(outcome.flow.firstSuccessAt)}`);
    for (const [at, text] of lines.toSorted((a, b) => a[0] - b[0]))
      say(`   ${String(Math.round(at)).padStart(6)} ${text}`);
  }
} finally {
  await labDown(lab);
}
const sorted = outages.toSorted((a, b) => a - b);
say(`${name}: median ${sorted[Math.floor(sorted.length / 2)]} of ${sorted.join(' ')}`);
