import { hostMonoMs } from '../process/host-clock.ts';
import type { AskHttp } from './http.ts';
import { type ClusterSettings, type MemberStatus, parseMember, parseSettings } from './parse.ts';
import { readStore, type StoreLocation, type StoreView } from './store.ts';

export type ClusterCondition =
  /** Has the lock, and itself says that it is primary and runs. */
  | { readonly kind: 'primary'; readonly member: string }
  /** Has not the lock, and itself says that it runs as a replica. */
  | { readonly kind: 'standby'; readonly member: string }
  /** Has not the lock, and itself says that it is no primary, whether it runs again or not. */
  | { readonly kind: 'demoted'; readonly member: string }
  /** Every member says so: one that has not read it yet still acts. */
  | { readonly kind: 'paused'; readonly paused: boolean }
  | { readonly kind: 'durability'; readonly durability: ClusterSettings['durability'] }
  /** Runs as a replica under another postmaster than the one that began at `before`. */
  | { readonly kind: 'reinitialised'; readonly member: string; readonly before: string | null };

export interface ClusterEyes {
  readonly look: AskHttp;
  readonly store: StoreLocation;
  /** The member whose REST API is asked there, and not where the store says it is. */
  readonly own: { readonly member: string; readonly url: string };
}

type Held = 'holds' | 'does-not-hold' | 'unknown';
const held = (holds: boolean): Held => (holds ? 'holds' : 'does-not-hold');

/** By the store and by the members themselves, never by what an action was answered. Ends by its deadline. */
export async function confirmCondition(
  condition: ClusterCondition,
  eyes: ClusterEyes,
  options: { readonly deadlineMs: number },
): Promise<Held> {
  const until = hostMonoMs() + options.deadlineMs;
  if (condition.kind === 'durability') {
    const settings = await ask(eyes, `${eyes.own.url}/config`, parseSettings, until);
    return settings === null ? 'unknown' : held(settings.durability === condition.durability);
  }
  const stored = await readStore(eyes.look, eyes.store, { deadlineMs: until - hostMonoMs() });
  if (stored.kind === 'unknown') return 'unknown';
  const { view } = stored;
  switch (condition.kind) {
    case 'primary': {
      if (view.leader !== condition.member) return 'does-not-hold';
      const status = await askMember(eyes, view, condition.member, until);
      return status === null ? 'unknown' : held(status.role === 'primary' && status.state === 'running');
    }
    case 'standby': {
      if (view.leader === condition.member) return 'does-not-hold';
      const status = await askMember(eyes, view, condition.member, until);
      return status === null ? 'unknown' : held(isRunningReplica(status));
    }
    case 'demoted': {
      if (view.leader === condition.member) return 'does-not-hold';
      const status = await askMember(eyes, view, condition.member, until);
      return status === null ? 'unknown' : held(status.role !== 'primary');
    }
    case 'paused': {
      const said = await Promise.all(view.members.map(({ name }) => askMember(eyes, view, name, until)));
      if (said.some((status) => status !== null && status.paused !== condition.paused)) return 'does-not-hold';
      return said.length === 0 || said.includes(null) ? 'unknown' : 'holds';
    }
    case 'reinitialised': {
      const status = await askMember(eyes, view, condition.member, until);
      if (status === null) return 'unknown';
      return held(isRunningReplica(status) && status.startedAt !== null && status.startedAt !== condition.before);
    }
  }
}

/** `streaming` is what newer versions call a replica that does. */
const isRunningReplica = ({ role, state }: MemberStatus): boolean =>
  role === 'replica' && (state === 'running' || state === 'streaming');

function askMember(eyes: ClusterEyes, view: StoreView, member: string, until: number): Promise<MemberStatus | null> {
  const stored = view.members.find(({ name }) => name === member)?.apiUrl ?? null;
  const url = member === eyes.own.member ? `${eyes.own.url}/patroni` : stored;
  return url === null ? Promise.resolve(null) : ask(eyes, url, parseMember, until);
}

async function ask<Part>(
  { look }: ClusterEyes,
  url: string,
  parse: (text: string) => Part,
  until: number,
): Promise<Part | null> {
  const answer = await look({ method: 'GET', url }, { deadlineMs: until - hostMonoMs() });
  if (answer.kind !== 'answer' || (answer.status !== 200 && answer.status !== 503)) return null;
  try {
    return parse(answer.text);
  } catch {
    return null;
  }
}
