import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { checkTiming } from '../core/authority/lease-arithmetic.ts';
import type { Topology } from '../core/topology/topology.ts';
import { Fields } from './fields.ts';
import { causeText, HoldfastError } from './holdfast-error.ts';
import type { TlsFiles } from './peer-identity.ts';

/** What the configuration files of agents and controllers have in common. Paths are relative to the file. */
export type AuthorityConfig =
  /** One voter, for the lab only. `client` is the name under which the authority knows this process. */
  | {
      readonly kind: 'lab-only';
      readonly host: string;
      readonly port: number;
      readonly client: string;
      readonly tokenFile: string | null;
      readonly useTls: boolean;
    }
  /** `endpoints`: `host:port` of every member, the nearest first. Without `tls` the connections are plain. */
  | {
      readonly kind: 'etcd';
      readonly endpoints: readonly string[];
      readonly tls: TlsFiles | null;
      readonly namespace: string | null;
    };

export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

export interface LinkTimingConfig {
  readonly pingEveryMs: number;
  readonly silenceMs: number;
  readonly greetWithinMs: number;
}

/** A configuration file that has been read; every complaint names the file and the member. */
export class ConfigSource {
  readonly path: string;
  readonly what: string;

  constructor(path: string, what: string) {
    this.path = path;
    this.what = what;
  }

  /** @throws HoldfastError HF-3301 */
  read<Config>(parse: (fields: Fields, source: ConfigSource) => Config): Config {
    try {
      return parse(Fields.parse(readFileSync(this.path, 'utf8'), ''), this);
    } catch (cause) {
      if (cause instanceof HoldfastError) throw cause;
      throw this.problem(causeText(cause), cause);
    }
  }

  file(path: string): string {
    return isAbsolute(path) ? path : resolve(dirname(this.path), path);
  }

  problem(found: string, cause?: unknown): HoldfastError {
    return new HoldfastError({
      code: 'HF-3301',
      attempted: `read the ${this.what}'s configuration ${this.path}`,
      found,
      next: 'correct the file and start again',
      cause,
    });
  }

  tls(fields: Fields, name = 'tls'): TlsFiles {
    const tls = fields.fields(name);
    return { ca: this.file(tls.text('ca')), cert: this.file(tls.text('cert')), key: this.file(tls.text('key')) };
  }

  authority(fields: Fields): AuthorityConfig {
    const authority = fields.fields('authority');
    const kind = authority.oneOf('kind', ['lab-only', 'etcd']);
    if (kind === 'etcd')
      return {
        kind,
        endpoints: authority.texts('endpoints'),
        tls: authority.has('tls') ? this.tls(authority) : null,
        namespace: authority.textOrNull('namespace'),
      };
    const tokenFile = authority.textOrNull('tokenFile');
    return {
      kind,
      host: authority.text('host'),
      port: authority.count('port'),
      client: authority.text('client'),
      tokenFile: tokenFile === null ? null : this.file(tokenFile),
      useTls: authority.flag('useTls', false),
    };
  }

  /** `topology` (inline) or `topologyJson` (a file): the topology as parsed and checked, not YAML. Its timing must be sound. */
  topology(fields: Fields): Topology {
    const value = fields.has('topology') ? fields.json('topology') : this.json(fields.text('topologyJson'));
    const shape = Fields.of(value, 'topology');
    shape.text('name');
    for (const list of ['sites', 'hosts', 'components', 'groups', 'links', 'venues'] as const)
      shape.list(list, (item, at) => Fields.of(item, at));
    shape.fields('timing');
    const topology = value as unknown as Topology;
    const problems = checkTiming(topology.timing);
    if (problems.length > 0)
      throw new HoldfastError({
        code: 'HF-3302',
        attempted: `start with the durations of the topology ${topology.name}`,
        found: problems.map((problem) => problem.message).join('; '),
        next: 'correct `timing` in the topology file: safety rests on these relations',
      });
    return topology;
  }

  json(path: string): unknown {
    const file = this.file(path);
    try {
      return JSON.parse(readFileSync(file, 'utf8'));
    } catch (cause) {
      throw new HoldfastError({
        code: 'HF-3301',
        attempted: `read ${file}, which ${this.path} names`,
        found: causeText(cause),
        next: 'write it anew from the topology or runbook file',
        cause,
      });
    }
  }
}

export function addressItem(value: unknown, at: string): SocketAddress {
  const fields = Fields.of(value, at);
  return { host: fields.text('host'), port: fields.count('port') };
}

export function linkTiming(fields: Fields): LinkTimingConfig | null {
  const timing = fields.fieldsOrNull('linkTiming');
  return timing === null
    ? null
    : {
        pingEveryMs: timing.count('pingEveryMs', 1000),
        silenceMs: timing.count('silenceMs', 2500),
        greetWithinMs: timing.count('greetWithinMs', 2000),
      };
}
