import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { fixFrame } from '../testing/fix-text.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { BodyWriter } from './body-writer.ts';
import { FixConnection } from './fix-connection.ts';
import { KeptSession } from './kept-session.ts';
import { MemoryEntryLog } from './memory-entry-log.ts';
import { SessionLink, type SessionLinkOptions } from './session-link.ts';
import { SessionStore } from './session-store.ts';
import type { SessionNotice } from './session-types.ts';
import { TAG } from './tags.ts';

/** A log that makes nothing safe while it is held back, as a journal without its replica does. */
class HeldLog extends MemoryEntryLog {
  held = false;
  #waiting: (() => void)[] = [];

  override whenSafe(done: () => void): void {
    if (this.held) this.#waiting.push(done);
    else done();
  }

  letGo(): void {
    this.held = false;
    for (const done of this.#waiting.splice(0)) done();
  }
}

const ends: (() => void)[] = [];
after(() => {
  for (const end of ends.toReversed()) end();
});

const utcNow = (): string => new Date().toISOString().replaceAll('-', '').replace('T', '-').replace('Z', '');
const fields = (id: string): Buffer => new BodyWriter().begin().text(TAG.ClOrdID, id).text(TAG.Side, '1').body();

/** A link as acceptor, logged on by a peer of whom only bytes are known. */
const loggedOn = async (more: Partial<SessionLinkOptions> & { log: HeldLog; reserveAhead?: number }) => {
  const notices: SessionNotice[] = [];
  const link = new SessionLink({
    session: { role: 'acceptor', senderCompId: 'VENUE', targetCompId: 'FIRM', reserveAhead: more.reserveAhead ?? 0 },
    store: new SessionStore(more.log, new KeptSession('firm')),
    application: { onMessage: () => {}, onNotice: (notice) => notices.push(notice) },
    ...(more.mayWrite === undefined ? {} : { mayWrite: more.mayWrite }),
  });
  const idle = { message: () => {}, garbled: () => {}, turnEnded: () => {}, drained: () => {}, closed: () => {} };
  const server = createServer((socket: Socket) => link.attach(new FixConnection({ socket, handler: idle })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  const peer = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
  let text = '';
  let closed = false;
  peer.on('data', (chunk) => {
    text += chunk.toString('latin1').replaceAll('\u0001', '|');
  });
  peer.on('close', () => {
    closed = true;
  });
  peer.on('error', () => {});
  ends.push(() => {
    link.close();
    peer.destroy();
    server.close();
  });
  const send = (body: string) => peer.write(fixFrame(body.replace('|', `|49=FIRM|56=VENUE|52=${utcNow()}|`)));
  send('35=A|34=1|98=0|108=30');
  await waitUntil('it is logged on', () => text.includes('35=A|'));
  return { link, send, text: () => text, closed: () => closed, notices };
};

test('nothing leaves before what was kept is safe, and then all of it in order', async () => {
  const log = new HeldLog();
  const { link, send, text } = await loggedOn({ log });
  log.held = true;
  link.send('H', fields('a'));
  link.send('H', fields('b'));
  send('35=1|34=2|112=are-you-there');
  await waitUntil('the request has been read', () => link.numbers.nextIn === 3);
  assert.doesNotMatch(text(), /11=a|112=/);
  log.letGo();
  await waitUntil('all of it left', () => /11=a.*11=b.*112=are-you-there/.test(text()));
});

test('with reserved numbers a TestRequest is answered while the log makes nothing safe, but never before an order that waits', async () => {
  const log = new HeldLog();
  const { link, send, text } = await loggedOn({ log, reserveAhead: 16 });
  log.held = true;
  send('35=1|34=2|112=are-you-there');
  await waitUntil('it is answered', () => text().includes('112=are-you-there'));
  link.send('H', fields('a'));
  send('35=1|34=3|112=and-now');
  await waitUntil('the request has been read', () => link.numbers.nextIn === 4);
  assert.doesNotMatch(text(), /11=a|and-now/);
  log.letGo();
  await waitUntil('both left, in order', () => /11=a.*112=and-now/.test(text()));
});

test('when this side may not write any more, nothing leaves and the connection ends', async () => {
  let mayWrite = true;
  const { link, text, closed, notices } = await loggedOn({ log: new HeldLog(), mayWrite: () => mayWrite });
  mayWrite = false;
  link.send('H', fields('late'));
  await waitUntil('the connection ends', () => closed() && link.state === 'down');
  assert.doesNotMatch(text(), /late/);
  assert.deepEqual(notices.at(-1), { kind: 'down', reason: 'this side may not write any more' });
});
