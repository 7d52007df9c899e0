/** One answer of a server, as dig prints it. */
export interface DnsAnswer {
  /** e.g. `NOERROR`, `NXDOMAIN`, `REFUSED`. */
  readonly status: string;
  /** The server speaks for the zone, and not from a cache. */
  readonly authoritative: boolean;
  /** What was asked for first, then what the zone says about itself. */
  readonly records: readonly DnsRecord[];
}

export interface DnsRecord {
  readonly name: string;
  readonly ttlMs: number;
  readonly type: string;
  /** As it is written; a text without its quotes. */
  readonly data: string;
}

/** `dig +noall +comments +answer +authority`, one answer for each question, in their order. Throws when it is not that. */
export function parseAnswers(text: string, questions: number): readonly DnsAnswer[] {
  const blocks = text.split(/^;; Got answer:$/m).slice(1);
  if (blocks.length !== questions) throw new Error(`${blocks.length} answers to ${questions} questions`);
  return blocks.map((block) => {
    const status = /^;; ->>HEADER<<- .*status: ([A-Z0-9]+),/m.exec(block)?.[1];
    const flags = /^;; flags: ([a-z ]*);/m.exec(block)?.[1];
    if (status === undefined || flags === undefined) throw new Error('an answer has no header');
    const lines = block.split('\n').filter((line) => /^[^;\s]/.test(line));
    return { status, authoritative: flags.split(' ').includes('aa'), records: lines.map(record) };
  });
}

function record(line: string): DnsRecord {
  const [, name, ttl, , type, data] = /^(\S+)\s+(\d+)\s+(IN|CH)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
  if (name === undefined || type === undefined || data === undefined) throw new Error(`"${line}" is no record`);
  return { name, ttlMs: Number(ttl) * 1000, type, data: type === 'TXT' ? data.replace(/^"|"$/g, '') : data };
}
