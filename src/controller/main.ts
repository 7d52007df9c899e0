import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openEvidenceLog } from '../adapters/evidence-log/evidence-log.ts';
import { openAuthority } from '../adapters/open-authority.ts';
import { PeerDialer } from '../adapters/peer-link/peer-dialer.ts';
import { chainOf, type PeerFrame } from '../adapters/peer-link/peer-frames.ts';
import { type PeerLink, PeerListener } from '../adapters/peer-link/peer-listener.ts';
import { liveUntilSignal, runMain } from '../adapters/system/process-life.ts';
import { Recorder } from '../adapters/system/recorder.ts';
import { bringBefore } from '../adapters/system/scheduling.ts';
import { onBeat } from '../adapters/system/shared-beat.ts';
import { systemClock } from '../adapters/system/system-clock.ts';
import { type ControllerId, type HostId, hostId, type MonoMs, type WallMs } from '../core/base/ids.ts';
import { exposition } from '../core/metrics/exposition.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { AuthorityFeed } from '../engine/authority-feed.ts';
import { ControllerCore } from '../engine/controller-core.ts';
import { projectMetrics } from '../engine/project-metrics.ts';
import { readControllerConfig } from '../wire/controller-config.ts';
import { sha256 } from '../wire/evidence-bundle/evidence-crypto.ts';
import { causeText } from '../wire/holdfast-error.ts';
import { type PeerIdentity, readTlsFiles } from '../wire/peer-identity.ts';
import { AnchorKeeper } from './anchor-keeper.ts';
import { controllerShell } from './controller-shell.ts';
import { HistoryStore } from './history-store.ts';
import { OperatorApi } from './operator-api.ts';
import { OperatorTickets } from './operator-tickets.ts';

