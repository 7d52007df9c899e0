/** What a proxy says of itself. */
export interface ProxyProcess {
  readonly version: string;
  readonly pid: number;
  readonly upMs: number;
  /** It takes no new sessions and waits for its old ones, as after a reload. */
  readonly stopping: boolean;
}

/** One server behind a proxy. */
export interface ProxiedServer {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** New sessions may be led there, once its checks say that it is up. */
  readonly admitted: boolean;
  /** By its checks. */
  readonly up: boolean;
  readonly sessions: number;
  readonly queued: number;
}

/** `show info`. Throws when it is not that. */
export function parseInfo(text: string): ProxyProcess {
  const values = new Map(
    text.split('\n').flatMap((line) => {
      const at = line.indexOf(': ');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 2).trim()] as const];
    }),
  );
  const version = /^\d+(\.\d+)*/.exec(values.get('Version') ?? '')?.[0];
  const [pid, upSeconds] = [Number(values.get('Pid')), Number(values.get('Uptime_sec'))];
  if (version === undefined || !Number.isSafeInteger(pid) || !Number.isSafeInteger(upSeconds))
    throw new Error('that is not what "show info" prints');
  return { version, pid, upMs: upSeconds * 1000, stopping: values.get('Stopping') === '1' };
}

/** What a server may be closed by, of the bits of `srv_admin_state`; 0x04 only remembers what the configuration said. */
const closing = { forced: 0x01, inherited: 0x02, drained: 0x08, drainInherited: 0x10, unresolved: 0x20, renamed: 0x40 };
const closed = Object.values(closing).reduce((all, bit) => all | bit, 0);
const running = '2';

/**
 * `show servers state BACKEND` and `show stat -1 4 -1`: who is behind one backend; null when it has no such backend. Throws
 * when it is not that.
 */
export function parseServers(backend: string, state: string, statistics: string): readonly ProxiedServer[] | null {
  if (/^Can't find backend/m.test(state)) return null;
  const loads = new Map(
    table(statistics, (line) => line.split(','))
      .filter((row) => row('pxname') === backend)
      .map((row) => [row('svname'), { sessions: count(row('scur')), queued: count(row('qcur')) }]),
  );
  return table(state, (line) => line.split(' '))
    .filter((row) => row('be_name') === backend)
    .map((row) => {
      const name = row('srv_name');
      const load = loads.get(name);
      if (load === undefined) throw new Error(`the statistics have no server ${name}`);
      return {
        name,
        address: row('srv_addr'),
        port: count(row('srv_port')),
        admitted: (count(row('srv_admin_state')) & closed) === 0,
        up: row('srv_op_state') === running,
        ...load,
      };
    });
}

type Row = (column: string) => string;

/** Lines under a first one, `# NAME…`, that names their columns. */
function table(text: string, cells: (line: string) => readonly string[]): readonly Row[] {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => line.startsWith('# '));
  if (at < 0) throw new Error('no line names the columns');
  const columns = cells(lines[at]!.slice(2));
  return lines
    .slice(at + 1)
    .filter((line) => line !== '')
    .map((line) => {
      const values = cells(line);
      return (column) => {
        const value = values[columns.indexOf(column)];
        if (value === undefined) throw new Error(`there is no column ${column}`);
        return value;
      };
    });
}

function count(text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isSafeInteger(value) || value < 0) throw new Error(`"${text}" is not a whole number`);
  return value;
}
