import { nextBeat } from '../core/base/beat.ts';
import type { Digest } from '../core/base/canonical-json.ts';
import type { ControllerId, GroupId, SiteId, WallMs } from '../core/base/ids.ts';
import type { Runbook, RunbookId } from '../core/plan/runbook.ts';
import type { DataClass } from '../core/topology/planning.ts';
import type { Topology } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { AgentAnswers } from './agent-answers.ts';
import { keys } from './authority-keys.ts';
import { AuthorityMirror } from './authority-mirror.ts';
import type { Transaction, TransactionOutcome } from './authority-port.ts';
import type { ControllerEffect, ControllerEvent } from './controller-effects.ts';
import { GroupControl } from './group-control.ts';
import type { GroupSurroundings } from './group-surroundings.ts';
import { HostDesk } from './host-desk.ts';
import { Leadership } from './leadership.ts';
import { NetworkWatch } from './network-watch.ts';
import { OperatorDesk } from './operator-desk.ts';
import { ReplicationWatch } from './replication-watch.ts';
import { Vantage } from './vantage.ts';

export interface ControllerConfig {
  readonly id: ControllerId;
  readonly site: SiteId;
  readonly topology: Topology;
  readonly runbooks: ReadonlyMap<RunbookId, Runbook>;
  readonly digest: Digest;
  /** What is promised of which data; nothing is decided from it. Absent: no promise. */
  readonly dataClasses?: readonly DataClass[];
}

type Then = (outcome: TransactionOutcome, now: number, wall: WallMs) => void;

/**
 * One site's controller: event in, effects out, no I/O. All of them watch and hold opinions; the one that leads decides and
 * acts. It is never trusted to be the only one: whatever it does is compared with the leader's key, the journal and the
 * group record at the authority, and carries its term and the group's epoch (I2, I7).
 */
export class ControllerCore {
  readonly config: ControllerConfig;
  readonly mirror = new AuthorityMirror();
  readonly vantage: Vantage;
  readonly network: NetworkWatch;
  readonly hosts: HostDesk;
  readonly agentAnswers = new AgentAnswers();
  readonly leadership: Leadership;
  readonly replication = new ReplicationWatch();
  readonly groups: ReadonlyMap<GroupId, GroupControl>;
  readonly #desk: OperatorDesk;
  readonly #then = new Map<number, Then>();
  #effects: ControllerEffect[] = [];
  #transactions = 0;
  #tellAt = 0;
  /** When silence alone, without any event, is news. */
  #silenceAt = Number.POSITIVE_INFINITY;
  #wasLeading = false;
  /** What came in may change a decision; everything else waits for the groups' own next look. */
  #matters = false;

  constructor(config: ControllerConfig) {
    this.config = config;
    const { topology } = config;
    this.vantage = new Vantage(topology, config.site);
    this.network = new NetworkWatch(topology);
    this.hosts = new HostDesk(topology);
    this.leadership = new Leadership(config.id, topology.timing, rankOf(topology, config.site));
    const around: GroupSurroundings = {
      topology,
      mirror: this.mirror,
      vantage: this.vantage,
      leadership: this.leadership,
      runbooks: config.runbooks,
      digest: config.digest,
      controller: config.id,
      emit: (effect) => this.emit(effect),
      transact: (body, deadlineMs, then) => this.transact(body, deadlineMs, then),
    };
    this.groups = new Map(topology.groups.map((group) => [group.id, new GroupControl(group, around)]));
    this.#desk = new OperatorDesk(this);
  }

