import { parseArgs } from 'node:util';
import { loadRunbooks } from '../wire/load-runbooks.ts';
import { missingCoverage } from './coverage.ts';
import { type CaughtVariant, runManyWorlds, runVariants } from './many-worlds.ts';
import { runWorld } from './run-world.ts';

const help = `Simulated firms: the real controllers and agents over modelled machines, network and authority.

  npm run sim -- --seeds N [--first K] [--json] [--no-variants]   worlds K … K+N-1, then every broken variant
  npm run sim -- --seed K [--trace]                               one world; with --trace one line per event
  npm run sim -- --variants                                       only the broken variants

A seed reproduces everything. Exit 0 all held · 1 an invariant was violated, a variant not caught, or (from 1000 worlds on)
something that must be tried was not tried · 2 usage.
`;

/** Below this many worlds, what was not met yet is no finding. */
const COVERAGE_FROM = 1000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    first: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    variants: { type: 'boolean', default: false },
    'no-variants': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const say = (text: string) => void (values.json ? process.stderr : process.stdout).write(text);

function wholeNumber(text: string, option: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  process.stderr.write(`HF-1204 --${option} needs a whole number above 0, not "${text}"\n${help}`);
  process.exit(2);
}

function oneWorld(seed: number): number {
  const result = runWorld({
    seed,
    runbooks: loadRunbooks(),
    ...(values.trace ? { trace: (line: string) => say(`${line}\n`) } : {}),
  });
  const { coverage: _, ...shown } = result;
  if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else say(`${JSON.stringify(shown, null, 1)}\n`);
  return result.violations.length > 0 ? 1 : 0;
}

async function manyWorlds(count: number, first: number): Promise<number> {
  say(`seeds ${first} … ${first + count - 1}\n`);
  let toldAt = performance.now();
  let told = 0;
  const result = await runManyWorlds({
    first,
    count,
    progress: (done, violations) => {
      for (const { seed, invariant, detail } of violations.slice(told))
        say(`  ✕ ${invariant} seed ${seed}: ${detail}\n`);
      told = violations.length;
      if (performance.now() - toldAt < 2000) return;
      toldAt = performance.now();
      say(`  ${done} of ${count} worlds, ${violations.length} violations\n`);
    },
  });
  const variants = values['no-variants'] ? [] : await runVariants(tellVariant);
  const missing = missingCoverage(result.coverage);
  const { worlds, firstSeed, violations, simulatedMs, wallMs, coverage } = result;
  if (values.json)
    process.stdout.write(
      `${JSON.stringify({ worlds, firstSeed, violations: violations.map(({ seed, invariant }) => ({ seed, invariant })), simulatedMs: Math.round(simulatedMs), wallMs, coverage, variants })}\n`,
    );
  else say(summary(result, missing));
  for (const violation of violations)
    say(
      `✕ ${violation.invariant} seed ${violation.seed} at ${violation.at} ms: ${violation.detail}\n  npm run sim -- --seed ${violation.seed} --trace\n`,
    );
  const uncovered = worlds >= COVERAGE_FROM ? missing : [];
  return violations.length + uncovered.length + uncaught(variants) > 0 ? 1 : 0;
}

function summary(
  {
    worlds,
    simulatedMs,
    wallMs,
    events,
    violations,
    hurtUnderLoad,
    withTakeover,
  }: Awaited<ReturnType<typeof runManyWorlds>>,
  missing: readonly string[],
): string {
  const share = (count: number) => `${Math.round((100 * count) / worlds)} %`;
  return [
    `${worlds} worlds, ${violations.length} violations`,
    `${(simulatedMs / 3_600_000).toFixed(1)} h simulated in ${(wallMs / 1000).toFixed(1)} s: ${Math.round(simulatedMs / wallMs)} times real time, ${(worlds / (wallMs / 1000)).toFixed(1)} worlds/s, ${events} events`,
    `faults under load in ${share(hurtUnderLoad)}, a take-over in ${share(withTakeover)}`,
    missing.length === 0 ? 'everything that must be tried was tried' : `not tried: ${missing.join(', ')}`,
    '',
  ].join('\n');
}

const tellVariant = ({ name, by }: CaughtVariant) =>
  say(`  variant "${name}": ${by === null ? 'NOT CAUGHT' : `caught by ${by}`}\n`);

const uncaught = (variants: readonly CaughtVariant[]): number => variants.filter(({ by }) => by === null).length;

async function main(): Promise<number> {
  if (values.help || (values.seeds === undefined && values.seed === undefined && !values.variants)) {
    process.stdout.write(help);
    return values.help ? 0 : 2;
  }
  if (values.seed !== undefined) return oneWorld(wholeNumber(values.seed, 'seed'));
  if (values.seeds !== undefined)
    return manyWorlds(wholeNumber(values.seeds, 'seeds'), wholeNumber(values.first, 'first'));
  return uncaught(await runVariants(tellVariant)) > 0 ? 1 : 0;
}

process.exitCode = await main();
