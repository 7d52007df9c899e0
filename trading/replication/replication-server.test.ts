import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JsonRecord } from '../base/json-record.ts';
import { TokenFile } from '../base/token-file.ts';
import { Journal } from '../journal/journal.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { FrameReader, writeMessage } from './frames.ts';
import { ReplicationServer } from './replication-server.ts';

interface Caller {
  readonly socket: Socket;
  readonly heard: JsonRecord[];
}

const hello = {
  t: 'hello',
  protocol: 1,
  instance: 'b',
  epoch: 2,
  sequence: 0,
  sequenceEpoch: 0,
  crc: 0,
};

async function withServer(
  body: (
    server: ReplicationServer,
    call: (greeting?: object) => Promise<Caller>,
    superseded: readonly number[],
  ) => Promise<void>,
  options: { readonly token?: string } = {},
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast replication é-'));
  const onFailure = (error: Error) => assert.fail(error);
  const journal = await Journal.open({ directory, sync: 'none', onDurable: () => {}, onFailure }, () => {});
  const superseded: number[] = [];
  const tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, options.token ?? 'unused', { mode: 0o600 });
  const server = new ReplicationServer({
    instance: 'a',
    token: options.token === undefined ? null : new TokenFile(tokenFile),
    journal,
    lostAfterMs: 5000,
    windowEntries: 100,
    stateHashAt: () => null,
    onHeld: () => {},
    onReplicasChanged: () => {},
    onSuperseded: (epoch) => void superseded.push(epoch),
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const sockets: Socket[] = [];
  const call = async (greeting: object = hello): Promise<Caller> => {
    const socket = connect({ host: '127.0.0.1', port: server.port });
    sockets.push(socket);
    const heard: JsonRecord[] = [];
    const reader = new FrameReader({
      onMessage: (message) => heard.push(message),
      onBlock: () => assert.fail('no block is expected'),
      onAck: () => {},
      onBroken: (complaint) => assert.fail(complaint),
    });
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    writeMessage(socket, greeting);
    return { socket, heard };
  };
  try {
    await body(server, call, superseded);
  } finally {
    for (const socket of sockets) socket.destroy();
    await server.close();
    journal.close();
    rmSync(directory, { recursive: true });
  }
}

test('a standby that comes before the promotion is joined by it, without coming again', () =>
  withServer(async (server, call) => {
    const early = await call();
    server.start({ epoch: 2, ackSet: ['b'] });
    await waitUntil('it was answered', () => early.heard.length > 0);
    assert.deepEqual(early.heard[0], { t: 'matched', at: 0, epoch: 2, instance: 'a' });
  }));

test('a standby whose upstream is not promoted in time is refused', () =>
  withServer(async (_server, call) => {
    const early = await call();
    await waitUntil('it was answered', () => early.heard.length > 0);
    assert.deepEqual(early.heard[0], { t: 'refused', code: 'not-primary', epoch: 0 });
  }));

test('I2: a stranger without the token is turned away, and the newer epoch that it claims ends nothing', () =>
  withServer(
    async (server, call, superseded) => {
      server.start({ epoch: 2, ackSet: ['b'] });
      const wrong = [
        { ...hello, epoch: 99 },
        { ...hello, epoch: 99, token: 'guessed' },
      ];
      for (const greeting of wrong) {
        const stranger = await call(greeting);
        await waitUntil('it was answered', () => stranger.heard.length > 0);
        assert.deepEqual(stranger.heard[0], { t: 'refused', code: 'unauthorized', epoch: 2 });
      }
      assert.deepEqual([superseded, server.core?.replicas.length], [[], 1]);
      const replica = await call({ ...hello, token: 'secret' });
      await waitUntil('it was answered', () => replica.heard.length > 0);
      assert.equal(replica.heard[0]?.t, 'matched');
    },
    { token: 'secret' },
  ));
