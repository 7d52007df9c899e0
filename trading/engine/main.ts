import { join } from 'node:path';
import { describeError } from '../base/coded-error.ts';
import { keepHeapReady } from '../base/heap.ts';
import { ContractError, type Status } from '../control/contract.ts';
import { type ControlHandlers, startControlServer } from '../control/control-server.ts';
import { EpochStore } from '../control/epoch-store.ts';
import { EngineCommands } from './engine-commands.ts';
import { readEngineConfig } from './engine-config.ts';
import { compileOrderPathAsAWhole } from './order-path-compilation.ts';
import { StandbyRehearsal } from './rehearsal/standby-rehearsal.ts';
import { startEngine } from './start-engine.ts';
import { ENGINE_VERSION } from './version.ts';

const fail = (error: unknown): never => {
  process.stderr.write(`${describeError(error)}\n`);
  process.exit(1);
};

/** Answers the control port while the journal is being recovered. */
const recovering = (epochs: EpochStore): ControlHandlers => {
  const notReady = (): never => {
    throw new ContractError('not-ready', 'the journal is being recovered');
  };
  const status = (): Status => ({
    role: 'closed',
    epoch: epochs.highest,
    health: 'degraded',
    reason: 'the journal is being recovered',
    position: { epoch: 0, sequence: 0 },
    releasing: false,
    leaseUntilNs: null,
    tradingEnabled: false,
    ackSet: [],
    replicas: [],
    upstream: null,
    divergence: null,
    business: { activeOrders: 0, lastOrderAgeMs: null, acknowledged: 0 },
  });
  return {
    status,
    position: notReady,
    fence: notReady,
    follow: notReady,
    promote: notReady,
    lease: notReady,
    demote: notReady,
    drain: notReady,
    setAckSet: notReady,
    setTrading: notReady,
    testOrder: notReady,
    takeover: notReady,
  };
};

try {
  const config = readEngineConfig(process.argv[2]);
  const epochs = EpochStore.open(join(config.dataDir, 'epoch.json'));
  let handlers = recovering(epochs);
  let holds = () => false;
  const current: ControlHandlers = {
    status: () => handlers.status(),
    position: () => handlers.position(),
    epochRaised: (epoch, method) => handlers.epochRaised?.(epoch, method),
    fence: (params) => handlers.fence!(params),
    follow: (params) => handlers.follow!(params),
    promote: (params) => handlers.promote!(params),
    lease: (params) => handlers.lease!(params),
    demote: (params) => handlers.demote!(params),
    drain: (params) => handlers.drain!(params),
    setAckSet: (params) => handlers.setAckSet!(params),
    setTrading: (params) => handlers.setTrading!(params),
    testOrder: (params) => handlers.testOrder!(params),
    takeover: () => handlers.takeover!(),
  };
  const control = await startControlServer({
    ...config.control,
    tokenFile: config.tokenFile,
    instance: config.instance,
    component: 'trading-engine',
    version: ENGINE_VERSION,
    epochs,
    handlers: current,
    holds: () => holds(),
  });
  const warn = (text: string) => void process.stderr.write(`warning  ${text}\n`);
  let rehearsal: StandbyRehearsal | null = null;
  const engine = await startEngine({
    config,
    epochs,
    onStatusChanged: () => {
      control.statusChanged();
      rehearsal?.consider();
    },
    onFailure: fail,
    onWarning: warn,
  });
  rehearsal = new StandbyRehearsal({ engine, start: startEngine, onFailure: warn });
  handlers = new EngineCommands(engine).handlers();
  holds = () => engine.holds;
  compileOrderPathAsAWhole();
  keepHeapReady();
  control.statusChanged();
  const ports = { control: control.port, orders: engine.orders.port, replication: engine.replication.port };
  process.stdout.write(
    `${JSON.stringify({ t: 'listening', pid: process.pid, instance: config.instance, ...ports })}\n`,
  );
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
} catch (error) {
  fail(error);
}
