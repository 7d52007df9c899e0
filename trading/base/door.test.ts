import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { waitUntil } from '../testing/wait-until.ts';
import { Door } from './door.ts';
import { PacedLines } from './paced-lines.ts';

/** A server whose every answer is as long as it is told. */
const serving = async (options: {
  readonly most: number;
  readonly speakWithinMs: number;
  readonly answerBytes: number;
}): Promise<{ readonly call: () => Promise<Socket>; readonly answered: () => number; readonly close: () => void }> => {
  let answered = 0;
  const sockets: Socket[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket);
    const lines = new PacedLines({
      socket,
      door,
      maxLineLength: 100,
      onLine: () => {
        answered += 1;
        socket.write('x'.repeat(options.answerBytes));
      },
      onOverflow: () => socket.destroy(),
    });
    socket.setEncoding('utf8').on('data', (text: string) => lines.push(text));
    socket.on('error', () => socket.destroy());
  });
  const door = new Door(server, options);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    call: () =>
      new Promise((resolve) => {
        const socket = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
        sockets.push(socket);
        socket.on('error', () => socket.destroy());
        socket.once('connect', () => resolve(socket));
      }),
    answered: () => answered,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
};

test('who has said nothing whole in time is cut, also when it goes on speaking; who has may be silent for ever after', async () => {
  const { call, answered, close } = await serving({ most: 10, speakWithinMs: 150, answerBytes: 1 });
  const [silent, endless, good] = await Promise.all([call(), call(), call()]);
  const dripping = setInterval(() => endless.write('x'), 20);
  good.write('hello\n');
  silent.resume();
  endless.resume();
  await waitUntil('both are cut', () => silent.destroyed && endless.destroyed);
  clearInterval(dripping);
  good.write('again\n');
  await waitUntil('the other one is answered', () => answered() === 2);
  close();
});

test('one connection more than there may be is turned away, and there is room again when one has gone', async () => {
  const { call, answered, close } = await serving({ most: 2, speakWithinMs: 60_000, answerBytes: 1 });
  const [first] = await Promise.all([call(), call()]);
  const third = await call();
  third.resume();
  await waitUntil('it is turned away', () => third.destroyed);
  first!.destroy();
  await waitUntil('there is room', async () => {
    const next = await call();
    next.write('hello\n');
    return answered() > 0;
  });
  close();
});

test('requests of a peer that does not read are not answered beyond a bound, and all of them once it reads', async () => {
  const asked = 2000;
  const { call, answered, close } = await serving({ most: 2, speakWithinMs: 60_000, answerBytes: 100_000 });
  const greedy = await call();
  greedy.pause();
  greedy.write('more\n'.repeat(asked));
  let before = -1;
  await waitUntil('it is answered no more', async () => {
    const same = before === answered() && before > 0;
    before = answered();
    if (!same) await new Promise((resolve) => setTimeout(resolve, 100));
    return same;
  });
  assert.ok(before < asked / 4, `${before} answers of 100 kB to somebody who reads none`);
  let bytes = 0;
  greedy.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  greedy.resume();
  await waitUntil('it has all of them', () => bytes === asked * 100_000);
  assert.equal(answered(), asked);
  close();
});
