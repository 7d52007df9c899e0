/** What one vantage says about who writes, or where clients are led. */
export interface Claim {
  readonly vantage: string;
  /** What it is about: `active site`, `clients' route`, or a component. One vantage may say several things of one. */
  readonly subject: string;
  /** `record`: a controller's copy of what the authority granted; `seen`: what an instance is found doing. */
  readonly source: 'record' | 'seen';
  readonly says:
    | { readonly kind: 'writer'; readonly name: string | null }
    /** Only that it is not this one: a front that is closed. */
    | { readonly kind: 'not'; readonly name: string }
    | { readonly kind: 'unknown'; readonly why: string };
  /** Of a record: in which it says so. Of what is seen: the highest that is stored there; null = none is known there. */
  readonly epoch: number | null;
}

export interface Agreement {
  readonly subject: string;
  readonly verdict: 'agree' | 'differ' | 'unknown';
  /** What the newest record says; null = there is none, or records of one epoch contradict each other. */
  readonly agreed: { readonly writer: string | null; readonly epoch: number } | null;
  readonly with: readonly string[];
  readonly against: readonly { readonly vantage: string; readonly says: string }[];
  readonly unknown: readonly { readonly vantage: string; readonly why: string }[];
}

/**
 * Whether all vantages name the same writer, subject by subject in the order in which they first come. Measured against the record of the highest
 * epoch, not against a majority: what most say may be old. Who says nothing agrees with nobody: it is unknown.
 */
export function agreementOf(claims: readonly Claim[]): readonly Agreement[] {
  const subjects = [...new Set(claims.map(({ subject }) => subject))];
  return subjects.map((subject) =>
    judged(
      subject,
      claims.filter((claim) => claim.subject === subject),
    ),
  );
}

function judged(subject: string, claims: readonly Claim[]): Agreement {
  const newest = newestRecord(claims);
  const agreed = newest === 'none' || newest === 'contradicts' ? null : newest;
  const unknown: Agreement['unknown'][number][] = [];
  const against: Agreement['against'][number][] = [];
  const agrees = new Set<string>();
  for (const claim of claims) {
    const { vantage, says } = claim;
    if (says.kind === 'unknown') unknown.push({ vantage, why: says.why });
    else if (newest === 'none')
      unknown.push({ vantage, why: `${words(claim)}, and no record is known to compare it with` });
    else if (agreed !== null && agreesWith(claim, agreed)) agrees.add(vantage);
    else against.push({ vantage, says: words(claim) });
  }
  const verdict = against.length > 0 ? 'differ' : unknown.length > 0 ? 'unknown' : 'agree';
  const objects = new Set(against.map(({ vantage }) => vantage));
  return { subject, verdict, agreed, with: [...agrees].filter((vantage) => !objects.has(vantage)), against, unknown };
}

function newestRecord(claims: readonly Claim[]): NonNullable<Agreement['agreed']> | 'none' | 'contradicts' {
  const records = claims.flatMap(({ source, says, epoch }) =>
    source === 'record' && says.kind === 'writer' && epoch !== null ? [{ writer: says.name, epoch }] : [],
  );
  const highest = Math.max(...records.map(({ epoch }) => epoch));
  const [first, ...others] = records.filter(({ epoch }) => epoch === highest);
  if (first === undefined) return 'none';
  return others.some(({ writer }) => writer !== first.writer) ? 'contradicts' : first;
}

function agreesWith({ source, says, epoch }: Claim, agreed: NonNullable<Agreement['agreed']>): boolean {
  if (says.kind === 'unknown') return false;
  if (source === 'record' && epoch !== agreed.epoch) return false;
  // What is seen may have stored a newer epoch of its group than the one of this grant, never an older one.
  if (source === 'seen' && epoch !== null && epoch < agreed.epoch) return false;
  return says.kind === 'not' ? says.name !== agreed.writer : says.name === agreed.writer;
}

function words({ says, epoch }: Claim): string {
  const at = epoch === null ? '' : `, epoch ${epoch}`;
  if (says.kind === 'writer') return `${says.name ?? 'nobody'}${at}`;
  return says.kind === 'not' ? `not ${says.name}${at}` : says.why;
}
