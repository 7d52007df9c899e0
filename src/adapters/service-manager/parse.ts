import type { ServiceLook, ServiceState } from '../../core/health/service-state.ts';
import type { RefusalCode, ServiceVerb, Told } from './managed-service.ts';

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

/** The main process, in what {@link supervisordSays} says: `RUNNING pid 12, uptime 0:00:05`. Null: it names none. */
export function supervisordPid(said: string): number | null {
  const [, pid] = /\bpid (\d+)\b/.exec(said) ?? [];
  return pid === undefined ? null : Number(pid);
}

/** Of `supervisorctl avail`: `redis  in use  auto  999:999`. Null: it is not there. */
export function supervisordStartsItself(name: string, text: string): boolean | null {
  const line = text.split('\n').find((each) => each.split(/\s+/)[0] === name);
  const [, when] = /\s(auto|manual)\s/.exec(line ?? '') ?? [];
  return when === undefined ? null : when === 'auto';
}

interface CommandAnswer {
  readonly code: number;
  readonly text: string;
}

const refused = (code: RefusalCode, text: string): Told => ({ kind: 'refused', code, reason: shortened(text) });

/** Its words for what an order found done already. */
const isDoneAlready = (verb: ServiceVerb, why: string): boolean =>
  (verb === 'stop' && why === 'not running') || (verb === 'start' && why === 'already started');

const ofSupervisordErrors: Readonly<Record<string, RefusalCode>> = {
  'no such process': 'no-such-service',
  'no such group': 'no-such-service',
  'no such file': 'would-not-start',
  'file is not executable': 'would-not-start',
  'spawn error': 'would-not-start',
  'abnormal termination': 'would-not-start',
};

/** Of `supervisorctl start|stop NAME`. That it was told says nothing of what came of it. */
export function supervisordAnswered(name: string, verb: ServiceVerb, { code, text }: CommandAnswer): Told {
  const line = text.split('\n').find((each) => each.startsWith(`${name}: `));
  const [, why] = /: ERROR \((.*)\)$/.exec(line ?? '') ?? [];
  if (line !== undefined && why === undefined) return { kind: 'told' };
  if (why !== undefined)
    return isDoneAlready(verb, why) ? { kind: 'told' } : refused(ofSupervisordErrors[why] ?? 'refused', text);
  if (/Permission denied|requires authentication/.test(text)) return refused('not-permitted', text);
  if (/no such file$|refused connection|ENOENT/m.test(text.trim())) return refused('manager-unreachable', text);
  return code === 0
    ? { kind: 'unknown', reason: `supervisorctl said: ${shortened(text)}` }
    : refused('refused', text || `supervisorctl ended with ${code}`);
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

/** What `systemctl show` says of a unit that may be ordered about; a text: why it says nothing. */
export function systemdUnit(text: string):
  | string
  | (Seen & {
      readonly masked: boolean;
      /** Started with the host; null: systemd does not say. */
      readonly enabled: boolean | null;
      readonly mainPid: number | null;
      /** Below the root of the hierarchy; empty: it has none, and then nothing is left of it. */
      readonly controlGroup: string;
    }) {
  const of = (property: string) => new RegExp(`^${property}=(.*)$`, 'm').exec(text)?.[1] ?? '';
  const masked = of('LoadState') === 'masked';
  const seen = systemdSays(masked ? text.replace(/^LoadState=masked$/m, 'LoadState=loaded') : text);
  if (seen.state === null) return seen.said;
  const mainPid = Number(of('MainPID'));
  const file = of('UnitFileState');
  return {
    ...seen,
    said: masked ? `${seen.said}, masked` : seen.said,
    masked,
    enabled: file === '' ? null : file.startsWith('enabled'),
    mainPid: mainPid > 0 ? mainPid : null,
    controlGroup: of('ControlGroup'),
  };
}

/** Of an order of systemctl. That it was told says nothing of what came of it. */
export function systemdAnswered(
  verb: string,
  { code, stdout, stderr }: { readonly code: number; readonly stdout: string; readonly stderr: string },
): Told {
  if (code === 0) return { kind: 'told' };
  const text = stderr.trim() === '' ? stdout : stderr;
  if (/Connection timed out|Transport endpoint|did not receive a reply/i.test(text))
    return { kind: 'unknown', reason: `systemctl ${verb}: ${shortened(text)}` };
  if (
    /Access denied|Interactive authentication required|a password is required|not allowed|may not run sudo/.test(text)
  )
    return refused('not-permitted', text);
  if (/Failed to connect to bus|not been booted with systemd|ENOENT/.test(text))
    return refused('manager-unreachable', text);
  if (/not found|does not exist|not loaded/.test(text)) return refused('no-such-service', text);
  return refused(verb === 'start' ? 'would-not-start' : 'refused', text || `systemctl ended with ${code}`);
}

const shortened = (text: string): string => text.trim().split('\n').at(-1)!.slice(0, 200);
