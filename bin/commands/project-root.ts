import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The directory of `package.json`, from sources and from a build alike. */
function findProjectRoot(): string {
  let directory = import.meta.dirname;
  while (!existsSync(join(directory, 'package-lock.json')) && !existsSync(join(directory, 'runbooks'))) {
    const above = dirname(directory);
    if (above === directory) return join(import.meta.dirname, '..', '..');
    directory = above;
  }
  return directory;
}

export const projectRoot = findProjectRoot();
