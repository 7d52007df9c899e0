import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openEvidenceLog } from '../adapters/evidence-log/evidence-log.ts';
import type { Gate, GateClosed } from '../adapters/gate/gate.ts';
import { openAuthority } from '../adapters/open-authority.ts';
import { chainOf } from '../adapters/peer-link/peer-frames.ts';
import { liveUntilSignal, runMain } from '../adapters/system/process-life.ts';
import { Recorder } from '../adapters/system/recorder.ts';
import { onBeat } from '../adapters/system/shared-beat.ts';
import { systemClock } from '../adapters/system/system-clock.ts';
import type { MonoMs, WallMs } from '../core/base/ids.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { AgentCore } from '../engine/agent-core.ts';
import { startedOnceMore } from '../engine/agent-memory.ts';
import { AuthorityFeed } from '../engine/authority-feed.ts';
import { type AgentConfigFile, readAgentConfig } from '../wire/agent-config.ts';
import { causeText, HoldfastError } from '../wire/holdfast-error.ts';
import { type PeerIdentity, readTlsFiles } from '../wire/peer-identity.ts';
import { AgentMemoryFile } from './agent-memory-file.ts';
import { agentShell } from './agent-shell.ts';
import { ControllerLinks } from './controller-links.ts';
import { HostScheduling } from './host-scheduling.ts';
import type { HostWatch } from './host-watch.ts';
import { gatesOf, instanceDrivers } from './instance-drivers.ts';
import { promotionDesk } from './promotion-desk.ts';
import type { SiteProbing } from './site-probing.ts';

const HEAD_EVERY_MS = 1000;

const headOf = (recorder: Recorder) => {
  const { chain, sequence, hash } = recorder.head();
  return { chain, sequence, hash };
};

/** @throws HoldfastError HF-3304 when the gate is slower than the topology's lease arithmetic allows */
async function openGate(
  { gate, topology }: AgentConfigFile,
  onClosed: (closed: GateClosed) => void,
  log: (line: string) => void,
): Promise<Gate | null> {
  if (gate.kind === 'none') return null;
  if (gate.boundMs > topology.timing.stopWithinMs)
    throw new HoldfastError({
      code: 'HF-3304',
      attempted: `use a ${gate.kind} gate that closes within ${gate.boundMs} ms`,
      found: `the topology allows ${topology.timing.stopWithinMs} ms (timing.stopWithinMs), and leases are counted with that`,
      next: 'raise timing.stopWithinMs in the topology file, for all processes, or use a quicker gate',
    });
  if (gate.kind === 'nftables') {
    const { NftablesGate } = await import('../adapters/gate/nftables-gate.ts');
    return new NftablesGate({ table: gate.table, boundMs: gate.boundMs });
  }
  const [{ WardenGate }, { parseWardenAddress }] = await Promise.all([
    import('../adapters/gate/warden-gate.ts'),
    import('../adapters/gate/warden-protocol.ts'),
  ]);
  const token = readFileSync(gate.tokenFile, 'utf8').trim();
  return new WardenGate({
    address: parseWardenAddress(gate.address),
    token,
    boundMs: gate.boundMs,
    onClosed,
    onLost: (reason) => log(`warden: ${reason}`),
  });
}

/** What of this host's files the platform lives on. */
const watchedFiles = ({ stateDir, tls, instances }: AgentConfigFile) => ({
  directories: [
    ...new Set([
      stateDir,
      ...instances.flatMap((each) => {
        if (each.kind === 'managed-app') return [each.directory];
        const { dataDir } = each.kind === 'postgres' ? each.options : {};
        return typeof dataDir === 'string' ? [dataDir] : [];
      }),
    ]),
  ],
  certificates: [
    { name: 'own', file: tls.cert },
    { name: 'authority of the platform', file: tls.ca },
  ],
});

