import { parseArgs } from 'node:util';
import { CodedError, describeError } from '../base/coded-error.ts';
import type { ResolvedAs } from './break-record.ts';
import { BreakStore } from './break-store.ts';
import { readReconcileConfig } from './config.ts';
import { keepRun } from './keep-run.ts';
import { type Reconciliation, runReconciliation } from './reconciliation.ts';
import { historyText, runText } from './view.ts';

const help = `Compares the positions, executions and orders of engine, position keeper, database and exchange.

  holdfast-node trading/reconcile/main.ts CONFIG.json [--json]
  holdfast-node trading/reconcile/main.ts CONFIG.json list [--all] [--json]
  holdfast-node trading/reconcile/main.ts CONFIG.json resolve BREAK --by NAME --why TEXT [--as corrected|accepted]

Ends with 0 when the books agree, 1 with a break beyond the tolerance that nobody has accepted, 2 when the command line, the
configuration or the stored breaks cannot be used, 3 when a book could not be read (or it failed on the way) and nothing was found.
`;

const exitCodes = { clean: 0, breaks: 1, usage: 2, inconclusive: 3 } as const;

interface Options {
  readonly json: boolean;
  readonly all: boolean;
  readonly by?: string;
  readonly why?: string;
  readonly as?: string;
}

const main = async (): Promise<number> => {
  const { values, positionals } = parseCommandLine();
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const [file, command = 'run', id, ...rest] = positionals;
  if (file === undefined || rest.length > 0) throw usage('the command line does not name one configuration file');
  const config = readReconcileConfig(file);
  const store = BreakStore.open(config.store);
  try {
    switch (command) {
      case 'run':
        return report(await runReconciliation(config.sources, config.settings), store, values);
      case 'list':
        return list(store, values);
      case 'resolve':
        return resolve(store, id, values);
      default:
        throw usage(`there is no command "${command}"`);
    }
  } finally {
    store.close();
  }
};

const report = (run: Reconciliation, store: BreakStore, { json }: Options): number => {
  const at = Date.now();
  const { verdict } = keepRun(run, store, at);
  const { breaks } = run;
  const { history } = store;
  if (json) {
    const aged = breaks.map((each) => {
      const known = history.find(each.id);
      return { ...each, ageMs: known === null ? 0 : at - known.sinceMs, resolution: known?.resolution ?? null };
    });
    process.stdout.write(`${JSON.stringify({ ...run, verdict, breaks: aged })}\n`);
  } else process.stdout.write(runText({ ...run, verdict }, (id) => history.find(id), at));
  return exitCodes[verdict];
};

const list = ({ history }: BreakStore, { all, json }: Options): number => {
  const shown = all ? history.all : history.open;
  process.stdout.write(json ? `${JSON.stringify(shown)}\n` : historyText(shown, Date.now()));
  return 0;
};

const resolve = (store: BreakStore, id: string | undefined, { by, why, as = 'corrected', json }: Options): number => {
  if (id === undefined || !by?.trim() || !why?.trim()) throw usage('resolve needs the id of a break, --by and --why');
  if (!isResolution(as)) throw usage(`--as ${as} is neither corrected nor accepted`);
  const known = store.history.find(id);
  if (known === null || known.goneAtMs !== null) throw notOpen(id, known === null ? 'there is none' : 'it is gone');
  store.append([{ k: 'resolved', at: Date.now(), id, by: by.trim(), why: why.trim(), as }]);
  const resolved = store.history.find(id);
  process.stdout.write(json ? `${JSON.stringify(resolved)}\n` : `${id} is recorded as ${as} by ${by.trim()}\n`);
  return 0;
};

const isResolution = (text: string): text is ResolvedAs => text === 'corrected' || text === 'accepted';

const parseCommandLine = () => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        all: { type: 'boolean', default: false },
        by: { type: 'string' },
        why: { type: 'string' },
        as: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
};

const usage = (found: string): CodedError =>
  new CodedError({
    code: 'HF-7403',
    attempted: 'reconcile',
    found,
    next: 'trading/reconcile/main.ts --help shows what it takes',
  });

const notOpen = (id: string, found: string): CodedError =>
  new CodedError({
    code: 'HF-7406',
    attempted: `resolve the break ${id}`,
    found,
    next: 'trading/reconcile/main.ts CONFIG.json list --all names those that are stored',
  });

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = error instanceof CodedError ? exitCodes.usage : exitCodes.inconclusive;
}
// What was asked of an address that is frozen is not waited for.
process.stdout.write('', () => process.exit());
