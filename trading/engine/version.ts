/** Of the engine's code as far as it decides what a journal amounts to: raised with each change of that. */
export const ENGINE_VERSION = '3';
