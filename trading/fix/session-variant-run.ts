import { registerHooks } from 'node:module';
import { SESSION_VARIANTS, WORLDS_AT_MOST } from './session-variants.ts';

/** `bin/holdfast-node trading/fix/session-variant-run.ts NAME`: prints the first world in which the broken code is caught, as JSON. */
const variant = SESSION_VARIANTS.find(({ name }) => name === process.argv[2]);
if (variant === undefined) throw new Error(`no variant of the FIX session is called "${process.argv[2]}"`);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(`/fix/${variant.file}`)) return loaded;
    const { source } = loaded;
    const text = typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString('utf8');
    return { ...loaded, source: text.replace(variant.find, () => variant.replace) };
  },
});

const { SessionSimulation } = await import('./session-simulation.ts');
let caught: { readonly seed: number; readonly violation: string } | null = null;
for (let seed = 1; seed <= WORLDS_AT_MOST && caught === null; seed++) {
  let violation: string | undefined;
  try {
    violation = new SessionSimulation(seed).run().violations[0];
  } catch (error) {
    violation = `the code itself: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (violation !== undefined) caught = { seed, violation };
}
process.stdout.write(`${JSON.stringify(caught)}\n`);