/** controller CONFIG.json (`src/wire/controller-config.ts`): one site's controller. Prints `{"event":"ready"}` once it listens. */
async function main(path: string): Promise<void> {
  const config = readControllerConfig(path);
  const boot = randomUUID();
  const self: PeerIdentity = { name: config.site, role: 'controller' };
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
    start: { site: config.site, boot },
  });
  const recorder = new Recorder(evidenceLog, systemClock, log);
  const history = new HistoryStore(join(config.stateDir, 'history.db'));
  const authority = await openAuthority({
    config: config.authority,
    stateDir: config.stateDir,
    identity,
    noticeSilenceWithinMs: 1250,
  });
  const { topology, site } = config;
  const core = new ControllerCore({
    id: site as string as ControllerId,
    site,
    topology,
    runbooks: new Map(config.runbooks.map((runbook) => [runbook.id, runbook])),
    digest: sha256,
    dataClasses: config.dataClasses,
  });
  const timing = config.linkTiming === null ? {} : { timing: config.linkTiming };

  const life = liveUntilSignal({
    name: 'controller',
    closeWithinMs: config.closeWithinMs,
    close: async () => {
      await shell.end();
      feed.close();
      endAnchoring();
      for (const dialer of dialers) dialer.close();
      await Promise.allSettled([listener.close(), api.close(), authority.close()]);
      await recorder.close();
      history.close();
    },
    lastWords: (cause) =>
      recorder.record({ kind: 'residue', data: { process: 'controller', died: causeText(cause) } }, 300),
  });
  const anchors = new AnchorKeeper({
    controller: site,
    chain: recorder.chain,
    everyMs: config.anchorEveryMs,
    authority,
    clock: systemClock,
    digest: sha256,
    ownHead: () => recorder.head(),
    record: (kind, data) => recorder.note({ kind, data }),
  });
  const shell = controllerShell({
    core: {
      step: (event, now) => core.step(event, now, systemClock.wallMs() as WallMs),
      nextWakeAt: (now) => core.nextWakeAt(now),
    },
    clock: systemClock,
    authority,
    reloadAuthority: () => feed.reload(),
    command: (host, command) => {
      // Not kept for later: the core commands again, or finds out what became of it.
      if (listener.link({ name: host, role: 'agent' })?.send({ t: 'command', command }) !== true)
        log(`command ${command.key}: the agent of ${host} is not linked`);
    },
    networkTest: (host, test) => {
      if (listener.link({ name: host, role: 'agent' })?.send({ t: 'network-test', test }) !== true)
        log(`network test ${test.id}: the agent of ${host} is not linked`);
    },
    tellPeers: (opinion) => {
      for (const dialer of dialers) dialer.send({ t: 'opinion', opinion });
    },
    answer: (ticket, answer) => tickets.answer(ticket, answer),
    record: (entry) => recorder.record(entry, config.evidenceWithinMs),
    failed: life.die,
  });
  const tickets = new OperatorTickets(systemClock, (event) => shell.give(event));
  const feed = new AuthorityFeed({
    authority,
    clock: systemClock,
    give: (event) => {
      shell.give(event);
      anchors.see(event);
      try {
        history.see(event, systemClock.wallMs());
      } catch (cause) {
        log(`history: ${causeText(cause)}`);
      }
    },
    // The leader is heard each time it renews; who asks sooner than that asks for nothing.
    quietMs: topology.timing.leaseRenewEveryMs * 1.3,
  });
  const dialers = config.controllers
    .filter((controller) => controller.site !== site)
    .map((controller) => peerDialer(controller));

  function peerDialer(controller: (typeof config.controllers)[number]): PeerDialer {
    return new PeerDialer({
      host: controller.host,
      port: controller.port,
      expect: { name: controller.site, role: 'controller' },
      self,
      boot,
      identity,
      ...timing,
      sink: {
        up: () => log(`controller ${controller.site}: linked`),
        down: (reason) => log(`controller ${controller.site}: link lost: ${reason}`),
        frame: () => {},
      },
    });
  }

  const heard = (link: PeerLink, frame: PeerFrame) => {
    const { peer } = link;
    switch (frame.t) {
      case 'report':
        if (homeOf(frame.report.host) === frame.report.site)
          return shell.give({ kind: 'report', report: frame.report });
        return recorder.turnedAway({
          who: `${peer.role} ${peer.name}`,
          where: 'peers',
          reason: `reported as a host of ${frame.report.site}`,
        });
      case 'network':
        if (homeOf(frame.report.host) === frame.report.site)
          return shell.give({ kind: 'network-report', report: frame.report });
        return recorder.turnedAway({
          who: `${peer.role} ${peer.name}`,
          where: 'peers',
          reason: `measured as a host of ${frame.report.site}`,
        });
      case 'host':
        if (homeOf(frame.report.host) !== frame.report.site)
          return recorder.turnedAway({
            who: `${peer.role} ${peer.name}`,
            where: 'peers',
            reason: `looked as a host of ${frame.report.site}`,
          });
        link.send({ t: 'clock', clock: { asked: frame.report.sentAt, answered: Date.now() } });
        return shell.give({ kind: 'host-report', report: frame.report });
      case 'outcome':
        return shell.give({ kind: 'command-outcome', outcome: frame.outcome });
      case 'opinion':
        return shell.give({ kind: 'peer-opinion', opinion: frame.opinion });
      case 'head':
        return anchors.head(frame.head);
      case 'network-result':
        if (homeOf(frame.result.host) === frame.result.from)
          shell.give({ kind: 'network-result', result: frame.result });
        return undefined;
      case 'command':
      case 'network-test':
      case 'clock':
      case 'ping':
        return undefined;
    }
  };
  const homeOf = (host: HostId) => indexOf(topology).host.get(host)?.site;
  const listener = await PeerListener.listen({
    ...config.listen.peers,
    self,
    boot,
    identity,
    ...timing,
    knows: ({ name, role }) =>
      role === 'agent'
        ? indexOf(topology).host.has(hostId(name))
        : role === 'controller' && topology.sites.some((each) => each.id === name),
    sink: {
      up: ({ peer }) => {
        if (peer.role === 'agent') shell.give({ kind: 'agent-link', host: hostId(peer.name), up: true });
      },
      down: ({ peer }, reason) => {
        log(`${peer.role} ${peer.name}: link lost: ${reason}`);
        if (peer.role === 'agent') shell.give({ kind: 'agent-link', host: hostId(peer.name), up: false });
      },
      frame: heard,
      refused: (who, reason) => recorder.turnedAway({ who, where: 'peers', reason }),
    },
  });
  const metrics = () =>
    exposition(
      projectMetrics(core, {
        now: systemClock.monoMs(),
        wall: systemClock.wallMs() as WallMs,
        evidence: recorder.head(),
      }),
    );
  const api = await OperatorApi.listen({
    ...config.listen.api,
    identity,
    ask: (request, person, deadlineMs) => tickets.ask(request, person, deadlineMs),
    history: (query) => history.read(query),
    metrics: topology.metrics === true ? metrics : null,
    turnedAway: (who, reason) => recorder.turnedAway({ who, where: 'operator API', reason }),
  });
  const endAnchoring = onBeat(Math.min(1000, config.anchorEveryMs), () => {
    const { chain, sequence, hash } = recorder.head();
    for (const dialer of dialers) dialer.send({ t: 'head', head: { chain, sequence, hash } });
    void anchors.work().catch((cause: unknown) => log(`anchor: ${causeText(cause)}`));
  });
  shell.start();
  feed.start();
  void bringBefore(process.pid, { rank: 'detects', atMost: config.scheduling });
  process.stdout.write(
    `${JSON.stringify({ event: 'ready', process: 'controller', site, pid: process.pid, authority: authority.kind, peers: listener.port, api: api.port })}\n`,
  );
}

await runMain('controller', main);
