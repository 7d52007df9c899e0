import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MemoryEntryLog } from '../../fix/memory-entry-log.ts';
import { TradingProcess } from '../../testing/child-process.ts';
import { ExchangeClient } from '../../testing/exchange-client.ts';
import { FixMember, type FixTold } from '../../testing/fix-member.ts';
import { waitUntil } from '../../testing/wait-until.ts';

const KILLS = Number(process.env['HOLDFAST_FIX_EXCHANGE_KILLS'] ?? 6);
const BURST = 400;

test('killed again and again under load, the exchange tells its FIX sessions every report, once unmarked, and books nothing twice', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast venue é-'));
  const config = join(directory, 'venue.json');
  const address = { port: 0 };
  const fix = { port: 0, sessions: { ACME: {}, 'ACME-COPY': { firm: 'ACME', purpose: 'drop-copy' } } };
  const settings = { listen: address, binary: address, dataDir: 'data', selfTrade: 'allow', fillShare: 0, fix };
  writeFileSync(config, JSON.stringify(settings));
  const log = new MemoryEntryLog();
  const copyLog = new MemoryEntryLog();
  const heard: FixTold[] = [];
  const copied: FixTold[] = [];
  const ids: string[] = [];
  const open: { close(): void }[] = [];
  let exchange: TradingProcess | null = null;
  try {
    for (let round = 0; round <= KILLS; round++) {
      exchange = await TradingProcess.start('venue', [config]);
      const port = exchange.port('fix');
      const member = new FixMember({ port, log });
      const copy = new FixMember({ port, compId: 'ACME-COPY', epoch: null, log: copyLog });
      const other = await ExchangeClient.open(exchange.port('binary'));
      other.logon({ firm: 'OTHER', next: 0 });
      open.push(member, copy, other);
      for (const each of [member, copy]) each.initiator.start();
      for (const each of [member, copy]) await each.caughtUp();
      if (round === KILLS) {
        for (const id of ids) member.order({ ...orderOf(id), possResend: true });
        const unanswered = () => {
          const told = new Set(member.received.map((each) => each[37]));
          return ids.filter((id) => !told.has(id)).length;
        };
        await waitUntil('each order is answered', () => unanswered() === 0);
        member.send('H', [
          [11, 'the-end'],
          [54, '1'],
        ]);
        await member.expect('the last answer', (each) => each[11] === 'the-end');
        const last = Math.max(...[...heard, ...member.received].map((each) => Number(each[5002] ?? 0)));
        const has = (n: number) => [...copied, ...copy.received].some((each) => each[5002] === String(n));
        await waitUntil('the drop copy has it, too', () => has(last));
      } else {
        const start = member.received.length;
        for (let at = 0; at < BURST; at++) {
          const id = `${round}-${at}`;
          ids.push(id);
          member.order(orderOf(id));
          if (at % 9 === 8) member.cancel(`c${id}`, `${round}-${at - 4}`);
          if (at % 11 === 10) member.replace(`r${id}`, `${round}-${at - 3}`, { price: '99', quantity: '7' });
          if (at % 7 === 6) other.new({ id: `x${id}`, side: at % 2, price: 99 + (at % 3), quantity: 5 });
        }
        const upTo = start + ((round * 7919 + 13) % BURST);
        await waitUntil('enough has happened', () => member.received.length >= upTo);
        await exchange.kill();
      }
      heard.push(...member.received);
      copied.push(...copy.received);
      for (const each of open.splice(0)) each.close();
    }
    const last = everyReportOnce(heard);
    assert.equal(everyReportOnce(copied), last);
    const accepted = heard.filter((each) => each[150] === '0').map((each) => each[11]);
    assert.equal(new Set(accepted).size, ids.length);
    for (const told of [...heard, ...copied])
      if (told.msgType === '8' && told[150] !== 'I' && told[39] !== '8' && told[39] !== '4')
        assert.equal(Number(told[14]) + Number(told[151]), Number(told[38]), JSON.stringify(told));
    const settled = [heard, copied].map((each) => sums(each));
    assert.deepEqual(settled[0], settled[1]);
    context.diagnostic(`${KILLS} kills, ${ids.length} orders, ${last} reports to each of two sessions`);
  } finally {
    for (const each of open) each.close();
    await exchange?.kill();
    rmSync(directory, { recursive: true, force: true });
  }
});

/** Without gaps; what came a second time says so and says the same. Answers the number of the last. */
const everyReportOnce = (told: readonly FixTold[]): number => {
  const seen = new Map<number, string>();
  for (const each of told) {
    if (each[5002] === undefined) continue;
    const n = Number(each[5002]);
    const said = [each.msgType, ...[37, 11, 41, 150, 39, 14, 151, 6, 58].map((tag) => each[tag])].join(' ');
    const known = seen.get(n);
    if (known === undefined) seen.set(n, said);
    else {
      assert.equal(said, known);
      assert.ok(each.possDup, `report ${n} came again unmarked`);
    }
  }
  for (let n = 1; n <= seen.size; n++) assert.ok(seen.has(n), `report ${n} is missing`);
  return seen.size;
};

const sums = (told: readonly FixTold[]): readonly (readonly [string, string])[] => {
  const byOrder = new Map<string, string>();
  for (const each of told)
    if (each[5002] !== undefined && each.msgType === '8') byOrder.set(each[37]!, `${each[39]} ${each[14]}`);
  return [...byOrder].sort();
};

const orderOf = (id: string) => {
  const draw =
    Math.imul(
      [...id].reduce((sum, each) => (sum * 31 + each.charCodeAt(0)) | 0, 7),
      0x9e37_79b1,
    ) >>> 0;
  const price = String(95 + ((draw >>> 8) % 10));
  return { id, side: String(1 + ((draw >>> 3) % 2)), price, quantity: String(1 + ((draw >>> 16) % 9)) };
};
