import { request } from 'node:http';
import type { PatroniMember } from '../../lab/netns/servers/patroni-members.ts';
import type { Dial } from '../../src/adapters/system/dial.ts';

interface ClusterMember {
  readonly name: string;
  readonly role: string;
  readonly state: string;
}

const askWithinMs = 4_000;

/** Patroni's REST API as a person beside the clients would use it. */
export class PatroniDesk {
  readonly #members: readonly PatroniMember[];
  readonly #dial: Dial;
  readonly #auth: string;

  constructor(
    members: readonly PatroniMember[],
    dial: Dial,
    login: { readonly user: string; readonly password: string },
  ) {
    this.#members = members;
    this.#dial = dial;
    this.#auth = `${login.user}:${login.password}`;
  }

  /** As the cluster has them now; null when nobody says so. */
  async configuration(): Promise<string | null> {
    for (const member of this.#members) {
      const said = await this.#ask(member, 'GET', '/config');
      if (said !== null) return said;
    }
    return null;
  }

  /** What is not named stays. @throws when no member takes it */
  async configure(settings: object): Promise<void> {
    for (const member of this.#members) if ((await this.#ask(member, 'PATCH', '/config', settings)) !== null) return;
    throw new Error('no member of the cluster takes other settings');
  }

  /** Copies a member anew that cannot come back by itself. */
  async reinitialise(name: string): Promise<void> {
    const member = this.#members.find((each) => each.name === name);
    if (member !== undefined) await this.#ask(member, 'POST', '/reinitialize', { force: true });
  }

  /** As its leader sees it, once all members name the same one: each says what it read in its last loop. Empty until then. */
  async cluster(): Promise<readonly ClusterMember[]> {
    const said = await Promise.all(this.#members.map((member) => this.#ask(member, 'GET', '/cluster')));
    const views = said.map((text) =>
      text === null ? [] : (JSON.parse(text) as { readonly members: readonly ClusterMember[] }).members,
    );
    const leaders = new Set(views.map((view) => view.find(({ role }) => role === 'leader')?.name));
    const index = this.#members.findIndex(({ name }) => leaders.has(name));
    return leaders.size === 1 ? (views[index] ?? []) : [];
  }

  /** Null unless it answers, in time, that it is done. */
  async #ask(
    { address, restPort }: PatroniMember,
    method: 'GET' | 'PATCH' | 'POST',
    path: string,
    body?: object,
  ): Promise<string | null> {
    const socket = await this.#dial({ host: address, port: restPort }, { deadlineMs: askWithinMs }).catch(() => null);
    if (socket === null) return null;
    const { promise, resolve } = Promise.withResolvers<string | null>();
    const text = body === undefined ? '' : JSON.stringify(body);
    const asked = request(
      {
        ...{ method, path, auth: this.#auth, createConnection: () => socket },
        headers: { connection: 'close', 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      },
      async (answer) => {
        let said = '';
        for await (const part of answer.setEncoding('utf8')) said += part;
        resolve(answer.statusCode === 200 ? said : null);
      },
    );
    const timer = setTimeout(() => socket.destroy(), askWithinMs);
    asked.on('error', () => resolve(null));
    asked.on('close', () => {
      clearTimeout(timer);
      resolve(null);
    });
    asked.end(text);
    return promise;
  }
}
