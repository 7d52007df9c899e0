import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { recordedBytes } from '../../../test/builders/recorded-redis.ts';
import { type RedisTalk, redisTalk } from './redis-talk.ts';

const soon = { deadlineMs: 200 };

describe('talk over a connection', () => {
  let server: Server;
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server.close();
  });

  async function talkTo(answer: (socket: Socket, heard: string) => void): Promise<RedisTalk> {
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      socket.on('data', (heard) => answer(socket, heard.toString('utf8')));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    return redisTalk({ address: { host: '127.0.0.1', port }, user: 'holdfast', password: 'p' });
  }

  it('a server that does not let us in hears no command', async () => {
    const heard: string[] = [];
    const talk = await talkTo((socket, text) => {
      heard.push(text);
      socket.write(recordedBytes('error-wrongpass'));
    });
    assert.equal((await talk([['FLUSHALL']], soon)).kind, 'refused');
    assert.ok(!heard.join().includes('FLUSHALL'));
  });

  it('what is to be said later is said over a connection that has been let in by then', async () => {
    const heard: string[] = [];
    const login = Promise.withResolvers<string>();
    const talk = await talkTo((socket, text) => {
      heard.push(text);
      login.resolve(text);
      socket.write('+OK\r\n');
    });
    const due = Promise.withResolvers<void>();
    const answer = talk([['REPLICAOF', 'chi', '6379']], { deadlineMs: 2_000, sayAfter: due.promise });
    assert.match(await login.promise, /AUTH/);
    due.resolve();
    assert.deepEqual(await answer, { kind: 'ok', replies: ['OK'] });
    assert.match(heard[1]!, /REPLICAOF/);
    const never = await talk([['REPLICAOF', 'chi', '6379']], { ...soon, sayAfter: new Promise(() => {}) });
    assert.deepEqual([never.kind, heard.length], ['unknown', 3]);
  });

  it('a frozen server, one that hangs up and one that is none are unknown, by the deadline', async () => {
    const begun = performance.now();
    assert.equal((await (await talkTo(() => {}))([['PING']], soon)).kind, 'unknown');
    server.close();
    assert.equal((await (await talkTo((socket) => socket.end()))([['PING']], soon)).kind, 'unknown');
    server.close();
    assert.equal((await (await talkTo((socket) => socket.write('hello\r\n')))([['PING']], soon)).kind, 'unknown');
    assert.ok(performance.now() - begun < 2_000);
  });
});
