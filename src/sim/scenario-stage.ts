import type { SiteId } from '../core/base/ids.ts';
import type { HostPhrase, InstancePhrase, ProcessPhrase, ScenarioFault, SitePhrase } from '../core/drill/fault.ts';
import { canServe } from '../core/topology/topology-index.ts';
import type { ControllerProcess } from './controller-process.ts';
import { cutOff, freezeHost, loseSite, powerOff, powerOn, thawHost } from './faults.ts';
import type { InstanceModel } from './instance-model.ts';
import type { SimulatedHost, World } from './world.ts';

/** What was hurt, by its name in this firm; `heal` is null for what has no end. */
export interface Hurt {
  readonly what: string;
  readonly heal: (() => void) | null;
}

/** Finds whom a scenario means, now, and does to them what it says. */
export class ScenarioStage {
  readonly #world: World;
  #inForce = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Every fault with an end has ended. */
  get over(): boolean {
    return this.#inForce === 0;
  }

  endAfter(ms: number, heal: () => void, told: () => void): void {
    this.#inForce += 1;
    this.#world.queue.after(ms, () => {
      this.#inForce -= 1;
      told();
      heal();
    });
  }

  /** Null: nobody is meant by that now. */
  hurt(fault: ScenarioFault): Hurt | null {
    switch (fault.kind) {
      case 'kill':
      case 'freeze':
        return this.#process(fault.kind, fault.target);
      case 'host-power-off':
        return this.#withHost(fault.host, (host) => {
          powerOff(this.#world, host);
          return () => powerOn(this.#world, host);
        });
      case 'silence':
        return this.#withHost(fault.host, (host) => {
          this.#world.network.silence(host.id);
          return () => this.#world.network.unsilence(host.id);
        });
      case 'site-power-off':
        return this.#withSite(fault.site, (site) => loseSite(this.#world, site));
      case 'isolate':
        return this.#withSite(fault.site, (site) => cutOff(this.#world, site));
      case 'cut':
        return this.#cut(fault);
      case 'stop-authority':
        this.#world.authority.loseQuorum(true);
        return { what: 'no quorum', heal: () => this.#world.authority.loseQuorum(false) };
      case 'rogue-promotion': {
        const instance = this.instance(fault.instance);
        instance?.goRogue();
        return instance ? { what: instance.id, heal: null } : null;
      }
    }
  }

  #process(how: 'kill' | 'freeze', target: ProcessPhrase): Hurt | null {
    switch (target.kind) {
      case 'instance': {
        const instance = this.instance(target.instance);
        if (!instance) return null;
        if (how === 'kill') instance.die();
        else instance.freeze();
        return { what: instance.id, heal: () => instance.thaw() };
      }
      case 'host':
        return this.#withHost(target.host, (host) => {
          if (how === 'kill') powerOff(this.#world, host);
          else freezeHost(host);
          return () => thawHost(host);
        });
      case 'agent':
        return this.#withHost(target.host, ({ agent }) => {
          if (how === 'kill') agent.crash();
          else agent.freeze();
          return () => agent.thaw();
        });
      case 'warden':
        return this.#withHost(target.host, ({ gate }) => {
          gate.freeze();
          return () => gate.thaw();
        });
      case 'leading-controller':
        return hurtController(this.#world.leader, how);
      case 'controller': {
        const site = this.site(target.site);
        return hurtController(this.#world.controllers.find((each) => each.site === site) ?? null, how);
      }
    }
  }

  #cut({ from, to, oneWay }: Extract<ScenarioFault, { kind: 'cut' }>): Hurt | null {
    const { network } = this.#world;
    const [left, right] = [this.site(from), this.site(to)];
    if (left === null || right === null || left === right) return null;
    network.cut(left, right);
    if (!oneWay) network.cut(right, left);
    return {
      what: `${left} ${oneWay ? '→' : '↔'} ${right}`,
      heal: () => {
        network.heal(left, right);
        if (!oneWay) network.heal(right, left);
      },
    };
  }

  #withHost(phrase: HostPhrase, hurt: (host: SimulatedHost) => () => void): Hurt | null {
    const host = this.host(phrase);
    return host ? { what: host.id, heal: hurt(host) } : null;
  }

  #withSite(phrase: SitePhrase, hurt: (site: SiteId) => () => void): Hurt | null {
    const site = this.site(phrase);
    return site ? { what: site, heal: hurt(site) } : null;
  }

  site(phrase: SitePhrase): SiteId | null {
    const { topology, record } = this.#world;
    switch (phrase.kind) {
      case 'named':
        return topology.sites.find((site) => site.id === phrase.site)?.id ?? null;
      case 'active':
        return record?.activeSite ?? null;
      case 'witness':
        return topology.sites.find((site) => site.voter && !canServe(site))?.id ?? null;
      case 'standby':
        return (
          topology.sites
            .filter((site) => canServe(site) && site.id !== record?.activeSite)
            .toSorted((a, b) => a.preference - b.preference)[0]?.id ?? null
        );
    }
  }

  instance(phrase: InstancePhrase): InstanceModel | null {
    const { instances, record } = this.#world;
    if (phrase.kind === 'named') return instances.get(phrase.instance) ?? null;
    const holder = record?.grants[phrase.component]?.holder ?? null;
    const primary = holder === null ? null : (instances.get(holder) ?? null);
    if (phrase.kind === 'primary') return primary;
    const site = phrase.kind === 'standby' ? primary?.place.site : this.site({ kind: 'standby' });
    const others = [...instances.values()].filter((each) => each.component.id === phrase.component && each !== primary);
    return others.find((each) => each.place.site === site) ?? null;
  }

  host(phrase: HostPhrase): SimulatedHost | null {
    const wanted = phrase.kind === 'named' ? phrase.host : this.instance(phrase.instance)?.place.host;
    return this.#world.hosts.find((host) => host.id === wanted) ?? null;
  }
}

function hurtController(controller: ControllerProcess | null, how: 'kill' | 'freeze'): Hurt | null {
  if (controller === null) return null;
  if (how === 'kill') controller.crash();
  else controller.freeze();
  return { what: `controller ${controller.site}`, heal: () => controller.thaw() };
}
