import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BodyWriter } from '../../trading/fix/body-writer.ts';
import type { FileEntryLog } from '../../trading/fix/file-entry-log.ts';
import { openSessionFile } from '../../trading/fix/file-entry-log.ts';
import { FixAcceptor } from '../../trading/fix/fix-acceptor.ts';
import { FixInitiator } from '../../trading/fix/fix-initiator.ts';
import type { SessionLink, SessionLinkOptions } from '../../trading/fix/session-link.ts';
import type { SessionNotice, SessionOptions } from '../../trading/fix/session-types.ts';
import { TAG } from '../../trading/fix/tags.ts';
import { freePort } from '../../trading/testing/free-ports.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import { buildCounterpart, Counterpart, whyNoQuickfix } from './quickfix/counterpart.ts';

const missing = whyNoQuickfix();
const writer = new BodyWriter();

const order = (id: string): Buffer =>
  writer
    .begin()
    .text(TAG.ClOrdID, id)
    .text(TAG.Symbol, 'HFT')
    .text(TAG.Side, '1')
    .utc(TAG.TransactTime, Date.now())
    .text(TAG.OrdType, '2')
    .scaled(TAG.Price, 10125, 2)
    .int(TAG.OrderQty, 100)
    .body();

/** Our side of the session: what it was given and told, over every restart. */
class OurSide {
  readonly received: string[] = [];
  readonly notices: SessionNotice[] = [];
  readonly frames: string[] = [];
  #log: FileEntryLog | null = null;
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async options(session: SessionOptions): Promise<SessionLinkOptions> {
    const onFailure = (error: Error) => {
      throw error;
    };
    const { store, log } = await openSessionFile('ours', { directory: this.#directory, sync: 'group', onFailure });
    this.#log = log;
    return {
      session,
      store,
      application: {
        onMessage: (message, marks) =>
          this.received.push(`${message.msgType} ${message.text(TAG.ClOrdID)}${marks.possDup ? ' dup' : ''}`),
        onNotice: (notice) => this.notices.push(notice),
      },
      log: {
        frame: (_, direction, bytes) =>
          this.frames.push(`${direction} ${bytes.toString('latin1').replaceAll('\u0001', '|')}`),
      },
    };
  }

  closeFiles(): void {
    this.#log?.close();
    this.#log = null;
  }

  until(what: string): Promise<void> {
    return waitUntil(`we received ${what}; there was ${this.received.join(', ')}`, () => this.received.includes(what));
  }

  untilFrame(pattern: RegExp, after: number): Promise<void> {
    return waitUntil(`a frame ${pattern}`, () => this.frames.slice(after).some((frame) => pattern.test(frame)));
  }

  refusals(): SessionNotice[] {
    return this.notices.filter(({ kind }) => kind === 'refused' || kind === 'rejected-by-peer' || kind === 'garbled');
  }
}

const until = (link: () => SessionLink, state: 'up' | 'down') =>
  waitUntil(`the session is ${state}`, () => link().state === state && (state === 'down' || link().caughtUp));

if (missing !== null) test('QuickFIX', { skip: missing }, () => {});
else describe('QuickFIX', { concurrency: false }, bothDirections);

function bothDirections(): void {
  let directory: string;
  let program: string;
  const ends: (() => Promise<void> | void)[] = [];

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-quickfix-'));
    program = buildCounterpart();
  });
  after(async () => {
    for (const end of ends.toReversed()) await end();
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  });

  const counterpart = (role: 'initiator' | 'acceptor', port: number): Counterpart => {
    const store = join(directory, `quickfix-${role}`);
    mkdirSync(store, { recursive: true });
    const [sender, target] = role === 'initiator' ? ['FIRM', 'VENUE'] : ['VENUE', 'FIRM'];
    const started = new Counterpart({ program, role, port, store, sender: sender!, target: target! });
    ends.push(() => started.kill());
    return started;
  };

