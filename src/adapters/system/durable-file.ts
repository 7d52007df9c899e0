import { closeSync, fchmodSync, fchownSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface FileAs {
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly mode?: number;
}

/**
 * Replaces a file; after a crash it is the old one or the new one, complete.
 *
 * @param as whose it is afterwards, without it the writer's, and who may read it, without it only they (0600)
 */
export function writeDurably(path: string, text: string, as: FileAs = {}): void {
  const draft = `${path}.new`;
  const file = openSync(draft, 'w', 0o600);
  try {
    if (as.owner !== undefined) fchownSync(file, as.owner.uid, as.owner.gid);
    if (as.mode !== undefined) fchmodSync(file, as.mode);
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
  syncFolder(dirname(path));
}

/** Makes creations, renames and removals in a folder durable. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
