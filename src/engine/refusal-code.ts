/** Each rule's refusal has a code of its own, documented in docs/reference/errors.md. */
export const refusalCode = (rule: string | undefined): string => {
  const codes: Readonly<Record<string, string>> = {
    'R-FENCE': 'HF-4107',
    'R-DATA': 'HF-4106',
    'R-FREEZE': 'HF-4110',
    'R-MAINTENANCE': 'HF-4111',
    'R-COOLDOWN': 'HF-4112',
    'R-FLAPPING': 'HF-4113',
    'R-QUORUM': 'HF-4114',
    'R-CANDIDATE': 'HF-4115',
    'R-VERDICT': 'HF-4116',
    'R-SYNC': 'HF-4117',
    'R-INCARNATION': 'HF-4118',
  };
  return (rule && codes[rule]) || 'HF-4100';
};
