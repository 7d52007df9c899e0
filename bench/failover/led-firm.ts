import { setTimeout as pause } from 'node:timers/promises';
import { firmAt } from '../../lab/agent-config.ts';
import { labBreak, labRestart } from '../../lab/cli.ts';
import { type ActName, actsFor, playUncounted, settle } from '../../lab/demo/acts.ts';
import { activate, startFlow } from '../../lab/demo/bring-up.ts';
import { readTopology } from '../../lab/demo/demo.ts';
import { Platform } from '../../lab/demo/platform.ts';
import { LabDirectory } from '../../lab/lab-directory.ts';
import { venueEndpoint } from '../../lab/layout.ts';
import { namespaceLabUp } from '../../lab/netns/namespace-lab-up.ts';
import type { PlannedNode } from '../../lab/netns/network-plan.ts';
import { ordersPort, proxyNodes } from '../../lab/netns/servers/haproxy.ts';
import { lanAddress, type Placement } from '../../lab/netns/servers/placement.ts';
import { redisName, redisNodes, redisPort, redisSecrets } from '../../lab/netns/servers/redis.ts';
import { serverKey } from '../../lab/netns/servers/server.ts';
import { serverSecrets } from '../../lab/netns/servers/server-secrets.ts';
import { waitFor } from '../../lab/wait.ts';
import { hostMonoMs } from '../../src/adapters/process/host-clock.ts';
import { redisTalk } from '../../src/adapters/redis-sentinel/redis-talk.ts';
import type { RespValue } from '../../src/adapters/redis-sentinel/resp.ts';
import type { Topology } from '../../src/core/topology/topology.ts';
import { NamespaceLabUnderTest } from '../../test/integration/netns-lab.under-test.ts';
import { NamespaceDial } from '../../test/integration/netns-servers/namespace-dial.ts';
import { LineClient } from '../../trading/testing/line-client.ts';
import type { ClientWish } from './client.ts';
import { orderName } from './client-doors.ts';
import { ClientProcess } from './client-process.ts';
import { type ClientReport, firstSuccessMs, longestPauseMs, missingWrites, staleWrites } from './client-report.ts';
import {
  type BaselineOptions,
  type Counts,
  type FaultName,
  notSeen,
  playRounds,
  type Round,
  type Series,
} from './failover-run.ts';
import { beganAtMs } from './fault-clock.ts';

export const firmFaults = ['engine-killed', 'host-frozen', 'site-lost', 'planned-move', 'redis-killed'] as const;
type FirmFault = (typeof firmFaults)[number];

const actOf = {
  'engine-killed': 'engine-crash',
  'host-frozen': 'host-freeze',
  'site-lost': 'site-loss',
  'planned-move': 'failback',
} as const satisfies Readonly<Partial<Record<FaultName, ActName>>>;

/** Of those that are traded where a topology names none. */
const symbol = 'ALPHA';
const ordersPerSecond = 100;
const askWithinMs = 10_000;
const lookAgainAfterMs = 100;
const acknowledgedWithinMs = 60_000;
/** Users of epochs from the present one on: a client cannot know how many it will be. */
const epochsAhead = 8;
const redisWithinMs = 60_000;
/** Of successes, before anything heals. */
const steadyMs = 1_000;
/** Orders in one question to an exchange. */
const askedAtOnce = 500;

/** @throws when a file does not say what a topology or an overlay says */
export function firmTopology(root: string, overlays: readonly string[], example = 'three-site-servers'): Topology {
  return readTopology({
    topologyFile: `${root}/examples/${example}.yaml`,
    overlays: [`${root}/examples/demo-overlay.yaml`, `${root}/test/lab/led-servers.yaml`, ...overlays],
  });
}

export interface FirmLab {
  readonly root: string;
  readonly name: string;
}

/** A firm whose agents lead its servers, activated, under orders. */
export async function firmUp(
  lab: FirmLab,
  topology: Topology,
  { say }: Pick<BaselineOptions, 'say'>,
): Promise<Platform> {
  const startedBy = { command: 'npm run bench:failover', attended: true };
  const wish = { ...lab, topology, topologyFile: null, startedBy, ifThere: 'replace', fresh: true } as const;
  await namespaceLabUp({ ...wish, servers: 'led' }, (event) => {
    if (event.kind === 'step') say(event.text);
  });
  const platform = new Platform(lab, topology);
  await activate(platform, say);
  await startFlow(platform, ordersPerSecond, say);
  return platform;
}

