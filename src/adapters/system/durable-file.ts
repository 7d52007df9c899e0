import { closeSync, fchownSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Replaces a file; after a crash it is the old one or the new one, complete. Mode 0600.
 *
 * @param owner whose it is afterwards; without it the writer's
 */
export function writeDurably(path: string, text: string, owner?: { readonly uid: number; readonly gid: number }): void {
  const draft = `${path}.new`;
  const file = openSync(draft, 'w', 0o600);
  try {
    if (owner !== undefined) fchownSync(file, owner.uid, owner.gid);
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
