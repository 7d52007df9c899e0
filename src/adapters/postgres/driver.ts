import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Epoch, InstanceId, MonoMs } from '../../core/base/ids.ts';
import type { InstanceObservation } from '../../core/health/instance-observation.ts';
import type {
  ActionOutcome,
  CallOptions,
  DriverSink,
  InstanceAction,
  InstanceDriver,
  Postcondition,
  Question,
} from '../../engine/driver-port.ts';
import type { Gate } from '../gate/gate.ts';
import { Deadline, DeadlineExceeded } from '../process/deadline.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import { findTree } from '../process/process-tree.ts';
import type { ExitRecord } from '../process/supervised-process.ts';
import { applyAckSet } from './acknowledgement.ts';
import { CLOSED_SETTING, renderSynchronousNames } from './acknowledgement-names.ts';
import { admit, refuseStale } from './admission.ts';
import type { PostgresBinaries } from './binaries.ts';
import { type CloneTransport, cloneTransportFor } from './clone-transport.ts';
import { initializeCluster, readPassword, writePassFile } from './cluster.ts';
import { type Confirmation, confirmPostcondition } from './confirmation.ts';
import type { DriverContext, PostgresDriverConfig, SettingsChange } from './driver-context.ts';
import { DriverStateFile } from './driver-state.ts';
import { followUpstream } from './follow.ts';
import { JoinPositions } from './join-positions.ts';
import { Monitor } from './monitor.ts';
import { parseReport, type ServerReport } from './parse.ts';
import { PostgresProblem } from './postgres-problem.ts';
import { armGate, promoteServer } from './promotion.ts';
import { OBSERVE } from './queries.ts';
import { refuseLongNames } from './replication-name.ts';
import { ServerControl, type ServerDeath } from './server-control.ts';
import type { ServerSettings } from './server-settings.ts';
import { Session } from './session.ts';
import { readTailList, shortTailList, tailListFile } from './tail-list.ts';

export interface PostgresDriverParts {
  readonly config: PostgresDriverConfig;
  readonly binaries: PostgresBinaries;
  /** Null = nothing outside this process closes the writer: a renewal may then not claim a gate. */
  readonly gate: Gate | null;
  readonly transport?: CloneTransport;
  /** A postmaster runs: started, or taken over from an earlier agent. */
  readonly onStarted?: (pid: number) => void;
}

const INITIALIZE_WITHIN_MS = 60_000;
const START_WITHIN_MS = 15_000;

const succeeded = (detail: Readonly<Record<string, string | number | boolean>> = {}): ActionOutcome => ({
  kind: 'ok',
  detail,
});

/** Drives one PostgreSQL instance under plain streaming replication. README.md lists what it can confirm and what not. */
export class PostgresDriver implements InstanceDriver {
  readonly instance: InstanceId;
  readonly #config: PostgresDriverConfig;
  readonly #context: DriverContext;
  readonly #server: ServerControl;
  readonly #state: DriverStateFile;
  readonly #gate: Gate | null;
  readonly #monitor: Monitor;
  readonly #joins = new JoinPositions();
  #sink: DriverSink | null = null;
  #leaseUntil = 0 as MonoMs;
  /** Epoch of the promotion that is under way. */
  #promoting: Epoch | null = null;
  #tradingEnabled = false;
  #endedByItself: string | null = null;
  #killing = false;
  /** One action at a time; a kill aborts the one that runs. */
  #queue: Promise<unknown> = Promise.resolve();
  #running: AbortController | null = null;

