import { z } from 'zod';
import { serviceNameIn } from '../../core/health/service-state.ts';
import { dataMechanismKinds } from '../../core/topology/planning.ts';
import { servedKinds, serverOptions } from '../../core/topology/served.ts';
import {
  bandwidth,
  clockRate,
  coolingPower,
  duration,
  electricPower,
  lots,
  memorySize,
  percent,
  positiveDuration,
  storageSize,
} from './quantity.ts';

/** A refused field's message is the list of those that are known; `describe-issue.ts` turns it into a suggestion. */
const fields = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : undefined),
  });

/** Names become file names, process names and parts of keys. */
const name = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/);
const text = z.string().trim().min(1);
/** ISO 10383. */
const market = z.string().regex(/^[A-Z0-9]{4}$/);
const symbol = z.string().regex(/^[A-Z][A-Z0-9.]{0,15}$/);
const service = z
  .string()
  .refine((value) => serviceNameIn(value) !== null, { error: 'expected systemd:UNIT or supervisord:PROGRAM' });
const count = z.int().min(0);
const named = <Entry extends z.ZodType>(entry: Entry) => z.record(name, entry);

const stages = fields({ detect: duration, decide: duration, execute: duration, validate: duration });
const objective = fields({
  source: text.optional(),
  rto: positiveDuration,
  rpo: duration,
  availability: percent.optional(),
  stages: stages.optional(),
});
const alsoStated = z.array(
  fields({
    source: text,
    rto: positiveDuration.optional(),
    rpo: duration.optional(),
    availability: percent.optional(),
  }),
);

const inventory = fields({
  location: text.optional(),
  servers: named(count).optional(),
  cores: count.optional(),
  ram: memorySize.optional(),
  storage: storageSize.optional(),
  uplinks: z.array(fields({ count: z.int().min(1), speed: bandwidth })).optional(),
  power: electricPower.optional(),
  cooling: coolingPower.optional(),
  powerRedundancy: text.optional(),
  coolingRedundancy: text.optional(),
  grid: text.optional(),
  position: fields({ latitude: z.number().min(-90).max(90), longitude: z.number().min(-180).max(180) }).optional(),
  videoRetention: duration.optional(),
  authorizedPersonnel: count.optional(),
  physicalControls: z.array(text).optional(),
});

const site = fields({
  title: text.optional(),
  capabilities: z.array(z.enum(['serve', 'standby', 'witness', 'archive'])).min(1),
  voter: z.boolean(),
  preference: z.int().min(1).optional(),
  inventory: inventory.optional(),
});

const link = fields({
  between: z.tuple([name, name]),
  rtt: positiveDuration,
  bandwidth,
  provider: text.optional(),
  pathGroup: text.optional(),
  priority: z.int().min(1).optional(),
  sla: percent.optional(),
});

const probe = fields({
  depth: z.enum(['process', 'application', 'business', 'end-to-end']),
  every: positiveDuration,
  timeout: positiveDuration,
  maxLatency: positiveDuration.optional(),
});

/** Which of them a kind needs, and how they are written, `check-served.ts` says. */
const server = fields(Object.fromEntries(serverOptions.map((option) => [option, text.optional()])));
const lead = fields({ to: name, as: named(text).optional(), ttl: duration.optional() });

const instance = fields({
  host: name,
  replication: z.enum(['sync', 'async', 'none']).optional(),
  eligible: z.boolean().optional(),
  upstream: name.optional(),
  server: server.optional(),
});

const component = fields({
  title: text.optional(),
  kind: z.enum([
    'postgres',
    'trading-engine',
    'order-management',
    'front',
    'risk-engine',
    'position-keeper',
    'market-data',
    ...servedKinds,
    'inventory',
  ]),
  category: z.enum(['hot', 'warm', 'cold']),
  automation: z.enum(['full', 'semi', 'manual']),
  objective,
  alsoStated: alsoStated.optional(),
  priority: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]),
  dependsOn: z.array(name).optional(),
  derivedFrom: z.array(name).optional(),
  authority: z.enum(['owned', 'delegated', 'none']).optional(),
  durability: fields({
    acknowledge: z.enum(['local', 'replica', 'remote-site']),
    afterPeerLoss: z.enum(['degrade', 'halt']).optional(),
  }).optional(),
  probes: z.array(probe).optional(),
  leads: z.record(text, lead).optional(),
  server: server.optional(),
  instances: named(instance).optional(),
});

