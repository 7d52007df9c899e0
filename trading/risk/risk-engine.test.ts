import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { JsonRecord } from '../base/json-record.ts';
import { OrderStore } from '../oms/order-store.ts';
import { postgresAvailable, ThrowawayPostgres } from '../oms/throwaway-postgres.ts';
import { LineClient } from '../testing/line-client.ts';
import { RiskUnderTest, riskTokenOf } from '../testing/risk-under-test.ts';
import { type EngineUnderTest, TradingWorld, untilReleasing } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';

const silentAfterMs = 600;

test('engine and risk engine', {
  skip: postgresAvailable ? false : 'no embedded PostgreSQL for this machine',
  timeout: 240_000,
}, async (suite) => {
  let world: TradingWorld;
  let postgres: ThrowawayPostgres;
  let engine: EngineUnderTest;
  let risk: RiskUnderTest;
  let client: LineClient;
  let number = 0;
  let epoch = 1;

  const startRisk = () =>
    RiskUnderTest.start(world, {
      instance: `risk-${epoch}`,
      database: postgres.address,
      enginePorts: [engine.process.port('orders')],
      initial: [{ scope: 'client', name: '*', limits: { maxPosition: 100, maxExposure: 1_000_000 } }],
    });
  /** The answer to a new order: `ack` or the code of the refusal. */
  const order = async (terms: object): Promise<string> => {
    const id = `o-${++number}`;
    client.send({ t: 'new', id, symbol: 'XYZ', side: 'B', price: 10, qty: 5, ...terms });
    const answer = await client.expect(
      (message) => message.id === id && (message.t === 'ack' || message.t === 'reject'),
    );
    return answer.t === 'ack' ? 'ack' : String(answer.code);
  };
  const cancel = async (target: string): Promise<string> => {
    const id = `x-${++number}`;
    client.send({ t: 'cancel', id, target });
    const answer = await client.expect(
      (message) => message.id === id && (message.t === 'ack' || message.t === 'reject'),
    );
    return answer.t === 'ack' ? 'ack' : String(answer.code);
  };
  const figures = async (): Promise<JsonRecord> => (await engine.status()).business;
  const approved = () => waitUntil('new risk is approved', async () => (await figures())['riskApproved'] === 1);
  const exposures = () => risk.ask({ t: 'exposures' }, 'exposures-end');

  before(async () => {
    [world, postgres] = await Promise.all([TradingWorld.open({ fillShare: 0 }), ThrowawayPostgres.start()]);
    engine = await world.engine('engine', { risk: { tokenFile: riskTokenOf(world), silentAfterMs, askEveryMs: 100 } });
    await engine.promote(1, []);
    await untilReleasing(engine);
    client = await engine.client('c1');
  });
  after(async () => {
    await world.close();
    await postgres.close();
  });

  await suite.test('no new risk is taken before a risk engine has spoken', async () => {
    assert.equal(await order({}), 'risk-silent');
    const { health, reason } = await engine.status();
    assert.equal(health, 'degraded');
    assert.match(String(reason), /^risk-silent: no approval yet/);
  });

  await suite.test(
    'a promoted risk engine approves what is within the limits, and the engine refuses the rest inline',
    async () => {
      risk = await startRisk();
      await risk.promote(epoch);
      await approved();
      assert.equal((await engine.status()).health, 'ok');
      assert.equal(await order({ qty: 60 }), 'ack');
      assert.equal(await order({ qty: 41 }), 'limit-position');
      assert.equal(await order({ qty: 40 }), 'ack');
      assert.equal(await order({ qty: 1 }), 'limit-position');
      assert.equal(await order({ qty: 100, side: 'S' }), 'ack');
      assert.equal(await order({ symbol: 'OTHER', qty: 100, price: 10_001 }), 'limit-exposure');
    },
  );

  await suite.test('what a cancelled order used is there again', async () => {
    assert.equal(await cancel('o-2'), 'ack');
    await waitUntil('the room is back', async () => (await order({ qty: 60 })) === 'ack');
    const [, ...rows] = await exposures();
    const pair = rows.find(({ t }) => t === 'pair');
    assert.deepEqual([pair?.['openBuy'], pair?.['openSell'], pair?.['lots']], [100, 100, 0]);
  });

  await suite.test('a rule is refused without the token, without a name, or when it means nothing', async () => {
    const kill = { scope: 'client', name: 'c1', killed: true };
    assert.equal((await risk.change({ ...kill, token: 'wrong' }))['code'], 'unauthorized');
    assert.equal((await risk.change({ ...kill, by: '' }))['code'], 'bad-message');
    assert.match(String((await risk.change({ ...kill, scope: 'galaxy' }))['message']), /firm, client or symbol/);
    const limits = { maxLoss: 1 };
    assert.match(
      String((await risk.change({ scope: 'symbol', name: 'XYZ', limits }))['message']),
      /has no limit maxLoss/,
    );
  });

  await suite.test('a killed client, symbol or firm gets nothing new through, and cancels pass', async () => {
    for (const scope of [{ scope: 'client', name: 'c1' }, { scope: 'symbol', name: 'XYZ' }, { scope: 'firm' }]) {
      assert.equal((await risk.change({ ...scope, killed: true }))['t'], 'changed');
      await waitUntil('it is refused', async () => (await order({ side: 'S', qty: 1 })) === 'killed');
      assert.equal((await risk.change({ ...scope, killed: false }))['t'], 'changed');
      await waitUntil('it is limited again', async () => (await order({ qty: 1 })) === 'limit-position');
    }
    assert.equal((await risk.change({ scope: 'firm', killed: true }))['t'], 'changed');
    assert.equal(await cancel('o-4'), 'ack');
    const changes = await postgres.query<{ readonly set_by: string }>('SELECT set_by FROM risk_changes WHERE killed');
    assert.deepEqual(
      changes.map((row) => row.set_by),
      ['Rhea', 'Rhea', 'Rhea', 'Rhea'],
    );
  });

  await suite.test('a silent risk engine stops new risk within the bound, and cancels pass', async () => {
    risk.process.signal('SIGSTOP');
    const frozenAt = performance.now();
    await waitUntil('new risk is refused', async () => (await order({ symbol: 'NEW', qty: 1 })) === 'risk-silent');
    const silentMs = performance.now() - frozenAt;
    assert.ok(silentMs < silentAfterMs + 1000, `${silentMs} ms`);
    assert.match(String((await engine.status()).reason), /^risk-silent: no approval for 600 ms or longer/);
    assert.equal(await cancel('o-6'), 'ack');
    risk.process.signal('SIGCONT');
    await approved();
  });

  await suite.test(
    'limits and kill switches survive the risk engine, and its successor recomputes the exposures',
    async () => {
      await risk.end();
      epoch = 2;
      risk = await startRisk();
      await risk.promote(epoch);
      await approved();
      // A word of the risk engine may come late on a busy machine; what is approved without it is what must not be.
      await waitUntil('the firm is still stopped', async () => {
        const answer = await order({ symbol: 'NEW', qty: 1 });
        assert.notEqual(answer, 'ack');
        return answer === 'killed';
      });
      await risk.change({ scope: 'firm', killed: false });
      await waitUntil('the firm trades', async () => (await order({ symbol: 'NEW', qty: 1 })) === 'ack');
      const { business } = await risk.status();
      const state = await engine.status();
      assert.equal(business['activeOrders'], state.business.activeOrders);
    },
  );

  await suite.test('a risk engine of an older epoch is not believed', async () => {
    const old = await introduce(engine, { token: 'a-risk-token', instance: 'old', epoch: 1 });
    assert.deepEqual(old, { t: 'risk-refused', code: 'stale-epoch', epoch: 2 });
    const stranger = await introduce(engine, { token: 'guessed', instance: 'stranger', epoch: 9 });
    assert.equal(stranger['code'], 'unauthorized');
    await waitUntil('the firm trades', async () => (await order({ symbol: 'NEW', qty: 1 })) === 'ack');
  });

  await suite.test(
    'whatever is sent to its port, or to the engine in its name, it lives, and nothing is approved by it',
    async () => {
      const texts = Array.from({ length: 400 }, (_, n) => {
        const noise = Array.from({ length: (n * 31) % 83 }, (__, at) =>
          String.fromCharCode(32 + ((n * 7919 + at * 104_729) % 90)),
        ).join('');
        return [`{"t":"change",${noise}}`, noise, `{"t":"risk","seq":${n},"approved":true,"echo":1}`, '{"t":"rules"'][
          n % 4
        ]!;
      });
      for (const port of [risk.process.port('risk'), engine.process.port('orders')])
        for (const text of texts) {
          const peer = await LineClient.open(port);
          peer.sendText(`${text}\n`);
          peer.close();
        }
      const known = (await risk.ask({ t: 'rules' }, 'rules'))[0]!['rules'] as readonly object[];
      assert.deepEqual(
        known.map((rule) => (rule as { name: string }).name),
        ['*', 'c1', '', 'XYZ'],
      );
      await waitUntil('the firm trades', async () => (await order({ symbol: 'NEW', qty: 1 })) === 'ack');
    },
  );

  const act = async (action: string) => {
    const outcome = await risk.control.call('act', { epoch, action }, 15_000);
    if (outcome.kind === 'ok') return outcome.result['detail'] as JsonRecord;
    return String(outcome.kind === 'refused' ? `${outcome.code}: ${outcome.message}` : outcome.kind);
  };
  const failSafe = async () => (await risk.ask({ t: 'status' }, 'status'))[0]!['failSafe'];

  await suite.test('a recovery rejects everything first, and the engine has read that when it answers', async () => {
    assert.match(String(await act('verify')), /^not-ready: it comes after recompute-exposures/);
    assert.deepEqual(await act('fail-safe'), { failSafe: true, engineTold: true });
    assert.equal(await order({ symbol: 'NEW', qty: 1 }), 'risk-fail-safe');
    assert.match(String(await act('leave-fail-safe')), /^not-ready: it comes after verify/);
    assert.equal(await order({ symbol: 'NEW', qty: 1 }), 'risk-fail-safe');
  });

  await suite.test(
    'step by step limits, positions and exposures are made anew, and it leaves fail-safe verified',
    async () => {
      const { rules, killed } = (await act('restore-limits')) as JsonRecord;
      assert.deepEqual([rules, killed], [4, 0]);
      const { trades, openOrders } = (await act('recompute-positions')) as JsonRecord;
      assert.deepEqual([trades, openOrders], [0, (await engine.status()).business.activeOrders]);
      const exposures = (await act('recompute-exposures')) as JsonRecord;
      assert.deepEqual([exposures['clientsThatDiffered'], exposures['openOrders']], [0, openOrders]);
      const verified = (await act('verify')) as JsonRecord;
      assert.deepEqual([verified['delta'], verified['openOrders']], [0, openOrders], JSON.stringify(verified));
      assert.equal(await order({ symbol: 'NEW', qty: 1 }), 'risk-fail-safe');
      assert.equal(((await act('leave-fail-safe')) as JsonRecord)['failSafe'], false);
      await waitUntil('the firm trades', async () => (await order({ symbol: 'NEW', qty: 1 })) === 'ack');
      assert.equal(((await act('leave-fail-safe')) as JsonRecord)['failSafe'], false);
    },
  );

  await suite.test('limits that are not the stored ones are not left standing by a recovery', async () => {
    await postgres.query(`UPDATE risk_rules SET limits = '{"maxPosition": 1}' WHERE scope = 'client' AND name = '*'`);
    await act('fail-safe');
    const { rules } = (await act('restore-limits')) as JsonRecord;
    assert.equal(rules, 4);
    await postgres.query(`UPDATE risk_rules SET limits = '{"maxPosition": 100}' WHERE scope = 'client' AND name = '*'`);
    await act('recompute-positions');
    await act('recompute-exposures');
    assert.match(String(await act('verify')), /^not-ready: verify: limits in force are not the stored ones: client \*/);
    assert.match(String(await failSafe()), /a recovery was ordered, and has come to: exposures/);
  });

  await suite.test(
    'a process that is started again in the same epoch stays in fail-safe; its recovery begins with fail-safe again',
    async () => {
      await risk.end();
      risk = await RiskUnderTest.start(world, {
        instance: `risk-${epoch}`,
        database: postgres.address,
        enginePorts: [engine.process.port('orders')],
      });
      await risk.promote(epoch);
      assert.match(String(await failSafe()), /a recovery was ordered, and has come to: ordered/);
      for (const action of [
        'restore-limits',
        'recompute-positions',
        'recompute-exposures',
        'verify',
        'leave-fail-safe',
      ])
        assert.equal(typeof (await act(action)), 'object', action);
      await approved();
      await waitUntil('the firm trades', async () => (await order({ symbol: 'NEW', qty: 1 })) === 'ack');
    },
  );

  await suite.test('a change waits while the lease is over, and takes effect when it is back', async () => {
    await risk.must('lease', { epoch, leaseUntilNs: '1' });
    const asked = risk.change({ scope: 'client', name: 'c2', killed: true });
    await waitUntil('it waits', async () => (await risk.status()).business['changesWaiting'] === 1);
    await waitUntil('the engine hears nothing', async () => (await order({ symbol: 'NEW', qty: 1 })) === 'risk-silent');
    await risk.must('lease', { epoch, leaseUntilNs: String(process.hrtime.bigint() + 60_000_000_000n) });
    assert.equal((await asked)['t'], 'changed');
    await approved();
  });

  await suite.test(
    'a price outside its symbol’s collar is refused, in an order as in a replace, and cancels pass',
    async () => {
      assert.match(
        String((await risk.change({ scope: 'symbol', name: '*', limits: { referencePrice: 5 } }))['message']),
        /that of one symbol/,
      );
      assert.equal(
        (await risk.change({ scope: 'symbol', name: '*', limits: { maxDeviationBps: 1050 } }))['t'],
        'changed',
      );
      assert.equal(
        (await risk.change({ scope: 'symbol', name: 'BAND', limits: { referencePrice: 101 } }))['t'],
        'changed',
      );
      const band = { symbol: 'BAND', qty: 1 };
      // 10.5 % of 101 is 10.605: 91 to 111.
      await waitUntil('it is in force', async () => (await order({ ...band, price: 112 })) === 'limit-price');
      assert.equal(await order({ ...band, price: 90 }), 'limit-price');
      assert.equal(await order({ ...band, price: 91 }), 'ack');
      assert.equal(await order({ ...band, price: 111 }), 'ack');
      const target = `o-${number}`;
      const replaced = async (price: number) => {
        const id = `r-${++number}`;
        client.send({ t: 'replace', id, target, price, qty: 2 });
        const answer = await client.expect((message) => message.id === id && message.t !== 'replaced');
        return answer.t === 'ack' ? 'ack' : String(answer.code);
      };
      assert.equal(await replaced(112), 'limit-price');
      assert.equal(await replaced(110), 'ack');
      assert.equal(await cancel(target), 'ack');
      assert.equal(await order({ symbol: 'FREE', qty: 1, price: 5000 }), 'ack');
      assert.equal((await risk.change({ scope: 'symbol', name: '*', limits: {} }))['t'], 'changed');
      await waitUntil('it is lifted', async () => (await order({ ...band, price: 500 })) === 'ack');
    },
  );

  await suite.test('a successor begins with the exposures that were kept, and reads only what came after', async () => {
    const next = async () => {
      await risk.end();
      epoch += 1;
      risk = await RiskUnderTest.start(world, {
        instance: `risk-${epoch}`,
        database: postgres.address,
        enginePorts: [engine.process.port('orders')],
        keepEveryEntries: 20,
      });
      await risk.promote(epoch);
      await waitUntil('it is the one that approves', async () => {
        const { riskApproved, riskEpoch } = await figures();
        return riskApproved === 1 && riskEpoch === epoch;
      });
      return Number((await risk.status()).business['begunWith']);
    };
    assert.equal(await next(), 0);
    for (let n = 0; n < 25; n += 1) assert.equal(await order({ symbol: 'KEPT', qty: 1 }), 'ack');
    const oms = { stream: 'engine', epoch: 1, holder: 'oms', deadlineMs: 15_000 };
    (await OrderStore.open({ database: postgres.address, ...oms })).close();
    const { position } = await engine.status();
    // Nothing was executed: to order management's positions it is all the same how far it has come.
    await postgres.query(`UPDATE oms_position SET sequence = ${position.sequence}, epoch = 1`);
    const kept = () => postgres.query<{ readonly through: number }>('SELECT through::int FROM risk_exposures');
    await waitUntil('exposures are kept', async () => {
      await risk.must('lease', { epoch, leaseUntilNs: String(process.hrtime.bigint() + 60_000_000_000n) });
      return (await kept()).length === 1;
    });
    const [{ through } = { through: 0 }] = await kept();
    const before = await exposures();
    assert.equal(await next(), through);
    const after = await exposures();
    assert.deepEqual(after.slice(1), before.slice(1));
    await postgres.query(`UPDATE risk_exposures SET content = replace(content, 'KEPT', 'LOST')`);
    assert.equal(await next(), 0);
    assert.equal((await risk.status()).business['keptUnusable'], 1);
    assert.deepEqual((await exposures()).slice(1), before.slice(1));
  });
});

/** The engine's answer to somebody who says that he is a risk engine. */
const introduce = async (engine: EngineUnderTest, logon: object): Promise<JsonRecord> => {
  const client = await LineClient.open(engine.process.port('orders'));
  client.send({ t: 'risk-logon', ...logon });
  return client.expect(({ t }) => t === 'risk-refused').finally(() => client.close());
};
