import { readFileSync } from 'node:fs';
import { LabError } from '../lab-error.ts';

/** A user that a Debian package has made. @throws LabError HF-7014 where there is none of that name */
export function machineUser(name: string, attempted: string): { readonly uid: number; readonly gid: number } {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${name}:`));
  if (line !== undefined) {
    const [, , uid, gid] = line.split(':');
    return { uid: Number(uid), gid: Number(gid) };
  }
  throw new LabError({
    code: 'HF-7014',
    attempted,
    found: `there is no user ${name} on this machine`,
    next: 'install the Debian package that brings it (docs/guide/netns-lab.md)',
  });
}
