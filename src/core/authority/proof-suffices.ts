import type { ComponentKind } from '../topology/topology.ts';
import type { FencingMethod, FencingProof } from './fencing-proof.ts';
import type { RevokedHolder } from './group-record.ts';

/**
 * Which proofs silence the old writer of a kind of component. A predicate per kind, not a ladder: what is proof for one is
 * none for another. Everything here is relied on by I1 and I3.
 *
 * - An engine, an OMS, a risk engine: its process tree is gone, it confirmed that it stopped under a newer epoch, or its lease has run
 *   out (it checks the deadline itself before every release, so the recorded gate is `self` or stronger).
 * - PostgreSQL checks nothing itself: its lease running out is proof only with a gate outside it.
 * - A front is no writer; a newer epoch at the writers behind it is enough, so any proof will do. So with a position
 *   keeper and market data: they compute from what they read and write nowhere.
 * - Proxies, poolers, name servers and caches are never granted anything: nothing is proved of them, and nothing waits for that.
 * - What is delegated has no grant either: its lock, named, is what a take-over of it rests on (`delegated-primary.ts`); a gate in front of
 *   its members bounds what clients of a former one see (`delegate-gate.ts`).
 */
const SUFFICIENT: Readonly<Record<ComponentKind, readonly FencingMethod[]>> = {
  'trading-engine': ['process-dead', 'demoted', 'lease-expired', 'never-held', 'attested'],
  'order-management': ['process-dead', 'demoted', 'lease-expired', 'never-held', 'attested'],
  postgres: ['process-dead', 'demoted', 'lease-expired', 'never-held', 'attested'],
  front: ['process-dead', 'demoted', 'lease-expired', 'never-held', 'attested'],
  'risk-engine': ['process-dead', 'demoted', 'lease-expired', 'never-held', 'attested'],
  'position-keeper': ['process-dead', 'demoted', 'lease-expired', 'never-held', 'attested'],
  'market-data': ['process-dead', 'demoted', 'lease-expired', 'never-held', 'attested'],
  haproxy: [],
  pgbouncer: [],
  dns: [],
  redis: [],
  pgbackrest: [],
  patroni: [],
  frr: [],
  discovery: [],
  keepalived: [],
  inventory: [],
};

/** `self`: the component checks the deadline before each release. The others act from outside the component. */
const GATES_THAT_BIND: Readonly<Record<ComponentKind, readonly string[]>> = {
  'trading-engine': ['self', 'warden', 'nftables'],
  'order-management': ['self', 'warden', 'nftables'],
  postgres: ['warden', 'nftables'],
  front: ['self', 'warden', 'nftables'],
  'risk-engine': ['self', 'warden', 'nftables'],
  'position-keeper': ['self', 'warden', 'nftables'],
  'market-data': ['self', 'warden', 'nftables'],
  haproxy: [],
  pgbouncer: [],
  dns: [],
  redis: [],
  pgbackrest: [],
  patroni: ['nftables'],
  frr: [],
  discovery: [],
  keepalived: [],
  inventory: [],
};

export const gateBinds = (kind: ComponentKind, gate: string): boolean => GATES_THAT_BIND[kind].includes(gate);

export function proofSuffices(kind: ComponentKind, revoked: RevokedHolder, proof: FencingProof): boolean {
  return proof.scope === revoked.instance && proof.epoch >= revoked.epoch && SUFFICIENT[kind].includes(proof.method);
}