/** A person says yes to what the platform did by itself, so that it may do it again. */
export async function acknowledged(platform: Platform): Promise<void> {
  const group = platform.topology.groups[0]!.id;
  const says = () =>
    platform.demand('Omar Operator', { kind: 'acknowledge', group }).then(
      () => true,
      () => false,
    );
  await waitFor('the group to be acknowledged', says, acknowledgedWithinMs);
}

/** A firm behind servers that its agents lead, with the timing of its topology. */
export class LedFirm {
  readonly #options: Pick<BaselineOptions, 'rounds' | 'say'>;
  readonly #platform: Platform;
  readonly #under: NamespaceLabUnderTest;
  readonly #placement: Placement;
  readonly #secret: (name: string) => string;
  readonly #dial: NamespaceDial;
  #clients = 0;

  static async up(
    lab: FirmLab,
    topology: Topology,
    options: Pick<BaselineOptions, 'rounds' | 'say'>,
  ): Promise<LedFirm> {
    return new LedFirm(await firmUp(lab, topology, options), options);
  }

  private constructor(platform: Platform, options: Pick<BaselineOptions, 'rounds' | 'say'>) {
    const { lab, topology } = platform;
    this.#options = options;
    this.#platform = platform;
    this.#under = new NamespaceLabUnderTest(lab);
    this.#placement = { topology, plan: this.#under.context.plan };
    this.#secret = serverSecrets(new LabDirectory(lab.root, lab.name).secrets);
    this.#dial = new NamespaceDial(this.#placement.plan.nodes.find(({ id }) => id === 'client')!.namespace);
  }

  close(): void {
    this.#dial.close();
  }

