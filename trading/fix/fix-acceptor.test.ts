import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { fixFrame } from '../testing/fix-text.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { BodyWriter } from './body-writer.ts';
import { type AcceptorSession, FixAcceptor, type FixAcceptorOptions } from './fix-acceptor.ts';
import { FixInitiator } from './fix-initiator.ts';
import { KeptSession } from './kept-session.ts';
import { MemoryEntryLog } from './memory-entry-log.ts';
import type { SessionLink } from './session-link.ts';
import { SessionStore } from './session-store.ts';
import type { SessionNotice } from './session-types.ts';
import { TAG } from './tags.ts';

const ends: (() => Promise<void> | void)[] = [];
after(async () => {
  for (const end of ends.toReversed()) await end();
});

class Application {
  readonly received: string[] = [];
  readonly notices: SessionNotice[] = [];
  onMessage(message: { text(tag: number): string | null }): void {
    this.received.push(message.text(TAG.ClOrdID) ?? '?');
  }
  onNotice(notice: SessionNotice): void {
    this.notices.push(notice);
  }
}

const session = (firm: string, application: Application, more: Partial<AcceptorSession> = {}): AcceptorSession => ({
  session: { role: 'acceptor', senderCompId: 'VENUE', targetCompId: firm, ...more.session },
  store: new SessionStore(new MemoryEntryLog(), new KeptSession(firm)),
  application,
  ...(more.secondConnection === undefined ? {} : { secondConnection: more.secondConnection }),
  ...(more.maxBacklog === undefined ? {} : { maxBacklog: more.maxBacklog }),
});

const listen = async (options: FixAcceptorOptions): Promise<FixAcceptor> => {
  const acceptor = await FixAcceptor.listen({ host: '127.0.0.1', port: 0 }, options);
  ends.push(() => acceptor.close());
  return acceptor;
};

const dial = (port: number, firm: string, application = new Application()): FixInitiator => {
  const initiator = new FixInitiator({
    host: '127.0.0.1',
    port,
    session: { role: 'initiator', senderCompId: firm, targetCompId: 'VENUE' },
    store: new SessionStore(new MemoryEntryLog(), new KeptSession('venue')),
    application,
    reconnectMs: { first: 10, max: 50 },
  });
  ends.push(() => initiator.close());
  initiator.start();
  return initiator;
};

const raw = async (port: number): Promise<{ socket: Socket; text: () => string; closed: () => boolean }> => {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let closed = false;
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1').replaceAll('\u0001', '|');
  });
  socket.on('close', () => {
    closed = true;
  });
  socket.on('error', () => {});
  ends.push(() => void socket.destroy());
  await waitUntil('it is connected', () => !socket.connecting);
  return { socket, text: () => text, closed: () => closed };
};

const utcNow = (): string => new Date().toISOString().replaceAll('-', '').replace('T', '-').replace('Z', '');
const logon = (firm: string, seq = 1): Buffer =>
  fixFrame(`35=A|49=${firm}|56=VENUE|34=${seq}|52=${utcNow()}|98=0|108=30`);
const up = (link: SessionLink) => waitUntil('the session is up', () => link.caughtUp);
const fields = (id: string): Buffer => new BodyWriter().begin().text(TAG.ClOrdID, id).text(TAG.Side, '1').body();

