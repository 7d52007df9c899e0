import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { defaultOperators } from '../../lab/cli.ts';
import type { LabContext } from '../../lab/configs.ts';
import { siteEndpoint } from '../../lab/layout.ts';
import { connectFileText } from '../../src/cli/connect/connect-file.ts';
import { personRoles } from '../../src/wire/peer-identity.ts';

/** Writes a lab's `connect.json`, so that `holdfast status` finds it. In a lab everybody may be the admin, who comes first. */
export function writeConnectFile({ topology, book, directory, pki }: LabContext): string {
  const file = join(directory.path, 'connect.json');
  const inside = (path: string) => relative(directory.path, path);
  const people = defaultOperators
    .toSorted((left, right) => personRoles.indexOf(right.role) - personRoles.indexOf(left.role))
    .flatMap(({ name, role }) => {
      const { cert, key } = pki.identity(`operator/${name}`);
      return existsSync(cert) ? [{ name, role, cert: inside(cert), key: inside(key) }] : [];
    });
  const controllers = topology.sites
    .filter((site) => site.voter)
    .map((site) => ({ id: site.id, ...book.operatorAddress(siteEndpoint(site.id, 'controller-api')) }));
  writeFileSync(`${file}.new`, connectFileText({ firm: topology.name, controllers, ca: inside(pki.caFile), people }), {
    mode: 0o600,
  });
  renameSync(`${file}.new`, file);
  return file;
}
