import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TradingProcess } from '../testing/child-process.ts';
import { ExchangeClient, type Told } from '../testing/exchange-client.ts';
import { waitUntil } from '../testing/wait-until.ts';

const KILLS = Number(process.env['HOLDFAST_EXCHANGE_KILLS'] ?? 8);
const BURST = 600;

test('killed again and again under load, the exchange keeps every report that a member has seen, and enters nothing twice', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast venue é-'));
  const config = join(directory, 'venue.json');
  const address = { port: 0 };
  writeFileSync(config, JSON.stringify({ listen: address, binary: address, dataDir: 'data', selfTrade: 'allow' }));
  let exchange: TradingProcess | null = null;
  try {
    const seen = new Map<unknown, Told>();
    const ids: string[] = [];
    for (let round = 0; round <= KILLS; round++) {
      exchange = await TradingProcess.start('venue', [config]);
      const member = await ExchangeClient.open(exchange.port('binary'));
      // Each round reads everything again: what was seen before must be the same still.
      member.logon({ next: 1 });
      await member.expect(({ t }) => t === 'replay-end');
      const before = note(member, seen);
      if (round === KILLS) {
        for (const id of ids) member.new(orderOf(id));
        await waitUntil('each is answered', () => answered(member) === ids.length);
        const accepted = [...note(member, seen).values()].filter(({ kind }) => kind === 'accepted');
        assert.equal(new Set(accepted.map(({ id }) => id)).size, accepted.length);
        assert.equal(accepted.length, ids.length);
        context.diagnostic(`${KILLS} kills, ${ids.length} orders, ${seen.size} reports`);
        member.close();
        break;
      }
      const upTo = before.size + ((round * 7919) % BURST);
      for (let at = 0; at < BURST; at++) {
        const id = `${round}-${at}`;
        ids.push(id);
        member.new(orderOf(id));
        if (at % 9 === 8) member.cancel({ id: `c${id}`, target: `${round}-${at - 4}` });
        if (at % 11 === 10) member.replace({ id: `r${id}`, target: `${round}-${at - 3}`, price: 99, quantity: 7 });
      }
      await waitUntil('enough has happened', () => member.reports().length >= upTo);
      await exchange.kill();
      await waitUntil('the connection is gone', () => member.closed);
      note(member, seen);
    }
  } finally {
    await exchange?.kill();
    rmSync(directory, { recursive: true, force: true });
  }
});

const orderOf = (id: string) => {
  const draw =
    Math.imul(
      [...id].reduce((sum, each) => (sum * 31 + each.charCodeAt(0)) | 0, 7),
      0x9e37_79b1,
    ) >>> 0;
  return { id, side: (draw >>> 3) % 2, price: 95 + ((draw >>> 8) % 10), quantity: 1 + ((draw >>> 16) % 9) };
};

/** Adds what was received; a number that was seen before must say the same. */
const note = (member: ExchangeClient, seen: Map<unknown, Told>): Map<unknown, Told> => {
  for (const report of member.reports()) {
    const known = seen.get(report['n']);
    if (known !== undefined) assert.deepEqual(report, known);
    else seen.set(report['n'], report);
  }
  for (let n = 1; n <= seen.size; n++) assert.ok(seen.has(n), `report ${n} is missing`);
  return seen;
};

/** Resent orders that were there before, and those that only came now. */
const answered = (member: ExchangeClient): number => {
  const end = member.received.findIndex(({ t }) => t === 'replay-end');
  return member.received
    .slice(end)
    .filter(({ t, kind }) => t === 'duplicate' || (t === 'report' && (kind === 'accepted' || kind === 'rejected')))
    .length;
};
