/** Codes: see the error table of docs/reference/evidence.md. The message says what was attempted, found, and what to do next. */
export type EvidenceLogErrorCode = 'HF-6001' | 'HF-6002' | 'HF-6003' | 'HF-6004' | 'HF-6005';

export class EvidenceLogError extends Error {
  override readonly name = 'EvidenceLogError';
  readonly code: EvidenceLogErrorCode;
  constructor(code: EvidenceLogErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(`${code} ${message}`, options);
    this.code = code;
  }
}
