import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LineClient } from '../../trading/testing/line-client.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import { AwakeClock } from '../kills/awake-clock.ts';
import { ATTACKED_PORTS, portOf } from './attacked-ports.ts';
import { AttackedStack } from './attacked-stack.ts';
import { Fuzzer } from './fuzzer.ts';
import { BEHAVIOURS, type Behaviour, HostilePeer } from './hostile-peer.ts';
import { figuresOf, forgetPeak } from './process-figures.ts';
import { SteadyMember } from './steady-member.ts';

const SEED = Number(process.env['HOLDFAST_HOSTILE_SEED'] ?? 20_261_121);
/** Connections to each port. */
const CONNECTIONS = Number(process.env['HOLDFAST_HOSTILE_CONNECTIONS'] ?? 45);
const AT_ONCE = 9;
/** Altered sessions to each port, beside these. */
const SESSIONS = Number(process.env['HOLDFAST_HOSTILE_SESSIONS'] ?? 18);
/** What may stay of the second half of the altered sessions: a leak would show again with each. */
const MOST_LEFT_MB = 40;
/** What a process may need for strangers beside what it had: buffers of its sockets, answers under way, and garbage. */
const MOST_GROWTH_MB = 160;
/** Descriptors of members that come and go meanwhile; the exchange opens a file for each new firm. */
const MOST_DESCRIPTORS_MORE = 8;
/**
 * Of a well-behaved session, on a machine that does other things as well. Also the longest time in which an engine may take no orders because
 * the exchange is away.
 */
const MOST_LATENCY_MS = 3000;

/** The same numbers for the same seed. */
const draws = (seed: number): ((below: number) => number) => {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};

test('hostile input on every port of the trading stack', { timeout: 900_000 }, async (suite) => {
  let stack: AttackedStack;
  const members: SteadyMember[] = [];
  const clock = new AwakeClock();
  const totals = { ports: 0, connections: 0, sessions: 0, messages: 0, bytes: 0, newAnswers: 0 };

  before(async () => {
    stack = await AttackedStack.open();
    members.push(await SteadyMember.ofEngine(stack.frontPort, clock));
    members.push(await SteadyMember.ofExchange(stack.world.venue.port('venue'), clock));
  });
  after(async () => {
    for (const member of members) member.stop();
    await stack?.close();
    clock.close();
  });

  for (const [index, attacked] of ATTACKED_PORTS.entries())
    await suite.test(attacked.name, async (context) => {
      const { dialect, framing } = attacked;
      const { pid } = attacked.process(stack);
      const address = { host: '127.0.0.1', port: portOf(attacked, stack) };
      const draw = draws(SEED + index);
      const before = figuresOf(pid);
      forgetPeak(pid);
      for (const member of members) member.forget();
      const counts: Record<string, number> = {};
      const codes: Record<string, number> = {};
      const count = (in_: Record<string, number>, what: string): void => {
        in_[what] = (in_[what] ?? 0) + 1;
      };
      for (let at = 0; at < CONNECTIONS; at += AT_ONCE) {
        const wave = Array.from(
          { length: Math.min(AT_ONCE, CONNECTIONS - at) },
          (_, each): Behaviour => BEHAVIOURS[(at + each) % BEHAVIOURS.length]!,
        );
        const peers = await Promise.all(
          wave.map(async (behaviour) => {
            const peer = await HostilePeer.open(address);
            const outcome = await peer.behave(behaviour, dialect, draw);
            count(counts, outcome.kind);
            for (const code of outcome.codes) count(codes, code);
            return peer;
          }),
        );
        for (const peer of peers) peer.close();
      }
      const recorded = attacked.recorded === undefined ? [] : stack.recorded(attacked.recorded);
      const sessions = recorded.length > 0 ? recorded : [Buffer.concat(dialect.corpus)];
      const fuzzer = new Fuzzer({ framing, sessions, draw });
      const halves = [figuresOf(pid).residentMb];
      const inHalf = Math.ceil(SESSIONS / 2 / (attacked.costly ? 10 : 1));
      for (let half = 0; half < 2; half++) {
        for (let at = 0; at < inHalf; at += AT_ONCE) {
          const each = Math.min(AT_ONCE, inHalf - at);
          await Promise.all(Array.from({ length: each }, () => fuzzer.send(address)));
        }
        halves.push(figuresOf(pid).residentMb);
      }
      await waitUntil(
        'what strangers held open is given back',
        () => figuresOf(pid).descriptors <= before.descriptors + MOST_DESCRIPTORS_MORE,
      );
      const after = figuresOf(pid);
      const growthMb = after.peakMb - before.residentMb;
      const answered = await Promise.allSettled(members.map((member) => member.proven()));
      const latency = members.map((member) => member.latency());
      context.diagnostic(
        JSON.stringify({
          connections: CONNECTIONS,
          ...counts,
          codes,
          altered: fuzzer.report,
          residentMb: { before: before.residentMb, peak: after.peakMb, halves, after: after.residentMb },
          descriptors: after.descriptors - before.descriptors,
          latency,
        }),
      );
      assert.ok(growthMb < MOST_GROWTH_MB, `${growthMb} MB more at the worst`);
      const leftMb = halves[2]! - halves[1]!;
      assert.ok(leftMb < MOST_LEFT_MB, `${leftMb} MB more after the second half of the altered sessions`);
      const { report } = fuzzer;
      totals.ports += 1;
      totals.connections += CONNECTIONS;
      for (const figure of ['sessions', 'messages', 'bytes', 'newAnswers'] as const) totals[figure] += report[figure];
      for (const each of answered) if (each.status === 'rejected') throw each.reason;
      for (const { mostMs } of latency) assert.ok(mostMs < MOST_LATENCY_MS, `a good session waited ${mostMs} ms`);
      const { role, epoch } = await stack.engine.status();
      assert.deepEqual([role, epoch], ['primary', 1]);
    });

  await suite.test('nobody is left out, and the books are whole', async (context) => {
    context.diagnostic(JSON.stringify(totals));
    assert.equal(totals.ports, ATTACKED_PORTS.length);
    const { business, releasing } = await stack.engine.status();
    assert.equal(releasing, true);
    assert.equal(business.breaks, 0);
    const client = await LineClient.open(stack.world.venue.port('venue'));
    client.send({ t: 'counters' });
    const { firms } = await client.expect(({ t }) => t === 'counters');
    const acme = (firms as Readonly<Record<string, { readonly staleWritesAccepted: number; readonly epoch: number }>>)[
      'ACME'
    ];
    assert.deepEqual([acme?.staleWritesAccepted, acme?.epoch], [0, 1]);
    client.close();
  });
});
