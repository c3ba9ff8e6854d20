import type { ErrorObject, ValidateFunction } from 'ajv';
import ucs2length from 'ajv/dist/runtime/ucs2length.js';

export type { ErrorObject };

/** Schemas as code (scripts/build-validators.mjs): asks for what it needs by name, and gives a function a schema. */
export type Compiled = (require: (name: string) => unknown) => Readonly<Record<string, ValidateFunction>>;

/** The functions, with the formats that their schemas name. */
export const validators = (compiled: Compiled, formats: Readonly<Record<string, (text: string) => boolean>> = {}) =>
  compiled((name) => (name === './formats' ? formats : ucs2length));
