import { X509Certificate } from 'node:crypto';
import { HoldfastError } from '../../wire/holdfast-error.ts';
import type { TlsFiles, TlsIdentity } from '../../wire/peer-identity.ts';

/**
 * Controllers tell nobody whom they do not know why. What the person's own files show is said beside it: their dates, and whether
 * the authority in the connection file issued them. Any other error is given back as it is.
 */
export function withOwnCertificate(
  error: unknown,
  own: { readonly name: string; readonly files: TlsFiles; readonly identity: TlsIdentity; readonly nowMs: number },
): unknown {
  if (!(error instanceof HoldfastError) || error.code !== 'HF-3106') return error;
  const { name, files, identity, nowMs } = own;
  const wrong = whatIsWrong(identity, nowMs);
  return new HoldfastError({
    code: error.code,
    attempted: error.attempted,
    found: `${error.found}: ${
      wrong === null
        ? `nothing is wrong with ${files.cert} as seen from here, so the controllers have another authority`
        : `the certificate of ${name}, ${files.cert}, ${wrong}`
    }`,
    next: 'have a certificate issued by this firm’s authority, and name it in the connection file',
    cause: error,
  });
}

/** Null where its dates and its issuer are in order. */
function whatIsWrong(identity: TlsIdentity, nowMs: number): string | null {
  const [certificate, authority] = [new X509Certificate(identity.cert), new X509Certificate(identity.ca)];
  const [from, to] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
  if (nowMs > to.getTime()) return `expired at ${to.toISOString()}`;
  if (nowMs < from.getTime()) return `is not valid before ${from.toISOString()}; this machine’s clock may be wrong`;
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey))
    return 'was not issued by the authority in the connection file';
  return null;
}
