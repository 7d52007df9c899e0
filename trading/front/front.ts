import {
  ContractError,
  type EpochParams,
  type FenceResult,
  type Position,
  type PositionResult,
  type Role,
  type RouteParams,
  type Status,
} from '../control/contract.ts';
import type { ControlHandlers } from '../control/control-server.ts';
import type { EpochStore } from '../control/epoch-store.ts';
import type { FrontConfig } from './front-config.ts';
import { ServiceRelay } from './service-relay.ts';

/** Nothing is logged here, so the position never moves. */
const NO_LOG: Position = { epoch: 0, sequence: 0 };

/**
 * A site's front: the only address that clients know. It starts with every service closed, and goes only where a `route` of
 * the current epoch says. It is never primary: with any service routed it is `standby`, else `closed` or `fenced`.
 */
export class Front {
  readonly #epochs: EpochStore;
  readonly #relays: ReadonlyMap<string, ServiceRelay>;
  readonly #onStatusChanged: () => void;
  #routedEpoch = 0;
  #fenced: string | null = null;

  private constructor(options: {
    epochs: EpochStore;
    relays: ReadonlyMap<string, ServiceRelay>;
    onStatusChanged: () => void;
  }) {
    this.#epochs = options.epochs;
    this.#relays = options.relays;
    this.#onStatusChanged = options.onStatusChanged;
  }

  /** Listens on every service's address; all closed. */
  static async start(options: {
    config: FrontConfig;
    epochs: EpochStore;
    onStatusChanged: () => void;
  }): Promise<Front> {
    const { config, epochs, onStatusChanged } = options;
    const relays = new Map<string, ServiceRelay>();
    for (const [service, address] of Object.entries(config.services)) {
      const relay = new ServiceRelay({ dialDeadlineMs: config.dialDeadlineMs, onEvidence: onStatusChanged });
      await relay.listen(address);
      relays.set(service, relay);
    }
    return new Front({ epochs, relays, onStatusChanged });
  }

  get ports(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#relays].map(([service, relay]) => [service, relay.port]));
  }

  handlers(): ControlHandlers {
    return {
      status: () => this.status(),
      position: () => NO_LOG,
      epochRaised: (epoch, method) => this.#epochRaised(epoch, method),
      fence: (params) => this.#fence(params),
      demote: (params) => this.#demote(params),
      route: (params) => this.#route(params),
    };
  }

  status(): Status {
    const routes = Object.fromEntries([...this.#relays].map(([service, relay]) => [service, relay.target]));
    const services = Object.fromEntries([...this.#relays].map(([service, relay]) => [service, relay.figures()]));
    const figures = Object.values(services);
    const sum = (of: 'sessions' | 'refused' | 'lost') => figures.reduce((total, service) => total + service[of], 0);
    return {
      role: this.#role(),
      epoch: this.#epochs.highest,
      health: 'ok',
      reason: this.#fenced,
      position: NO_LOG,
      releasing: false,
      leaseUntilNs: null,
      tradingEnabled: false,
      ackSet: [],
      replicas: [],
      upstream: null,
      divergence: null,
      business: {
        activeOrders: 0,
        lastOrderAgeMs: null,
        acknowledged: 0,
        sessions: sum('sessions'),
        refused: sum('refused'),
        lost: sum('lost'),
        routedEpoch: this.#routedEpoch,
        routes,
        services,
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#relays.values()].map((relay) => relay.close()));
  }

  #role(): Role {
    if ([...this.#relays.values()].some((relay) => relay.target !== null)) return 'standby';
    return this.#fenced === null ? 'closed' : 'fenced';
  }

  /** A route of an older epoch ends when a newer one is seen: a foreign writer behind it may have no other fence. */
  #epochRaised(epoch: number, method: string): void {
    if (method === 'route') return;
    this.#closeAll();
    this.#fenced = `${method} with epoch ${epoch} closed the routes of epoch ${this.#routedEpoch}`;
  }

  #fence({ epoch }: EpochParams): FenceResult {
    if (this.#routedEpoch < epoch) this.#closeAll();
    this.#onStatusChanged();
    return { epoch: this.#epochs.highest, position: NO_LOG, receivers: {} };
  }

  #demote(_params: EpochParams): PositionResult {
    this.#closeAll();
    this.#onStatusChanged();
    return { position: NO_LOG };
  }

  /** Services that are not named stay as they are; `fence` is what closes routes of an older epoch. */
  #route({ epoch, routes }: RouteParams): object {
    const unknown = Object.keys(routes).find((service) => !this.#relays.has(service));
    if (unknown !== undefined)
      throw new ContractError(
        'bad-params',
        `this front has no service ${unknown}; it has ${[...this.#relays.keys()].join(', ')}`,
      );
    for (const [service, target] of Object.entries(routes)) this.#relays.get(service)?.route(target);
    this.#routedEpoch = epoch;
    this.#fenced = null;
    this.#onStatusChanged();
    return {};
  }

  #closeAll(): void {
    for (const relay of this.#relays.values()) relay.route(null);
  }
}
