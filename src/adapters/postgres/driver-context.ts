import type { InstanceId, MonoMs } from '../../core/base/ids.ts';
import type { TailKind } from '../../core/replication/divergent-tail.ts';
import type { Gate } from '../gate/gate.ts';
import type { Deadline } from '../process/deadline.ts';
import type { PostgresBinaries } from './binaries.ts';
import type { CloneTransport } from './clone-transport.ts';
import type { ClusterRoles } from './cluster.ts';
import type { DriverStateFile } from './driver-state.ts';
import type { JoinPositions } from './join-positions.ts';
import type { ServerReport } from './parse.ts';
import type { ServerControl } from './server-control.ts';
import type { Session } from './session.ts';

export interface PostgresDriverConfig {
  /** With the epoch of its `follow` also the replica's `application_name`. */
  readonly instance: InstanceId;
  readonly dataDir: string;
  /** Epoch, pid file, password file, server log: beside the data directory, 0700. */
  readonly stateDir: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly roles: ClusterRoles;
  /** Where each other instance is reached from this site, e.g. through a link's relay. */
  readonly peers: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
  /** May make a fresh cluster when there is none. True for exactly one instance of a component; the others clone. */
  readonly initial: boolean;
  /** Follows this instance rather than the commanded one while it is on the same history (a cascade). */
  readonly upstreamOverride: InstanceId | null;
  readonly database: string;
  readonly networks: readonly string[];
  /** Run once in a fresh cluster as the application role. */
  readonly initialStatements: readonly string[];
  /** A rebuild after a divergence needs nobody's consent (`rejoinPolicy: automatic`); the tail is kept either way. */
  readonly rebuildDiverged: boolean;
  /** Not before the tail was decoded, every row of it (`rejoinPolicy: listed`). */
  readonly listDiverged: boolean;
  /** What the rows of a table are, by `schema.table`; of others `other`. */
  readonly tailKinds: Readonly<Record<string, TailKind>>;
  /** On `fence` with a newer epoch a standby drops its upstream, which then cannot complete a commit through it. */
  readonly cutUpstreamOnFence: boolean;
  readonly memory: 'small' | 'as-configured';
  readonly extraSettings: Readonly<Record<string, string>>;
  /** Between two looks at the server. */
  readonly observeEveryMs: number;
  /** A look that takes longer means: silent. */
  readonly observeDeadlineMs: number;
}

/** What the driver's procedures share. */
export interface DriverContext {
  readonly config: PostgresDriverConfig;
  readonly binaries: PostgresBinaries;
  readonly server: ServerControl;
  readonly state: DriverStateFile;
  readonly joins: JoinPositions;
  readonly transport: CloneTransport;
  readonly gate: Gate | null;
  readonly upstreamPassFile: string;
  readonly replicationPassword: () => string;
  /** A connection for one procedure; closed by `withSession`. */
  readonly withSession: <Value>(deadline: Deadline, work: (session: Session) => Promise<Value>) => Promise<Value>;
  readonly report: (session: Session, deadline: Deadline) => Promise<ServerReport>;
  /** Starts the server closed when it is not running, and waits until it answers. */
  readonly ensureAnswering: (deadline: Deadline) => Promise<void>;
  /** Rewrites the settings file for the present duty. */
  readonly writeSettings: (change: SettingsChange) => void;
  readonly leaseUntil: () => MonoMs;
}

export interface SettingsChange {
  /** `name`: under which it streams from there. */
  readonly upstream: { readonly host: string; readonly port: number; readonly name: string } | null;
  readonly synchronousNames: string;
  readonly acceptWrites: boolean;
}
