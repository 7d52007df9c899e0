import { loadRunbooks } from '../wire/load-runbooks.ts';
import { Coverage } from './coverage.ts';
import { runWorld } from './run-world.ts';

/** What one process of many reports, as one JSON line each time some worlds are done. */
export interface WorldsReport {
  readonly worlds: number;
  readonly simulatedMs: number;
  readonly events: number;
  readonly violations: readonly {
    readonly seed: number;
    readonly invariant: string;
    readonly at: number;
    readonly detail: string;
  }[];
  readonly coverage: Readonly<Record<string, number>>;
  readonly hurtUnderLoad: number;
  readonly withTakeover: number;
}

const TELL_EVERY = 20;

/**
 * `worlds-process.ts FIRST COUNT STRIDE [SEED] [--delegated] [--gated] [--asking] [--lost-redis]`: seeds FIRST, FIRST+STRIDE, …, COUNT of them. With SEED: that one before, and
 * no more after a violation. With `--delegated` their databases are under a delegate, with `--gated` behind gates as well, with `--asking` their delegate also asks before it promotes, with `--lost-redis` they have servers, whose Redis is lost.
 */
function main(args: readonly string[]): void {
  const askingDatabase = args.includes('--asking');
  const gatedDatabase = askingDatabase || args.includes('--gated');
  const delegatedDatabase = gatedDatabase || args.includes('--delegated');
  const lostRedis = args.includes('--lost-redis');
  const [first, count, stride, before] = args.filter((arg) => !arg.startsWith('--'));
  const runbooks = loadRunbooks();
  let done = blank();
  let coverage = new Coverage();
  const tell = () => {
    process.stdout.write(`${JSON.stringify({ ...done, coverage: coverage.counts } satisfies WorldsReport)}\n`);
    done = blank();
    coverage = new Coverage();
  };
  for (let at = before === undefined ? 0 : -1; at < Number(count); at += 1) {
    const seed = at < 0 ? Number(before) : Number(first) + at * Number(stride);
    const result = runWorld({ seed, runbooks, delegatedDatabase, gatedDatabase, askingDatabase, lostRedis });
    done.worlds += 1;
    done.simulatedMs += result.simulatedMs;
    done.events += result.events;
    done.hurtUnderLoad += result.hurtUnderLoad ? 1 : 0;
    done.withTakeover += result.takeovers > 0 ? 1 : 0;
    const violation = result.violations[0];
    if (violation) done.violations.push({ seed: result.seed, ...violation });
    coverage.add(result.coverage);
    if (violation && before !== undefined) break;
    if (done.worlds >= TELL_EVERY) tell();
  }
  tell();
}

const blank = () => ({
  worlds: 0,
  simulatedMs: 0,
  events: 0,
  violations: [] as WorldsReport['violations'][number][],
  hurtUnderLoad: 0,
  withTakeover: 0,
});

main(process.argv.slice(2));
