import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../../trading/testing/free-ports.ts';
import { VenueUnderTest } from '../../trading/testing/venue-under-test.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import { buildCounterpart, Counterpart, whyNoQuickfix } from './quickfix/counterpart.ts';

const skip = whyNoQuickfix() ?? false;
const GAP_FREE = (numbers: readonly number[]): boolean => numbers.every((n, at) => n === at + 1);

test('QuickFIX trades at the exchange: orders, replaces, cancels, status, drops, a killed firm, an exchange that restarts', {
  skip,
}, async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-quickfix-'));
  const program = buildCounterpart();
  const port = await freePort('127.0.0.1');
  const sessions = { FIRM: { firm: 'ACME' }, 'FIRM-COPY': { firm: 'ACME', purpose: 'drop-copy' } };
  const passwords = { ACME: 'secret', OTHER: 'other' };
  const venue = await VenueUnderTest.open({
    selfTrade: 'allow',
    sessions: { passwords },
    fix: { port, priceDecimals: 2, sessions },
  });
  const running = new Set<Counterpart>();
  const firm = (sender: string, logon: string): Counterpart => {
    const store = join(directory, sender);
    mkdirSync(store, { recursive: true });
    const started = new Counterpart({ program, role: 'initiator', port, store, sender, target: 'VENUE', logon });
    running.add(started);
    return started;
  };
  try {
    let trader = firm('FIRM', '554=secret|5001=1');
    const copy = firm('FIRM-COPY', '554=secret');
    await trader.until('up');
    await copy.until('up');
    const other = await venue.seated({ firm: 'OTHER', password: 'other', session: 'binary' });

    trader.tell('send D 11=o1|55=HFT|54=1|38=100|40=2|44=101.25');
    await trader.until(/^got .*\|150=0\|/);
    other.new({ id: 'x1', symbol: 'HFT', side: 1, price: 10_125, quantity: 30 });
    await trader.until(/^got .*\|150=F\|/);
    const fill = trader.got().find((each) => each['150'] === 'F')!;
    assert.deepEqual(
      [11, 39, 31, 32, 14, 151, 6].map((tag) => fill[tag]),
      ['o1', '1', '101.25', '30', '30', '70', '101.250000'],
    );
    trader.tell('send G 11=r1|41=o1|55=HFT|54=1|38=90|40=2|44=101.30');
    await trader.until(/^got .*\|150=5\|/);
    trader.tell('send H 11=o1|55=HFT|54=1|790=q1');
    await trader.until(/^got .*\|790=q1\|/);
    trader.tell('send F 11=c1|41=r1|55=HFT|54=1');
    await trader.until(/^got .*\|150=4\|/);
    trader.tell('send F 11=c2|41=nothing|55=HFT|54=1');
    await trader.until(/^got .*\|35=9\|.*102=1\|/);
    trader.tell('send D 11=o1|55=HFT|54=1|38=100|40=2|44=101.25');
    await trader.until(/^got .*\|103=6\|/);
    trader.tell('send D 11=bad|55=HFT|54=1|38=100|40=2|44=101.255');
    await trader.until(/^got .*\|58=Price/);
    trader.tell('send q 11=m1|530=7');
    await trader.until(/^got .*\|35=r\|/);

    // What happens while its connection is down comes with the next logon, marked.
    trader.tell('send D 11=o2|55=HFT|54=1|38=50|40=2|44=100.00');
    await trader.until(/^app 8 o2 -/);
    const downs = trader.count('down');
    trader.tell('drop');
    await trader.until('down', downs + 1);
    other.new({ id: 'x2', symbol: 'HFT', side: 1, price: 10_000, quantity: 20 });
    trader.tell('send D 11=o3|55=HFT|54=1|38=10|40=2|44=99.00');
    await trader.until('up', 2);
    await waitUntil('the fill and the order that was sent without a connection are there', () =>
      ['F o2', '0 o3'].every((want) => trader.got().some((each) => `${each['150']} ${each['11']}` === want)),
    );

    // A firm that is killed, and one at another place with the same store: the session goes on.
    const before = trader.got();
    await trader.kill();
    running.delete(trader);
    other.new({ id: 'x3', symbol: 'HFT', side: 1, price: 10_000, quantity: 5 });
    trader = firm('FIRM', '554=secret|5001=2');
    await trader.until('up');
    await trader.until(/^got .*\|150=F\|.*11=o2|^got .*11=o2.*\|150=F\|/);

    const ups = trader.count('up');
    await venue.restart();
    await trader.until('up', ups + 1);
    trader.tell('send F 11=c3|41=o2|55=HFT|54=1');
    await trader.until(/^got .*11=c3.*\|150=4\|/);

    const told = [...before, ...trader.got()].filter((each) => each['5002'] !== undefined);
    const firsts = [...new Map(told.map((each) => [Number(each['5002']), each])).keys()].sort((a, b) => a - b);
    assert.ok(GAP_FREE(firsts), firsts.join(' '));
    await waitUntil('the drop copy has all of it', () => copy.count(/^got .*\|5002=/) >= firsts.length);
    const copied = [...new Set(copy.got().map((each) => Number(each['5002'])))].sort((a, b) => a - b);
    assert.deepEqual(copied, firsts);
    assert.equal(venue.server.venue.exchange.firm(venue.server.port.member('ACME')).orders, 3);
    assert.deepEqual([trader.count(/^admin 3/), copy.count(/^admin 3/), trader.count(/^sent 3/)], [0, 0, 0]);
    context.diagnostic(`${firsts.length} reports, each to both sessions; ${told.length - firsts.length} came again`);

    const last = trader.count('down');
    trader.tell('logout');
    await trader.until('down', last + 1);
    other.close();
  } finally {
    for (const each of running) await each.kill();
    await venue.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
