import { registerHooks } from 'node:module';
import { VARIANTS } from './variants.ts';

/** Loaded before everything else in a process that runs one variant: the one file is changed as it is loaded. */
const variant = VARIANTS.find((each) => each.name === process.env['HOLDFAST_VARIANT']);
if (!variant) throw new Error(`HF-1201 no variant is called "${process.env['HOLDFAST_VARIANT']}"`);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(`/${variant.file}`)) return loaded;
    const source =
      typeof loaded.source === 'string' ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString('utf8');
    if (source.split(variant.find).length !== 2)
      throw new Error(
        `HF-1202 variant "${variant.name}": what it changes does not stand exactly once in ${variant.file}`,
      );
    return { ...loaded, source: source.replace(variant.find, () => variant.replace) };
  },
});
