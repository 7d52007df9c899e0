import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { createPki, type LabPki } from '../../lab/pki.ts';
import { PeerDialer } from '../../src/adapters/peer-link/peer-dialer.ts';
import type { PeerFrame } from '../../src/adapters/peer-link/peer-frames.ts';
import { type PeerLink, PeerListener } from '../../src/adapters/peer-link/peer-listener.ts';
import { hostId, siteId } from '../../src/core/base/ids.ts';
import type { AgentReport, Command } from '../../src/engine/messages.ts';
import { type PeerIdentity, readTlsFiles } from '../../src/wire/peer-identity.ts';
import { LivedTime } from '../builders/lived-time.ts';
import { eventually } from './firm-under-test.ts';

const timing = { pingEveryMs: 100, silenceMs: 400, greetWithinMs: 5000 };
const controller: PeerIdentity = { name: 'east', role: 'controller' };
const agent: PeerIdentity = { name: 'east-1', role: 'agent' };

let directory: string;
let ours: LabPki;
let strangers: LabPki;
const closers: (() => unknown)[] = [];

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast peers é-'));
  const plan = {
    organisation: 'test',
    machines: [
      { name: 'controller/east', role: 'controller' as const, ips: [] },
      { name: 'controller/west', role: 'controller' as const, ips: [] },
      { name: 'agent/east-1', role: 'agent' as const, ips: [] },
      { name: 'agent/unknown', role: 'agent' as const, ips: [] },
    ],
    operators: [{ name: 'east-1', role: 'admin' as const }],
    evidenceOwners: [],
  };
  ours = await createPki({ directory: join(directory, 'ours'), ...plan });
  strangers = await createPki({ directory: join(directory, 'strangers'), ...plan });
});
after(() => rmSync(directory, { recursive: true, force: true }));
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function listening(frames: PeerFrame[] = []) {
  const seen = { up: [] as PeerLink[], down: [] as string[], refused: [] as string[], frames };
  const listener = await PeerListener.listen({
    host: '127.0.0.1',
    port: 0,
    self: controller,
    boot: 'b1',
    identity: readTlsFiles(ours.identity('controller/east')),
    timing,
    knows: ({ name, role }) => (role === 'agent' && name === 'east-1') || role === 'controller',
    sink: {
      up: (link) => seen.up.push(link),
      down: (_link, reason) => seen.down.push(reason),
      frame: (_link, frame) => seen.frames.push(frame),
      refused: (who, reason) => seen.refused.push(`${who}: ${reason}`),
    },
  });
  closers.push(() => listener.close());
  return { listener, ...seen };
}

function dialling(
  port: number,
  options: { pki?: LabPki; as?: string; self?: PeerIdentity; expect?: PeerIdentity } = {},
) {
  const seen = { ups: 0, downs: [] as string[], failures: [] as string[], frames: [] as PeerFrame[] };
  const dialer = new PeerDialer({
    host: '127.0.0.1',
    port,
    expect: options.expect ?? controller,
    self: options.self ?? agent,
    boot: 'b2',
    identity: {
      ...readTlsFiles((options.pki ?? ours).identity(options.as ?? 'agent/east-1')),
      ca: readTlsFiles(ours.identity('agent/east-1')).ca,
    },
    timing,
    sink: {
      up: () => {
        seen.ups += 1;
      },
      down: (reason) => seen.downs.push(reason),
      unreachable: (reason) => seen.failures.push(reason),
      frame: (frame) => seen.frames.push(frame),
    },
  });
  closers.push(() => dialer.close());
  return { dialer, seen };
}

const report = (host: string): AgentReport => ({
  host: hostId(host),
  site: siteId('east'),
  boot: 'b2',
  start: 1,
  sequence: 1,
  instances: [],
});
const command: Command = {
  key: 'k',
  group: 'trading' as Command['group'],
  term: 1 as Command['term'],
  epoch: 2 as Command['epoch'],
  run: 'run' as Command['run'],
  step: 'step' as Command['step'],
  attempt: 1,
  deadlineMs: 100,
  order: { kind: 'perform', instance: 'engine' as never, action: { kind: 'kill' } },
};

test('an agent reports to a controller, and the controller commands it', async () => {
  const { listener, up, frames } = await listening();
  const { dialer, seen } = dialling(listener.port);
  await eventually('the link is up', () => seen.ups === 1 && up.length === 1);
  dialer.send({ t: 'report', report: report('east-1') });
  await eventually('the report arrived', () => frames.length === 1);
  assert.deepEqual(frames[0], { t: 'report', report: report('east-1') });
  listener.link(agent)?.send({ t: 'command', command });
  await eventually('the command arrived', () => seen.frames.length === 1);
  assert.deepEqual(seen.frames[0], { t: 'command', command });
});

