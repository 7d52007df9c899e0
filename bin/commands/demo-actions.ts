import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { labContext } from '../../lab/cli.ts';
import { type DemoResult, readTopology, runDemo, TopologyUnusable } from '../../lab/demo/demo.ts';
import { runStart } from '../../lab/demo/start.ts';
import { LabDirectory } from '../../lab/lab-directory.ts';
import { isOwn, lookAtLab, runningLabText } from '../../lab/lab-standing.ts';
import type { CommandOutcome } from '../../src/cli/command-outcome.ts';
import { exitCodes } from '../../src/cli/exit-code.ts';
import { renderReport } from '../../src/cli/report/render-report.ts';
import { renderReportJson } from '../../src/cli/report/report-json.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { elapsedText } from '../../src/cli/view/time-text.ts';
import type { Json } from '../../src/core/base/canonical-json.ts';
import { faultVerdict, type RecoveryReport } from '../../src/core/objective/recovery-report.ts';
import { type AcceptedExposure, acceptedExposures } from '../../src/wire/evidence-bundle/accepted-exposures.ts';
import { parseBundle, verifyBundle } from '../../src/wire/evidence-bundle/bundle.ts';
import { HoldfastError } from '../../src/wire/holdfast-error.ts';
import { writeConnectFile } from './lab-connect.ts';

export interface PlayWish {
  readonly root: string;
  readonly name: string;
  /** Null = the shipped three-site firm. */
  readonly topologyFile: string | null;
  /** Empty = the shipped demo overlay. */
  readonly overlays: readonly string[];
  readonly ratePerSecond: number;
  readonly keep: boolean;
  /** End a lab of this name that runs. */
  readonly replace: boolean;
}

/** Where a person sits, if one does. */
export interface Surroundings {
  readonly terminal: Terminal;
  readonly json: boolean;
}

const settled = ({ topologyFile, overlays, ...wish }: PlayWish) => ({
  ...wish,
  topologyFile: topologyFile ?? join(wish.root, 'examples', 'three-site.yaml'),
  overlays: overlays.length > 0 ? overlays : [join(wish.root, 'examples', 'demo-overlay.yaml')],
});

export async function demo(wish: PlayWish, { terminal, json }: Surroundings): Promise<CommandOutcome> {
  const options = settled(wish);
  const topology = usableTopology(options);
  if (typeof topology === 'string') return unusable(topology);
  const replace = await mayReplace(wish, { terminal, json });
  const connect = onceComplete(options.root, options.name, topology);
  const result = await runDemo({
    ...options,
    replace,
    renderReport,
    // What is narrated goes where the result does not.
    narrate: (line) => {
      connect();
      terminal.err(`${line}\n`);
    },
  });
  const exitCode = result.ok ? exitCodes.ok : exitCodes.failed;
  return { exitCode, text: demoText(result), json: result as unknown as Json };
}

/**
 * Whether a lab of this name that runs is ended first: as the flag says, else as the person at the terminal does. Where nobody can
 * be asked, bringing one up refuses.
 * @throws HoldfastError HF-8005 when something else than its name was typed; nothing was done
 */
async function mayReplace({ root, name, replace }: PlayWish, { terminal, json }: Surroundings): Promise<boolean> {
  if (replace || json || !terminal.interactive) return replace;
  const directory = new LabDirectory(root, name);
  const standing = lookAtLab(directory);
  if (standing.kind !== 'running') return false;
  const found = runningLabText(directory, standing, Date.now());
  const typed = await terminal.ask(`${found}.\nType its name to end it and bring up a new one (${name}): `);
  if (typed?.trim() === name) return true;
  throw new HoldfastError({
    code: 'HF-8005',
    attempted: `end lab ${name}, which runs, for a new one`,
    found: typed === null ? 'the input ended' : `"${typed.trim()}" was typed, not "${name}". Nothing was done`,
    next: 'choose another --name, or start again and type the name',
  });
}

function demoText(result: DemoResult): string {
  const lines = result.faults.map(
    (fault) =>
      `  ${fault.name.padEnd(14)} outage ${msText(fault.outageMs)}  back in ${msText(fault.rtoMs)}  orders lost ${fault.ordersLost ?? 'not counted'}  commits lost ${fault.commitsLost ?? 'not counted'}  fenced by ${fault.fencingProof ?? 'nobody had to be'}`,
  );
  return [
    '',
    result.ok ? 'HELD    every acknowledged order and commit was found, once and unaltered' : 'DID NOT HOLD',
    ...lines,
    ...result.problems.map((problem) => `✕ ${problem}`),
    `evidence ${result.evidence.verified ? 'verified' : 'DOES NOT VERIFY'}: ${result.evidence.entries ?? 'unknown'} entries, ${result.evidence.path}`,
    `report   ${result.report}`,
    `took     ${elapsedText(result.wallMs)}`,
    '',
  ].join('\n');
}

const msText = (ms: number | null): string => (ms === null ? 'not measured' : `${Math.round(ms)} ms`).padStart(12);

type UsableTopology = ReturnType<typeof readTopology>;

function usableTopology(options: {
  readonly topologyFile: string;
  readonly overlays: readonly string[];
}): UsableTopology | string {
  try {
    return readTopology(options);
  } catch (error) {
    if (error instanceof TopologyUnusable) return error.message;
    throw error;
  }
}

const unusable = (problems: string): CommandOutcome => ({
  exitCode: exitCodes.usage,
  text: `${problems}\n`,
  json: { ok: false, problems: [problems] },
  toStderr: true,
});

