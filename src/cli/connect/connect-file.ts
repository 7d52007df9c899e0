import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { ControllerAddress } from '../../wire/client.ts';
import { Fields } from '../../wire/fields.ts';
import { causeText, HoldfastError } from '../../wire/holdfast-error.ts';
import { type PersonRole, personRoles, type TlsFiles } from '../../wire/peer-identity.ts';

export const connectFormat = 'holdfast-connect/1';

/**
 * Where the controllers are and as whom to ask them. Paths are relative to the file.
 *
 * ```json
 * { "format": "holdfast-connect/1", "firm": "NAME",
 *   "controllers": [{ "id": "SITE", "host": "127.0.0.1", "port": 7001 }],
 *   "ca": "ca.pem",
 *   "people": [{ "name": "Adam Admin", "role": "admin", "cert": "adam.pem", "key": "adam.key" }] }
 * ```
 */
export interface Connection {
  readonly file: string;
  readonly firm: string | null;
  readonly controllers: readonly ControllerAddress[];
  readonly person: { readonly name: string; readonly role: PersonRole };
  readonly tls: TlsFiles;
}

export interface ConnectWish {
  /** `--connect`, else the environment's HOLDFAST_CONNECT; null = the newest running lab. */
  readonly file: string | null;
  /** `--as` or HOLDFAST_AS: name of one of the file's people; null = the first. */
  readonly person: string | null;
  /** Where `.holdfast/labs` is looked for. */
  readonly projectRoot: string;
}

/** @throws HoldfastError HF-8001 no file · HF-8002 it cannot be used · HF-8007 nobody of that name in it */
export function findConnection(wish: ConnectWish): Connection {
  const file = wish.file ?? newestLab(wish.projectRoot);
  if (file === null)
    throw new HoldfastError({
      code: 'HF-8001',
      attempted: 'find the controllers to ask',
      found: 'no --connect FILE, no HOLDFAST_CONNECT in the environment, and no lab is up',
      next: 'name a connection file, or bring a lab up: holdfast lab up',
    });
  return readConnection(resolve(file), wish.person);
}

/** The `connect.json` written last, of the labs that are up; null when there is none. */
export function newestLab(projectRoot: string): string | null {
  const labs = join(projectRoot, '.holdfast', 'labs');
  if (!existsSync(labs)) return null;
  const files = readdirSync(labs).flatMap((name) => {
    const file = join(labs, name, 'connect.json');
    const found = statSync(file, { throwIfNoEntry: false });
    return found?.isFile() ? [{ file, writtenAt: found.mtimeMs }] : [];
  });
  return files.toSorted((left, right) => right.writtenAt - left.writtenAt)[0]?.file ?? null;
}

/** @throws HoldfastError HF-8002, HF-8007 */
export function readConnection(file: string, person: string | null): Connection {
  const unusable = (found: string, cause?: unknown) =>
    new HoldfastError({
      code: 'HF-8002',
      attempted: `read the connection file ${file}`,
      found,
      next: 'correct it (docs/reference/cli.md shows one), or name another with --connect FILE',
      cause,
    });
  let people: readonly (TlsFiles & { readonly name: string; readonly role: PersonRole })[];
  let controllers: readonly ControllerAddress[];
  let firm: string | null;
  try {
    const fields = Fields.parse(readFileSync(file, 'utf8'), '');
    fields.oneOf('format', [connectFormat]);
    firm = fields.textOrNull('firm');
    const path = (text: string) => (isAbsolute(text) ? text : resolve(dirname(file), text));
    const ca = path(fields.text('ca'));
    controllers = fields.list('controllers', (value, at) => {
      const one = Fields.of(value, at);
      return { id: one.text('id'), host: one.text('host'), port: one.count('port') };
    });
    people = fields.list('people', (value, at) => {
      const one = Fields.of(value, at);
      return {
        name: one.text('name'),
        role: one.oneOf('role', personRoles),
        ca,
        cert: path(one.text('cert')),
        key: path(one.text('key')),
      };
    });
  } catch (cause) {
    throw unusable(causeText(cause), cause);
  }
  if (controllers.length === 0) throw unusable('it names no controller');
  const chosen = person === null ? people[0] : people.find(({ name }) => sameName(name, person));
  if (chosen === undefined) {
    if (people.length === 0) throw unusable('it names no person with a certificate');
    throw new HoldfastError({
      code: 'HF-8007',
      attempted: `act as "${person}"`,
      found: `${file} has no person of that name`,
      next: `--as one of: ${people.map(({ name, role }) => `"${name}" (${role})`).join(', ')}`,
    });
  }
  const { name, role, ca, cert, key } = chosen;
  return { file, firm, controllers, person: { name, role }, tls: { ca, cert, key } };
}

/** By the whole name or its first word, in any case: `--as ada`. */
const sameName = (name: string, wanted: string): boolean =>
  [name, name.split(' ')[0]].some((each) => each?.toLowerCase() === wanted.toLowerCase());

/** The text of a connection file; whoever brings a lab up writes it. */
export function connectFileText(connection: {
  readonly firm: string | null;
  readonly controllers: readonly ControllerAddress[];
  readonly ca: string;
  readonly people: readonly {
    readonly name: string;
    readonly role: string;
    readonly cert: string;
    readonly key: string;
  }[];
}): string {
  return `${JSON.stringify({ format: connectFormat, ...connection }, null, 2)}\n`;
}
