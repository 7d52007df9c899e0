import type { ComponentId } from '../../base/ids.ts';
import { durationText } from '../duration-text.ts';
import { componentNamed, siteOf } from '../lookup.ts';
import type { DataClass } from '../planning.ts';
import type { Topology } from '../topology.ts';
import type { TopologyRule } from '../topology-finding.ts';
import { whatIsLacking } from './zero-loss-without-sync-copy.ts';

/** Why a mechanism cannot keep a class, and what would. */
interface Shortfall {
  readonly field: 'keptBy' | 'of' | 'every';
  readonly found: string;
  readonly remedy: string;
}

export const dataClassMechanism: TopologyRule = {
  id: 'data-class-mechanism',
  title: 'Every class of data is kept by something that can keep its RPO when a site is lost',
  severity: 'error',
  check: ({ topology, planning }) =>
    planning.dataClasses
      .filter(({ keptBy }) => keptBy.stated)
      .flatMap((each) => {
        const shortfall = shortfallOf(topology, each);
        if (shortfall === null) return [];
        const { field, found, remedy } = shortfall;
        const may = each.rpoMs === 0 ? 'nothing' : durationText(each.rpoMs);
        return [
          { path: `dataClasses.${each.id}.${field}`, message: `${each.id} may lose ${may} and ${found}`, remedy },
        ];
      }),
};

const orSynchronous =
  'keep it by "synchronous" in a component that acknowledges at another site, or state an RPO above 0';

function shortfallOf(topology: Topology, { rpoMs, keptBy }: DataClass): Shortfall | null {
  const { kind, of, everyMs } = keptBy;
  const names = of.join(', ');
  switch (kind) {
    case 'synchronous':
    case 'journal':
      return copyShortfall(topology, of[0]!, kind);
    case 'asynchronous':
    case 'cascade': {
      const what = kind === 'cascade' ? 'a cascade' : 'an asynchronous copy';
      if (rpoMs === 0)
        return {
          field: 'keptBy',
          found: `is kept by ${what} of ${names}, which loses what is on its way`,
          remedy: orSynchronous,
        };
      if (hasFarCopy(topology, of[0]!, kind)) return null;
      const found = `is kept by ${what} of ${names}, of which there is none at another site`;
      return { field: 'keptBy', found, remedy: 'give the component such an instance, or name what really keeps it' };
    }
    case 'recomputed': {
      if (of.length === 0)
        return {
          field: 'keptBy',
          found: 'is recomputed, and its store says from nothing',
          remedy: 'state "derivedFrom" of the component, or name what really keeps it',
        };
      const worst = of.map((id) => componentNamed(topology, id)).find(({ objective }) => objective.rpoMs > rpoMs);
      if (worst === undefined) return null;
      const found = `is recomputed from ${worst.id}, which may lose ${durationText(worst.objective.rpoMs)}`;
      return { field: 'keptBy', found, remedy: `recompute it from what loses at most ${durationText(rpoMs)}` };
    }
    case 'backup':
      if (everyMs !== null && everyMs <= rpoMs) return null;
      return {
        field: everyMs === null ? 'keptBy' : 'every',
        found:
          everyMs === null
            ? 'is kept by a backup of which nobody says how often'
            : `is backed up every ${durationText(everyMs)}`,
        remedy: rpoMs === 0 ? orSynchronous : `state "every: ${durationText(rpoMs)}" or less, and back it up as often`,
      };
    case 'outside':
      if (rpoMs > 0) return null;
      return {
        field: 'keptBy',
        found: 'is kept by something that Holdfast does not look at, so that nobody can prove it',
        remedy: orSynchronous,
      };
  }
}

function copyShortfall(topology: Topology, of: ComponentId, kind: 'synchronous' | 'journal'): Shortfall | null {
  const component = componentNamed(topology, of);
  const remedy = `name with "of" a component that gives this, or state "durability: {acknowledge: remote-site, …}" with "replication: sync" at two serving sites`;
  if (kind === 'journal' && component.kind !== 'trading-engine')
    return { field: 'keptBy', found: `is kept by the journal of ${of}, which is no trading engine`, remedy };
  const lacking = component.kind === 'inventory' ? 'nothing of it is run here' : whatIsLacking(topology, component);
  if (lacking === null) return null;
  const what = kind === 'journal' ? 'the journal' : 'synchronous copies';
  return { field: 'keptBy', found: `is kept by ${what} of ${of}, but ${lacking}`, remedy };
}

/** A copy that is at another site than one that may be primary. */
function hasFarCopy(topology: Topology, of: ComponentId, kind: 'asynchronous' | 'cascade'): boolean {
  const { instances } = componentNamed(topology, of);
  const siteOfEach = (id: (typeof instances)[number]['id']) => siteOf(topology, id).id;
  return instances.some(
    (copy) =>
      copy.replication !== 'none' &&
      (kind === 'asynchronous' || copy.upstream !== null) &&
      instances.some((primary) => primary.eligible && siteOfEach(primary.id) !== siteOfEach(copy.id)),
  );
}
