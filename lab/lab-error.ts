/** Every error a person can meet in the lab, with what it means; `docs/reference` lists the same codes. */
export const labErrorCodes = {
  'HF-7001': 'an address that the lab needs is already taken',
  'HF-7002': 'a lab of this name is already running',
  'HF-7003': 'there is no lab of this name',
  'HF-7004': 'the lab may not do something it needs to do (rights)',
  'HF-7005': 'a process of the lab ended before it was ready',
  'HF-7006': 'a process of the lab was not ready in time',
  'HF-7007': 'a fault names something the lab does not have, or has no valid expiry',
  'HF-7008': 'the process that holds the lab together does not answer',
  'HF-7009': 'something of the lab could not be ended or removed',
  'HF-7010': 'the topology does not fit into the address plan',
  'HF-7011': 'this machine cannot hold a loopback lab',
  'HF-7012': 'the load generator refused or did not answer',
  'HF-7013': 'another process is ending or claiming this lab, and does not come to an end',
  'HF-7014': 'this machine refused something that a lab of network namespaces needs',
  'HF-7015': 'a router or tunnel of the lab did not come to its expected state in time',
  'HF-7020': 'a controller refused what the lab asked of it',
  'HF-7021': 'the platform did not come to the expected state in time',
  'HF-7022': 'the comparison of ledgers and platform could not be made',
  'HF-7023': 'a scenario needs something that a lab does not have, or cannot do',
  'HF-7024': 'something that a scenario expects did not hold in a lab',
} as const;

export type LabErrorCode = keyof typeof labErrorCodes;

/** An expected failure of the lab, told to a person: what was attempted, what was found, what to do next. */
export class LabError extends Error {
  override readonly name = 'LabError';
  readonly code: LabErrorCode;
  readonly attempted: string;
  readonly found: string;
  readonly next: string;

  constructor(problem: {
    readonly code: LabErrorCode;
    readonly attempted: string;
    readonly found: string;
    readonly next: string;
    readonly cause?: unknown;
  }) {
    super(`${problem.code} ${problem.attempted}: ${problem.found}\nnext    ${problem.next}`, { cause: problem.cause });
    this.code = problem.code;
    this.attempted = problem.attempted;
    this.found = problem.found;
    this.next = problem.next;
  }
}

/** `error.code` of a Node system error such as `EADDRINUSE`; null for anything else. */
export function systemCode(error: unknown): string | null {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return null;
}

/** What a person may read of any thrown value. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
