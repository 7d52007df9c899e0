import type { AskHttp, HttpAnswer, HttpQuestion } from './http.ts';

/** Two members, a lock with its revision, and what each would say. A test changes it as Patroni would. */
export class Cluster {
  leader: string | null = 'nyc-1';
  since = 21;
  /** Revision of its last renewal. */
  renewed = 25;
  standbys = 'chi-1';
  readonly roles: Record<string, string> = { 'nyc-1': 'master', 'chi-1': 'replica' };
  readonly tags: Record<string, object> = {};
  readonly silent = new Set<string>();
  /** Whose keys as members have been taken away. */
  readonly forgotten = new Set<string>();
  /** Revision at which each member wrote its key last. */
  written = 1;
  settings: object = { ttl: 10, loop_wait: 1, retry_timeout: 4, synchronous_mode: true, synchronous_mode_strict: true };
  paused = false;
  version = '3.0.2';
  readonly asked: string[] = [];
  /** Who is asked for by name, as it is written down while that cannot be carried out. */
  calledFor: string | null = null;
  /** What it does when it is asked. */
  onAsked: () => void = () => {};
  /** What happens right after somebody has read the store. */
  onStoreRead: () => void = () => {};

  moveTo(member: string): void {
    const former = this.leader;
    this.calledFor = null;
    this.leader = member;
    this.since += 100;
    this.standbys = former ?? '';
    this.roles[member] = 'master';
    if (former !== null && former !== member) this.roles[former] = 'replica';
  }

  readonly ask: AskHttp = async ({ method, url, body }: HttpQuestion, { deadlineMs }): Promise<HttpAnswer> => {
    const host = new URL(url).hostname;
    if (this.silent.has(host)) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, Math.min(deadlineMs, 50))));
      return { kind: 'unknown', reason: `no answer of ${host}` };
    }
    const answer = (value: unknown): HttpAnswer => ({ kind: 'answer', status: 200, text: JSON.stringify(value) });
    if (host === 'store' && method === 'DELETE') return this.#delete(new URL(url));
    if (host === 'store') {
      const read = answer({ node: { key: '/service/base', nodes: this.#keys() } });
      this.onStoreRead();
      return read;
    }
    if (method === 'POST') {
      this.asked.push(`${new URL(url).pathname} ${JSON.stringify(body)}`);
      if (url.endsWith('/failover')) this.calledFor = (body as { readonly candidate: string }).candidate;
      this.onAsked();
      return { kind: 'answer', status: 200, text: 'done' };
    }
    return url.endsWith('/config') ? answer(this.settings) : answer(this.#status(host));
  };

  /** As etcd compares: both, in one step. */
  #delete({ pathname, searchParams: condition }: URL): HttpAnswer {
    const member = /\/members\/(.+)$/.exec(pathname)?.[1] ?? null;
    this.asked.push(`DELETE ${member === null ? '' : `members/${member}?`}${condition.toString()}`);
    const isRevision = condition.get('prevIndex') === String(member === null ? this.renewed : this.written);
    const isSame = isRevision && (member !== null || condition.get('prevValue') === this.leader);
    if (!isSame) return { kind: 'answer', status: 412, text: '{"errorCode":101,"message":"Compare failed"}' };
    if (member === null) this.leader = null;
    else this.forgotten.add(member);
    if (member === null) this.onAsked();
    return { kind: 'answer', status: 200, text: '{"action":"compareAndDelete"}' };
  }

  #status(member: string): object {
    const role = this.roles[member];
    return {
      state: 'running',
      role,
      timeline: 3,
      xlog: role === 'master' ? { location: 1000 } : { replayed_location: 900 },
      replication:
        role === 'master' ? [{ application_name: this.standbys, state: 'streaming', sync_state: 'sync' }] : [],
      ...(this.paused ? { pause: true } : {}),
      tags: this.tags[member] ?? {},
      patroni: { version: this.version, scope: 'base' },
    };
  }

  #keys(): readonly object[] {
    const node = (key: string, value: string, createdIndex: number, modifiedIndex = createdIndex) => ({
      key: `/service/base/${key}`,
      value,
      createdIndex,
      modifiedIndex,
    });
    const present = Object.entries(this.roles).filter(([name]) => !this.forgotten.has(name));
    const members = present.map(([name, role]) =>
      node(
        `members/${name}`,
        JSON.stringify({
          api_url: `http://${name}/patroni`,
          state: 'running',
          role,
          version: this.version,
          xlog_location: 900,
          tags: this.tags[name] ?? {},
        }),
        1,
        this.written,
      ),
    );
    return [
      ...members,
      ...(this.leader === null ? [] : [node('leader', this.leader, this.since, this.renewed)]),
      node('sync', JSON.stringify({ leader: this.leader ?? 'nyc-1', sync_standby: this.standbys }), 2),
      ...(this.calledFor === null ? [] : [node('failover', JSON.stringify({ member: this.calledFor }), 4)]),
      node('status', JSON.stringify({ optime: 1000 }), 3),
    ];
  }
}
