import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Coverage } from './coverage.ts';
import { VARIANTS, type Variant } from './variants.ts';
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
      return runProcess([...nodeArgs, processScript, String(first + at), String(share), String(processes)], {}, take);
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
  /** Null = not caught within its seeds. */
  readonly caughtAtSeed: number | null;
  readonly invariant: string | null;
}

/** Runs every variant until it is caught: at the seed that caught it last, then at 1, 2, …; as many at once as there are cores. */
export async function runVariants(
  progress: (caught: CaughtVariant) => void,
  chosen: readonly Variant[] = VARIANTS,
): Promise<readonly CaughtVariant[]> {
  const waiting = [...chosen];
  const caught: CaughtVariant[] = [];
  const work = async () => {
    for (let variant = waiting.shift(); variant !== undefined; variant = waiting.shift()) {
      const result = await runVariant(variant);
      caught.push(result);
      progress(result);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return VARIANTS.flatMap(({ name }) => caught.filter((each) => each.name === name));
}

/** What the sound code does as well at a seed is not the variant's doing: then nothing was caught there, and the next seeds are tried. */
async function runVariant({
  name,
  seedsAtMost,
  caughtAt,
  delegated,
  gated,
  lostRedis,
}: Variant): Promise<CaughtVariant> {
  let [tried, first] = [caughtAt, 1];
  for (;;) {
    const worlds = (...numbers: readonly number[]) => [
      ...numbers.map(String),
      ...(delegated ? ['--delegated'] : []),
      ...(gated ? ['--gated'] : []),
      ...(lostRedis ? ['--lost-redis'] : []),
    ];
    const broken = worlds(first, seedsAtMost - first + 1, 1, tried);
    const violation = await firstViolation(broken, ['--import', hookScript], { HOLDFAST_VARIANT: name });
    if (violation !== null && (await firstViolation(worlds(violation.seed, 1, 1))) === null)
      return { name, caughtAtSeed: violation.seed, invariant: violation.invariant };
    tried = violation === null || violation.seed === tried ? first : violation.seed + 1;
    if (violation === null || tried > seedsAtMost) return { name, caughtAtSeed: null, invariant: null };
    first = tried + 1;
  }
}

async function firstViolation(
  worlds: readonly string[],
  moreArgs: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<WorldsReport['violations'][number] | null> {
  let found: WorldsReport['violations'][number] | null = null;
  await runProcess([...nodeArgs, ...moreArgs, processScript, ...worlds], env, (report) => {
    found ??= report.violations[0] ?? null;
  });
  return found;
}

function runProcess(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  take: (report: WorldsReport) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const inherited: NodeJS.ProcessEnv = { ...process.env, ...env };
    // A variant must never be served from a cache of the sound code.
    if ('HOLDFAST_VARIANT' in env) delete inherited['NODE_COMPILE_CACHE'];
    for (const name of ['NODE_TEST_CONTEXT', 'NODE_CHANNEL_FD']) delete inherited[name];
    const child = spawn(process.execPath, args, { env: inherited, stdio: ['ignore', 'pipe', 'pipe'] });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-4000);
    });
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => take(JSON.parse(line) as WorldsReport));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`HF-1203 a simulator process ended with ${code}: ${complaint}`)),
    );
  });
}
