import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { JsonRecord } from '../../trading/base/json-record.ts';
import type { Status } from '../../trading/control/contract.ts';
import { type CallOutcome, ControlClient } from '../../trading/control/control-client.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';

/** One running instance, as whoever brings a component starts it for the suite. */
export interface ContractSubject {
  readonly instance: string;
  readonly host: string;
  readonly port: number;
  readonly token: string;
  /** What `follow` of another instance is given; null for components that do not replicate. */
  readonly replicationAddress: string | null;
  /** SIGKILL; resolves when it is reaped. */
  kill(): Promise<void>;
  /** Starts it again with the same data, after `kill`. */
  restart(): Promise<ContractSubject>;
}

/** A component and what surrounds it (an exchange, a database), started for one test. */
export interface ContractGround {
  start(instance: string): Promise<ContractSubject>;
  /** Tries one write at a primary: did an acknowledgement come within the deadline? Writes may be acknowledged later. */
  write(subject: ContractSubject, deadlineMs: number): Promise<'acknowledged' | 'refused' | 'no-answer'>;
  /** Writes tried so far that were acknowledged, late ones included. */
  acknowledged(): number;
  close(): Promise<void>;
}

export interface ContractOptions {
  readonly component: string;
  /** Which part of the contract the component has, beside what all have. */
  readonly parts: {
    readonly primary: boolean;
    readonly replication: boolean;
    readonly testOrder: boolean;
    readonly route: boolean;
    /** It lets new risk through; without, whether trading is enabled is nothing to it. */
    readonly trading?: boolean;
    /** It keeps a log of its own, whose end it knows after a restart. */
    readonly log?: boolean;
  };
  readonly ground: () => Promise<ContractGround>;
}

interface Driven {
  readonly subject: ContractSubject;
  readonly control: ControlClient;
  readonly events: JsonRecord[];
}

const leaseIn = (ms: number): string => (process.hrtime.bigint() + BigInt(Math.round(ms * 1e6))).toString();
const LONG_MS = 60_000;
/** How often an instance that holds says that it is alive: the clock by which the suite judges how soon it says something else. */
const ALIVE_EVERY_MS = 100;
/** None that is slower is believed. */
const SLOWEST_ALIVE_EVERY_MS = 1000;
/** For what must come: a machine that does much else may take its time. */
const PATIENT_MS = 15_000;

const drive = async (subject: ContractSubject): Promise<Driven> => {
  const events: JsonRecord[] = [];
  const { host, port, token, instance } = subject;
  const control = await ControlClient.open({
    host,
    port,
    token,
    instance,
    deadlineMs: PATIENT_MS,
    onEvent: (event) => events.push(event),
  });
  return { subject, control, events };
};

/**
 * Signs of life before the event at `index`, from `after` on. There are no more of them than the rhythm allows, and none while the
 * instance does not run: time as the instance lived it.
 */
const aliveBefore = (events: readonly JsonRecord[], after: number, index: number): number =>
  events.slice(after, index).filter(({ event }) => event === 'alive').length;

const must = async (driven: Driven, method: string, params: object): Promise<JsonRecord> => {
  const outcome = await driven.control.call(method, params, PATIENT_MS);
  assert.equal(outcome.kind, 'ok', `${method} ${JSON.stringify(params)}: ${JSON.stringify(outcome)}`);
  return outcome.kind === 'ok' ? outcome.result : {};
};

const statusOf = async (driven: Driven): Promise<Status> => (await must(driven, 'status', {})) as unknown as Status;

const assertRefused = (outcome: CallOutcome, code: string): void => {
  assert.equal(outcome.kind, 'refused', JSON.stringify(outcome));
  if (outcome.kind === 'refused') assert.equal(outcome.code, code, outcome.message);
};

const promote = (driven: Driven, epoch: number, ackSet: readonly string[] = []): Promise<JsonRecord> =>
  must(driven, 'promote', { epoch, leaseUntilNs: leaseIn(LONG_MS), ackSet, tradingEnabled: true });

const follow = (driven: Driven, epoch: number, upstream: ContractSubject): Promise<JsonRecord> =>
  must(driven, 'follow', {
    epoch,
    upstream: { instance: upstream.instance, address: upstream.replicationAddress },
    mode: 'sync',
  });

