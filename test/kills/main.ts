import { parseArgs } from 'node:util';
import { missingFrom } from './kill-report.ts';
import { type KillKind, runKills } from './kill-run.ts';

/** `bin/holdfast-node test/kills/main.ts [--rounds N] [--seed K] [--only KIND] [--fix] [--quiet]`: prints what was killed and compared, and a report as JSON. */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '25' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    fix: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
});

try {
  const onRound = (text: string): void => {
    if (!values.quiet) process.stdout.write(`${text}\n`);
  };
  const only = values.only === undefined ? {} : { only: values.only as KillKind };
  const report = await runKills({
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    overFix: values.fix,
    onRound,
    ...only,
  });
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  const missing = missingFrom(report);
  if (missing.length > 0) throw new Error(`never occurred: ${missing.join(', ')}`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