  /** @throws PostgresProblem `name-too-long` (HF-6106) for an instance or a peer that could not be told apart as a standby */
  constructor(parts: PostgresDriverParts) {
    const { config, binaries, gate, onStarted } = parts;
    refuseLongNames([config.instance, ...Object.keys(config.peers)]);
    this.instance = config.instance;
    this.#config = config;
    this.#gate = gate;
    this.#state = new DriverStateFile(join(config.stateDir, 'driver-state.json'));
    const upstreamPassFile = join(config.stateDir, 'upstream.pgpass');
    writePassFile(upstreamPassFile, config.roles.replication);
    this.#server = new ServerControl({
      binaries,
      dataDir: config.dataDir,
      stateDir: config.stateDir,
      onExit: (exit, death) => this.#exited(exit, death),
      ...(onStarted === undefined ? {} : { onStarted }),
    });
    this.#monitor = new Monitor({
      everyMs: config.observeEveryMs,
      deadlineMs: config.observeDeadlineMs,
      connect: (deadline) => this.#connect(deadline, 'holdfast-monitor'),
      ask: (session, deadline) => this.#report(session, deadline),
      joins: this.#joins,
      processState: () => this.#server.state,
      goneAs: () => (this.#endedByItself === null ? 'stopped' : 'exited'),
      facts: () => ({
        instance: config.instance,
        state: this.#state.current,
        tradingEnabled: this.#tradingEnabled,
        why: this.#endedByItself,
      }),
      onChange: (observation) => this.#sink?.observed(observation),
    });
    this.#context = {
      config,
      binaries,
      server: this.#server,
      state: this.#state,
      joins: this.#joins,
      transport: parts.transport ?? cloneTransportFor(binaries),
      gate,
      upstreamPassFile,
      replicationPassword: () => readPassword(config.roles.replication),
      withSession: async (deadline, work) => {
        const session = await this.#connect(deadline, 'holdfast-action');
        try {
          return await work(session);
        } finally {
          session.cut();
        }
      },
      report: (session, deadline) => this.#report(session, deadline),
      ensureAnswering: (deadline) => this.#ensureAnswering(deadline),
      writeSettings: (change) => this.#server.writeSettings(this.#settings(change)),
      leaseUntil: () => this.#leaseUntil,
    };
  }

  /**
   * Adopts the running server, or makes the first cluster when this instance may, and starts it closed. An instance without a
   * cluster stays stopped until `follow` clones one. Rejects only when PostgreSQL cannot be run at all.
   */
  async start(sink: DriverSink): Promise<void> {
    this.#sink = sink;
    const adopted = this.#server.adopt();
    // Watched from the first moment: a start that fails, or is cut short by a kill, must not leave the agent blind.
    this.#monitor.start();
    if (adopted) return;
    // In turn with whatever is asked for meanwhile: two starts at once would be two servers in one directory.
    await this.#inTurn(async (signal) => {
      await this.#initializeOnce();
      if (this.#server.hasCluster) await this.#ensureAnswering(new Deadline({ afterMs: START_WITHIN_MS, signal }));
    });
  }

  observe(options: CallOptions): Promise<InstanceObservation | null> {
    return this.#monitor.look(options.deadlineMs);
  }

  /** Of `tail`: the list of what was decoded from the tail that is kept. */
  ask(question: Question): Promise<ActionOutcome> {
    return this.#guarded(async () => {
      const { divergence } = this.#state.current;
      const list = question !== 'tail' || divergence === null ? null : readTailList(tailListFile(divergence.file));
      if (list === null)
        throw new PostgresProblem(
          'not-ready',
          divergence === null
            ? `${this.instance} keeps no divergent tail`
            : `the tail in ${divergence.file} was not decoded`,
        );
      return succeeded({ answer: JSON.stringify(shortTailList(list)) });
    });
  }

  async perform(action: InstanceAction, options: CallOptions): Promise<ActionOutcome> {
    const refused = admit(action, this.#state);
    if (refused !== null) return refused;
    if (action.kind === 'kill' || action.kind === 'demote') {
      this.#running?.abort();
      return this.#guarded(() => this.#kill(action, new Deadline({ afterMs: options.deadlineMs })));
    }
    if (action.kind === 'lease' || action.kind === 'fence')
      return this.#guarded(() => this.#act(action, new Deadline({ afterMs: options.deadlineMs })));
    const endsAt = new Deadline({ afterMs: options.deadlineMs });
    const outcome = await this.#inTurn(async (signal) => {
      const deadline = new Deadline({ afterMs: endsAt.remainingMs(), signal });
      // The epoch may have been raised while this waited for its turn.
      return refuseStale(action, this.#state) ?? this.#guarded(() => this.#act(action, deadline));
    });
    void this.#monitor.lookNow();
    return outcome;
  }

  /** One after the other; a kill tells the one under way to give up. */
  #inTurn<Value>(run: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    const abort = new AbortController();
    const turn = this.#queue.then(() => {
      this.#running = abort;
      return run(abort.signal);
    });
    this.#queue = turn
      .catch(() => {})
      .finally(() => {
        this.#running = null;
      });
    return turn;
  }

  async confirm(condition: Postcondition, options: CallOptions): Promise<Confirmation> {
    const seen = await this.#monitor.look(options.deadlineMs);
    return confirmPostcondition(condition, {
      state: this.#state.current,
      tradingEnabled: this.#tradingEnabled,
      seen,
      treeMembers: findTree(this.#server.tree).length,
    });
  }

  async close(): Promise<void> {
    this.#running?.abort();
    this.#monitor.close();
    this.#server.release();
    await this.#queue.catch(() => undefined);
  }

  async #act(action: InstanceAction, deadline: Deadline): Promise<ActionOutcome> {
    switch (action.kind) {
      case 'start':
        if (!this.#server.hasCluster)
          throw new PostgresProblem('no-cluster', 'there is no cluster yet: follow an upstream first');
        await this.#ensureAnswering(deadline);
        return succeeded({ pid: this.#server.process?.name.pid ?? 0 });
      case 'fence':
        return this.#fence(action.epoch, deadline);
      case 'follow':
        return followUpstream(this.#context, action, deadline);
      case 'promote': {
        this.#leaseUntil = action.leaseUntil;
        this.#promoting = action.epoch;
        const outcome = await promoteServer(this.#context, action, deadline).finally(() => {
          this.#promoting = null;
        });
        this.#tradingEnabled = action.tradingEnabled;
        return outcome;
      }
      case 'lease':
        return this.#lease(action.epoch, action.leaseUntil, deadline);
      case 'set-ack-set':
        this.#requirePrimary();
        return this.#setAckSet(action, deadline);
      case 'drain':
        return this.#drain(deadline);
      case 'set-trading':
        this.#tradingEnabled = action.enabled;
        return succeeded({ applies: false });
      case 'act':
        throw new PostgresProblem('unknown-method', `a database has no recovery action ${action.action}`);
      case 'route':
      case 'test-order':
      case 'kill':
      case 'demote':
      case 'prove-gone':
      case 'take-over':
      case 'service':
        throw new PostgresProblem('unsupported', `a database does not do "${action.kind}"`);
    }
  }

  async #fence(epoch: Epoch, deadline: Deadline): Promise<ActionOutcome> {
    const raised = epoch > this.#state.current.epoch;
    this.#state.raiseEpoch(epoch);
    if (
      raised &&
      this.#config.cutUpstreamOnFence &&
      this.#state.current.duty === 'standby' &&
      this.#server.state === 'running'
    ) {
      this.#context.writeSettings({ upstream: null, synchronousNames: CLOSED_SETTING, acceptWrites: true });
      this.#server.reload();
      await this.#context.withSession(deadline, (session) =>
        deadline.until('cutting the upstream', async () =>
          (await this.#context.report(session, deadline)).receiver === null ? true : null,
        ),
      );
    }
    if (this.#state.current.duty === 'closed') this.#state.update({ fenced: true });
    return succeeded({ epoch: this.#state.current.epoch });
  }

  /** A promoted server that nobody has opened is opened by this, under the conditions of a promotion. */
  async #setAckSet(
    action: { readonly epoch: Epoch; readonly ackSet: readonly InstanceId[] },
    deadline: Deadline,
  ): Promise<ActionOutcome> {
    const closed = await this.#context.withSession(deadline, async (session) => {
      const { synchronousNames } = await this.#context.report(session, deadline);
      if (synchronousNames === CLOSED_SETTING) return true;
      const { primaryEpoch } = this.#state.current;
      if (primaryEpoch !== action.epoch)
        throw new PostgresProblem('not-primary', `it was promoted in epoch ${primaryEpoch}, not in ${action.epoch}`);
      await applyAckSet(this.#context, session, action.ackSet, deadline);
      return false;
    });
    if (closed) await promoteServer(this.#context, action, deadline);
    return succeeded({ acknowledging: renderSynchronousNames(this.#state.current.ackSet) });
  }

  /** Also while it is being promoted, which may take longer than the lease that it began with. */
  async #lease(epoch: Epoch, leaseUntil: MonoMs, deadline: Deadline): Promise<ActionOutcome> {
    if (this.#promoting !== epoch) this.#requirePrimary();
    if (leaseUntil <= hostMonoMs()) throw new PostgresProblem('no-lease', 'the lease has run out already');
    this.#state.raiseEpoch(epoch);
    await armGate(this.#context, { epoch, leaseUntil }, deadline);
    this.#leaseUntil = Math.max(this.#leaseUntil, leaseUntil) as MonoMs;
    return succeeded({ gate: this.#gate?.kind ?? 'none', boundMs: this.#gate?.boundMs ?? 0 });
  }

  /** New transactions become read-only (a client may override that), then waits for those that write to end. */
  async #drain(deadline: Deadline): Promise<ActionOutcome> {
    this.#requirePrimary();
    const synchronousNames = renderSynchronousNames(this.#state.current.ackSet);
    this.#context.writeSettings({ upstream: null, synchronousNames, acceptWrites: false });
    this.#server.reload();
    return this.#context.withSession(deadline, async (session) => {
      const report = await deadline.until('waiting for writing transactions to end', async () => {
        const seen = await this.#context.report(session, deadline);
        return seen.writing === 0 ? seen : null;
      });
      return succeeded({ position: report.end });
    });
  }

  async #kill(action: { kind: 'kill' } | { kind: 'demote'; epoch: Epoch }, deadline: Deadline): Promise<ActionOutcome> {
    this.#leaseUntil = 0 as MonoMs;
    this.#killing = true;
    try {
      let death = await this.#server.kill(deadline);
      // An action that was under way has been told to give up; had it just been starting the server, that is killed too.
      await deadline.race('waiting for the action under way to give up', this.#queue);
      if (this.#server.state !== 'gone') death = await this.#server.kill(deadline);
      if (!death.reaped || !death.treeEmpty)
        return {
          kind: 'unknown',
          reason: `killed ${death.killed} processes; reaped: ${death.reaped}, tree empty: ${death.treeEmpty}`,
        };
      const fenced = action.kind === 'demote' || this.#state.current.fenced;
      this.#state.update({ duty: 'closed', upstream: null, fenced });
      this.#endedByItself = null;
      await this.#gate?.disarm(this.instance, { deadlineMs: Math.min(500, deadline.remainingMs() + 1) });
      return succeeded({ reaped: true, treeEmpty: true, killed: death.killed, elapsedMs: Math.round(death.elapsedMs) });
    } finally {
      this.#killing = false;
      void this.#monitor.lookNow();
    }
  }

  #requirePrimary(): void {
    if (this.#state.current.duty !== 'primary')
      throw new PostgresProblem('not-primary', 'this instance was not promoted by Holdfast');
  }

  async #initializeOnce(): Promise<void> {
    const config = this.#config;
    const { epoch, rebuilding } = this.#state.current;
    if (!config.initial || this.#server.hasCluster || epoch > 0 || rebuilding || existsSync(`${config.dataDir}.old`))
      return;
    await initializeCluster({
      binaries: this.#context.binaries,
      dataDir: config.dataDir,
      roles: config.roles,
      database: config.database,
      networks: config.networks,
      statements: config.initialStatements,
      deadlineMs: INITIALIZE_WITHIN_MS,
    });
  }

  async #ensureAnswering(deadline: Deadline): Promise<void> {
    if (this.#server.state === 'gone') {
      deadline.check('starting the server');
      this.#state.update({ duty: 'closed', upstream: null });
      this.#endedByItself = null;
      // A gate still armed for the server that ended would kill this one; the warden lets go only of what it sees empty.
      await this.#gate?.disarm(this.instance, { deadlineMs: Math.min(500, deadline.remainingMs()) });
      await this.#server.startClosed(
        this.#settings({ upstream: null, synchronousNames: CLOSED_SETTING, acceptWrites: true }),
      );
    }
    await deadline.until('waiting for the server to answer', async () => {
      if (this.#server.state === 'gone')
        throw new PostgresProblem(
          'did-not-start',
          `HF-6122 the server ended while starting: ${this.#server.lastComplaint() ?? 'see its log'}`,
        );
      try {
        const within = deadline.within(1_000);
        const session = await this.#connect(within, 'holdfast-action');
        await this.#report(session, within).finally(() => session.cut());
        return true;
      } catch (error) {
        const { code, name } = error as { code?: string; name: string };
        if (code === '57P03' || code === 'ECONNREFUSED' || code === 'ECONNRESET' || name === 'DeadlineExceeded')
          return null;
        if ((error as Error).message.startsWith('Connection terminated')) return null;
        throw error;
      }
    });
  }

  async #report(session: Session, deadline: Deadline): Promise<ServerReport> {
    const [row] = await session.repeated('observe', OBSERVE, deadline);
    const { host, port } = this.#config.listen;
    if (!this.#server.isOurDirectory(row?.directory ?? ''))
      throw new PostgresProblem(
        'foreign-server',
        `HF-6123 another server answers at ${host}:${port}, with the same password.\nnext    stop it, or give this instance another port`,
      );
    return parseReport(row?.observed ?? '');
  }

  #settings(change: SettingsChange): ServerSettings {
    const config = this.#config;
    return {
      listen: config.listen,
      upstream:
        change.upstream === null
          ? null
          : { ...change.upstream, user: config.roles.replication.user, passFile: this.#context.upstreamPassFile },
      synchronousNames: change.synchronousNames,
      acceptWrites: change.acceptWrites,
      clusterName: config.instance,
      memory: config.memory,
      extra: config.extraSettings,
    };
  }

  #connect(deadline: Deadline, applicationName: string): Promise<Session> {
    const { superuser } = this.#config.roles;
    return Session.connect(
      {
        ...this.#config.listen,
        user: superuser.user,
        password: readPassword(superuser),
        database: 'postgres',
        applicationName,
      },
      deadline,
    );
  }

  /** Maps what was thrown: a refusal is `failed`, a passed deadline `unknown`, an unexpected error `unknown` too. */
  async #guarded(work: () => Promise<ActionOutcome>): Promise<ActionOutcome> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof PostgresProblem) return { kind: 'failed', code: error.code, reason: error.message };
      if (error instanceof DeadlineExceeded) return { kind: 'unknown', reason: error.message };
      return { kind: 'unknown', reason: error instanceof Error ? error.message : String(error) };
    }
  }

  #exited(exit: ExitRecord, death: ServerDeath): void {
    this.#leaseUntil = 0 as MonoMs;
    if (!death.expected) {
      const how = exit.signal ?? (exit.code === null ? 'nobody saw how' : `status ${exit.code}`);
      this.#endedByItself = `the server ended (${how})`;
    }
    // A rebuild stops the server too; that is a part of `follow`, not an event.
    if (death.expected && !this.#killing) return;
    this.#sink?.exited({
      instance: this.instance,
      code: exit.code,
      signal: exit.signal,
      reaped: exit.reaped,
      treeEmpty: death.treeEmpty,
    });
    void this.#monitor.lookNow();
  }
}