/** Called now and then; writes the connection file the first time that the lab is whole, so that others can look at it. */
function onceComplete(root: string, name: string, topology: UsableTopology): () => void {
  const directory = new LabDirectory(root, name);
  let written = false;
  return () => {
    const record = written ? null : directory.readRecord();
    if (record?.complete !== true || !isOwn(record)) return;
    written = true;
    writeConnectFile(labContext({ root, name }, topology));
  };
}

export async function start(wish: PlayWish, { terminal, json }: Surroundings): Promise<CommandOutcome> {
  const options = settled(wish);
  const topology = usableTopology(options);
  if (typeof topology === 'string') return unusable(topology);
  const replace = await mayReplace(wish, { terminal, json });
  const connect = onceComplete(options.root, options.name, topology);
  await runStart({
    ...options,
    replace,
    narrate: (line) => {
      connect();
      terminal.err(`${line}\n`);
    },
    board: () => showBoard(options, topology, terminal),
  });
  return { exitCode: exitCodes.ok, text: '', json: { ok: true } };
}

async function showBoard(
  { root, name }: { readonly root: string; readonly name: string },
  topology: UsableTopology,
  terminal: Terminal,
): Promise<void> {
  const [{ openSession }, { watchCommand }] = await Promise.all([
    import('../../src/cli/connect/session.ts'),
    import('../../src/cli/commands/watch.ts'),
  ]);
  const file = writeConnectFile(labContext({ root, name }, topology));
  const session = openSession({ file, person: null, projectRoot: root });
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, onInterrupt);
  try {
    const nowMs = () => Date.now();
    await watchCommand(
      { session, terminal, json: false, group: null, nowMs, signal: interrupt.signal },
      { maxAgeMs: 60_000 },
    );
  } finally {
    for (const signal of signals) process.removeListener(signal, onInterrupt);
    session.controllers.close();
  }
}

/** The figures were computed from the evidence when the lab ended; they are drawn again only beside what the evidence says now. */
export async function report(root: string, lab: string | null, out: string | null): Promise<CommandOutcome> {
  const directory = lab === null ? newestReport(root) : join(root, '.holdfast', 'labs', lab, 'report');
  const file = directory === null ? null : join(directory, 'report.json');
  if (file === null || directory === null || !existsSync(file))
    throw new HoldfastError({
      code: 'HF-8012',
      attempted: `draw the report of ${lab ?? 'the newest lab'}`,
      found: 'no lab left a report of that name',
      next: 'holdfast demo leaves one',
    });
  const stored = JSON.parse(readFileSync(file, 'utf8')) as RecoveryReport | { readonly report: RecoveryReport };
  const kept = 'report' in stored ? stored.report : stored;
  if (kept.evidence.path === null)
    throw new HoldfastError({
      code: 'HF-8012',
      attempted: `verify what ${file} rests on`,
      found: 'the report names no evidence bundle',
      next: 'holdfast evidence verify PATH, if you have one',
    });
  const bundle = parseBundle(readFileSync(resolve(directory, kept.evidence.path), 'utf8'));
  const evidence = verifyBundle(bundle);
  const accepted = acceptedExposures(bundle.chains, evidence);
  const figures = { ...kept, acceptedExposures: accepted };
  const target = out === null ? directory : resolve(out);
  mkdirSync(target, { recursive: true });
  const html = join(target, 'report.html');
  writeFileSync(html, renderReport(figures));
  if (target !== directory) writeFileSync(join(target, 'report.json'), renderReportJson(figures));
  const verified = evidence.integrity === 'intact' && evidence.completeness.verdict !== 'incomplete';
  const missed = figures.faults
    .filter((fault) => faultVerdict(fault) !== 'met')
    .map((fault) => `${fault.name}: ${faultVerdict(fault)}`);
  const exitCode = verified && missed.length === 0 ? exitCodes.ok : exitCodes.failed;
  const shown = relative(root, html).startsWith('..') ? html : relative(root, html);
  const text = [
    `report    ${shown}`,
    `evidence  ${verified ? '✓' : '✕'} ${evidence.sentence}`,
    ...accepted.map((each) => `exposure  ▲ ${exposureLine(each)}`),
    missed.length === 0
      ? `verdict   ✓ every one of ${figures.faults.length} recoveries met its objective`
      : `verdict   ✕ ${missed.join('; ')}`,
    '',
  ].join('\n');
  return {
    exitCode,
    text,
    json: {
      report: shown,
      evidence: { verified, sentence: evidence.sentence, entries: evidence.entries },
      acceptedExposures: accepted as unknown as Json,
      missed,
      exitCode,
    },
  };
}

const exposureLine = ({ person, atMs, covered, reason }: AcceptedExposure): string =>
  `${person} ended a halt at ${new Date(atMs).toISOString()} (${reason}): ${covered
    .map(
      ({ component, lost, endedAtMs }) =>
        `${component} without ${lost.join(', ')}, ${endedAtMs === null ? 'no end in this evidence' : `until ${new Date(endedAtMs).toISOString()}`}`,
    )
    .join('; ')}`;

function newestReport(root: string): string | null {
  const labs = join(root, '.holdfast', 'labs');
  if (!existsSync(labs)) return null;
  const found = readdirSync(labs).flatMap((name) => {
    const file = statSync(join(labs, name, 'report', 'report.json'), { throwIfNoEntry: false });
    return file === undefined ? [] : [{ directory: join(labs, name, 'report'), writtenAt: file.mtimeMs }];
  });
  return found.toSorted((left, right) => right.writtenAt - left.writtenAt)[0]?.directory ?? null;
}
