import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Coverage } from './coverage.ts';
import { type BrokenCode, type CaughtInScenario, type CaughtInWorlds, VARIANTS, type Variant } from './variants.ts';
import type { WorldsReport } from './worlds-process.ts';

export interface ManyWorlds {
  readonly worlds: number;
  readonly firstSeed: number;
  readonly violations: WorldsReport['violations'];
  readonly simulatedMs: number;
  readonly wallMs: number;
  readonly events: number;
  readonly hurtUnderLoad: number;
  readonly withTakeover: number;
  readonly coverage: Readonly<Record<string, number>>;
}

const processScript = join(import.meta.dirname, 'worlds-process.ts');
const scenarioScript = join(import.meta.dirname, 'play-scenario.ts');
const scenarios = join(import.meta.dirname, '../../scenarios');
const hookScript = join(import.meta.dirname, 'variant-hook.ts');
const nodeArgs = ['--disable-warning=ExperimentalWarning'];

/** Simulates seeds `first` … `first + count - 1` on every core. The result does not depend on how many there are. */
export async function runManyWorlds(request: {
  readonly first: number;
  readonly count: number;
  /** With what was found so far, in the order in which it was. */
  readonly progress: (done: number, violations: WorldsReport['violations']) => void;
}): Promise<ManyWorlds> {
  const { first, count, progress } = request;
  const processes = Math.max(1, Math.min(availableParallelism(), count));
  const begun = performance.now();
  const coverage = new Coverage();
  const violations: WorldsReport['violations'][number][] = [];
  const sums = { worlds: 0, simulatedMs: 0, events: 0, hurtUnderLoad: 0, withTakeover: 0 };
  const take = (report: WorldsReport) => {
    sums.worlds += report.worlds;
    sums.simulatedMs += report.simulatedMs;
    sums.events += report.events;
    sums.hurtUnderLoad += report.hurtUnderLoad;
    sums.withTakeover += report.withTakeover;
    violations.push(...report.violations);
    coverage.add(report.coverage);
    progress(sums.worlds, violations);
  };
  await Promise.all(
    Array.from({ length: processes }, (_, at) => {
      const share = Math.ceil((count - at) / processes);
      return runProcess([processScript, String(first + at), String(share), String(processes)], null, take);
    }),
  );
  return {
    ...sums,
    firstSeed: first,
    violations: violations.toSorted((a, b) => a.seed - b.seed),
    wallMs: Math.round(performance.now() - begun),
    coverage: coverage.counts,
  };
}

export interface CaughtVariant {
  readonly name: string;
  /** Seed and invariant, or the scenario. Null = not caught within its seeds, or that scenario holds. */
  readonly by: string | null;
}

/** Runs every variant until it is caught: in its scenario, or at the seed that caught it last, then at 1, 2, …; as many at once as there are cores. */
export async function runVariants(
  progress: (caught: CaughtVariant) => void,
  chosen: readonly Variant[] = VARIANTS,
): Promise<readonly CaughtVariant[]> {
  const waiting = [...chosen];
  const caught: CaughtVariant[] = [];
  const work = async () => {
    for (let variant = waiting.shift(); variant !== undefined; variant = waiting.shift()) {
      const by = 'scenario' in variant ? await caughtInScenario(variant) : await caughtInWorlds(variant);
      const result = { name: variant.name, by };
      caught.push(result);
      progress(result);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return VARIANTS.flatMap(({ name }) => caught.filter((each) => each.name === name));
}

/** What the sound code does as well at a seed is not the variant's doing: then nothing was caught there, and the next seeds are tried. */
async function caughtInWorlds(variant: BrokenCode & CaughtInWorlds): Promise<string | null> {
  const { seedsAtMost, caughtAt, delegated, gated, asking, lostRedis } = variant;
  let [tried, first] = [caughtAt, 1];
  for (;;) {
    const worlds = (...numbers: readonly number[]) => [
      ...numbers.map(String),
      ...(delegated ? ['--delegated'] : []),
      ...(gated ? ['--gated'] : []),
      ...(asking ? ['--asking'] : []),
      ...(lostRedis ? ['--lost-redis'] : []),
    ];
    const broken = worlds(first, seedsAtMost - first + 1, 1, tried);
    const violation = await firstViolation(broken, variant);
    if (violation !== null && (await firstViolation(worlds(violation.seed, 1, 1), null)) === null)
      return `seed ${violation.seed} (${violation.invariant})`;
    tried = violation === null || violation.seed === tried ? first : violation.seed + 1;
    if (violation === null || tried > seedsAtMost) return null;
    first = tried + 1;
  }
}

async function firstViolation(
  worlds: readonly string[],
  variant: BrokenCode | null,
): Promise<WorldsReport['violations'][number] | null> {
  let found: WorldsReport['violations'][number] | null = null;
  await runProcess([processScript, ...worlds], variant, (report) => {
    found ??= report.violations[0] ?? null;
  });
  return found;
}

async function caughtInScenario(variant: BrokenCode & CaughtInScenario): Promise<string | null> {
  const { scenario } = variant;
  const child = start([scenarioScript, join(scenarios, `${scenario}.scenario`)], variant);
  let told = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  const { code, complaint } = await ended(child);
  if (told.startsWith(`✕ ${scenario}:`)) return `scenario ${scenario}`;
  // A process that told nothing of the scenario has caught nothing either.
  if (code !== 0) throw new Error(`HF-1203 a simulator process ended with ${code}: ${complaint}`);
  return null;
}

async function runProcess(
  args: readonly string[],
  variant: BrokenCode | null,
  take: (report: WorldsReport) => void,
): Promise<void> {
  const child = start(args, variant);
  createInterface({ input: child.stdout }).on('line', (line) => take(JSON.parse(line) as WorldsReport));
  const { code, complaint } = await ended(child);
  if (code !== 0) throw new Error(`HF-1203 a simulator process ended with ${code}: ${complaint}`);
}

/** Runs a script on sound code, or on one variant of it. */
function start(args: readonly string[], variant: BrokenCode | null): ChildProcessByStdio<null, Readable, Readable> {
  const env: NodeJS.ProcessEnv = { ...process.env };
  // A variant must never be served from a cache of the sound code.
  if (variant !== null) delete env['NODE_COMPILE_CACHE'];
  for (const name of ['NODE_TEST_CONTEXT', 'NODE_CHANNEL_FD']) delete env[name];
  return spawn(process.execPath, [...nodeArgs, ...(variant === null ? [] : ['--import', hookScript]), ...args], {
    env: { ...env, ...(variant === null ? {} : { HOLDFAST_VARIANT: variant.name }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function ended(
  child: ChildProcessByStdio<null, Readable, Readable>,
): Promise<{ readonly code: number | null; readonly complaint: string }> {
  return new Promise((resolve, reject) => {
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-4000);
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, complaint }));
  });
}
