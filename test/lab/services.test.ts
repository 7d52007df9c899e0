import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { writeConnectFile } from '../../bin/commands/lab-connect.ts';
import { instanceEndpoint } from '../../lab/layout.ts';
import type { InstanceId } from '../../src/core/base/ids.ts';
import type { JsonRecord } from '../../trading/base/json-record.ts';
import { LineClient } from '../../trading/testing/line-client.ts';
import { activeSite, example, LabUnderTest, projectRoot, standbySite } from './lab-under-test.ts';

interface RunStep {
  readonly step: { readonly id: string; readonly kind: string };
  readonly outcome: string;
}

const minute = 60_000;
/** Shorter than a risk engine's own failover, so that the silence shows. */
const silentAfterMs = 250;

describe('risk engine and position keeper in a lab', { timeout: 15 * minute }, () => {
  let lab: LabUnderTest;
  let number = 0;
  before(async () => {
    lab = await LabUnderTest.open('suite-services', {
      topologyFile: example('three-site-services.yaml'),
      ratePerSecond: 100,
      engineSettings: { risk: { silentAfterMs } },
    });
  });
  after(() => lab?.close());
  afterEach((context) => lab?.noteResult(context));

  const at = (instance: InstanceId, service: 'orders' | 'risk' | 'positions'): Promise<LineClient> => {
    const { host, port } = lab.platform.context.book.addressFrom('outside', instanceEndpoint(instance, service));
    return LineClient.open(port, host);
  };
  const holderOf = async (kind: 'trading-engine' | 'risk-engine'): Promise<InstanceId> => {
    const { record } = await lab.platform.group();
    return record!.grants[lab.component(kind).id]!.holder!;
  };
  const instanceAt = (kind: 'position-keeper' | 'front', site: string): InstanceId =>
    lab.component(kind).instances.find((each) => lab.topology.hosts.find(({ id }) => id === each.host)?.site === site)!
      .id;
  const engineFigures = async (): Promise<JsonRecord> => {
    const holder = await holderOf('trading-engine');
    const { instances } = await lab.platform.group();
    return (instances.find((each) => each.instance === holder)?.observation ?? {}) as unknown as JsonRecord;
  };
  const approved = () =>
    lab.eventually(
      'the engine hears an approval',
      60_000,
      async () => !/risk-/.test(String((await engineFigures())['reason'])),
    );

  /** A client of its own, through the front of the active site. */
  const client = async (name: string): Promise<LineClient> => {
    const opened = await at(instanceAt('front', activeSite(await lab.platform.group())), 'orders');
    opened.send({ t: 'logon', client: name });
    await opened.expect(({ t }) => t === 'logon-ok');
    return opened;
  };
  const answerTo = async (on: LineClient, request: object): Promise<string> => {
    const id = `${(request as { t: string }).t}-${process.pid}-${++number}`;
    on.send({ id, ...request });
    const answer = await on.expect((message) => message.id === id && (message.t === 'ack' || message.t === 'reject'));
    return answer.t === 'ack' ? `ack ${id}` : String(answer.code);
  };
  const resting = { t: 'new', symbol: 'ALPHA', side: 'B', price: 1, qty: 1 };
  const change = async (fields: object): Promise<JsonRecord> => {
    const port = await at(await holderOf('risk-engine'), 'risk');
    const token = readFileSync(lab.platform.context.secrets.riskToken, 'utf8').trim();
    port.send({ t: 'change', token, by: 'Rhea Risk', reason: 'suite', ...fields });
    return port.expect(({ t }) => t === 'changed' || t === 'reject').finally(() => port.close());
  };

  /** The books of four processes, as an operator compares them. */
  const reconciled = async (): Promise<void> => {
    const main = join(projectRoot, 'trading/reconcile/main.ts');
    const config = join(lab.directory.outside('reconcile'), 'config.json');
    const run = await new Promise<{ readonly code: unknown; readonly text: string }>((resolve) => {
      execFile(
        process.execPath,
        [...process.execArgv, main, config, '--json'],
        { timeout: minute },
        (error, out, err) => resolve({ code: error?.code ?? 0, text: `${out}${err}` }),
      );
    });
    assert.equal(run.code, 0, run.text);
    const found = JSON.parse(run.text) as { readonly compared: { readonly books: readonly string[] } };
    assert.deepEqual([...found.compared.books].toSorted(), ['database', 'engine', 'exchange', 'positions']);
    lab.narrate('engine, position keeper, database and exchange agree');
  };

  /** Ledgers against engine, exchange and database; what this suite's own clients sent stands in no ledger. */
  const nothingLost = async (): Promise<void> => {
    const { verdict: _, elapsedMs: _ms, ...found } = await lab.verified();
    const strangers = (found['ordersNeverSent'] as readonly string[] | null) ?? [];
    assert.ok(
      strangers.length > 0 && strangers.every((id) => id.startsWith(`new-${process.pid}-`)),
      strangers.join(' '),
    );
    assert.deepEqual([found.reasons, found.staleWritesAccepted], [[], 0]);
    for (const [name, list] of Object.entries(found))
      if (Array.isArray(list) && name !== 'ordersNeverSent') assert.deepEqual(list, [], name);
  };

  it('an approval is heard, orders flow, and the position keeper agrees with engine, database and exchange', async () => {
    await approved();
    await reconciled();
  });

  it('a killed client gets nothing new through, its cancels pass, and the other clients trade on', async () => {
    const one = await client('one');
    const first = await answerTo(one, resting);
    assert.match(first, /^ack /);
    assert.equal((await change({ scope: 'client', name: 'one', killed: true }))['t'], 'changed');
    await lab.eventually('it is refused', 10_000, async () => (await answerTo(one, resting)) === 'killed');
    assert.match(await answerTo(one, { t: 'cancel', target: first.slice(4) }), /^ack /);
    await lab.platform.mark('killed');
    await lab.acknowledged('killed', 200);
    assert.equal((await change({ scope: 'client', name: 'one', killed: false }))['t'], 'changed');
    await lab.eventually('it trades again', 10_000, async () => (await answerTo(one, resting)).startsWith('ack '));
    one.close();
  });

  it('without its risk engine the engine refuses new risk within the bound, cancels pass, and trading resumes with a new one', async () => {
    const two = await client('two');
    const first = await answerTo(two, resting);
    assert.match(first, /^ack /);
    const before = await lab.platform.group();
    await lab.break({ kind: 'kill', target: { kind: 'instance', instance: await holderOf('risk-engine') } }, null);
    const killedAt = performance.now();
    let answer = 'ack ';
    while (answer.startsWith('ack ') && performance.now() - killedAt < 10_000) answer = await answerTo(two, resting);
    const refusedAfterMs = Math.round(performance.now() - killedAt);
    assert.ok(['risk-silent', 'risk-fail-safe'].includes(answer), answer);
    assert.match(await answerTo(two, { t: 'cancel', target: first.slice(4) }), /^ack /);
    await lab.eventually('new risk is taken again', 60_000, async () =>
      (await answerTo(two, resting)).startsWith('ack '),
    );
    const resumedAfterMs = Math.round(performance.now() - killedAt);
    lab.narrate(
      `risk engine killed: new risk refused after ${refusedAfterMs} ms, taken again after ${resumedAfterMs} ms`,
    );
    // What the fault itself takes through the ground is in it.
    assert.ok(refusedAfterMs < silentAfterMs + 1000, `${refusedAfterMs} ms`);
    two.close();
    await lab.settled();
    const { record } = await lab.platform.group();
    assert.ok(record!.epoch > before.record!.epoch);
    assert.equal(record!.activeSite, before.record!.activeSite);
    await reconciled();
  });

  it('risk engine and position keeper are recovered where they stand, by one command each, without a step that nobody offers', async () => {
    await lab.settled();
    const { record } = await lab.platform.group();
    const connect = writeConnectFile(lab.platform.context);
    for (const kind of ['risk-engine', 'position-keeper'] as const) {
      const { id } = lab.component(kind);
      const command = ['--json', '--connect', connect, '--as', 'Omar Operator', 'recover', id];
      const startedAt = performance.now();
      const run = await new Promise<{ readonly code: unknown; readonly text: string }>((resolve) => {
        execFile(
          join(projectRoot, 'bin/holdfast'),
          [...command, '--yes', '--reason', 'suite'],
          { timeout: 2 * minute },
          (error, out, err) => resolve({ code: error?.code ?? 0, text: `${out}${err}` }),
        );
      });
      assert.equal(run.code, 0, run.text);
      lab.narrate(`${id} recovered in ${Math.round(performance.now() - startedAt)} ms: ${run.text}`);
      const { steps } = (JSON.parse(run.text) as { readonly run: { readonly steps: readonly RunStep[] } }).run;
      const actions = steps.filter(({ step }) => step.kind === 'act');
      assert.ok(actions.length >= 5);
      for (const { step, outcome } of actions) assert.equal(outcome, 'ok', step.id);
    }
    await approved();
    await reconciled();
    const after = await lab.platform.group();
    assert.equal(after.record!.epoch, record!.epoch);
  });

  it('after a takeover by the other site limits and switches are as they were, and positions are recomputed and agree', async () => {
    await lab.acknowledge();
    assert.equal((await change({ scope: 'client', name: 'three', killed: true }))['t'], 'changed');
    const before = await lab.platform.group();
    const from = activeSite(before);
    const fault = await lab.break({ kind: 'site-power-off', site: from }, 5 * minute);
    const { record } = await lab.takenOver(before.record!.epoch);
    assert.equal(record!.activeSite, standbySite(lab.topology, from));
    await approved();
    await lab.platform.mark('taken-over');
    await lab.acknowledged('taken-over', 300);
    const three = await client('three');
    assert.equal(await answerTo(three, resting), 'killed');
    three.close();
    await reconciled();
    await lab.heal(fault);
    await lab.settled();
    await nothingLost();
  });
});
