import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ThrowawayPostgres } from '../../trading/oms/throwaway-postgres.ts';
import type { Break } from '../../trading/reconcile/break.ts';
import type { Reconciliation } from '../../trading/reconcile/reconciliation.ts';
import { TradingProcess } from '../../trading/testing/child-process.ts';
import { leaseIn, type TradingWorld } from '../../trading/testing/trading-world.ts';

const main = join(import.meta.dirname, '..', '..', 'trading', 'reconcile', 'main.ts');

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the comparison of books as an operator does, and says how it ended. */
export const runReconcile = (...args: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const all = [...process.execArgv, main, ...args];
    const child = execFile(process.execPath, all, { maxBuffer: 64 * 1024 * 1024 }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });

/** What it finds; it ends with 1 when it found something: what counts is whether it could say so. */
export const reconciled = async (config: string): Promise<Reconciliation> => {
  const { stdout, stderr } = await runReconcile(config, '--json');
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Reconciliation;
};

/** Breaks in the order of their words. */
export const toldBreaks = (breaks: readonly Break[]): string[] =>
  breaks.map(({ kind, book, order }) => `${kind} ${book} ${order}`).toSorted();

export interface BookVenue {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly firm: string;
}

/** A position keeper as a process, and the configuration of a comparison of its book with the others. */
export const startKeeper = async (
  world: TradingWorld,
  options: {
    readonly instance: string;
    /** Where the keeper hears of executions; the comparison asks `engines`. */
    readonly follows?: readonly object[];
    readonly engines: readonly object[];
    readonly databases: readonly object[];
    readonly venues: readonly BookVenue[];
  },
): Promise<{ readonly keeper: TradingProcess; readonly config: string }> => {
  const { instance, engines, follows = engines, databases, venues } = options;
  const listen = { host: '127.0.0.1', port: 0 };
  const keeper = await TradingProcess.start('positions', [
    world.write(instance, { instance, engines: follows, listen }),
  ]);
  world.onClose(() => keeper.kill());
  const config = world.write(`reconcile-${instance}`, {
    engines,
    keeper: { host: '127.0.0.1', port: keeper.port('positions') },
    databases,
    venues,
    settleMs: 1500,
    deadlineMs: 10_000,
    store: `breaks-${instance}`,
  });
  return { keeper, config };
};

/** Order management as a process, primary in epoch 1; answers how its database is reached. */
export const startOrderManagement = async (
  world: TradingWorld,
  options: { readonly postgres: ThrowawayPostgres; readonly engines: readonly object[] },
): Promise<object> => {
  writeFileSync(join(world.directory, 'password'), 'unused\n', { mode: 0o600 });
  const { host, port, user, database } = options.postgres.address;
  const stored = { host, port, user, database, passwordFile: 'password' };
  const control = { host: '127.0.0.1', port: 0, tokenFile: 'token' };
  mkdirSync(join(world.directory, 'oms'));
  const oms = await TradingProcess.start('oms', [
    world.write('oms', { instance: 'oms', dataDir: 'oms', control, engines: options.engines, database: stored }),
  ]);
  world.onClose(() => oms.kill());
  const agent = await world.control(oms.port('control'), 'oms');
  world.onClose(async () => agent.close());
  const reign = { epoch: 1, leaseUntilNs: leaseIn(600_000), ackSet: [], tradingEnabled: true };
  assert.equal((await agent.call('promote', reign, 30_000)).kind, 'ok');
  return stored;
};
