import { isAbsolute, join, relative } from 'node:path';

/** Their tests see no clock, process or port but those they make up: what fails there fails. */
const WITHOUT_SURROUNDINGS = ['src/core/', 'src/engine/', 'src/sim/', 'test/architecture/', 'test/simulation/'];
/** More than these at once is no accident of the machine. */
const MOST_FILES = 3;

/**
 * The files that are played once more, one at a time with nothing beside them, because real processes may have been kept from running.
 * All that failed, or none. What fails twice has failed; what fails once is counted apart and named in the last line.
 */
export function triedAgain(failed: readonly string[]): readonly string[] {
  const mayBe = failed.every((file) => !WITHOUT_SURROUNDINGS.some((room) => file.startsWith(room)));
  return mayBe && failed.length <= MOST_FILES ? failed : [];
}

/** What a run of files came to. `failedIn`: the files, from the project's root, with the number of their tests that failed. */
export interface FilesPlayed {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failedIn: ReadonlyMap<string, number>;
}

/** The first run and what its failed files came to the second time, as one; `again` of the passed ones failed at first. */
export function bothTries(
  first: FilesPlayed,
  seconds: readonly FilesPlayed[],
): { readonly passed: number; readonly failed: number; readonly skipped: number; readonly again: number } {
  const failed = seconds.length === 0 ? first.failed : seconds.reduce((sum, each) => sum + each.failed, 0);
  const again = Math.max(0, first.failed - failed);
  return { passed: first.passed + again, failed, skipped: first.skipped, again };
}

/** From the project's root, the file that was played when a test ended; its name where the file itself did not run. */
export function fileOf(ended: { readonly name: string; readonly file?: string | undefined }): string {
  const { entryFile } = ended as { readonly entryFile?: string };
  const file = entryFile ?? ended.file ?? ended.name;
  return isAbsolute(file) ? relative(join(import.meta.dirname, '..'), file) : file;
}