test('a certificate of another authority is refused, and nothing it says is heard', async () => {
  const { listener, up, refused } = await listening();
  const { seen } = dialling(listener.port, { pki: strangers });
  await eventually('it was refused', () => seen.failures.length >= 1 && refused.length >= 1);
  assert.deepEqual([seen.ups, up.length], [0, 0]);
});

test('an agent does not talk to a controller with another name, whatever address it has', async () => {
  const { listener } = await listening();
  const { seen } = dialling(listener.port, { expect: { name: 'west', role: 'controller' } });
  await eventually('it failed', () => seen.failures.length >= 1);
  assert.match(seen.failures[0] ?? '', /expected controller west, found controller east/);
});

test('a host that the topology has not, and a person, are turned away', async () => {
  const { listener, refused } = await listening();
  dialling(listener.port, { as: 'agent/unknown', self: { name: 'unknown', role: 'agent' } });
  await eventually('the unknown host was refused', () => refused.some((line) => line.startsWith('agent unknown')));
  dialling(listener.port, { as: 'operator/east-1' });
  await eventually('the person was refused', () => refused.some((line) => line.startsWith('admin east-1')));
});

test('an agent cannot speak for another host; the attempt ends its link', async () => {
  const { listener, frames, refused } = await listening();
  const { dialer, seen } = dialling(listener.port);
  await eventually('the link is up', () => seen.ups === 1);
  dialer.send({ t: 'report', report: report('west-1') });
  await eventually('it was refused', () => refused.length === 1);
  assert.equal(refused[0], 'agent east-1: agent east-1 reported for the host west-1');
  assert.equal(frames.length, 0);
  await eventually('the link ended', () => seen.downs.length === 1);
});

test('an agent cannot command: a command from it ends its link', async () => {
  const { listener, frames, refused } = await listening();
  const { dialer, seen } = dialling(listener.port);
  await eventually('the link is up', () => seen.ups === 1);
  dialer.send({ t: 'command', command });
  await eventually('it was refused', () => refused.length === 1);
  assert.equal(frames.length, 0);
});

test('a frame with an unexpected shape ends the link instead of reaching anybody', async () => {
  const { listener, frames, down } = await listening();
  const { dialer, seen } = dialling(listener.port);
  await eventually('the link is up', () => seen.ups === 1);
  dialer.sendLine(`${JSON.stringify({ t: 'report', report: { ...report('east-1'), instances: 'none' } })}\n`);
  await eventually('the link ended', () => down.length === 1);
  assert.match(down[0] ?? '', /"frame.report.instances" must be a list/);
  assert.equal(frames.length, 0);
});

test('a black-holed peer is noticed on both sides although no connection was closed', async () => {
  const { listener, down } = await listening();
  const hole = await blackHole(listener.port);
  const { seen } = dialling(hole.port);
  await eventually('the link is up', () => seen.ups === 1);
  await new Promise((resolve) => setTimeout(resolve, timing.silenceMs * 1.5));
  assert.deepEqual([seen.downs, down], [[], []], 'pings keep an idle link up');
  const lived = new LivedTime();
  hole.swallow();
  await eventually('both sides noticed', () => seen.downs.length === 1 && down.length === 1);
  assert.ok(lived.stop() < 4 * timing.silenceMs);
  assert.match(seen.downs[0] ?? '', /nothing heard for \d+ ms/);
  hole.heal();
  await eventually('the link is up again', () => seen.ups === 2);
});

test('a newer link of the same peer replaces the older one without the peer counting as gone', async () => {
  const { listener, up, down } = await listening();
  const first = dialling(listener.port);
  await eventually('the first is up', () => up.length === 1);
  first.dialer.close();
  const second = dialling(listener.port);
  await eventually('the second is up', () => up.length === 2);
  assert.equal(listener.link(agent)?.send({ t: 'command', command }), true);
  await eventually('the second hears it', () => second.seen.frames.length === 1);
  assert.ok(down.length <= 1);
});

/** A TCP relay that can stop passing bytes on while every connection stays open. */
async function blackHole(target: number): Promise<{ port: number; swallow: () => void; heal: () => void }> {
  let open = true;
  const pairs = new Set<Socket>();
  const pass = (from: Socket, to: Socket) => {
    pairs.add(from);
    from.on('data', (chunk) => open && to.write(chunk));
    from.on('error', () => {});
    from.on('close', () => open && to.destroy());
  };
  const server: Server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    pass(near, far);
    pass(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    for (const socket of pairs) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    swallow: () => {
      open = false;
    },
    heal: () => {
      open = true;
      for (const socket of pairs) socket.destroy();
      pairs.clear();
    },
  };
}
