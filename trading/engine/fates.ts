import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { CodedError, describeError } from '../base/coded-error.ts';
import { parseAddress } from '../control/contract-params.ts';
import { ControlClient } from '../control/control-client.ts';
import { fateLines } from './fate-lines.ts';
import { keptTakeover, keptTakeovers, takeoverIn } from './kept-takeovers.ts';
import type { TakeoverReport } from './venue/takeover.ts';

const help = `Shows what became of every order and request that was in doubt when an engine took over.

  bin/holdfast-node trading/engine/fates.ts --data DIR [--epoch N]                              from its data directory; the newest without --epoch
  bin/holdfast-node trading/engine/fates.ts --control HOST:PORT --token-file FILE --instance NAME   the takeover of its reign, or, when it is not primary, its last one
  … [--order ID]… [--json]                                                                      only these; as it is stored

Exit 0 every fate is proven · 1 there is no such report, or it cannot be read · 2 usage · 3 something is still in doubt
`;

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      epoch: { type: 'string' },
      control: { type: 'string' },
      'token-file': { type: 'string' },
      instance: { type: 'string' },
      order: { type: 'string', multiple: true },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const { data, epoch, control, instance } = values;
  const tokenFile = values['token-file'];
  const address = control === undefined ? null : parseAddress(control);
  const live = address !== null && tokenFile !== undefined && instance !== undefined;
  if ((data === undefined) === !live || (epoch !== undefined && !/^\d+$/.test(epoch))) {
    process.stderr.write(`HF-7101 name either --data, or --control with --token-file and --instance\n\n${help}`);
    return 2;
  }
  const report = live
    ? await askedOf({ ...address, instance, token: readFileSync(tokenFile, 'utf8').trim() })
    : readFrom(data!, epoch);
  const wanted = values.order ?? [];
  const inDoubt = report.inDoubt.filter(({ id }) => wanted.length === 0 || wanted.includes(id));
  for (const id of wanted)
    if (!inDoubt.some((fate) => fate.id === id)) process.stderr.write(`note  ${id} was not in doubt\n`);
  process.stdout.write(
    values.json ? `${JSON.stringify({ ...report, inDoubt })}\n` : `${fateLines(report, inDoubt).join('\n')}\n`,
  );
  return inDoubt.every(({ proof }) => proof !== null) ? 0 : 3;
};

const readFrom = (directory: string, epoch: string | undefined): TakeoverReport => {
  const epochs = keptTakeovers(directory);
  const wanted = epoch === undefined ? epochs.at(-1) : Number(epoch);
  if (wanted === undefined || !epochs.includes(wanted)) {
    const known = epochs.join(', ');
    throw unreadable('there is no such report', known === '' ? 'it has none' : `it has those of the epochs ${known}`);
  }
  return reportOf(keptTakeover(directory, wanted));
};

const askedOf = async (engine: {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly instance: string;
}): Promise<TakeoverReport> => {
  const client = await ControlClient.open({ ...engine, deadlineMs });
  try {
    const outcome = await client.call('takeover', {}, deadlineMs);
    if (outcome.kind === 'ok') return reportOf(takeoverIn(outcome.result));
    throw unreadable(JSON.stringify(outcome), 'ask the engine that is primary, or read the file in its data directory');
  } finally {
    client.close();
  }
};

const reportOf = (report: TakeoverReport | null): TakeoverReport => {
  if (report === null) throw unreadable('it is no takeover report', 'docs/internals/interlock.md says what is in one');
  return report;
};

const unreadable = (found: string, next: string): CodedError =>
  new CodedError({ code: 'HF-7210', attempted: 'read a takeover report', found, next });

const deadlineMs = 5000;

main()
  .then((code) => {
    process.exitCode = code;
  })
  .catch((error: unknown) => {
    process.stderr.write(`${describeError(error)}\n`);
    process.exitCode = 1;
  });