const untilStatus = (driven: Driven, what: string, holds: (status: Status) => boolean): Promise<void> =>
  waitUntil(what, async () => holds(await statusOf(driven)), PATIENT_MS);

/** Sends raw text to a control port; resolves with all that came back when the instance closed the connection. */
const talkUntilClosed = (subject: ContractSubject, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(subject.port, subject.host, () => socket.write(text));
    const deadline = setTimeout(() => {
      socket.destroy();
      reject(new Error('the instance did not close the connection'));
    }, PATIENT_MS);
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(deadline);
      resolve(answer);
    });
  });

/** Declares the contract's tests for a component. Each test gets a ground of its own. */
export const componentContract = (options: ContractOptions): void => {
  describe(`component contract: ${options.component}`, { timeout: 280_000 }, () => {
    const on = (name: string, body: (ground: ContractGround) => Promise<void>): void => {
      test(name, async () => {
        const ground = await options.ground();
        try {
          await body(ground);
        } finally {
          await ground.close();
        }
      });
    };
    describe('transport', () => declareTransport(options));
    describe('epochs', () => declareEpochs(on, options.parts.route));
    if (options.parts.primary) describe('primary', () => declarePrimary(on, options.parts));
    if (options.parts.primary && options.parts.replication) describe('replication', () => declareReplication(on));
    if (options.parts.testOrder) describe('test order', () => declareTestOrder(on));
  });
};

type On = (name: string, body: (ground: ContractGround) => Promise<void>) => void;

const declareTransport = (options: ContractOptions): void => {
  let ground: ContractGround;
  let subject: ContractSubject;
  before(async () => {
    ground = await options.ground();
    subject = await ground.start('one');
  });
  after(() => ground.close());

  test('anything before hello closes the connection', async () => {
    assert.match(await talkUntilClosed(subject, '{"id":1,"method":"status","params":{}}\n'), /"unauthorized"/);
  });

  test('hello with a wrong token closes the connection', async () => {
    const hello = { id: 1, method: 'hello', params: { token: 'wrong', contract: 1, instance: subject.instance } };
    assert.match(await talkUntilClosed(subject, `${JSON.stringify(hello)}\n`), /"unauthorized"/);
  });

  test('an unreadable frame is answered and closes the connection', async () => {
    const hello = { id: 1, method: 'hello', params: { token: subject.token, contract: 1, instance: subject.instance } };
    assert.match(await talkUntilClosed(subject, `${JSON.stringify(hello)}\n{"id":\n`), /"bad-frame"/);
  });

  test('an unknown method and missing parameters are refused by name', async () => {
    const driven = await drive(subject);
    assertRefused(await driven.control.call('explode', {}), 'unknown-method');
    assertRefused(await driven.control.call('fence', {}), 'bad-params');
    driven.control.close();
  });

  test('alive events come as often as they say they will, and a status at least once a second', async () => {
    const driven = await drive(subject);
    // Where the machine does not let it run, some are left out: one good second will do.
    let seen: { readonly count: number; readonly everyMs: number }[] = [];
    await waitUntil(
      'a second in which it said at least half as often as it says that it is alive',
      () => {
        const at = driven.events.flatMap(({ event }, index) => (event === 'status' ? [index] : []));
        seen = at.slice(1).map((to, index) => {
          const between = driven.events.slice(at[index]! + 1, to).filter(({ event }) => event === 'alive');
          return { count: between.length, everyMs: Number(between[0]?.everyMs ?? ALIVE_EVERY_MS) };
        });
        return seen.some(({ count, everyMs }) => count >= 1000 / everyMs / 2);
      },
      30_000,
    ).catch((error: Error) => assert.fail(`${error.message}: ${JSON.stringify(seen)} between status events`));
    for (const { count, everyMs } of seen) {
      assert.ok(everyMs <= SLOWEST_ALIVE_EVERY_MS, `every ${everyMs} ms`);
      assert.ok(count <= 1000 / everyMs + 1, `${count} alive events, one each ${everyMs} ms, and no status`);
    }
    driven.control.close();
  });

  test('it boots closed and releases nothing', async () => {
    const driven = await drive(subject);
    const { role, releasing } = await statusOf(driven);
    assert.equal(role, 'closed');
    assert.equal(releasing, false);
    driven.control.close();
  });
};

