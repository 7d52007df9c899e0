import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, it } from 'node:test';
import { Conversation } from './conversation.ts';

/** Answers each question with itself, twice; `wait` with nothing, `bye` with the end, and `what` with what nobody can read. */
const server = createServer((socket: Socket) => {
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    const text = bytes.toString('utf8');
    if (text === 'bye') socket.destroy();
    else if (text !== 'wait') socket.write(`${text} ${text} `);
  });
});
before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => server.close());

const words = (bytes: Buffer): readonly string[] => {
  const text = bytes.toString('utf8');
  if (text.startsWith('what')) throw new Error('that is no word');
  return text.trim().split(' ');
};
const open = () => new Conversation({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }, words);
const any = () => true;

it('a question has the first answer that fits, and nothing that came for another one', async () => {
  const talk = open();
  assert.equal(await talk.ask('one', 5_000, any), 'one');
  assert.equal(await talk.ask('two', 5_000, (word) => word === 'two'), 'two');
  talk.close();
});

it('a late answer is none, and ends it for every later question', async () => {
  const talk = open();
  assert.equal(await talk.ask('wait', 20, any), undefined);
  assert.equal(await talk.ask('one', 5_000, any), undefined);
});

it('the end of the connection, and what cannot be read, are no answer either, at once', async () => {
  for (const question of ['bye', 'what']) {
    const begun = performance.now();
    assert.equal(await open().ask(question, 60_000, any), undefined, question);
    assert.ok(performance.now() - begun < 30_000, question);
  }
});

it('nobody who listens is no answer', async () => {
  const talk = new Conversation({ host: '127.0.0.1', port: 1 }, words);
  assert.equal(await talk.ask('one', 5_000, any), undefined);
});