const policy = z.enum(['automatic', 'approval', 'manual', 'observe']);
const group = fields({
  components: z.array(name).min(1),
  instancePolicy: policy.optional(),
  sitePolicy: policy.optional(),
  coolDown: positiveDuration.optional(),
  maxRunsPerCoolDown: z.int().min(1).optional(),
  rejoinPolicy: z.enum(['automatic', 'listed', 'approval']).optional(),
  plannedMove: fields({
    approval: z.boolean().optional(),
    ticket: z.boolean().optional(),
    notice: duration.optional(),
    watch: duration.optional(),
    outsideMarketHours: z.boolean().optional(),
  }).optional(),
  objective: objective.optional(),
  alsoStated: alsoStated.optional(),
});

const timing = fields({
  leaseRenewEvery: positiveDuration.optional(),
  selfFenceAfter: positiveDuration.optional(),
  stopWithin: positiveDuration.optional(),
  clockRate: clockRate.optional(),
  leaseMargin: positiveDuration.optional(),
  reportEvery: positiveDuration.optional(),
  silenceFloor: positiveDuration.optional(),
  silenceCeiling: positiveDuration.optional(),
  leaderRenewEvery: positiveDuration.optional(),
  leaderTimeout: positiveDuration.optional(),
  stepDeadline: positiveDuration.optional(),
});

const reconciliation = fields({
  tolerance: lots.optional(),
  alertAbove: lots.optional(),
  settleWithin: positiveDuration.optional(),
});

const network = fields({
  every: positiveDuration.optional(),
  answerWithin: positiveDuration.optional(),
  window: positiveDuration.optional(),
  raiseAfter: duration.optional(),
  clearAfter: duration.optional(),
  budgets: named(
    fields({
      between: z.tuple([name, name]),
      percentile: z.union([z.literal(50), z.literal(95), z.literal(99), z.literal(100)]).optional(),
      limit: positiveDuration,
      loss: percent.optional(),
      jitter: positiveDuration.optional(),
      class: name.optional(),
    }),
  ).optional(),
});

const threshold = <Value extends z.ZodType>(value: Value) =>
  fields({ warn: value.optional(), bad: value.optional() }).optional();

const hostChecks = fields({
  every: positiveDuration.optional(),
  diskFree: threshold(percent),
  certificate: threshold(positiveDuration),
  clock: threshold(positiveDuration),
  memoryFree: threshold(percent),
  memoryWait: threshold(percent),
  load: threshold(z.number().positive()),
});

const contact = fields({
  role: text,
  name: text.optional(),
  phone: text.optional(),
  email: text.optional(),
  crisisLead: z.boolean().optional(),
});

const drill = fields({
  title: text.optional(),
  schedule: text,
  alsoScheduled: z.array(text).optional(),
  window: positiveDuration,
  phases: named(positiveDuration).optional(),
});

const scenario = fields({
  title: text.optional(),
  perYear: z.number().min(0).optional(),
  rto: positiveDuration,
  response: z.enum(['automatic', 'approval', 'manual']),
  group: name.optional(),
});

/** A topology file as it is written, after overlays: fields and units checked, names not yet resolved. */
export const topologyFileSchema = fields({
  format: z.literal('holdfast-topology/1'),
  name: text,
  sites: named(site),
  links: named(link).optional(),
  hosts: named(
    fields({
      site: name,
      rack: text.optional(),
      scheduling: z.enum(['real-time', 'raised', 'ordinary']).optional(),
      services: z.array(service).optional(),
    }),
  ),
  components: named(component),
  groups: named(group),
  venues: named(
    fields({
      title: text.optional(),
      rtt: named(positiveDuration),
      symbols: z.array(symbol).optional(),
      sessions: z.enum(['epochs', 'credentials']).optional(),
      protocol: z.enum(['binary', 'fix']).optional(),
      onTakeover: z.enum(['keep', 'cancel-day', 'cancel-all']).optional(),
      calendar: market.optional(),
    }),
  ).optional(),
  contacts: z.array(contact).optional(),
  timing: timing.optional(),
  reconciliation: reconciliation.optional(),
  dataClasses: named(
    fields({
      rpo: duration,
      store: name,
      keptBy: z.enum(dataMechanismKinds).optional(),
      of: name.optional(),
      every: positiveDuration.optional(),
    }),
  ).optional(),
  network: network.optional(),
  hostChecks: hostChecks.optional(),
  metrics: z.boolean().optional(),
  scenarios: named(scenario).optional(),
  drills: named(drill).optional(),
  siteSelection: fields({
    weights: named(percent),
    scores: named(named(z.number().min(0).max(10))),
    printedTotals: named(z.number()).optional(),
  }).optional(),
  accepted: z.array(fields({ finding: text, at: text.optional(), because: text })).optional(),
});

export type TopologyFile = z.output<typeof topologyFileSchema>;
export type ComponentEntry = TopologyFile['components'][string];
export type SiteEntry = TopologyFile['sites'][string];
export type ObjectiveEntry = ComponentEntry['objective'];
