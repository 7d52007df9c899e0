import type { SiteId } from '../core/base/ids.ts';
import type {
  ControllerPhrase,
  FreezePhrase,
  HostPhrase,
  InstancePhrase,
  KillPhrase,
  SitePhrase,
} from '../core/drill/cast.ts';
import type { ScenarioFault } from '../core/drill/fault.ts';
import { hostMeant, instanceMeant, siteMeant } from '../core/drill/meant.ts';
import type { ControllerProcess } from './controller-process.ts';
import { cutOff, freezeHost, loseSite, thawHost } from './faults.ts';
import type { InstanceModel } from './instance-model.ts';
import { powerOff, powerOn } from './power.ts';
import type { SimulatedHost, World } from './world.ts';

/** What was hurt, by its name in this firm, and what ends it. */
export interface Hurt {
  readonly what: string;
  readonly heal: () => void;
  /** When it ends by itself whatever the scenario says; null = when the scenario says. */
  readonly endsAfterMs: number | null;
}

/** A supervisor starts a killed agent or controller again after this. */
const SUPERVISOR_MS = 500;

/** Finds whom a scenario means, now, and does to them what it says. */
export class ScenarioStage {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Null: nobody is meant by that now. */
  hurt(fault: ScenarioFault): Hurt | null {
    switch (fault.kind) {
      case 'kill':
        return this.#kill(fault.target);
      case 'freeze':
        return this.#freeze(fault.target);
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
      case 'hide': {
        const instance = this.instance(fault.instance);
        return instance ? lasting(instance.id, instance.hide()) : null;
      }
      case 'site-power-off':
        return this.#withSite(fault.site, (site) => loseSite(this.#world, site));
      case 'isolate':
        return this.#withSite(fault.site, (site) => cutOff(this.#world, site));
      case 'cut':
        return this.#cut(fault);
      case 'flap':
        return this.#flap(fault);
      case 'loss':
        return this.#lose(fault);
      case 'slow-disk': {
        const instance = this.instance(fault.instance);
        if (instance === null) return null;
        instance.disk.diskMs = fault.diskMs;
        return lasting(instance.id, () => {
          instance.disk.diskMs = 0;
        });
      }
      case 'full-disk': {
        const instance = this.instance(fault.instance);
        if (instance === null) return null;
        instance.disk.isFull = true;
        instance.die();
        return lasting(instance.id, () => {
          instance.disk.isFull = false;
        });
      }
      case 'wrong-clock': {
        const controller = this.#controller(fault.target);
        if (controller === null) return null;
        controller.wallOffsetMs += fault.byMs;
        return lasting(`controller ${controller.site}`, () => {
          controller.wallOffsetMs -= fault.byMs;
        });
      }
      case 'copy-authority':
        this.#world.authority.backUp();
        return atOnce('as it is now');
      case 'restore-authority':
        this.#world.checkers.lossAccepted = true;
        return this.#world.authority.restore() ? atOnce('what was written since is forgotten') : null;
      case 'stop-authority':
        this.#world.authority.loseQuorum(true);
        return lasting('no quorum', () => this.#world.authority.loseQuorum(false));
      case 'alter-state': {
        const instance = this.instance(fault.instance);
        if (instance?.component.kind !== 'trading-engine' || instance.process !== 'running') return null;
        instance.state.isWrong = true;
        return atOnce(instance.id);
      }
      case 'rogue-promotion': {
        const instance = this.instance(fault.instance);
        instance?.goRogue();
        return instance ? atOnce(instance.id) : null;
      }
    }
  }

  #kill(target: KillPhrase): Hurt | null {
    switch (target.kind) {
      case 'instance': {
        const instance = this.instance(target.instance);
        instance?.die();
        return instance ? atOnce(instance.id) : null;
      }
      case 'agent': {
        const agent = this.host(target.host)?.agent ?? null;
        agent?.crash();
        return agent ? supervised(`agent ${agent.host.id}`, () => agent.start()) : null;
      }
      case 'leading-controller':
      case 'controller': {
        const controller = this.#controller(target);
        controller?.crash();
        return controller ? supervised(`controller ${controller.site}`, () => controller.start()) : null;
      }
    }
  }