  async measured(fault: FirmFault): Promise<Series> {
    const play = fault === 'redis-killed' ? () => this.#redisRound() : () => this.#orderRound(fault);
    const rounds = await playRounds(this.#options, `${fault}, holdfast`, play);
    const { leaseRenewEveryMs, selfFenceAfterMs, silenceFloorMs } = this.#placement.topology.timing;
    const timers = `renewed every ${leaseRenewEveryMs} ms, self-fence ${selfFenceAfterMs} ms, silence from ${silenceFloorMs} ms (topology)`;
    return { fault, by: 'holdfast', side: 'ours', timers, rounds };
  }

  async #orderRound(fault: keyof typeof actOf): Promise<Round> {
    const { plan } = this.#placement;
    const service = { kind: 'orders', client: `bench-${++this.#clients}`, symbol } as const;
    const places = proxyNodes(this.#placement).map((node) => ({
      ...{ name: node.id, host: lanAddress(plan, node), port: ordersPort },
    }));
    const act = actsFor(this.#platform).find(({ name }) => name === actOf[fault])!;
    await acknowledged(this.#platform);
    const client = this.#client({ service, places, first: 0 });
    try {
      await client.serving();
      const begunMs = hostMonoMs();
      const { brokenAtMs } = await playUncounted(this.#platform, act, this.#options.say);
      const report = await client.end();
      const counts = await this.#atExchange(service, report);
      // A planned move is a pause, whoever was asked before and after.
      const foundMs =
        brokenAtMs === null
          ? longestPauseMs(report, begunMs)
          : firstSuccessMs(report, { atMs: beganAtMs({ startedAt: brokenAtMs }), former: null });
      if (foundMs === null) return { ...notSeen('no order was accepted afterwards'), counts };
      return { seconds: foundMs / 1000, why: null, counts };
    } finally {
      client.close();
    }
  }

  /** The primary of the set that the agents lead dies for good; writers log in as the present epoch or a later one. */
  async #redisRound(): Promise<Round> {
    const { plan } = this.#placement;
    const { lab } = this.#platform;
    const { record } = await settle(this.#platform, this.#options.say);
    const nodes = redisNodes(this.#placement);
    const { epoch } = record!.grants[this.#engine]!;
    const key = `bench-${++this.#clients}`;
    const users = Array.from({ length: epochsAhead }, (_, ahead) => `writer-${epoch + ahead}`);
    const password = this.#secret(redisSecrets.writer);
    const places = nodes.map((node) => ({ name: node.id, host: lanAddress(plan, node), port: redisPort }));
    const client = this.#client({ service: { kind: 'redis', users, password, key }, places, first: 0 });
    let killed: string | null = null;
    try {
      const former = await client.serving();
      killed = serverKey({ name: redisName, node: nodes.find(({ id }) => id === former)! });
      const fault = { kind: 'kill', target: { kind: 'process', key: killed } } as const;
      const seen = { atMs: beganAtMs(await labBreak(lab, fault, null)), former };
      const taken = await client.servedElsewhere(former, redisWithinMs);
      if (taken) await pause(steadyMs);
      await labRestart(lab, killed);
      const now = await this.#redisPrimary();
      const report = await client.end();
      const counts = {
        acknowledged: report.acknowledged.length,
        missing: missingWrites([report], await this.#inRedis(now, key)),
        stale: staleWrites([report], seen),
      };
      const firstMs = firstSuccessMs(report, seen);
      if (!taken || firstMs === null)
        return { ...notSeen(`nobody else took a write within ${redisWithinMs / 1000} s`), counts };
      return { seconds: firstMs / 1000, why: null, counts };
    } finally {
      client.close();
      if (killed !== null) await labRestart(lab, killed);
    }
  }

  /** Once there is one, and everybody else has a link to it. */
  async #redisPrimary(): Promise<PlannedNode> {
    const nodes = redisNodes(this.#placement);
    let primary: PlannedNode | undefined;
    const isOne = async () => {
      const said = await Promise.all(nodes.map((node) => this.#redis(node, ['INFO', 'replication'])));
      const primaries = nodes.filter((_, index) => String(said[index]).includes('role:master'));
      const linked = said.filter((text) => String(text).includes('master_link_status:up'));
      primary = primaries[0];
      return primaries.length === 1 && linked.length === nodes.length - 1;
    };
    await waitFor('one Redis primary that everybody else follows', isOne, redisWithinMs);
    return primary!;
  }

  async #inRedis(node: PlannedNode, key: string): Promise<ReadonlySet<number>> {
    const members = await this.#redis(node, ['SMEMBERS', key]);
    if (!Array.isArray(members)) throw new Error('Redis does not say what it has');
    return new Set((members as readonly RespValue[]).map(Number));
  }

  /** Null when there is no answer. */
  async #redis(node: PlannedNode, command: readonly string[]): Promise<RespValue> {
    const address = { host: lanAddress(this.#placement.plan, node), port: redisPort };
    const login = { address, user: 'holdfast', password: this.#secret(redisSecrets.driver) };
    const answer = await redisTalk(login, this.#dial.dial)([command], { deadlineMs: askWithinMs });
    return answer.kind === 'ok' ? answer.replies[0]! : null;
  }

  /** Every acknowledged order, looked for at the exchange. What was acknowledged a moment ago may still be on its way there. */
  async #atExchange(service: { readonly client: string }, report: ClientReport): Promise<Counts> {
    const venue = this.#placement.topology.venues[0]!;
    const address = this.#platform.context.book.realAddress(venueEndpoint(venue.id, 'session'));
    const line = LineClient.over(await this.#dial.dial(address, { deadlineMs: askWithinMs }));
    const there = new Set<number>();
    const lookFor = async (ids: readonly number[]) => {
      const answered = line.received.length;
      const answer = () => line.received.slice(answered).find(({ t }) => t === 'status');
      line.send({ t: 'status', ...firmAt(venue.sessions), ids: ids.map((id) => orderName(service, id)) });
      await waitFor('the exchange to say what it has', () => answer() !== undefined, askWithinMs);
      const orders = answer()!['orders'] as readonly { readonly state: string }[];
      for (const [index, { state }] of orders.entries()) if (state !== 'unknown') there.add(ids[index]!);
    };
    const missing = () => report.acknowledged.map(({ id }) => id).filter((id) => !there.has(id));
    const allFound = async () => {
      const ids = missing();
      for (let from = 0; from < ids.length; from += askedAtOnce) await lookFor(ids.slice(from, from + askedAtOnce));
      return missing().length === 0;
    };
    try {
      const until = performance.now() + askWithinMs;
      while (!(await allFound()) && performance.now() < until) await pause(lookAgainAfterMs);
      return { acknowledged: report.acknowledged.length, missing: missing().length, stale: null };
    } finally {
      line.close();
    }
  }

  #client(wish: ClientWish): ClientProcess {
    return new ClientProcess(this.#under, 'client', wish);
  }

  get #engine() {
    return this.#placement.topology.components.find(({ kind }) => kind === 'trading-engine')!.id;
  }
}
