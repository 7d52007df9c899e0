/** Timers as running servers say them, in words for the table. Each returns null where it does not find them. */

export interface PatroniTimers {
  readonly ttl: number;
  readonly loop_wait: number;
  readonly retry_timeout: number;
}

/** What Patroni has when nothing is configured. */
export const patroniDefaults: PatroniTimers = { ttl: 30, loop_wait: 10, retry_timeout: 10 };

/** Of `GET /config`. */
export function patroniTimersIn(text: string): PatroniTimers | null {
  const { ttl, loop_wait, retry_timeout } = JSON.parse(text) as Partial<PatroniTimers>;
  return ttl === undefined || loop_wait === undefined || retry_timeout === undefined
    ? null
    : { ttl, loop_wait, retry_timeout };
}

export function describePatroni(text: string): string | null {
  const timers = patroniTimersIn(text);
  if (timers === null) return null;
  const { synchronous_mode, synchronous_mode_strict } = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const mode = synchronous_mode_strict === true ? 'strict' : synchronous_mode === true ? 'synchronous' : 'asynchronous';
  return `ttl ${timers.ttl} s, loop_wait ${timers.loop_wait} s, retry_timeout ${timers.retry_timeout} s, ${mode}`;
}

/** One field of `SENTINEL MASTER`, which answers with names and values in turn. */
export function sentinelField(reply: readonly unknown[], name: string): string | null {
  const index = reply.findIndex((each, at) => at % 2 === 0 && each === name);
  return index < 0 ? null : String(reply[index + 1]);
}

export function describeSentinel(reply: readonly unknown[]): string | null {
  const [silent, timeout, quorum] = ['down-after-milliseconds', 'failover-timeout', 'quorum'].map((name) =>
    sentinelField(reply, name),
  );
  return silent == null || timeout == null || quorum == null
    ? null
    : `down-after ${silent} ms, failover-timeout ${timeout} ms, quorum ${quorum}`;
}

/** Of what keepalived dumps: milliseconds with version 3 of VRRP, seconds with version 2. */
export function describeKeepalived(text: string): string | null {
  const [, advert, unit] = /^\s*Advert interval = (\d+) (milli-sec|sec)/m.exec(text) ?? [];
  const priority = /^\s*Priority = (\d+)/m.exec(text)?.[1];
  if (advert === undefined || priority === undefined) return null;
  return `advert ${unit === 'sec' ? Number(advert) * 1000 : advert} ms, priority ${priority}`;
}

interface BgpNeighbour {
  readonly bgpState?: string;
  readonly bgpTimerHoldTimeMsecs?: number;
  readonly bgpTimerKeepAliveIntervalMsecs?: number;
}

interface BfdPeer {
  readonly 'detect-multiplier'?: number;
  readonly 'receive-interval'?: number;
}

/** Of `show bgp neighbors json` and `show bfd peers json`; null unless every session stands and all have the same timers. */
export function describeBgp(bgpText: string, bfdText: string): string | null {
  const neighbours = Object.values(JSON.parse(bgpText) as Readonly<Record<string, BgpNeighbour | string>>);
  const bgp = new Set(neighbours.flatMap((each) => (typeof each === 'string' ? [] : [bgpWords(each)])));
  const bfd = new Set((JSON.parse(bfdText) as readonly BfdPeer[]).map(bfdWords));
  const [timers] = bgp;
  if (bgp.size !== 1 || bfd.size > 1 || timers == null) return null;
  return `${timers}, ${[...bfd][0] ?? 'no BFD'}`;
}

const bgpWords = (neighbour: BgpNeighbour): string | null => {
  const { bgpState, bgpTimerHoldTimeMsecs: holdMs, bgpTimerKeepAliveIntervalMsecs: keepAliveMs } = neighbour;
  return bgpState !== 'Established' || holdMs === undefined || keepAliveMs === undefined
    ? null
    : `keepalive ${keepAliveMs / 1000} s, hold ${holdMs / 1000} s`;
};

const bfdWords = (peer: BfdPeer): string => `BFD ${peer['receive-interval']} ms × ${peer['detect-multiplier']}`;