describe('an acceptor', () => {
  test('serves several sessions on one port, each with its own numbers', async () => {
    const applications = ['A', 'B', 'C'].map(() => new Application());
    const acceptor = await listen({ sessions: ['A', 'B', 'C'].map((firm, at) => session(firm, applications[at]!)) });
    const firms = ['A', 'B', 'C'].map((firm) => dial(acceptor.port, firm));
    for (const [at, firm] of firms.entries()) {
      await up(firm.link);
      for (let n = 0; n <= at; n++) firm.link.send('H', fields(`${at}-${n}`));
    }
    await waitUntil('all of it arrived', () => applications.every(({ received }, at) => received.length === at + 1));
    assert.deepEqual(applications[2]!.received, ['2-0', '2-1', '2-2']);
    assert.equal(acceptor.linkWith('B')!.numbers.nextIn, 4);
  });

  test('turns away whom it does not know, who does not speak FIX, and who does not log on first', async () => {
    const reasons: string[] = [];
    const acceptor = await listen({
      sessions: [session('A', new Application())],
      onTurnedAway: (reason) => reasons.push(reason),
    });
    for (const bytes of [
      logon('OTHER'),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      fixFrame(`35=0|49=A|56=VENUE|34=1|52=${utcNow()}`),
      Buffer.alloc(100_000, 'x'),
    ]) {
      const { socket, closed, text } = await raw(acceptor.port);
      socket.write(bytes);
      await waitUntil('it is turned away', closed);
      assert.equal(text(), '');
    }
    assert.equal(reasons.length, 4);
    assert.match(reasons[0]!, /no session with OTHER/);
  });

  test('turns away who says nothing, in time', async () => {
    const acceptor = await listen({ sessions: [session('A', new Application())], logonTimeoutMs: 50 });
    const { closed } = await raw(acceptor.port);
    await waitUntil('it is turned away', closed);
  });

  test('keeps the first connection of a session, or takes the second, as it is told', async () => {
    for (const secondConnection of ['refuse', 'replace'] as const) {
      const acceptor = await listen({ sessions: [session('A', new Application(), { secondConnection })] });
      const first = await raw(acceptor.port);
      first.socket.write(logon('A'));
      await waitUntil('the first is logged on', () => first.text().includes('35=A|'));
      const second = await raw(acceptor.port);
      second.socket.write(logon('A', 2));
      await waitUntil('one of them is gone', () => first.closed() || second.closed());
      assert.deepEqual(
        [first.closed(), second.closed()],
        [secondConnection === 'replace', secondConnection === 'refuse'],
      );
      assert.equal(acceptor.linkWith('A')!.state, 'up');
    }
  });

  test('takes no second connection that its owner would not admit', async () => {
    const admit = (message: { text(tag: number): string | null }) =>
      (message.text(5001) ?? '0') < '2' ? 'epoch 2 is current' : null;
    const definition = session('A', new Application(), {
      secondConnection: 'replace',
      session: { role: 'acceptor', senderCompId: 'VENUE', targetCompId: 'A', admit },
    });
    const acceptor = await listen({ sessions: [definition] });
    const withEpoch = (epoch: string, seq: number) =>
      fixFrame(`35=A|49=A|56=VENUE|34=${seq}|52=${utcNow()}|98=0|108=30|5001=${epoch}`);
    const current = await raw(acceptor.port);
    current.socket.write(withEpoch('2', 1));
    await waitUntil('it is logged on', () => current.text().includes('35=A|'));
    const stale = await raw(acceptor.port);
    stale.socket.write(withEpoch('1', 2));
    await waitUntil('it is turned away', stale.closed);
    assert.equal(acceptor.linkWith('A')!.state, 'up');
  });

  test('cuts off a session that sends nothing but garbage, and takes it again', async () => {
    const acceptor = await listen({ sessions: [session('A', new Application())] });
    const { socket, closed, text } = await raw(acceptor.port);
    socket.write(logon('A'));
    await waitUntil('it is logged on', () => text().includes('35=A|'));
    for (let at = 0; at < 30; at++) socket.write(Buffer.from('8=FIX.4.4\u00019=5\u000135=0\u000110=000\u0001'));
    await waitUntil('it is cut off', closed);
    const again = await raw(acceptor.port);
    again.socket.write(logon('A', 2));
    await waitUntil('it is logged on again', () => again.text().includes('35=A|'));
  });

  test('holds a flood back for a peer that does not read, cuts it off, and has everything for it later', async () => {
    const application = new Application();
    const acceptor = await listen({ sessions: [session('A', application, { maxBacklog: 20_000 })] });
    const deaf = await raw(acceptor.port);
    deaf.socket.write(logon('A'));
    await waitUntil('it is logged on', () => deaf.text().includes('35=A|'));
    deaf.socket.pause();
    const link = acceptor.linkWith('A')!;
    let count = 0;
    while (link.state === 'up' && count < 500_000) {
      for (let at = 0; at < 500; at++) link.send('H', fields(`f${++count}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(link.state, 'down');
    deaf.socket.destroy();
    const numbers = link.numbers;
    const listening = new Application();
    const initiator = new FixInitiator({
      host: '127.0.0.1',
      port: acceptor.port,
      session: { role: 'initiator', senderCompId: 'A', targetCompId: 'VENUE' },
      store: new SessionStore(new MemoryEntryLog(), keptAt(2)),
      application: listening,
    });
    ends.push(() => initiator.close());
    initiator.start();
    await waitUntil('all of it arrived', () => listening.received.length === count, 60_000);
    assert.equal(listening.received.at(-1), `f${count}`);
    assert.ok(link.numbers.nextOut > numbers.nextOut);
  });
});

const keptAt = (nextOut: number): KeptSession => {
  const kept = new KeptSession('venue');
  kept.apply({ kind: 'fix-numbers', session: 'venue', next: nextOut }, 1);
  return kept;
};
