/** How every command ends (docs/reference/exit-codes.md). */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  needsApproval: 4,
  unknown: 5,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodeMeanings: Readonly<Record<ExitCode, string>> = {
  0: 'ok',
  1: 'failed',
  2: 'usage: the command line or a file it names is wrong; nothing was asked of anybody',
  3: 'refused by a safety rule',
  4: 'needs an approval',
  5: 'inconclusive or unknown; look before you repeat it',
};
