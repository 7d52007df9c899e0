import { seatOf } from '../authority/writer-seat.ts';
import { brakeHolds } from '../decision/brakes.ts';
import type { Facts, InstanceFacts } from '../decision/facts.ts';
import { leftBehind, type ResidueFinding, type ResidueLook } from './finding.ts';
import { type Held, heldComponents, isSeen, othersOf, unseen } from './holders.ts';

/** Old writers that still run as such, hang, or ended with nobody seeing that nothing of them is left. */
export const processLook: ResidueLook = (facts) =>
  heldComponents(facts).flatMap((held) => othersOf(facts, held).flatMap((known) => processOf(known)));

function processOf(known: InstanceFacts): readonly ResidueFinding[] {
  const { observation, provedDead, instance } = known;
  if (!isSeen(known)) return [unseen(known)];
  const fence = `holdfast fence ${instance.id}`;
  if (observation?.role === 'primary' || observation?.releasing)
    return [leftBehind(instance.id, `it is still primary, of epoch ${observation.epoch}`, fence)];
  if (observation?.process === 'frozen')
    return [leftBehind(instance.id, 'its process is frozen, and may go on where it was', fence)];
  const ended = observation?.process === 'exited' || observation?.process === 'stopped';
  if (ended && !provedDead)
    return [leftBehind(instance.id, 'it ended, and nobody saw that nothing of it is left', fence)];
  return [];
}

/** Gates of writers, of clients' routes and of what lets writers in. */
export const gateLook: ResidueLook = (facts) => [
  ...heldComponents(facts).flatMap((held) => [...oldGates(facts, held), ...presentGate(facts, held)]),
  ...fronts(facts),
  ...servers(facts),
];

function oldGates(facts: Facts, held: Held): readonly ResidueFinding[] {
  if (held.component.authority !== 'owned') return [];
  return othersOf(facts, held).flatMap((known) => {
    if (!isSeen(known)) return [unseen(known)];
    if (known.provedDead || known.observation?.process !== 'running') return [];
    const { id } = known.instance;
    return [leftBehind(id, 'its agent does not vouch that it is closed', `holdfast fence ${id}`)];
  });
}

function presentGate({ leases }: Facts, { component, holder }: Held): readonly ResidueFinding[] {
  const lease = leases.get(component.id);
  if (holder === null || lease === undefined || lease.holder !== holder || lease.gate !== null) return [];
  return [
    leftBehind(holder, 'its last renewal names no armed gate', 'look at the warden of its host: holdfast health'),
  ];
}

function fronts({ topology, group, instances, record }: Facts): readonly ResidueFinding[] {
  return topology.components
    .filter(({ id, kind }) => kind === 'front' && group.components.includes(id))
    .flatMap((component) => component.instances)
    .flatMap(({ id }) => {
      const known = instances.get(id);
      if (known === undefined || !isSeen(known)) return known === undefined ? [] : [unseen(known)];
      const open = known.observation?.process === 'running' && known.observation.role === 'standby';
      const here = known.site === record?.traffic;
      if (open === here || known.observation?.process !== 'running') return [];
      const remedy = `holdfast health; ${known.instance.host}: its agent leads it, and has not`;
      return [
        open
          ? leftBehind(id, `it lets clients in, and the traffic is at ${record?.traffic ?? 'no site'}`, remedy)
          : leftBehind(id, 'it is closed, and clients are led to its site', remedy),
      ];
    });
}

/** Redis: writers are let in under one epoch, at one server. */
function servers({ topology, group, instances, record }: Facts): readonly ResidueFinding[] {
  return topology.components
    .filter(({ id, kind }) => kind === 'redis' && group.components.includes(id))
    .flatMap((component) => {
      const seat = record === null ? null : seatOf(record, component, topology);
      return component.instances.flatMap(({ id }) => {
        const known = instances.get(id);
        if (known === undefined) return [];
        const open = known.observation?.figures['openEpoch'];
        if (isSeen(known) && known.observation?.process !== 'running') return [];
        if (!isSeen(known) || open === undefined) return [unseen(known)];
        if (open === 0 || (open === seat?.epoch && id === seat.instance)) return [];
        return [leftBehind(id, `it lets writers of epoch ${open} in`, 'holdfast network check')];
      });
    });
}

/** Copies that copy nobody, or somebody else, while nothing says so. */
export const detachedLook: ResidueLook = (facts) =>
  heldComponents(facts)
    .filter(({ component }) => component.authority === 'owned')
    .flatMap((held) => othersOf(facts, held).flatMap((known) => detachment(facts, held, known)));

function detachment(facts: Facts, { component, holder }: Held, known: InstanceFacts): readonly ResidueFinding[] {
  const { instance, observation } = known;
  if (instance.replication === 'none' || holder === null || saysSo(facts, component.id, instance.id)) return [];
  if (!isSeen(known)) return [unseen(known)];
  const remedy = `holdfast replication; ${instance.host}: its agent makes it follow ${holder}`;
  const upstream = observation?.role === 'standby' ? observation.upstream : null;
  if (upstream === null || upstream === undefined)
    return [
      leftBehind(instance.id, `it copies nobody (${observation?.role ?? 'unknown'}), and nothing says so`, remedy),
    ];
  if (!upstream.connected)
    return [leftBehind(instance.id, `it does not hear ${upstream.instance}, and nothing says so`, remedy)];
  if (upstream.instance === holder || upstream.instance === instance.upstream) return [];
  return [leftBehind(instance.id, `it copies ${upstream.instance}, and ${holder} holds ${component.id}`, remedy)];
}

/** A durability mode that names it, a person's fence, or announced maintenance. */
function saysSo({ record, brakes, wallMs }: Facts, component: string, instance: string): boolean {
  const mode = record?.grants[component as never]?.mode;
  const lost: readonly string[] = mode === undefined || mode.kind === 'strict' ? [] : mode.lost;
  return (
    lost.includes(instance) ||
    (brakes.fenced ?? []).some((fenced) => fenced === instance) ||
    brakeHolds(brakes.maintenance, wallMs)
  );
}