  test('our initiator against its acceptor: orders, executions, test requests, cuts, restarts, resets, logout', async () => {
    const port = await freePort('127.0.0.1');
    const theirs = counterpart('acceptor', port);
    await theirs.until('listening');
    const ours = new OurSide(join(directory, 'our-initiator'));
    const session: SessionOptions = { role: 'initiator', senderCompId: 'FIRM', targetCompId: 'VENUE', heartBtIntS: 2 };
    const dial = async (more: Partial<SessionOptions> = {}) => {
      const options = await ours.options({ ...session, ...more });
      const made = new FixInitiator({ ...options, host: '127.0.0.1', port });
      ends.push(() => {
        made.close();
        ours.closeFiles();
      });
      made.start();
      return made;
    };
    let initiator = await dial();
    const link = () => initiator.link;
    await until(link, 'up');
    await theirs.until('up');

    link().send('D', order('o1'));
    await theirs.until('app D o1 -');
    theirs.tell('exec e1');
    await ours.until('8 e1');
    theirs.tell('test hello');
    await ours.untilFrame(/^out .*\|35=0\|.*112=hello/, 0);

    const thaw = theirs.freeze();
    const seen = ours.frames.length;
    try {
      await ours.untilFrame(/^out .*\|35=1\|/, seen);
    } finally {
      thaw();
    }
    await ours.untilFrame(/^in .*\|35=0\|.*112=test-/, seen);
    assert.equal(link().state, 'up');

    link().cut('the test pulls the plug');
    for (const id of ['o2', 'o3', 'o4']) link().send('D', order(id));
    theirs.tell('exec e2');
    await theirs.until('down');
    theirs.tell('exec e3');
    for (const id of ['o2', 'o3', 'o4']) await theirs.until(`app D ${id} Y`);
    await ours.until('8 e3 dup');
    assert.ok(ours.received.some((each) => each.startsWith('8 e2')));
    await until(link, 'up');

    initiator.close();
    ours.closeFiles();
    initiator = await dial();
    await until(link, 'up');
    link().send('D', order('o5'));
    await theirs.until('app D o5 -');
    assert.deepEqual([theirs.count(/app D o1 /), theirs.count(/app D o5 /)], [1, 1]);

    theirs.tell('next-out 500');
    await waitUntil('their numbers went on at 501', () => link().numbers.nextIn >= 501);
    theirs.tell('exec e4');
    await ours.until('8 e4');

    initiator.logout('end of day');
    await until(link, 'down');
    await waitUntil('we hear that it was answered', () =>
      ours.notices.some((notice) => notice.kind === 'down' && notice.reason === 'logged out'),
    );
    initiator.close();
    ours.closeFiles();

    initiator = await dial({ resetOnLogon: true });
    await until(link, 'up');
    assert.ok(link().numbers.nextIn < 10 && link().numbers.nextOut < 10);
    link().send('D', order('o6'));
    await theirs.until('app D o6 -');
    assert.deepEqual(ours.refusals(), []);
  });

  test('its initiator against our acceptor: orders, executions, test requests, cuts, restarts, resets, logout', async () => {
    const ours = new OurSide(join(directory, 'our-acceptor'));
    const session: SessionOptions = { role: 'acceptor', senderCompId: 'VENUE', targetCompId: 'FIRM' };
    const listen = async (at: number) => {
      const made = await FixAcceptor.listen(
        { host: '127.0.0.1', port: at },
        { sessions: [await ours.options(session)] },
      );
      ends.push(async () => {
        await made.close();
        ours.closeFiles();
      });
      return made;
    };
    let acceptor = await listen(0);
    const { port } = acceptor;
    const link = () => acceptor.links[0]!;
    const theirs = counterpart('initiator', port);
    await theirs.until('up');
    await until(link, 'up');

    theirs.tell('order o1');
    await ours.until('D o1');
    const execution = (id: string) =>
      writer
        .begin()
        .text(37, `O-${id}`)
        .text(11, id)
        .text(17, `E-${id}`)
        .text(150, '0')
        .text(39, '0')
        .text(55, 'HFT')
        .text(54, '1')
        .int(151, 100)
        .int(14, 0)
        .int(6, 0)
        .body();
    link().send('8', execution('e1'));
    await theirs.until('app 8 e1 -');
    theirs.tell('test hello');
    await ours.untilFrame(/^out .*\|35=0\|.*112=hello/, 0);

    const thaw = theirs.freeze();
    const seen = ours.frames.length;
    try {
      await ours.untilFrame(/^out .*\|35=1\|/, seen);
    } finally {
      thaw();
    }
    await ours.untilFrame(/^in .*\|35=0\|.*112=test-/, seen);

    const downs = theirs.count('down');
    link().cut('the test pulls the plug');
    for (const id of ['e2', 'e3']) link().send('8', execution(id));
    await theirs.until('down', downs + 1);
    theirs.tell('order o2');
    for (const id of ['e2', 'e3']) await theirs.until(`app 8 ${id} Y`);
    await waitUntil('we have o2', () => ours.received.some((each) => each.startsWith('D o2')));

    const ups = theirs.count('up');
    await acceptor.close();
    ours.closeFiles();
    acceptor = await listen(port);
    await until(link, 'up');
    // What it is told to send before it has read our logon it keeps, and sends when we miss it: after its next heartbeat.
    await theirs.until('up', ups + 1);
    theirs.tell('order o3');
    await ours.until('D o3');
    link().send('8', execution('e4'));
    await theirs.until('app 8 e4 -');
    assert.deepEqual([theirs.count(/app 8 e1 /), ours.received.filter((each) => each === 'D o3').length], [1, 1]);

    theirs.tell('next-out 700');
    await waitUntil('their numbers went on at 701', () => link().numbers.nextIn >= 701);
    theirs.tell('order o4');
    await ours.until('D o4');

    const before = theirs.count('down');
    theirs.tell('logout');
    await theirs.until('down', before + 1);
    assert.ok(ours.frames.some((frame) => /^in .*\|35=5\|.*end of day/.test(frame)));
    assert.ok(ours.frames.some((frame) => /^out .*\|35=5\|/.test(frame)));
    assert.deepEqual(ours.refusals(), []);
  });
}
