import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls';
import { ROLES, type Role } from '../core/operator/operator-request.ts';
import { causeText, HoldfastError } from './holdfast-error.ts';

/**
 * Who the other end of a TLS connection is. The certificate's subject says it: `CN` = name (a host's id for an agent, a site's id
 * for a controller, a person's name), `OU` = role. Addresses in certificates are not looked at.
 */
export type PeerRole = 'agent' | 'controller' | PersonRole;
export type PersonRole = Role;

export interface PeerIdentity {
  readonly name: string;
  readonly role: PeerRole;
}

export const personRoles: readonly PersonRole[] = ROLES;
const roles: readonly PeerRole[] = ['agent', 'controller', ...personRoles];

export const isPerson = (identity: PeerIdentity): identity is PeerIdentity & { role: PersonRole } =>
  personRoles.some((role) => role === identity.role);

/** Null when the subject names nobody, or names more than one. The chain must have been verified before. */
export function identityOf(
  certificate: PeerCertificate | DetailedPeerCertificate | null | undefined,
): PeerIdentity | null {
  // A subject with two CNs comes as a list; whoever issued it, it names nobody.
  const subject = certificate?.subject as { readonly CN?: unknown; readonly OU?: unknown } | undefined;
  const name = subject?.CN;
  const role = roles.find((each) => each === subject?.OU);
  return typeof name === 'string' && name !== '' && role !== undefined ? { name, role } : null;
}

/** For `tls.connect` and `https.request`: the server must be this peer, whatever address was dialled. */
export function mustBe(expected: PeerIdentity): (host: string, certificate: PeerCertificate) => Error | undefined {
  return (_host, certificate) => {
    const found = identityOf(certificate);
    if (found?.name === expected.name && found.role === expected.role) return undefined;
    const who = found === null ? 'a certificate that names nobody' : `${found.role} ${found.name}`;
    return new Error(`expected ${expected.role} ${expected.name}, found ${who}`);
  };
}

/** PEM texts. */
export interface TlsIdentity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Paths of PEM files. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Three files that can be used together; whether anybody believes the certificate is not looked at. @throws HoldfastError HF-3201 */
export function readTlsFiles(files: TlsFiles): TlsIdentity {
  const read = <Parsed>(path: string, what: string, parse: (pem: string) => Parsed) => {
    let pem: string | null = null;
    try {
      pem = readFileSync(path, 'utf8');
      return { pem, parsed: parse(pem) };
    } catch (cause) {
      throw unusable(
        `read the certificate file ${path}`,
        pem === null ? causeText(cause) : `${what} in PEM form`,
        cause,
      );
    }
  };
  const ca = read(files.ca, 'no certificate', (pem) => new X509Certificate(pem));
  const cert = read(files.cert, 'no certificate', (pem) => new X509Certificate(pem));
  const key = read(files.key, 'no private key', (pem) => createPrivateKey(pem));
  if (!cert.parsed.checkPrivateKey(key.parsed))
    throw unusable(`use the certificate ${files.cert} with the key ${files.key}`, 'the key is another certificate’s');
  return { ca: ca.pem, cert: cert.pem, key: key.pem };
}

const unusable = (attempted: string, found: string, cause?: unknown): HoldfastError =>
  new HoldfastError({
    code: 'HF-3201',
    attempted,
    found,
    next: 'give a certificate, its key and the authority that issued it; all three are PEM files',
    cause,
  });
