import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { monoNowMs } from '../base/mono-clock.ts';
import { TokenFile } from '../base/token-file.ts';
import { ApprovalTable } from '../risk/approval-table.ts';
import { ExposureBook } from '../risk/exposure-book.ts';
import { RuleBook } from '../risk/limits.ts';
import { riskRecord } from '../risk/risk-message.ts';
import { applyEntries } from '../testing/journalled.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { OrderState } from './order-state.ts';
import type { ClientSession } from './orders-port.ts';
import { RiskGate } from './risk-gate.ts';

const silentAfterMs = 150;

/** A connection that keeps what it was sent. */
class Peer {
  readonly sent: string[] = [];
  ended = false;

  push(text: string): void {
    this.sent.push(text);
  }
  flush(): void {}
  refuse(text: string): void {
    this.push(text);
    this.ended = true;
  }
  destroy(): void {
    this.ended = true;
  }
  get session(): ClientSession {
    return this as unknown as ClientSession;
  }
}

const worldOf = (context: { after(end: () => void): void }, reducingPasses = false) => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast risk é-'));
  context.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'token'), 'secret\n', { mode: 0o600 });
  const state = new OrderState();
  const gate = new RiskGate({
    token: new TokenFile(join(directory, 'token')),
    silentAfterMs,
    askEveryMs: 20,
    reducingPasses,
    instance: 'engine',
    epoch: () => 7,
    state: () => state,
    onChanged: () => {},
  });
  const say = (peer: Peer, message: object): boolean => gate.receive(peer.session, JSON.stringify(message));
  const logon = (epoch: number): Peer => {
    const peer = new Peer();
    say(peer, { t: 'risk-logon', token: 'secret', instance: `risk-${epoch}`, epoch });
    return peer;
  };
  const rules = RuleBook.of([]);
  const book = new ExposureBook();
  const approve = (peer: Peer, seq: number, { echo = 1, approved = true, whole = true } = {}): boolean => {
    const table = whole ? new ApprovalTable(rules, book).all()[0]! : null;
    return say(peer, riskRecord({ seq, echo, approved, reason: 'as said', table }));
  };
  const order = (side: 'B' | 'S', qty: number): string | null => {
    gate.look(monoNowMs());
    Object.assign(gate.asked, { client: state.findText('c1'), clientName: 'c1', symbol: state.findText('AB') });
    Object.assign(gate.asked, { symbolName: 'AB', side: side === 'B' ? 1 : 2, price: 10, qty });
    return gate.refusal();
  };
  return { gate, state, book, say, logon, approve, order };
};

const past = (ms: number): Promise<void> => {
  const deadline = monoNowMs() + ms;
  return waitUntil(`${ms} ms have passed`, () => monoNowMs() > deadline);
};

test('an approval counts from the question that it answers, however late it is read', async (context) => {
  const { gate, logon, approve, order } = worldOf(context);
  assert.equal(order('B', 1), 'risk-silent');
  const peer = logon(1);
  assert.deepEqual(peer.sent, ['{"t":"risk-ok","instance":"engine","epoch":7}\n', '{"t":"risk-ask","n":1}\n']);
  approve(peer, 1);
  assert.equal(order('B', 1), null);
  await past(silentAfterMs);
  assert.equal(order('B', 1), 'risk-silent');
  approve(peer, 2, { echo: 1, whole: false });
  assert.equal(order('B', 1), 'risk-silent', 'an answer to the first question says nothing about now');
  gate.tick(monoNowMs());
  approve(peer, 3, { echo: 2, whole: false });
  assert.equal(order('B', 1), null);
  approve(peer, 4, { echo: 999, whole: false });
  await past(silentAfterMs);
  assert.equal(order('B', 1), 'risk-silent', 'an answer to a question that was never asked counts for nothing');
});

test('a risk engine of a newer epoch takes over and begins without approval; an older one is cut off', (context) => {
  const { logon, approve, order } = worldOf(context);
  const old = logon(1);
  approve(old, 1);
  const newer = logon(2);
  assert.equal(old.ended, true);
  assert.equal(order('B', 1), 'risk-silent');
  approve(newer, 1, { echo: 2 });
  assert.equal(order('B', 1), null);
  const late = logon(1);
  assert.deepEqual(late.sent, ['{"t":"risk-refused","code":"stale-epoch","epoch":2}\n']);
  approve(old, 2, { approved: false });
  assert.equal(order('B', 1), null, 'what an older one still says changes nothing');
});

test('fail-safe refuses everything, and says why', (context) => {
  const { gate, logon, approve, order } = worldOf(context);
  const peer = logon(1);
  approve(peer, 1, { approved: false });
  assert.equal(order('B', 1), 'risk-fail-safe');
  assert.equal(gate.problem, 'risk-fail-safe: as said');
  approve(peer, 2, { whole: false });
  assert.equal(gate.problem, null);
});

test('a gap, rows before the whole table, or nonsense end the connection', (context) => {
  for (const wrong of ['gap', 'rows first', 'nonsense', 'no logon'] as const) {
    const { logon, approve, say, order } = worldOf(context);
    const peer = wrong === 'no logon' ? new Peer() : logon(1);
    if (wrong === 'gap') approve(peer, 2);
    else if (wrong === 'nonsense') say(peer, { t: 'risk', seq: 1, echo: 1, approved: 1 });
    else if (wrong === 'no logon') approve(peer, 1);
    else {
      const table = { ...new ApprovalTable(RuleBook.of([]), new ExposureBook()).all()[0]!, reset: false };
      say(peer, riskRecord({ seq: 1, echo: 1, approved: true, reason: '', table }));
    }
    assert.equal(peer.ended, true, wrong);
    assert.match(peer.sent.at(-1)!, /"code":"bad-message"/);
    assert.notEqual(order('B', 1), null);
  }
});

test('while risk is silent only what takes a position back passes, where the policy says so', async (context) => {
  for (const reducingPasses of [false, true]) {
    const { state, book, logon, approve, order } = worldOf(context, reducingPasses);
    const at = { epoch: 1, seq: 1 };
    applyEntries(state, [
      { kind: 'order', id: 'o1', client: 'c1', symbol: 'AB', side: 'B', price: 10, qty: 5, at: 1 },
      { kind: 'fill', n: 1, id: 'o1', exec: 'x1', price: 10, qty: 5 },
    ]);
    book.apply({ ...at, kind: 'order', id: 'o1', client: 'c1', symbol: 'AB', side: 'B', price: 10, qty: 5 });
    book.apply({ ...at, seq: 2, kind: 'fill', orderId: 'o1', exec: 'x1', price: 10, qty: 5 });
    approve(logon(1), 1);
    assert.deepEqual([order('B', 1), order('S', 6)], [null, null]);
    await past(silentAfterMs);
    const silent = 'risk-silent';
    assert.deepEqual([order('B', 1), order('S', 6), order('S', 5)], [silent, silent, reducingPasses ? null : silent]);
  }
});
