import { servingSites } from '../lookup.ts';
import type { Site, SiteInventory } from '../topology.ts';
import type { RuleHit, TopologyRule } from '../topology-finding.ts';
import { redundancyLevel } from './redundancy-level.ts';

export const drSiteSmaller: TopologyRule = {
  id: 'dr-site-smaller',
  title: 'A site that may take over is no smaller than the preferred one',
  severity: 'error',
  check({ topology }) {
    const [primary, ...others] = servingSites(topology);
    return primary ? others.flatMap((site) => shortfalls(primary, site)) : [];
  },
};

function shortfalls(primary: Site, site: Site): readonly RuleHit[] {
  if (!primary.inventory || !site.inventory) return [];
  const smaller = (measure: Measure): RuleHit[] => {
    const has = measure.of(site.inventory!);
    const needs = measure.of(primary.inventory!);
    if (has === null || needs === null || has >= needs) return [];
    const shown = measure.shown ?? ((inventory) => `${measure.of(inventory)}${measure.unit ?? ''}`);
    return [
      {
        path: `sites.${site.id}.inventory.${measure.field}`,
        severity: measure.severity ?? 'error',
        message: `${site.id} has ${measure.label} ${shown(site.inventory!)}, ${primary.id} has ${shown(primary.inventory!)}: after a failover ${site.id} carries the whole load alone`,
        remedy: `bring ${site.id} to ${shown(primary.inventory!)}`,
      },
    ];
  };
  return [...measures, ...roleMeasures(primary.inventory)].flatMap(smaller);
}

interface Measure {
  readonly field: string;
  readonly label: string;
  readonly unit?: string;
  readonly severity?: 'error' | 'warning';
  of(inventory: SiteInventory): number | null;
  shown?(inventory: SiteInventory): string;
}

const measures: readonly Measure[] = [
  { field: 'cores', label: 'cores', of: (inventory) => inventory.cores },
  { field: 'ram', label: 'memory', unit: ' GB', of: (inventory) => inventory.ramGb },
  { field: 'storage', label: 'storage', unit: ' TB', of: (inventory) => inventory.storageTb },
  {
    field: 'uplinks',
    label: 'uplinks of',
    unit: ' Gb/s',
    of: ({ uplinks }) => (uplinks.length === 0 ? null : uplinks.reduce((sum, each) => sum + each.count * each.gbps, 0)),
  },
  { field: 'power', label: 'power of', unit: ' kW', of: (inventory) => inventory.powerKw },
  {
    field: 'powerRedundancy',
    label: 'power redundancy',
    severity: 'warning',
    of: (inventory) => redundancyLevel(inventory.powerRedundancy),
    shown: (inventory) => inventory.powerRedundancy ?? 'not stated',
  },
  {
    field: 'coolingRedundancy',
    label: 'cooling redundancy',
    severity: 'warning',
    of: (inventory) => redundancyLevel(inventory.coolingRedundancy),
    shown: (inventory) => inventory.coolingRedundancy ?? 'not stated',
  },
  {
    field: 'authorizedPersonnel',
    label: 'people who may enter:',
    severity: 'warning',
    of: (inventory) => inventory.authorizedPersonnel,
  },
];

const roleMeasures = (primary: SiteInventory): readonly Measure[] =>
  Object.keys(primary.serversByRole).map((role) => ({
    field: 'servers',
    label: `servers for ${role}:`,
    of: ({ serversByRole }) => (Object.keys(serversByRole).length === 0 ? null : (serversByRole[role] ?? 0)),
  }));
