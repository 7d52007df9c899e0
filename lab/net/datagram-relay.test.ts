import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { after, before, test } from 'node:test';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import { DatagramRelay } from './datagram-relay.ts';
import { Lane, LineClock } from './delay-line.ts';
import type { PathState } from './path-model.ts';

const state = (more: Partial<PathState> = {}): PathState => ({
  open: true,
  oneWayMs: 0,
  lossPercent: 0,
  via: [],
  ...more,
});

const bound = (): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1', () => resolve(socket));
  });

test('datagrams over a relayed path', async (suite) => {
  const clock = new LineClock();
  const path = { forward: new Lane(state(), clock), back: new Lane(state(), clock) };
  let echo: Socket;
  let relay: DatagramRelay;
  let port = 0;
  const peers: { readonly socket: Socket; readonly heard: { readonly text: string; readonly atMs: number }[] }[] = [];
  before(async () => {
    echo = await bound();
    echo.on('message', (message, from) => echo.send(message, from.port, from.address));
    // A free port of the kernel's choice, taken again at once.
    const probe = await bound();
    port = probe.address().port;
    await new Promise<void>((resolve) => probe.close(() => resolve()));
    relay = new DatagramRelay(path, { host: '127.0.0.1', port: echo.address().port });
    await relay.listen({ host: '127.0.0.1', port });
    for (let count = 0; count < 2; count += 1) {
      const socket = await bound();
      const heard: { text: string; atMs: number }[] = [];
      socket.on('message', (message, from) => {
        assert.equal(from.port, port, 'the answer comes from where it was sent to');
        heard.push({ text: message.toString(), atMs: performance.now() });
      });
      peers.push({ socket, heard });
    }
  });
  after(() => {
    for (const { socket } of peers) socket.close();
    relay.close();
    echo.close();
    clock.close();
  });
  const send = (peer: number, text: string) => peers[peer]!.socket.send(text, port, '127.0.0.1');
  const heard = (peer: number) => peers[peer]!.heard.map(({ text }) => text);

  await suite.test('come back to whoever sent them, each whole', async () => {
    send(0, 'one');
    send(1, 'other');
    send(0, 'two');
    await waitUntil('all came back', () => heard(0).length === 2 && heard(1).length === 1);
    assert.deepEqual([heard(0), heard(1)], [['one', 'two'], ['other']]);
    assert.equal(relay.connections, 2);
  });

  await suite.test('take the path’s time', async () => {
    path.forward.change(state({ oneWayMs: 40 }));
    path.back.change(state({ oneWayMs: 40 }));
    const sentAtMs = performance.now();
    send(0, 'late');
    await waitUntil('it came back', () => heard(0).includes('late'));
    assert.ok(peers[0]!.heard.at(-1)!.atMs - sentAtMs >= 79);
    path.forward.change(state());
    path.back.change(state());
  });

  await suite.test('are lost on a cut path, either way, and travel again when it is healed', async () => {
    path.forward.change(state({ open: false }));
    send(0, 'lost');
    send(1, 'lost as well');
    await waitUntil('both are lost', () => relay.lost === 2);
    path.forward.change(state());
    path.back.change(state({ lossPercent: 100 }));
    send(0, 'lost on its way back');
    await waitUntil('the answer is lost', () => relay.lost === 3);
    path.back.change(state());
    send(0, 'again');
    await waitUntil('it comes back', () => heard(0).includes('again'));
    assert.ok(![...heard(0), ...heard(1)].some((text) => text.startsWith('lost')));
  });
});