const declareEpochs = (on: On, route: boolean): void => {
  on('a lower epoch is refused, with the highest named', async (ground) => {
    const driven = await drive(await ground.start('one'));
    assert.equal((await must(driven, 'fence', { epoch: 7 })).epoch, 7);
    const methods = ['fence', 'demote', ...(route ? [] : ['lease', 'drain'])];
    for (const method of methods) {
      const outcome = await driven.control.call(method, { epoch: 6, leaseUntilNs: leaseIn(LONG_MS) });
      assertRefused(outcome, 'stale-epoch');
      assert.equal(outcome.kind === 'refused' && outcome.epoch, 7);
    }
    assert.equal((await must(driven, 'fence', { epoch: 7 })).epoch, 7, 'fencing again in the same epoch is no error');
  });

  on('an answered epoch survives kill -9', async (ground) => {
    const subject = await ground.start('one');
    await must(await drive(subject), 'fence', { epoch: 9 });
    await subject.kill();
    const driven = await drive(await subject.restart());
    assert.equal((await statusOf(driven)).epoch, 9);
    assertRefused(await driven.control.call('fence', { epoch: 8 }), 'stale-epoch');
  });
};

const declarePrimary = (on: On, { trading = true, log = true }: ContractOptions['parts']): void => {
  on('only promote with a lease that has not run out leads to primary', async (ground) => {
    const driven = await drive(await ground.start('one'));
    const params = { epoch: 1, leaseUntilNs: leaseIn(-1), ackSet: [], tradingEnabled: true };
    assertRefused(await driven.control.call('promote', params), 'no-lease');
    assert.notEqual((await statusOf(driven)).role, 'primary');
    assertRefused(await driven.control.call('lease', { epoch: 1, leaseUntilNs: leaseIn(LONG_MS) }), 'not-ready');
    await promote(driven, 1);
    assert.equal((await statusOf(driven)).role, 'primary');
    assert.equal(await ground.write(driven.subject, PATIENT_MS), 'acknowledged');
  });

  on('promote is idempotent', async (ground) => {
    const driven = await drive(await ground.start('one'));
    const first = await promote(driven, 1);
    const second = await promote(driven, 1);
    assert.deepEqual(second.position, first.position);
  });

  on(
    'nothing is released after the lease ran out, and a later lease of the same epoch lets go what was held back',
    async (ground) => {
      const driven = await drive(await ground.start('one'));
      await promote(driven, 1);
      assert.equal(await ground.write(driven.subject, PATIENT_MS), 'acknowledged');
      await must(driven, 'lease', { epoch: 1, leaseUntilNs: leaseIn(200) });
      await untilStatus(driven, 'the lease runs out', ({ releasing }) => !releasing);
      const before = ground.acknowledged();
      assert.equal(await ground.write(driven.subject, 300), 'no-answer');
      assert.equal(ground.acknowledged(), before);
      await must(driven, 'lease', { epoch: 1, leaseUntilNs: leaseIn(LONG_MS) });
      await waitUntil('the held write is acknowledged', () => ground.acknowledged() === before + 1);
      assert.equal((await statusOf(driven)).role, 'primary');
    },
  );

  on('the end of a lease is told at once', async (ground) => {
    const driven = await drive(await ground.start('one'));
    await promote(driven, 1);
    const saysThat = async (releasing: boolean, after: number): Promise<number> => {
      const says = ({ event, status }: JsonRecord): boolean =>
        event === 'status' && (status as Status).role === 'primary' && (status as Status).releasing === releasing;
      await waitUntil(`a status event says releasing: ${releasing}`, () => driven.events.slice(after).some(says));
      return after + driven.events.slice(after).findIndex(says);
    };
    // Twice: the status that is due anyway once a second may come just then.
    for (let round = 1; round <= 2; round++) {
      await saysThat(true, driven.events.length - 1);
      await must(driven, 'lease', { epoch: 1, leaseUntilNs: leaseIn(3 * ALIVE_EVERY_MS) });
      const from = driven.events.length;
      const alive = aliveBefore(driven.events, from, await saysThat(false, from));
      assert.ok(alive <= 5, `${alive} alive events passed, of which 3 before the end of the lease`);
      await must(driven, 'lease', { epoch: 1, leaseUntilNs: leaseIn(LONG_MS) });
    }
  });

  on('a newer epoch ends the reign of an older one', async (ground) => {
    const driven = await drive(await ground.start('one'));
    await promote(driven, 1);
    await must(driven, 'fence', { epoch: 2 });
    const status = await statusOf(driven);
    assert.equal(status.role, 'fenced');
    assert.equal(status.releasing, false);
    assertRefused(await driven.control.call('lease', { epoch: 1, leaseUntilNs: leaseIn(LONG_MS) }), 'stale-epoch');
    assertRefused(await driven.control.call('lease', { epoch: 2, leaseUntilNs: leaseIn(LONG_MS) }), 'not-ready');
    assert.notEqual(await ground.write(driven.subject, 300), 'acknowledged');
  });

  on('the old primary may be granted a newer epoch', async (ground) => {
    const driven = await drive(await ground.start('one'));
    await promote(driven, 1);
    assert.equal(await ground.write(driven.subject, PATIENT_MS), 'acknowledged');
    await must(driven, 'fence', { epoch: 2 });
    await promote(driven, 3);
    assert.equal(await ground.write(driven.subject, PATIENT_MS), 'acknowledged');
  });

  on('demote stops releases at once', async (ground) => {
    const driven = await drive(await ground.start('one'));
    await promote(driven, 1);
    await must(driven, 'demote', { epoch: 1 });
    assert.equal((await statusOf(driven)).role, 'closed');
    assert.notEqual(await ground.write(driven.subject, 300), 'acknowledged');
  });

  on('an epoch that was given up is not taken up again', async (ground) => {
    const driven = await drive(await ground.start('one'));
    await promote(driven, 1);
    await must(driven, 'demote', { epoch: 1 });
    const params = { epoch: 1, leaseUntilNs: leaseIn(LONG_MS), ackSet: [], tradingEnabled: true };
    assertRefused(await driven.control.call('promote', params), 'not-ready');
  });

  on('a primary that is killed comes back closed', async (ground) => {
    const subject = await ground.start('one');
    await promote(await drive(subject), 1);
    assert.equal(await ground.write(subject, PATIENT_MS), 'acknowledged');
    await subject.kill();
    const again = await subject.restart();
    const driven = await drive(again);
    if (log) await untilStatus(driven, 'it has recovered', ({ position }) => position.sequence > 0);
    assert.equal((await statusOf(driven)).role, 'closed');
    assert.notEqual(await ground.write(again, 300), 'acknowledged');
  });

  if (!trading) return;
  on('new risk is refused while trading is disabled, while halted, and while draining', async (ground) => {
    const driven = await drive(await ground.start('one'));
    await promote(driven, 1);
    await must(driven, 'set-trading', { epoch: 1, enabled: false });
    assert.equal(await ground.write(driven.subject, PATIENT_MS), 'refused');
    await must(driven, 'set-trading', { epoch: 1, enabled: true });
    assert.equal(await ground.write(driven.subject, PATIENT_MS), 'acknowledged');
    await must(driven, 'set-ack-set', { epoch: 1, ackSet: [], halted: true });
    assert.equal(await ground.write(driven.subject, PATIENT_MS), 'refused');
    assert.equal((await statusOf(driven)).halted, true);
    await must(driven, 'set-ack-set', { epoch: 1, ackSet: [], halted: false });
    assert.equal(await ground.write(driven.subject, PATIENT_MS), 'acknowledged');
    const drained = await must(driven, 'drain', { epoch: 1 });
    assert.ok((drained.position as { sequence: number }).sequence > 0);
    assert.equal(await ground.write(driven.subject, PATIENT_MS), 'refused');
    assert.equal((await statusOf(driven)).tradingEnabled, false);
    await must(driven, 'set-trading', { epoch: 1, enabled: true });
    assert.equal((await statusOf(driven)).tradingEnabled, true);
    assert.equal(await ground.write(driven.subject, PATIENT_MS), 'acknowledged');
  });
};