  #freeze(target: FreezePhrase): Hurt | null {
    switch (target.kind) {
      case 'instance': {
        const instance = this.instance(target.instance);
        instance?.freeze();
        return instance ? lasting(instance.id, () => instance.thaw()) : null;
      }
      case 'host':
        return this.#withHost(target.host, (host) => {
          freezeHost(host);
          return () => thawHost(host);
        });
      case 'agent':
        return this.#withHost(target.host, ({ agent }) => {
          agent.freeze();
          return () => agent.thaw();
        });
      case 'warden':
        return this.#withHost(target.host, ({ gate }) => {
          gate.freeze();
          return () => gate.thaw();
        });
      case 'leading-controller':
      case 'controller': {
        const controller = this.#controller(target);
        controller?.freeze();
        return controller ? lasting(`controller ${controller.site}`, () => controller.thaw()) : null;
      }
    }
  }

  #controller(phrase: ControllerPhrase): ControllerProcess | null {
    if (phrase.kind === 'leading-controller') return this.#world.leader;
    const site = this.site(phrase.site);
    return this.#world.controllers.find((each) => each.site === site) ?? null;
  }

  #cut({ from, to, oneWay }: Extract<ScenarioFault, { kind: 'cut' }>): Hurt | null {
    const { network } = this.#world;
    const [left, right] = [this.site(from), this.site(to)];
    if (left === null || right === null || left === right) return null;
    network.cut(left, right);
    if (!oneWay) network.cut(right, left);
    return lasting(`${left} ${oneWay ? '→' : '↔'} ${right}`, () => {
      network.heal(left, right);
      if (!oneWay) network.heal(right, left);
    });
  }

  #lose({ from, to, percent }: Extract<ScenarioFault, { kind: 'loss' }>): Hurt | null {
    const { network } = this.#world;
    const [left, right] = [this.site(from), this.site(to)];
    if (left === null || right === null || left === right) return null;
    const lose = (share: number) => {
      network.lose(left, right, share);
      network.lose(right, left, share);
    };
    lose(percent / 100);
    return lasting(`${percent} % of ${left} ↔ ${right}`, () => lose(0));
  }

  #flap({ from, to, everyMs }: Extract<ScenarioFault, { kind: 'flap' }>): Hurt | null {
    let cut: Hurt | null = null;
    let over = false;
    const turn = () => {
      if (over) return;
      if (cut === null) cut = this.#cut({ kind: 'cut', from, to, oneWay: false });
      else {
        cut.heal();
        cut = null;
      }
      this.#world.queue.after(everyMs, turn);
    };
    const [left, right] = [this.site(from), this.site(to)];
    if (left === null || right === null || left === right) return null;
    turn();
    return lasting(`${left} ↔ ${right}`, () => {
      over = true;
      cut?.heal();
    });
  }

  #withHost(phrase: HostPhrase, hurt: (host: SimulatedHost) => () => void): Hurt | null {
    const host = this.host(phrase);
    return host ? lasting(host.id, hurt(host)) : null;
  }

  #withSite(phrase: SitePhrase, hurt: (site: SiteId) => () => void): Hurt | null {
    const site = this.site(phrase);
    return site ? lasting(site, hurt(site)) : null;
  }

  site(phrase: SitePhrase): SiteId | null {
    return siteMeant(phrase, this.#world);
  }

  instance(phrase: InstancePhrase): InstanceModel | null {
    const meant = instanceMeant(phrase, this.#world);
    return meant === null ? null : (this.#world.instances.get(meant.id) ?? null);
  }

  host(phrase: HostPhrase): SimulatedHost | null {
    const meant = hostMeant(phrase, this.#world);
    return this.#world.hosts.find((host) => host.id === meant) ?? null;
  }
}

const lasting = (what: string, heal: () => void): Hurt => ({ what, heal, endsAfterMs: null });
const atOnce = (what: string): Hurt => ({ what, heal: () => {}, endsAfterMs: 0 });
const supervised = (what: string, heal: () => void): Hurt => ({ what, heal, endsAfterMs: SUPERVISOR_MS });
