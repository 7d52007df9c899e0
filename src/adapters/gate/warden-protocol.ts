/**
 * What an agent and the warden beside it say to each other: newline-delimited JSON, `{"id":1,"method":"arm","params":{…}}` →
 * `{"id":1,"ok":true,"result":{…}}`, and `{"event":"closed",…}` from the warden. The first request is `hello` with the token.
 * Moments are nanoseconds of CLOCK_MONOTONIC as decimal strings.
 */
export interface WardenArm {
  readonly instance: string;
  readonly epoch: number;
  readonly untilMonoNs: string;
  readonly root: { readonly pid: number; readonly startTicks: number } | null;
  readonly directory: string | null;
}

export type WardenRequest =
  | { readonly id: number; readonly method: 'hello'; readonly params: { readonly token: string } }
  | { readonly id: number; readonly method: 'arm'; readonly params: WardenArm }
  | { readonly id: number; readonly method: 'close' | 'disarm'; readonly params: { readonly instance: string } }
  | { readonly id: number; readonly method: 'status'; readonly params: Record<string, never> };

export type WardenReply =
  | { readonly id: number; readonly ok: true; readonly result: Readonly<Record<string, unknown>> }
  | { readonly id: number; readonly ok: false; readonly error: { readonly code: string; readonly message: string } };

export interface WardenClosed {
  readonly event: 'closed';
  readonly instance: string;
  readonly epoch: number;
  readonly dueMonoNs: string;
  readonly closedMonoNs: string;
  readonly tookMs: number;
  readonly killed: number;
  readonly treeEmpty: boolean;
}

/** `unix:/path/to.sock` (at most 107 bytes of path), `tcp:127.0.0.1:4711`, `abstract:name` (Linux). */
export type WardenAddress =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

export const MAX_FRAME_BYTES = 65_536;

/** Throws with what is wrong and what to do. */
export function parseWardenAddress(text: string): WardenAddress {
  const tcp = /^tcp:(.+):(\d+)$/.exec(text);
  if (tcp !== null) return { kind: 'tcp', host: tcp[1] ?? '', port: Number(tcp[2]) };
  if (text.startsWith('abstract:')) return { kind: 'path', path: `\0${text.slice(9)}` };
  const path = text.startsWith('unix:') ? text.slice(5) : '';
  if (path === '')
    throw new Error(`HF-6401 the warden address "${text}" is neither unix:, abstract: nor tcp:HOST:PORT`);
  const bytes = new TextEncoder().encode(path).length;
  if (bytes > 107)
    throw new Error(
      `HF-6402 the warden's socket path has ${bytes} bytes; Linux allows 107.\nnext    use tcp:127.0.0.1:PORT or abstract:NAME`,
    );
  return { kind: 'path', path };
}

/** Cuts a byte stream into frames; throws when one is larger than `MAX_FRAME_BYTES`. */
export class FrameSplitter {
  #rest = '';

  push(text: string): string[] {
    const parts = (this.#rest + text).split('\n');
    this.#rest = parts.pop() ?? '';
    if (this.#rest.length > MAX_FRAME_BYTES) throw new Error('frame too large');
    return parts.filter((part) => part !== '');
  }
}