  /** The only way in. `now` is monotonic, `wall` is UTC; both in milliseconds. */
  step(event: ControllerEvent, now: number, wall: WallMs): readonly ControllerEffect[] {
    this.#effects = [];
    this.#matters = false;
    this.vantage.ran(now);
    this.#take(event, now, wall);
    if (now > this.#silenceAt) {
      // The others need our word for a quorum; they do not wait for it longer than for the silence itself.
      this.#matters = true;
      this.#tellAt = now;
    }
    this.#silenceAt = this.vantage.nextSilenceAt(now);
    this.#lead(now, wall);
    if (this.leading)
      for (const group of this.groups.values()) if (this.#matters || now >= group.dueAt) group.work(now, wall);
    this.#tellPeers(now);
    return this.#effects;
  }

  nextWakeAt(now: number): number {
    let wake = Math.min(this.#tellAt, this.#silenceAt + 1, this.leadership.nextWakeAt(this.mirror, now));
    if (this.leading) for (const group of this.groups.values()) wake = Math.min(wake, group.dueAt);
    return Math.max(now + 1, wake);
  }

  get leading(): boolean {
    return this.leadership.leading(this.mirror);
  }

  #take(event: ControllerEvent, now: number, wall: WallMs): void {
    switch (event.kind) {
      case 'tick':
        return;
      case 'report':
        this.#matters = this.vantage.report(event.report, now);
        this.replication.report(event.report, now, wall);
        return;
      case 'agent-link':
        this.#matters = true;
        return this.vantage.link(event.host, event.up);
      case 'peer-opinion':
        this.#matters = this.vantage.peer(event.opinion, now);
        return;
      case 'host-report':
        return this.hosts.report(event.report, now);
      case 'network-report':
        return this.network.report(event.report, now);
      case 'network-result':
        return this.network.result(event.result, now);
      case 'command-outcome':
        this.agentAnswers.add(event.outcome);
        if (this.#desk.told(event.outcome)) return;
        this.#matters = true;
        for (const group of this.groups.values()) group.answered(event.outcome, now);
        return;
      case 'operator':
        this.#matters = true;
        return this.#desk.receive(event.request, event.person, event.ticket, now, wall);
      case 'authority-snapshot':
        this.#matters = true;
        return this.mirror.snapshot(event.entries, { revision: event.revision, incarnation: event.incarnation, now });
      case 'authority-changed':
        this.#matters = event.changes.some(({ key }) => !isRenewal(key));
        return this.mirror.change(event.changes, event.revision, now);
      case 'authority-heard':
        return this.mirror.heard(now);
      case 'transacted': {
        this.#matters = true;
        const then = this.#then.get(event.transaction);
        this.#then.delete(event.transaction);
        return then?.(event.outcome, now, wall);
      }
    }
  }

  #lead(now: number, wall: WallMs): void {
    const next = this.leadership.next(this.mirror, now);
    if (next)
      this.transact(next.body, this.config.topology.timing.leaderTimeoutMs / 2, (outcome, at) => {
        if (outcome.kind === 'unknown') this.emit({ kind: 'reload-authority' });
        this.leadership.answered(next.candidacy, outcome, next.body, this.mirror, at);
      });
    if (this.leading !== this.#wasLeading) {
      this.#wasLeading = this.leading;
      this.emit({
        kind: 'evidence',
        entry: {
          kind: 'leadership',
          group: null,
          run: null,
          epoch: null,
          term: this.leadership.term,
          data: { leading: this.leading, controller: this.config.id, at: wall },
        },
      });
    }
  }

  #tellPeers(now: number): void {
    if (now < this.#tellAt) return;
    this.#tellAt = nextBeat(now, this.config.topology.timing.reportEveryMs);
    this.emit({ kind: 'tell-peers', opinion: this.vantage.opinions(now) });
  }

  emit(effect: ControllerEffect): void {
    this.#effects.push(effect);
  }

  transact(body: Transaction, deadlineMs: number, then: Then): void {
    this.#transactions += 1;
    const { incarnation } = this.mirror;
    // What another incarnation answered is no part of the history that is known here now.
    this.#then.set(this.#transactions, (outcome, now, wall) => {
      if (incarnation !== this.mirror.incarnation)
        return then({ kind: 'unknown', reason: 'the authority has another incarnation since' }, now, wall);
      if (outcome.kind === 'conflict') this.mirror.learn(outcome.current, now);
      then(outcome, now, wall);
    });
    this.emit({ kind: 'transact', transaction: this.#transactions, body, deadlineMs });
  }
}

/** Keys that only say that somebody lives; what their absence means is a matter of time, and time is looked at anyway. */
const isRenewal = (key: string) => key.startsWith('lease/') || key === keys.leaderRenewal;

/** Leaders prefer a standby site: it is there when the active one is not. Then witnesses, then the rest; ties by name. */
function rankOf(topology: Topology, site: SiteId): number {
  const weight = (id: SiteId) => {
    const { capabilities, preference } = indexOf(topology).site.get(id)!;
    if (capabilities.includes('standby')) return preference;
    return (capabilities.includes('serve') ? 2000 : 1000) + preference;
  };
  return topology.sites
    .map((each) => each.id)
    .toSorted((a, b) => weight(a) - weight(b) || (a < b ? -1 : 1))
    .indexOf(site);
}
