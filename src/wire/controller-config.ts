import type { ComponentId, SiteId } from '../core/base/ids.ts';
import { checkRunbook, type Runbook } from '../core/plan/runbook.ts';
import { type DataClass, dataMechanismKinds } from '../core/topology/planning.ts';
import { type SchedulingClass, schedulingClasses, type Topology, usualScheduling } from '../core/topology/topology.ts';
import { Fields } from './fields.ts';
import type { TlsFiles } from './peer-identity.ts';
import {
  type AuthorityConfig,
  addressItem,
  ConfigSource,
  type LinkTimingConfig,
  linkTiming,
  type SocketAddress,
} from './process-config.ts';

/**
 * One controller's configuration file (JSON). Paths are relative to it.
 *
 * ```json
 * {
 *   "site": "SITE", "topologyJson": "topology.json", "runbooksJson": "runbooks.json", "stateDir": "controller",
 *   "tls": { "ca": "ca.pem", "cert": "controller.pem", "key": "controller.key" },
 *   "listen": { "peers": { "host": "127.0.0.1", "port": 1 }, "api": { "host": "127.0.0.1", "port": 2 } },
 *   "controllers": [{ "site": "OTHER", "host": "127.0.0.1", "port": 3 }],
 *   "authority": { "kind": "lab-only", "host": "127.0.0.1", "port": 4, "client": "SITE", "tokenFile": "token" }
 * }
 * ```
 */
export interface ControllerConfigFile {
  readonly site: SiteId;
  readonly topology: Topology;
  /** Sound and complete; as data, see `core/plan/runbook.ts`. */
  readonly runbooks: readonly Runbook[];
  /** What is promised of which data, for `holdfast rpo`; nothing is decided from it. */
  readonly dataClasses: readonly DataClass[];
  /** History, evidence chain; 0700. */
  readonly stateDir: string;
  /** `CN` = the site, `OU` = controller. */
  readonly tls: TlsFiles;
  readonly listen: { readonly peers: SocketAddress; readonly api: SocketAddress };
  /** The peer addresses of the other controllers. */
  readonly controllers: readonly (SocketAddress & { readonly site: SiteId })[];
  readonly authority: AuthorityConfig;
  readonly linkTiming: LinkTimingConfig | null;
  readonly clockErrorMs: number | null;
  /** How often the leader records the heads of all evidence chains. */
  readonly anchorEveryMs: number;
  /** Evidence that is not on disk by then ends the process: a controller that cannot record must not act. */
  readonly evidenceWithinMs: number;
  readonly closeWithinMs: number;
  /** Comes before the other work of its host, where that is allowed, and no more than this. */
  readonly scheduling: SchedulingClass;
}

/** @throws HoldfastError HF-3301, HF-3302 */
export const readControllerConfig = (path: string): ControllerConfigFile =>
  new ConfigSource(path, 'controller').read(parseControllerConfig);

function parseControllerConfig(fields: Fields, source: ConfigSource): ControllerConfigFile {
  const listen = fields.fields('listen');
  return {
    site: fields.text<SiteId>('site'),
    topology: source.topology(fields),
    runbooks: runbooksOf(fields, source),
    dataClasses: fields.list('dataClasses', dataClassOf, []),
    stateDir: source.file(fields.text('stateDir')),
    tls: source.tls(fields),
    listen: {
      peers: addressItem(listen.json('peers'), 'listen.peers'),
      api: addressItem(listen.json('api'), 'listen.api'),
    },
    controllers: fields.list(
      'controllers',
      (value, at) => ({ site: Fields.of(value, at).text<SiteId>('site'), ...addressItem(value, at) }),
      [],
    ),
    authority: source.authority(fields),
    linkTiming: linkTiming(fields),
    clockErrorMs: fields.numberOrNull('clockErrorMs'),
    anchorEveryMs: fields.count('anchorEveryMs', 2000),
    evidenceWithinMs: fields.count('evidenceWithinMs', 5000),
    closeWithinMs: fields.count('closeWithinMs', 3000),
    scheduling: fields.has('scheduling') ? fields.oneOf('scheduling', schedulingClasses) : usualScheduling,
  };
}

/** `runbooks` (inline list) or `runbooksJson` (a file with that list). */
function runbooksOf(fields: Fields, source: ConfigSource): readonly Runbook[] {
  const list = fields.has('runbooks') ? fields.json('runbooks') : source.json(fields.text('runbooksJson'));
  const runbooks = Fields.of({ runbooks: list }, '').list('runbooks', (value, at) => {
    const runbook = Fields.of(value, at);
    runbook.text('id');
    runbook.count('version');
    runbook.list('steps', (step, where) => Fields.of(step, where).text('kind'));
    return value as Runbook;
  });
  const problems = runbooks.flatMap((runbook) => checkRunbook(runbook));
  if (problems.length > 0) throw source.problem(`a runbook is not sound: ${problems.join('; ')}`);
  return runbooks;
}

function dataClassOf(value: unknown, at: string): DataClass {
  const fields = Fields.of(value, at);
  const keptBy = fields.fields('keptBy');
  return {
    id: fields.text('id'),
    rpoMs: fields.count('rpoMs'),
    store: fields.text<ComponentId>('store'),
    keptBy: {
      kind: keptBy.oneOf('kind', dataMechanismKinds),
      of: keptBy.texts<ComponentId>('of'),
      everyMs: keptBy.numberOrNull('everyMs'),
      stated: keptBy.flag('stated'),
    },
  };
}