/** agent CONFIG.json (`src/wire/agent-config.ts`): one host's agent. Prints `{"event":"ready"}` once its instances are watched. */
async function main(path: string): Promise<void> {
  const config = readAgentConfig(path);
  const boot = randomUUID();
  const self: PeerIdentity = { name: config.host, role: 'agent' };
  const log = (line: string) => void process.stderr.write(`${new Date().toISOString()} ${line}\n`);
  mkdirSync(config.stateDir, { recursive: true, mode: 0o700 });
  const identity = readTlsFiles(config.tls);
  const evidenceLog = await openEvidenceLog({
    directory: join(config.stateDir, 'evidence'),
    chain: chainOf(self),
    version: '0.1.0',
    clock: {
      wallMs: () => Date.now() as WallMs,
      monoMs: () => systemClock.monoMs() as MonoMs,
      clockErrorMs: () => config.clockErrorMs,
    },
    start: { host: config.host, boot },
  });
  const recorder = new Recorder(evidenceLog, systemClock, log);
  const memoryFile = new AgentMemoryFile(join(config.stateDir, 'memory.log'));
  const gate = await openGate(
    config,
    (closed) => recorder.note({ kind: 'self-fenced', epoch: closed.epoch, data: { by: 'warden', ...closed } }),
    log,
  );
  const authority = await openAuthority({
    config: config.authority,
    stateDir: config.stateDir,
    identity,
    // What an agent must know soon, it asks for.
    noticeSilenceWithinMs: 2500,
  });
  const home = indexOf(config.topology).host.get(config.host);
  const scheduling = new HostScheduling({
    asked: home?.scheduling ?? null,
    warden: () => (gate !== null && 'pid' in gate && typeof gate.pid === 'number' ? gate.pid : null),
  });
  const desk = await promotionDesk({
    config,
    identity,
    answered: (instance, permit, tookMs) =>
      recorder.note({ kind: 'promotion-checked', data: { instance, ...permit, tookMs } }),
    closed: (instance, reason) => {
      log(`${instance}: ${reason}`);
      recorder.note({ kind: 'residue', data: { instance, neverPromoted: reason } });
    },
  });
  const drivers = await instanceDrivers(config, gate, (instance, pid) => scheduling.started(instance, pid));
  const memory = startedOnceMore(await memoryFile.read());
  await memoryFile.save(memory);
  const core = new AgentCore({ host: config.host, topology: config.topology, boot, gates: gatesOf(config) }, memory);

  let probing: SiteProbing | null = null;
  let watch: HostWatch | null = null;
  const life = liveUntilSignal({
    name: 'agent',
    closeWithinMs: config.closeWithinMs,
    close: async () => {
      await shell.end();
      feed.close();
      endHeads();
      probing?.close();
      watch?.close();
      scheduling.close();
      links.close();
      await Promise.allSettled([
        ...drivers.map((driver) => driver.close()),
        authority.close(),
        desk?.close(),
        gate?.end(),
      ]);
      await recorder.close();
    },
    lastWords: (cause) => recorder.record({ kind: 'residue', data: { process: 'agent', died: causeText(cause) } }, 300),
  });
  const links = new ControllerLinks({
    controllers: config.controllers,
    self,
    boot,
    identity,
    ...(config.linkTiming === null ? {} : { timing: config.linkTiming }),
    onCommand: (command) => shell.give({ kind: 'command', command }),
    onClock: (answer) => watch?.answered(answer),
    onNetworkTest: (test) => probing?.test(test),
    log,
  });
  const shell = agentShell({
    core,
    clock: systemClock,
    saveMemory: (memory) => memoryFile.save(memory),
    authority,
    drivers: new Map(drivers.map((driver) => [driver.instance, driver])),
    report: (report) => links.report({ ...report, scheduling: scheduling.seen }),
    answer: (outcome) => links.answer(outcome),
    evidence: ({ kind, instance, data }) => recorder.note({ kind, data: { instance, about: data } }),
    failed: life.die,
  });
  const feed = new AuthorityFeed({
    authority,
    clock: systemClock,
    give: (event) => shell.give(event),
    // An agent needs the group records; its own renewals answer for themselves, and those of others are no business of its.
    watchPrefix: 'group/',
    quietMs: null,
  });
  const endHeads = onBeat(HEAD_EVERY_MS, () => links.head(headOf(recorder)));
  for (const driver of drivers)
    driver
      .start({
        observed: (observation) => shell.give({ kind: 'observed', observation }),
        exited: (exit) => shell.give({ kind: 'exited', exit }),
      })
      .catch((cause: unknown) => {
        log(`${driver.instance}: could not be started: ${causeText(cause)}`);
        recorder.note({ kind: 'residue', data: { instance: driver.instance, couldNotStart: causeText(cause) } });
      });
  const { network, hostChecks } = config.topology;
  if (config.probe !== null && network !== undefined && home !== undefined) {
    const { probeSites } = await import('./site-probing.ts');
    probing = await probeSites({
      host: home.id,
      site: home.site,
      probe: config.probe,
      policy: network,
      tell: (report) => links.network(report),
      tellResult: (result) => links.networkResult(result),
      log,
    });
  }
  if (hostChecks !== undefined && home !== undefined) {
    const { HostWatch } = await import('./host-watch.ts');
    watch = new HostWatch({
      host: home.id,
      site: home.site,
      policy: hostChecks,
      ...watchedFiles(config),
      services: home.services ?? [],
      wallMs: () => Date.now(),
      tell: (report) => links.host(report),
    });
  }
  shell.start();
  feed.start();
  scheduling.self();
  process.stdout.write(
    `${JSON.stringify({ event: 'ready', process: 'agent', host: config.host, pid: process.pid, authority: authority.kind, gate: gate?.kind ?? 'none' })}\n`,
  );
}

await runMain('agent', main);
