import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Gate } from '../adapters/gate/gate.ts';
import { ManagedAppDriver } from '../adapters/managed-app/driver.ts';
import type { Supervisor } from '../adapters/managed-app/supervisor.ts';
import { killTree } from '../adapters/process/process-tree.ts';
import { SupervisedProcess } from '../adapters/process/supervised-process.ts';
import type { LeaseRecord } from '../core/authority/group-record.ts';
import type { InstanceId } from '../core/base/ids.ts';
import { TAIL_KINDS_OF_TABLES } from '../core/replication/divergent-tail.ts';
import type { InstanceDriver } from '../engine/driver-port.ts';
import type { AgentConfigFile, InstanceConfig, ManagedAppInstance, PostgresInstance } from '../wire/agent-config.ts';
import { Fields, numberItem, textItem } from '../wire/fields.ts';
import { tailKindItem } from '../wire/tail-answer.ts';
import { GatedDriver, GateReportingDriver } from './gated-driver.ts';

/** Called once per main process of an instance, started or adopted. */
type OnStarted = (instance: InstanceId, pid: number) => void;

interface DriverSurroundings {
  readonly config: AgentConfigFile;
  readonly gate: Gate | null;
  readonly onStarted: OnStarted;
}

/** One driver per configured instance; only the adapters that are needed are loaded. */
export async function instanceDrivers(
  config: AgentConfigFile,
  gate: Gate | null,
  onStarted: OnStarted,
): Promise<readonly InstanceDriver[]> {
  const around: DriverSurroundings = { config, gate, onStarted };
  const drivers: InstanceDriver[] = [];
  for (const instance of config.instances) drivers.push(await driverOf(instance, around));
  return drivers;
}

async function driverOf(instance: InstanceConfig, around: DriverSurroundings): Promise<InstanceDriver> {
  switch (instance.kind) {
    case 'postgres':
      return postgres(instance, around);
    case 'managed-app':
      return managedApp(instance, around);
    case 'served':
      return (await import('./served-drivers.ts')).servedDriver(instance, around.config);
  }
}

/** The gate outside the agent, or the instance's own, that every promotion of it arms first. Null: none, so expiry proves nothing. */
export function gatesOf(config: AgentConfigFile): Readonly<Record<InstanceId, LeaseRecord['gate']>> {
  const outside = config.gate.kind === 'none' ? null : { kind: config.gate.kind, boundMs: config.gate.boundMs };
  const gateOf = (instance: InstanceConfig): LeaseRecord['gate'] => {
    if (instance.kind === 'served') return null;
    if (instance.kind === 'postgres' || (instance.gated && outside !== null)) return outside;
    return instance.selfGateBoundMs === null ? null : { kind: 'self', boundMs: instance.selfGateBoundMs };
  };
  return Object.fromEntries(config.instances.map((instance) => [instance.instance, gateOf(instance)]));
}

function managedApp(instance: ManagedAppInstance, { config, gate, onStarted }: DriverSurroundings): InstanceDriver {
  const driver = new ManagedAppDriver(
    {
      instance: instance.instance,
      control: instance.control,
      tokenFile: instance.tokenFile,
      addresses: config.addresses,
      selfGateBoundMs: instance.selfGateBoundMs,
      startWithinMs: instance.startWithinMs,
      onStarted: (pid) => onStarted(instance.instance, pid),
    },
    supervisorOf(instance, config.stateDir),
  );
  if (!instance.gated || gate === null) return driver;
  return new GatedDriver({
    driver,
    gate,
    target: () => ({ root: driver.processName, directory: null, address: null }),
  });
}

/** The instance's mark is in its environment, so that descendants which leave the session are found, also by a later agent. */
function supervisorOf(instance: ManagedAppInstance, stateDir: string): Supervisor {
  const runDir = join(stateDir, 'run');
  const pidFile = join(runDir, `${instance.instance}.pid`);
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  const marker = `HOLDFAST_INSTANCE=${join(realpathSync(runDir), instance.instance)}`;
  return {
    adopt: () => SupervisedProcess.adopt(pidFile),
    hadChild: () => existsSync(pidFile),
    sweep: (options) => killTree({ root: null, directory: null, environment: marker }, options),
    spawn: () =>
      SupervisedProcess.spawn({
        command: instance.command,
        args: instance.args,
        env: { ...process.env, ...instance.env },
        directory: realpathSync(instance.directory),
        recogniseByDirectory: false,
        logFile: instance.logFile ?? join(stateDir, 'log', `${instance.instance}.log`),
        pidFile,
        marker,
      }),
  };
}

async function postgres(
  { instance, binDir, options }: PostgresInstance,
  { config, gate, onStarted }: DriverSurroundings,
): Promise<InstanceDriver> {
  const [{ PostgresDriver }, { locateBinaries }] = await Promise.all([
    import('../adapters/postgres/driver.ts'),
    import('../adapters/postgres/binaries.ts'),
  ]);
  const fields = Fields.of(options, `instances.${instance}.options`);
  const binaries = await locateBinaries({ binDir, workDir: fields.text('workDir', config.stateDir) });
  const address = (value: unknown, at: string) => ({
    host: Fields.of(value, at).text('host'),
    port: Fields.of(value, at).count('port'),
  });
  const role = (name: string) => {
    const found = fields.fields('roles').fields(name);
    return { user: found.text('user'), passwordFile: found.text('passwordFile') };
  };
  const driver = new PostgresDriver({
    binaries,
    gate,
    onStarted: (pid) => onStarted(instance, pid),
    config: {
      instance,
      dataDir: fields.text('dataDir'),
      stateDir: fields.text('stateDir', join(config.stateDir, 'postgres', instance)),
      listen: address(fields.json('listen'), 'listen'),
      roles: { superuser: role('superuser'), replication: role('replication'), application: role('application') },
      peers: fields.map('peers', address, {}),
      initial: fields.flag('initial', false),
      upstreamOverride: fields.textOrNull('upstreamOverride'),
      database: fields.text('database'),
      networks: fields.texts('networks', ['127.0.0.0/8']),
      initialStatements: fields.list('initialStatements', textItem, []),
      rebuildDiverged: fields.flag('rebuildDiverged', false),
      listDiverged: fields.flag('listDiverged', false),
      tailKinds: fields.map('tailKinds', tailKindItem, TAIL_KINDS_OF_TABLES),
      cutUpstreamOnFence: fields.flag('cutUpstreamOnFence', true),
      memory: fields.oneOf('memory', ['small', 'as-configured'], 'small'),
      extraSettings: fields.map('extraSettings', textItem, {}),
      observeEveryMs: fields.has('observeEveryMs') ? numberItem(fields.json('observeEveryMs'), 'observeEveryMs') : 250,
      observeDeadlineMs: fields.has('observeDeadlineMs')
        ? numberItem(fields.json('observeDeadlineMs'), 'observeDeadlineMs')
        : 400,
    },
  });
  return new GateReportingDriver(driver, gate);
}