const declareReplication = (on: On): void => {
  const pair = async (ground: ContractGround): Promise<readonly [Driven, Driven]> => {
    const one = await drive(await ground.start('one'));
    const two = await drive(await ground.start('two'));
    await promote(one, 1, ['two']);
    await follow(two, 1, one.subject);
    await untilStatus(one, 'the replica is in sync', ({ releasing }) => releasing);
    return [one, two];
  };

  on('a standby follows and holds what was acknowledged', async (ground) => {
    const [one, two] = await pair(ground);
    assert.equal(await ground.write(one.subject, PATIENT_MS), 'acknowledged');
    const { role, upstream } = await statusOf(two);
    assert.equal(role, 'standby');
    assert.deepEqual([upstream?.instance, upstream?.connected], ['one', true]);
    const { position } = await statusOf(one);
    await untilStatus(two, 'the standby has caught up', (status) => status.position.sequence >= position.sequence);
  });

  on('a lost member of the acknowledgement set stops releases; only set-ack-set shrinks the set', async (ground) => {
    const [one, two] = await pair(ground);
    await two.subject.kill();
    await untilStatus(one, 'the loss is reported', ({ replicas }) => replicas.some(({ state }) => state === 'lost'));
    assert.equal(await ground.write(one.subject, 300), 'no-answer');
    const status = await statusOf(one);
    assert.deepEqual(status.ackSet, ['two']);
    assert.equal(status.releasing, false);
    const before = ground.acknowledged();
    await must(one, 'set-ack-set', { epoch: 1, ackSet: [] });
    await waitUntil('the held write is acknowledged', () => ground.acknowledged() === before + 1);
  });

  on('a member that comes back lets releases go on by itself', async (ground) => {
    const [one, two] = await pair(ground);
    await two.subject.kill();
    assert.equal(await ground.write(one.subject, 300), 'no-answer');
    const before = ground.acknowledged();
    const again = await drive(await two.subject.restart());
    await follow(again, 1, one.subject);
    await waitUntil('the held write is acknowledged', () => ground.acknowledged() === before + 1);
  });

  on('a fenced standby acknowledges nothing more to the old primary', async (ground) => {
    const [one, two] = await pair(ground);
    await must(two, 'fence', { epoch: 2 });
    assert.notEqual(await ground.write(one.subject, 500), 'acknowledged');
  });

  on(
    'the standby takes over with everything that was acknowledged, and the old primary can follow it',
    async (ground) => {
      const [one, two] = await pair(ground);
      for (let count = 0; count < 5; count++) assert.equal(await ground.write(one.subject, PATIENT_MS), 'acknowledged');
      const { position } = await statusOf(one);
      await must(two, 'fence', { epoch: 2 });
      const promoted = (await promote(two, 2)).position as { sequence: number; epoch: number };
      assert.ok(promoted.sequence > position.sequence);
      assert.equal(promoted.epoch, 2);
      assert.equal(await ground.write(two.subject, PATIENT_MS), 'acknowledged');
      await must(one, 'fence', { epoch: 2 });
      await follow(one, 2, two.subject);
      await untilStatus(one, 'the old primary follows', ({ upstream }) => upstream?.connected === true);
      await must(two, 'set-ack-set', { epoch: 2, ackSet: ['one'] });
      assert.equal(await ground.write(two.subject, PATIENT_MS), 'acknowledged');
    },
  );

  on('the loss of the upstream is told at once', async (ground) => {
    const [one, two] = await pair(ground);
    const before = two.events.length;
    const said = () =>
      two.events
        .slice(before)
        .some(({ event, status }) => event === 'status' && (status as Status).upstream?.connected === false);
    await one.subject.kill();
    // Whoever asks learns it no earlier than whoever listens: one more answer, and what was sent before it has arrived.
    await untilStatus(two, 'the upstream is gone', ({ upstream }) => upstream?.connected === false);
    await statusOf(two);
    assert.ok(said(), 'an answer says that the upstream is gone, and no status event does');
  });
};

const declareTestOrder = (on: On): void => {
  on('a test order goes through the real path and books nothing', async (ground) => {
    const driven = await drive(await ground.start('one'));
    assertRefused(await driven.control.call('test-order', { epoch: 1 }), 'not-ready');
    await promote(driven, 2);
    await must(driven, 'set-trading', { epoch: 2, enabled: false });
    const { elapsedMs } = await must(driven, 'test-order', { epoch: 2 });
    assert.equal(typeof elapsedMs, 'number');
    assert.equal((await statusOf(driven)).business.activeOrders, 0);
  });
};
