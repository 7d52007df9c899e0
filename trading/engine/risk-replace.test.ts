import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ApprovalTable } from '../risk/approval-table.ts';
import { ExposureBook } from '../risk/exposure-book.ts';
import { RuleBook } from '../risk/limits.ts';
import { riskRecord } from '../risk/risk-message.ts';
import { BinaryClient } from '../testing/binary-client.ts';
import { LineClient } from '../testing/line-client.ts';
import { riskTokenOf } from '../testing/risk-under-test.ts';
import { type EngineUnderTest, TradingWorld } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { encodeSent } from './binary-protocol.ts';

let world: TradingWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

const symbol = 'X';

/** A primary that a risk engine approves of which no client may have more than 10 lots to a side. */
const approved = async (): Promise<EngineUnderTest> => {
  world = await TradingWorld.open({ fillShare: 0 });
  const engine = await world.engine('a', { risk: { tokenFile: riskTokenOf(world), silentAfterMs: 60_000 } });
  await engine.promote(1, []);
  const rules = RuleBook.of([{ scope: 'client', name: '*', killed: false, limits: { maxPosition: 10 } }]);
  const table = new ApprovalTable(rules, new ExposureBook()).all()[0]!;
  const risk = await LineClient.open(engine.process.port('orders'));
  let seq = 0;
  risk.onMessage = ({ t, n }) => {
    if (t !== 'risk-ask') return;
    seq += 1;
    risk.send(
      riskRecord({ seq, echo: Number(n), approved: true, reason: '', table: seq === 1 ? table : null }) as object,
    );
  };
  risk.send({ t: 'risk-logon', token: 'a-risk-token', instance: 'risk', epoch: 1 });
  await waitUntil('risk approves and the exchange is settled', async () => {
    const { business, interlock } = await engine.status();
    return business['riskApproved'] === 1 && interlock?.state === 'open';
  });
  world.onClose(async () => risk.close());
  return engine;
};

test('a replace has the room that its order leaves, and what it asks for is no longer there for the next', async () => {
  const engine = await approved();
  const client = await engine.client('c');
  const ask = async (message: { readonly id: string; readonly [field: string]: unknown }): Promise<unknown> => {
    client.send(message);
    const { t, code } = await client.expect(
      ({ t: kind, id }) => (kind === 'ack' || kind === 'reject') && id === message.id,
    );
    return t === 'ack' ? 'ack' : code;
  };
  const order = { t: 'new', symbol, side: 'B', price: 10 };
  const replace = { t: 'replace', target: 'o', price: 10 };
  assert.equal(await ask({ ...order, id: 'o', qty: 5 }), 'ack');
  assert.equal(await ask({ ...replace, id: 'r1', qty: 11 }), 'limit-position');
  assert.equal(await ask({ ...replace, id: 'r2', qty: 8 }), 'ack');
  assert.equal(await ask({ ...order, id: 'o2', qty: 3 }), 'limit-position');
  assert.equal(await ask({ ...order, id: 'o3', qty: 2 }), 'ack');
  assert.equal(await ask({ t: 'cancel', id: 'c1', target: 'o3' }), 'ack', 'a cancel asks nobody');
});

test('the binary protocol asks risk as lines do, for orders and replaces', async () => {
  const engine = await approved();
  const client = await BinaryClient.open(engine.process.port('orders'));
  const code = async (id: string): Promise<string> => {
    const answer = await client.expect((each) => (each.t === 'ack' || each.t === 'reject') && each.id === id);
    return answer.t === 'reject' ? answer.code : answer.t;
  };
  const order = { t: 'new', symbol, side: 'B', price: 10 } as const;
  const replace = { t: 'replace', target: 'o', price: 10 } as const;
  client.send(encodeSent({ t: 'logon', client: 'c' }));
  client.send(encodeSent({ ...order, id: 'o1', qty: 11 }), encodeSent({ ...order, id: 'o', qty: 5 }));
  client.send(encodeSent({ ...replace, id: 'r1', qty: 11 }), encodeSent({ ...replace, id: 'r2', qty: 10 }));
  client.send(encodeSent({ ...order, id: 'o2', qty: 1 }));
  const codes = await Promise.all(['o1', 'o', 'r1', 'r2', 'o2'].map(code));
  assert.deepEqual(codes, ['limit-position', 'ack', 'limit-position', 'ack', 'limit-position']);
  client.close();
});

test('without a risk engine’s word nothing new is taken, and the status says so', async () => {
  world = await TradingWorld.open({ fillShare: 0 });
  const engine = await world.engine('a', { risk: { tokenFile: riskTokenOf(world) } });
  await engine.promote(1, []);
  await waitUntil('the exchange is settled', async () => (await engine.status()).interlock?.state === 'open');
  const client = await engine.client('c');
  client.send({ t: 'new', id: 'o', symbol, side: 'B', price: 10, qty: 5 });
  assert.equal((await client.expect(({ t }) => t === 'reject'))['code'], 'risk-silent');
  assert.match((await engine.status()).reason ?? '', /risk-silent/);
});
