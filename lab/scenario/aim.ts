import type { HostId, InstanceId, SiteId } from '../../src/core/base/ids.ts';
import type { FreezePhrase } from '../../src/core/drill/cast.ts';
import type { ScenarioFault } from '../../src/core/drill/fault.ts';
import { hostMeant, instanceMeant, type Moment, siteMeant } from '../../src/core/drill/meant.ts';
import type { Fault, ProcessTarget } from '../fault.ts';
import { agentKey, controllerKey } from '../process-spec.ts';
import type { GroundSwitches } from './ground-switches.ts';

/** What a scenario does, aimed at what it means now. */
export interface Aim {
  /** Whom it hurts, by their name in this firm. */
  readonly what: string;
  /** At once; more than one only where no single switch does it. */
  readonly faults: readonly Fault[];
  /** What the lab has to start again after a kill, as the host's own supervisor would; null = whoever supervises it does. */
  readonly restarts: string | null;
  /** In force for so long, then not for as long, and so on, at the pace of the simulator; null = all the time. */
  readonly everyMs: number | null;
}

export interface LabMoment extends Moment {
  /** The controller that leads; null = none is known to. */
  readonly leader: SiteId | null;
  readonly switches: GroundSwitches;
}

/** Null: nobody is meant by that now, it is no fault of a lab, or a lab cannot do it (`not-played.ts`). */
export function aimOf(fault: ScenarioFault, moment: LabMoment): Aim | null {
  switch (fault.kind) {
    case 'kill':
    case 'freeze':
      return process(fault.kind, fault.target, moment);
    case 'host-power-off':
      return at(hostMeant(fault.host, moment), (host) => ({ kind: 'host-power-off', host }));
    case 'silence':
      return at(hostMeant(fault.host, moment), (host) => ({ kind: 'host-silent', host }));
    case 'site-power-off':
      return at(siteMeant(fault.site, moment), (site) => ({ kind: 'site-power-off', site }));
    case 'isolate':
      return at(siteMeant(fault.site, moment), (site) => ({ kind: 'site-isolated', site }));
    case 'cut': {
      const [from, to] = [siteMeant(fault.from, moment), siteMeant(fault.to, moment)];
      if (from === null || to === null || from === to) return null;
      const { cutOver } = moment.switches;
      const over = cutOver === null ? {} : { over: cutOver };
      return fault.oneWay
        ? aim(`${from} → ${to}`, { kind: 'one-way', from, to, ...over })
        : aim(`${from} ↔ ${to}`, { kind: 'cut', between: [from, to], ...over });
    }
    case 'loss': {
      const [from, to] = [siteMeant(fault.from, moment), siteMeant(fault.to, moment)];
      if (from === null || to === null || from === to) return null;
      const { percent } = fault;
      return aim(`${percent} % of ${from} ↔ ${to}`, { kind: 'loss', between: [from, to], percent });
    }
    case 'flap': {
      const cut = aimOf({ kind: 'cut', from: fault.from, to: fault.to, oneWay: false }, moment);
      return cut && { ...cut, everyMs: fault.everyMs };
    }
    case 'stop-authority': {
      const { what, keys } = moment.switches.authority;
      return aim(what, ...keys.map((key): Fault => ({ kind: 'freeze', target: { kind: 'process', key } })));
    }
    case 'restore-authority':
      return aim('what was written since is forgotten', { kind: 'authority-restored' });
    case 'copy-authority':
    case 'slow-disk':
    case 'full-disk':
    case 'wrong-clock':
    case 'hide':
    case 'alter-state':
    case 'rogue-promotion':
      return null;
  }
}

const aim = (what: string, ...faults: readonly Fault[]): Aim => ({ what, faults, restarts: null, everyMs: null });

const at = <Name extends HostId | SiteId>(name: Name | null, fault: (name: Name) => Fault): Aim | null =>
  name === null ? null : aim(name, fault(name));

function process(kind: 'kill' | 'freeze', phrase: FreezePhrase, moment: LabMoment): Aim | null {
  const target = targetOf(phrase, moment);
  if (target === null) return null;
  const { name, key, ...rest } = target;
  const what = key === null || rest.target.kind === 'process' ? name : `${rest.target.kind} ${name}`;
  return { what, faults: [{ kind, target: rest.target }], restarts: kind === 'kill' ? key : null, everyMs: null };
}

interface Target {
  readonly name: InstanceId | HostId | SiteId;
  readonly target: ProcessTarget;
  /** Of a process that the lab itself starts. */
  readonly key: string | null;
}

function targetOf(phrase: FreezePhrase, moment: LabMoment): Target | null {
  switch (phrase.kind) {
    case 'instance': {
      const instance = instanceMeant(phrase.instance, moment)?.id ?? null;
      const key = instance && moment.switches.serverOf(instance);
      if (key !== null) return { name: instance!, target: { kind: 'process', key }, key };
      return instance && { name: instance, target: { kind: 'instance', instance }, key: null };
    }
    case 'agent':
    case 'warden':
    case 'host': {
      const host = hostMeant(phrase.host, moment);
      const key = phrase.kind === 'agent' && host !== null ? agentKey(host) : null;
      return host && { name: host, target: { kind: phrase.kind, host }, key };
    }
    case 'leading-controller':
    case 'controller': {
      const site = phrase.kind === 'controller' ? siteMeant(phrase.site, moment) : moment.leader;
      return site && { name: site, target: { kind: 'controller', site }, key: controllerKey(site) };
    }
  }
}
