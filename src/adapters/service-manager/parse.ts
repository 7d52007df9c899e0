import type { ServiceLook, ServiceState } from '../../core/health/service-state.ts';

type Seen = Omit<ServiceLook, 'service'>;

const notSaid = (said: string): Seen => ({ state: null, said });

const ofSupervisord: Readonly<Record<string, ServiceState>> = {
  RUNNING: 'running',
  STARTING: 'changing',
  BACKOFF: 'changing',
  STOPPING: 'changing',
  STOPPED: 'stopped',
  EXITED: 'failed',
  FATAL: 'failed',
};

/** Of `supervisorctl status NAME`: `redis  RUNNING   pid 12, uptime 0:00:05`. */
export function supervisordSays(name: string, text: string): Seen {
  const line = text
    .split('\n')
    .find((each) => each === name || each.startsWith(`${name} `) || each.startsWith(`${name}:`));
  const [, state = '', more = ''] = /^\S+\s+([A-Z]+)\s*(.*)$/.exec(line ?? '') ?? [];
  const known = ofSupervisord[state];
  if (line === undefined || known === undefined)
    return notSaid(shortened(line ?? text) || 'supervisorctl said nothing');
  return { state: known, said: [state, more.trim()].filter((word) => word !== '').join(' ') };
}

const ofSystemd: Readonly<Record<string, ServiceState>> = {
  active: 'running',
  reloading: 'running',
  activating: 'changing',
  deactivating: 'changing',
  inactive: 'stopped',
  failed: 'failed',
};

/** Of `systemctl show --property=LoadState,ActiveState,SubState,MainPID,NRestarts UNIT`. A unit that is not there counts as not said. */
export function systemdSays(text: string): Seen {
  const of = (property: string) => new RegExp(`^${property}=(.*)$`, 'm').exec(text)?.[1] ?? '';
  const state = ofSystemd[of('ActiveState')];
  if (of('LoadState') !== 'loaded' || state === undefined)
    return notSaid(shortened(of('LoadState') === '' ? text : `it is ${of('LoadState')}`) || 'systemctl said nothing');
  const restarts = Number(of('NRestarts'));
  const words = [
    `${of('ActiveState')} (${of('SubState')})`,
    of('MainPID') === '0' ? '' : `pid ${of('MainPID')}`,
    restarts > 0 ? `restarted ${restarts} times` : '',
  ];
  return { state, said: words.filter((word) => word !== '').join(', ') };
}

const shortened = (text: string): string => text.trim().split('\n').at(-1)!.slice(0, 200);
