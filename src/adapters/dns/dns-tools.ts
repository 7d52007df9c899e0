import { type RunCommand, runCommand } from '../gate/nftables-gate.ts';

export interface DnsServerAddress {
  readonly host: string;
  readonly port: number;
}

/** A timed-out update is unknown: the server may still carry it out. */
export type ToolAnswer =
  | { readonly kind: 'ok'; readonly text: string }
  /** The server answered that it did nothing; `code` is its own word, e.g. `NXRRSET`, `NOTAUTH(BADKEY)`. */
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Talks with one server, signed. Ends by the deadline, also when the server is frozen. */
export interface DnsTools {
  /** Each question is a name, its class where it is not IN, and a type. */
  query(questions: readonly (readonly string[])[], options: { readonly deadlineMs: number }): Promise<ToolAnswer>;
  /** Lines for nsupdate, without server and `send`: one transaction. */
  update(lines: readonly string[], options: { readonly deadlineMs: number }): Promise<ToolAnswer>;
}

export interface DnsToolsOptions {
  readonly server: DnsServerAddress;
  /** `key "NAME" { algorithm hmac-sha256; … };`, 0600: no secret is in an argument list. */
  readonly keyFile: string;
  readonly run?: RunCommand;
  /** What leads to the programs, e.g. on another machine. */
  readonly prefix?: readonly string[];
}

/** Debian's `bind9-dnsutils`. */
export function dnsTools({ server, keyFile, run = runCommand, prefix = [] }: DnsToolsOptions): DnsTools {
  const call = async (command: readonly string[], input: string, deadlineMs: number) => {
    const [program, ...args] = [...prefix, ...command];
    if (deadlineMs <= 0) return { code: 124, said: '' };
    const { code, stdout, stderr } = await run(program!, args, { input, deadlineMs });
    return { code, said: `${stdout}\n${stderr}` };
  };
  const seconds = (deadlineMs: number) => String(Math.max(1, Math.ceil(deadlineMs / 1000)));
  const late = (deadlineMs: number): ToolAnswer => ({
    kind: 'unknown',
    reason: deadlineMs <= 0 ? 'there was no time left to ask' : `no answer within ${Math.ceil(deadlineMs)} ms`,
  });
  return {
    async query(questions, { deadlineMs }) {
      const how = [
        '+norecurse',
        '+tries=1',
        `+time=${seconds(deadlineMs)}`,
        '+noall',
        '+comments',
        '+answer',
        '+authority',
      ];
      const where = [`@${server.host}`, '-p', String(server.port), '-k', keyFile];
      const { code, said } = await call(['dig', ...where, ...how, ...questions.flat()], '', deadlineMs);
      if (code >= 124) return late(deadlineMs);
      // Whatever is not signed as it should be is nobody's answer.
      const doubt = /^;; (?:WARNING -- Some TSIG could not be validated|Couldn't verify signature.*)$/m.exec(said)?.[0];
      if (doubt !== undefined) return { kind: 'unknown', reason: doubt.slice(3) };
      if (code !== 0) return { kind: 'unknown', reason: complaintIn(said) ?? `dig ended with ${code}` };
      return { kind: 'ok', text: said };
    },
    async update(lines, { deadlineMs }) {
      const input = `${[`server ${server.host} ${server.port}`, ...lines, 'send'].join('\n')}\n`;
      const command = ['nsupdate', '-k', keyFile, '-t', seconds(deadlineMs), '-r', '0'];
      const { code, said } = await call(command, input, deadlineMs);
      if (code >= 124) return late(deadlineMs);
      if (code === 0) return { kind: 'ok', text: said };
      const refusal = /^update failed: (\S+)/m.exec(said)?.[1];
      if (refusal !== undefined) return { kind: 'refused', code: refusal };
      return { kind: 'unknown', reason: complaintIn(said) ?? `nsupdate ended with ${code}` };
    },
  };
}

const complaintIn = (said: string): string | undefined =>
  said
    .split('\n')
    .map((line) => line.replace(/^;+\s*/, '').trim())
    .find((line) => /failed|error|timed out|refused|no servers/i.test(line));
