import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Topology } from '../src/core/topology/topology.ts';
import { LabError, messageOf, systemCode } from './lab-error.ts';
import type { Address } from './layout.ts';

/** Who brought a lab up, as far as it was said. */
export interface LabStarter {
  /** As a person would type it, e.g. `holdfast demo --keep`. */
  readonly command: string;
  readonly user: string;
  /** Whoever brought it up stays with it and brings it down again: when that process is gone, nobody will. */
  readonly attended: boolean;
}

/** What `lab.json` says of a lab: enough to talk to it and to end it. */
export interface LabRecord {
  readonly format: 1;
  readonly id: string;
  readonly name: string;
  readonly firm: string;
  readonly topologyFile: string | null;
  readonly createdAt: string;
  /** Null until the ground has taken its addresses. */
  readonly control: Address | null;
  readonly block: number | null;
  /** Whoever is bringing it up, or did. */
  readonly broughtUpBy: { readonly pid: number; readonly startTicks: number } | null;
  /** Null when it was not said. */
  readonly startedBy: LabStarter | null;
  /** All processes were started and ready. */
  readonly complete: boolean;
}

/** What outlives `lab down`. */
const keptNames: readonly string[] = ['evidence', 'report'];

/**
 * Files of one lab, all below `.holdfast/labs/NAME/` of the project:
 *
 * ```
 * lab.json  processes.json  ground.json  events.ndjson   logs/
 * pki/  secrets/                                         0700
 * hosts/HOST/                agent and warden; hosts/HOST/INSTANCE/ is an instance's own
 * sites/SITE/                controller
 * outside/                   authority, venues, load, reconcile
 * machines/  delays.json     of a lab of network namespaces: each machine's configuration
 * evidence/  report/         kept by `lab down`
 * ```
 */
export class LabDirectory {
  readonly root: string;
  readonly name: string;
  readonly path: string;
  /** The same for this directory for ever, so that a lab is found also when nothing but its processes is left. */
  readonly id: string;

  /** @param root the project's root, absolute. Creates nothing. */
  constructor(root: string, name: string) {
    if (!/^[a-z0-9][a-z0-9-]{0,30}$/.test(name))
      throw new LabError({
        code: 'HF-7003',
        attempted: `use a lab named "${name}"`,
        found: "that cannot be a lab's name",
        next: 'use at most 31 lower-case letters, digits and dashes',
      });
    this.root = realpathSync(root);
    this.name = name;
    this.path = join(this.root, '.holdfast', 'labs', name);
    this.id = `${name}.${createHash('sha256').update(this.path).digest('hex').slice(0, 10)}`;
  }

  /** Where every agent and controller of this firm keeps its own evidence chain; not all of them need exist. */
  evidenceChains(topology: Topology): readonly string[] {
    return [
      ...topology.hosts.map((host) => join(this.host(host.id), 'agent', 'evidence')),
      ...topology.sites.map((site) => join(this.site(site.id), 'controller', 'evidence')),
    ];
  }

  get recordFile(): string {
    return join(this.path, 'lab.json');
  }
  get registryFile(): string {
    return join(this.path, 'processes.json');
  }
  get groundFile(): string {
    return join(this.path, 'ground.json');
  }
  get eventFile(): string {
    return join(this.path, 'events.ndjson');
  }
  get groundTokenFile(): string {
    return join(this.path, 'secrets', 'ground.token');
  }
  get logs(): string {
    return join(this.path, 'logs');
  }
  get pki(): string {
    return join(this.path, 'pki');
  }
  get secrets(): string {
    return join(this.path, 'secrets');
  }
  get evidence(): string {
    return join(this.path, 'evidence');
  }
  get report(): string {
    return join(this.path, 'report');
  }
  host(host: string): string {
    return join(this.path, 'hosts', host);
  }
  instance(host: string, instance: string): string {
    return join(this.path, 'hosts', host, instance);
  }
  site(site: string): string {
    return join(this.path, 'sites', site);
  }
  outside(name: string): string {
    return join(this.path, 'outside', name);
  }
  logOf(key: string): string {
    return LabDirectory.logIn(this.path, key);
  }

  /** @param path of a lab's directory */
  static logIn(path: string, key: string): string {
    return join(path, 'logs', `${key.replaceAll('/', '-')}.log`);
  }

  exists(): boolean {
    return existsSync(this.path);
  }

  /**
   * Makes the directories. Reachable by everybody, so that a database which must not run as root finds its own; what is
   * secret is closed.
   * @throws LabError HF-7004, HF-7009
   */
  create(): void {
    try {
      mkdirSync(this.path, { recursive: true, mode: 0o755 });
      for (const open of [this.logs, join(this.path, 'hosts'), join(this.path, 'sites'), join(this.path, 'outside')])
        mkdirSync(open, { recursive: true, mode: 0o755 });
      for (const closed of [this.secrets, this.pki, this.evidence, this.report])
        mkdirSync(closed, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw this.#rights('create', error);
    }
  }

  /** Null when there is none. */
  readRecord(): LabRecord | null {
    try {
      const record = JSON.parse(readFileSync(this.recordFile, 'utf8')) as LabRecord;
      return { ...record, startedBy: record.startedBy ?? null };
    } catch (error) {
      if (systemCode(error) === 'ENOENT' || error instanceof SyntaxError) return null;
      throw this.#rights('read', error);
    }
  }

  /** False when another `lab up` was first. */
  claim(record: LabRecord): boolean {
    try {
      writeFileSync(this.recordFile, JSON.stringify(record, null, 1), { flag: 'wx', mode: 0o600, flush: true });
      return true;
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false;
      throw this.#rights('write', error);
    }
  }

  /** Removes everything but evidence and report; the directory itself too when those are empty. */
  removeState(): readonly string[] {
    if (!this.exists()) return [];
    const kept: string[] = [];
    try {
      for (const name of readdirSync(this.path)) {
        const path = join(this.path, name);
        if (keptNames.includes(name) && readdirSync(path).length > 0) kept.push(path);
        else rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
      }
      if (kept.length === 0) rmSync(this.path, { recursive: true, force: true });
    } catch (error) {
      throw this.#rights('remove', error);
    }
    return kept;
  }

  /** Removes everything, evidence and report included. */
  remove(): void {
    try {
      rmSync(this.path, { recursive: true, force: true });
    } catch (error) {
      throw this.#rights('remove', error);
    }
  }

  #rights(what: string, error: unknown): LabError {
    const attempted = `${what} the files of lab ${this.name}`;
    if (!['EACCES', 'EPERM', 'EROFS'].includes(systemCode(error) ?? ''))
      return new LabError({
        code: 'HF-7009',
        attempted,
        found: messageOf(error),
        next: 'see what is the matter with that file, then try again',
        cause: error,
      });
    return new LabError({
      code: 'HF-7004',
      attempted,
      found: messageOf(error),
      next: `run as the user who owns .holdfast, or give it to yourself ("chown -R $(id -un) .holdfast")`,
      cause: error,
    });
  }
}
