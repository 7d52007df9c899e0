/** Who keeps the programs of a host running, beside the agent. */
export const serviceManagers = ['systemd', 'supervisord'] as const;
export type ServiceManager = (typeof serviceManagers)[number];

/** `systemd:haproxy.service`, `supervisord:redis`, `supervisord:group:program`. */
export interface ServiceName {
  readonly manager: ServiceManager;
  readonly name: string;
}

/**
 * `changing`: being started, stopped, or waited with after it ended too soon. `stopped`: nobody wants it to run. `failed`: it ended, and
 * its manager has given it up.
 */
export const serviceStates = ['running', 'changing', 'stopped', 'failed'] as const;
export type ServiceState = (typeof serviceStates)[number];

/** One program as its manager sees it. */
export interface ServiceLook {
  /** As the topology writes it. */
  readonly service: string;
  /** Null: its manager did not say; `said` is why. */
  readonly state: ServiceState | null;
  /** In the manager's own words. */
  readonly said: string;
}

const written = /^(systemd|supervisord):([A-Za-z0-9_@.\\-][A-Za-z0-9_@.:\\-]{0,199})$/;

/**
 * Null where it is not written so. No name begins with a dash, so that none is taken for an option, and none stands for several programs,
 * as `all` and `GROUP:` do for supervisord.
 */
export function serviceNameIn(text: string): ServiceName | null {
  const [, manager, name] = written.exec(text) ?? [];
  if (name === undefined || name.startsWith('-')) return null;
  if (manager === 'supervisord' && (name === 'all' || name.endsWith(':'))) return null;
  return { manager: manager as ServiceManager, name };
}

/** `bar`: stopped, and kept from starting until it is allowed again, also by its manager and after a restart of anything. */
export const serviceOrders = ['start', 'stop', 'restart', 'bar', 'allow'] as const;
export type ServiceOrder = (typeof serviceOrders)[number];
