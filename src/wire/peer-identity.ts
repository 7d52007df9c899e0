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

export function readTlsFiles(files: TlsFiles): TlsIdentity {
  const read = (path: string) => {
    try {
      return readFileSync(path, 'utf8');
    } catch (cause) {
      throw new HoldfastError({
        code: 'HF-3201',
        attempted: `read the certificate file ${path}`,
        found: causeText(cause),
        next: 'give a certificate, its key and the authority that issued it; all three are PEM files',
        cause,
      });
    }
  };
  return { ca: read(files.ca), cert: read(files.cert), key: read(files.key) };
}
