/** How a pass of noise is drawn: what the pipeline file, a pass's receipt, the drawing and the trainer all speak of. */

export const SCHEDULES = ['linear', 'log-linear', 'cosine', 'polynomial', 'geometric', 'clipped'] as const;
export type ScheduleName = (typeof SCHEDULES)[number];
export const UNITS = ['window', 'document', 'group', 'block'] as const;
export const TIMES = ['stratified', 'antithetic', 'uniform'] as const;
export const MASKINGS = ['bernoulli', 'exact'] as const;
export const WEIGHTS = ['derivative', 'inverse', 'one'] as const;

export interface NoiseForm {
  readonly schedule: ScheduleName;
  /** linear, polynomial: least p; log-linear, cosine: p stays below 1 - eps. */
  readonly eps: number;
  /** polynomial: p = t^exponent. */
  readonly exponent: number;
  /** geometric: p = 1 - exp(-sigma), sigma from the one to the other. */
  readonly sigmaMin: number;
  readonly sigmaMax: number;
  /** clipped: p uniform from beta to omega. */
  readonly beta: number;
  readonly omega: number;
  /** Of a masked token whose chance to be masked is c: p'(t) / c, 1 / c, or 1. */
  readonly weights: (typeof WEIGHTS)[number];
  /** What shares a t. */
  readonly per: (typeof UNITS)[number];
  /** Tokens of a block; blocks begin anew with each document. */
  readonly blockTokens: number;
  readonly times: (typeof TIMES)[number];
  /** Windows in an optimizer batch: times are stratified over all their units. */
  readonly batchWindows: number;
  readonly masking: (typeof MASKINGS)[number];
  /** Pass 2k + 1 masks what pass 2k leaves. */
  readonly complementary: boolean;
  /** Each unit has a masked token. `exact` has one anyway. */
  readonly atLeastOne: boolean;
  /** Share of windows that are cut to a random length. */
  readonly randomLength: number;
  /** Extra weight of long contexts (EXACT), on average; 0: no column. */
  readonly contextAlpha: number;
  readonly contextGamma: number;
  /** Least reach, in tokens, that counts as long. */
  readonly contextFrom: number;
}

export const DEFAULT_FORM: NoiseForm = {
  schedule: 'linear',
  eps: 0.001,
  exponent: 2,
  sigmaMin: 0.0001,
  sigmaMax: 20,
  beta: 0.3,
  omega: 0.8,
  weights: 'inverse',
  per: 'window',
  blockTokens: 32,
  times: 'stratified',
  batchWindows: 8,
  masking: 'bernoulli',
  complementary: false,
  atLeastOne: false,
  randomLength: 0,
  contextAlpha: 0,
  contextGamma: 0.5,
  contextFrom: 0,
};

/** The settings that a schedule listens to. */
const PARAMETERS: Readonly<Record<ScheduleName, readonly (keyof NoiseForm)[]>> = {
  linear: ['eps'],
  'log-linear': ['eps'],
  cosine: ['eps'],
  polynomial: ['exponent', 'eps'],
  geometric: ['sigmaMin', 'sigmaMax'],
  clipped: ['beta', 'omega'],
};
const ALL_PARAMETERS = new Set(Object.values(PARAMETERS).flat());

/** Whether a setting, by its name in a file, is a parameter of some schedule; and of this one. */
export const isParameter = (name: string): boolean => [...ALL_PARAMETERS].some((key) => snake(key) === name);
export const listensTo = (schedule: ScheduleName, name: string): boolean =>
  PARAMETERS[schedule].some((key) => snake(key) === name);

/** The weights that go with a schedule: LLaDA's 1 / p for what is uniform in p, the bound's own for the others. */
const weightsOf = (schedule: ScheduleName): NoiseForm['weights'] =>
  schedule === 'linear' || schedule === 'clipped' ? 'inverse' : 'derivative';

type Value = string | number | boolean;
/** Settings by the names they have in a pipeline file, a receipt and a table's metadata. */
export type NoiseRecord = Readonly<Record<string, Value>>;

const KEYS = Object.keys(DEFAULT_FORM) as (keyof NoiseForm)[];
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** From settings as they are written, what is not there being as it is by default. */
export function noiseForm(settings: Readonly<Record<string, unknown>>): NoiseForm {
  const { schedule } = settings as { schedule?: ScheduleName };
  const form: Record<string, unknown> = { ...DEFAULT_FORM, weights: weightsOf(schedule ?? DEFAULT_FORM.schedule) };
  for (const key of KEYS) form[key] = settings[snake(key)] ?? form[key];
  return form as unknown as NoiseForm;
}

/**
 * The settings that a pass is made with: the schedule with its parameters and the batch always, the others where they are not
 * as by default, so that one more setting changes no pass that does without.
 */
export function noiseRecord(form: NoiseForm): NoiseRecord {
  const always = new Set<keyof NoiseForm>(['schedule', ...PARAMETERS[form.schedule], 'batchWindows']);
  const usual = { ...DEFAULT_FORM, weights: weightsOf(form.schedule) };
  const listens = (key: keyof NoiseForm): boolean =>
    ALL_PARAMETERS.has(key)
      ? false
      : key === 'blockTokens'
        ? form.per === 'block'
        : key === 'contextGamma' || key === 'contextFrom'
          ? form.contextAlpha > 0
          : true;
  return Object.fromEntries(
    KEYS.filter((key) => always.has(key) || (listens(key) && form[key] !== usual[key])).map((key) => [
      snake(key),
      form[key],
    ]),
  );
}

/** What is wrong with settings that are each in range by themselves: the setting, the problem, the way out; or null. */
export function noiseFault(form: NoiseForm): readonly [field: string, problem: string, wayOut: string] | null {
  const { schedule, sigmaMin, sigmaMax, beta, omega } = form;
  if (schedule === 'geometric' && !(sigmaMin < sigmaMax))
    return [
      'sigma_max',
      `is ${sigmaMax}, not above sigma_min (${sigmaMin})`,
      'sigma rises from sigma_min to sigma_max',
    ];
  if (schedule === 'clipped' && !(beta < omega))
    return ['omega', `is ${omega}, not above beta (${beta})`, 'p is uniform from beta to omega'];
  return null;
}

/** In a few words, for people. */
export function noiseWords(form: NoiseForm): string {
  const { schedule, times, batchWindows, per, blockTokens } = form;
  const parameters = PARAMETERS[schedule].map((key) => `${snake(key)} ${form[key]}`);
  const over = times === 'uniform' ? 't uniform' : `t ${times} over ${batchWindows} windows`;
  const units = per === 'window' ? [] : [per === 'block' ? `per block of ${blockTokens} tokens` : `per ${per}`];
  return [
    schedule,
    ...parameters,
    ...units,
    over,
    ...(form.masking === 'exact' ? ['exact counts'] : []),
    ...(form.complementary ? ['complementary pairs'] : []),
    ...(form.atLeastOne && form.masking !== 'exact' ? ['at least one masked'] : []),
    ...(form.weights === weightsOf(schedule) ? [] : [`weights ${form.weights}`]),
    ...(form.randomLength > 0 ? [`${form.randomLength} of random length`] : []),
    ...(form.contextAlpha > 0 ? [`context weights ${form.contextAlpha}`] : []),
  ].join(', ');
}

/** Pass 2k + 1 of complementary pairs. */
export const isComplement = (form: NoiseForm, pass: number): boolean => form.complementary && pass % 2 === 1;

/** The pass whose draws a pass goes by: of a complement, the one before it. */
export const drawnPass = (form: NoiseForm, pass: number): number => (isComplement(form, pass) ? pass - 1 : pass);
