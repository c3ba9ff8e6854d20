/** What is wrong with a value: as ajv, which compiles the schemas, tells it. */
export interface ErrorObject {
  readonly keyword: string;
  /** JSON pointer to the value. */
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
  /** Only where all that is wrong is told. */
  readonly data?: unknown;
  readonly parentSchema?: object;
}

/** True for a value that is as its schema says; else `errors` are set. */
export type ValidateFunction = ((value: unknown) => boolean) & { errors?: readonly ErrorObject[] | null };

/** Schemas as code (scripts/build-validators.mjs): asks for what it needs by name, and gives a function a schema. */
export type Compiled = (require: (name: string) => unknown) => Readonly<Record<string, ValidateFunction>>;

type Formats = Readonly<Record<string, (text: string) => boolean>>;

/** The functions, with the formats that their schemas name. */
export const validators = (compiled: Compiled, formats: Formats = {}) =>
  compiled((name) => (name === './formats' ? formats : { default: codePoints }));

/** JSON Schema counts characters so. */
const codePoints = (text: string): number => [...text].length;
