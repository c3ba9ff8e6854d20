/**
 * Writes src/tokenize/unicode/*.data.ts, the Unicode tables of the tokenizer engine, read off the reference (npm
 * `tokenizers`). Run by hand after that package changes: node scripts/unicode/make-tables.mjs [--exhaustive]
 *
 * It takes 20 s. --exhaustive also tries every code point, not only those known to compose, before every character known
 * to compose with one before it (69 million pairs, minutes more).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { CODE_POINTS, matching, nfcOf, nfdOf, textsMatching } from './reference.mjs';

const FOLDER = new URL('../../src/tokenize/unicode/', import.meta.url);
const { version } = JSON.parse(
  readFileSync(new URL('../../node_modules/tokenizers/package.json', import.meta.url), 'utf8'),
);
/** The letters of the English contractions that the split patterns match without regard to case. */
const CONTRACTION_LETTERS = 'strevmld';
const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";

/** A mark of each combining class, class:mark. Only their order matters, and the reference proves it below. */
const CLASS_MARKS = new Map(
  `1:334 7:93c 8:3099 9:94d 10:5b0 11:5b1 12:5b2 13:5b3 14:5b4 15:5b5 16:5b6 17:5b7 18:5b8 19:5b9 20:5bb 21:5bc
   22:5bd 23:5bf 24:5c1 25:5c2 26:fb1e 27:64b 28:64c 29:64d 30:64e 31:64f 32:650 33:651 34:652 35:670 36:711
   84:c55 91:c56 103:e38 107:e48 118:eb8 122:ec8 129:f71 130:f72 132:f74 202:321 214:1dce 216:31b 218:302a
   220:316 222:59a 224:302e 226:1d16d 228:5ae 230:301 232:315 233:35c 234:35d 240:345`
    .split(/\s+/)
    .map((entry) => entry.split(':'))
    .map(([combiningClass, mark]) => [Number(combiningClass), String.fromCodePoint(Number.parseInt(mark, 16))]),
);

const LINE_FEED = 10;
const TEXTS = CODE_POINTS.filter((codePoint) => codePoint !== LINE_FEED).map((c) => String.fromCodePoint(c));
const points = (text) => Array.from(text, (character) => character.codePointAt(0));
const hex = (text) =>
  points(text)
    .map((c) => `U+${c.toString(16).toUpperCase().padStart(4, '0')}`)
    .join(' ');
const isHangulSyllable = (codePoint) => codePoint >= 0xac00 && codePoint <= 0xd7a3;

function check(condition, message) {
  if (!condition) throw new Error(message);
}

/** code point -> combining class, for those that have one. */
function readCombiningClasses(decomposed) {
  const chain = [...CLASS_MARKS.values()].join('');
  const numbers = [...CLASS_MARKS.keys()];
  check(
    nfdOf([`a${[...chain].reverse().join('')}`])[0] === `a${chain}`,
    'the marks are not one of each class, in order',
  );
  const [lowest, highest] = [CLASS_MARKS.get(1), CLASS_MARKS.get(240)];
  // A mark passes a mark of class 240 before it, or one of class 1 after it passes the mark, or its class is 0.
  const afterHighest = nfdOf(TEXTS.map((text) => `a${highest}${text}`));
  const beforeLowest = nfdOf(TEXTS.map((text) => `a${text}${lowest}`));
  const marks = TEXTS.filter(
    (text, i) =>
      decomposed[i] === text && (afterHighest[i] !== `a${highest}${text}` || beforeLowest[i] !== `a${text}${lowest}`),
  );
  const early = nfdOf(marks.map((mark) => `a${mark}${chain}`));
  const late = nfdOf(marks.map((mark) => `a${chain}${mark}`));
  return new Map(
    marks.map((mark, i) => {
      // Coming first it stops before the chain's mark of its class, coming last it stops behind it.
      const at = [...early[i]].indexOf(mark) - 1;
      const behind = [...late[i]].lastIndexOf(mark) - 1;
      check(behind === at + 1, `${hex(mark)} is of a class that CLASS_MARKS lacks`);
      return [mark.codePointAt(0), numbers[at]];
    }),
  );
}

/** The decompositions but Hangul's: as the pair that composes again, or, where NFC does not compose, in full. */
function readDecompositions(decomposed, composed) {
  const pairs = new Map();
  const lost = new Map();
  TEXTS.forEach((text, i) => {
    const codePoint = text.codePointAt(0);
    if (decomposed[i] === text || isHangulSyllable(codePoint)) return;
    const full = [...decomposed[i]];
    if (composed[i] !== text) lost.set(codePoint, points(decomposed[i]));
    else {
      const [last, rest] = [full.at(-1), nfcOf([full.slice(0, -1).join('')])[0]];
      check(nfcOf([rest + last])[0] === text && [...rest].length === 1, `${hex(text)} does not compose from a pair`);
      pairs.set(codePoint, points(rest + last));
    }
  });
  return { pairs, lost };
}

/** That Hangul is what the standard computes, so that it needs no table. */
function checkHangul() {
  const syllables = CODE_POINTS.filter(isHangulSyllable).map((syllable) => {
    const [tail, rest] = [(syllable - 0xac00) % 28, Math.floor((syllable - 0xac00) / 28)];
    const lead = [0x1100 + Math.floor(rest / 21), 0x1161 + (rest % 21)];
    return {
      text: String.fromCodePoint(syllable),
      jamo: String.fromCodePoint(...lead, ...(tail ? [0x11a7 + tail] : [])),
    };
  });
  const jamo = syllables.map((syllable) => syllable.jamo);
  const decomposed = nfdOf(syllables.map((syllable) => syllable.text));
  const composed = nfcOf(jamo);
  check(
    jamo.every((text, i) => text === decomposed[i] && syllables[i].text === composed[i]),
    'Hangul is not standard',
  );
  check(nfcOf(['\uac00\u11a7'])[0] === '\uac00\u11a7', 'U+11A7 composes');
}

/** That nothing composes but what decomposes again, so that no composition is missing from the data. */
function checkPairs(firsts, seconds) {
  for (const second of seconds) {
    const texts = firsts.map((first) => String.fromCodePoint(first, second));
    const [before, after] = [nfdOf(texts), nfdOf(nfcOf(texts))];
    texts.forEach((text, i) => check(before[i] === after[i], `${hex(text)} composes to what no decomposition shows`));
  }
}

/** Runs of equal values over all code points: a capital names the value, the length follows in base 36. */
function encodeClasses(valueOf) {
  const values = [];
  let out = '';
  let [start, current] = [0, valueOf(0)];
  for (let codePoint = 1; codePoint <= 0x110000; codePoint += 1) {
    const value = codePoint < 0x110000 ? valueOf(codePoint) : undefined;
    if (value === current) continue;
    if (!values.includes(current)) values.push(current);
    out += String.fromCodePoint(65 + values.indexOf(current)) + (codePoint - start).toString(36);
    [start, current] = [codePoint, value];
  }
  check(values.length <= 26, 'more values than capitals');
  return { values, runs: out };
}

/** Runs of one class: how far from the end of the run before, how long, which class. */
function encodeCombiningClasses(combiningClass) {
  const numbers = [];
  let end = 0;
  for (const [codePoint, value] of combiningClass)
    if (codePoint === end && numbers.at(-1) === value) {
      numbers[numbers.length - 2] += 1;
      end += 1;
    } else {
      numbers.push(codePoint - end, 1, value);
      end = codePoint + 1;
    }
  return numbers;
}

/** Code points, each with what it decomposes to: the distance from the one before, then [the count and] the parts. */
function encodeDecompositions(decompositions, withCount) {
  let last = 0;
  return [...decompositions].flatMap(([codePoint, parts]) => {
    const distance = codePoint - last;
    last = codePoint;
    return [distance, ...(withCount ? [parts.length] : []), ...parts];
  });
}

const base36 = (numbers) => numbers.map((number) => number.toString(36)).join(' ');
/** Lines of a template literal; `pattern` matches what must not be cut. */
function literal(text, pattern) {
  const lines = [''];
  for (const [token] of text.matchAll(pattern)) {
    if (lines.at(-1).length + token.length > 118) lines.push('');
    lines[lines.length - 1] += token;
  }
  return `\`\n${lines.map((line) => line.trimEnd()).join('\n')}\n\``;
}

function write(name, body) {
  const header = `// Generated by scripts/unicode/make-tables.mjs, read off npm tokenizers ${version}. Do not edit.\n\n`;
  writeFileSync(new URL(name, FOLDER), header + body);
  console.log(`${name}: ${header.length + body.length} bytes`);
}

// Contractions: which code points stand for their letters, and that no other text matches them.
const folds = new Map([...CONTRACTION_LETTERS].map((letter) => [letter, matching(`(?i:${letter})`)]));
const extraFolds = [...folds].flatMap(([letter, all]) => [...all].filter((c) => c > 0x7f).map((c) => [c, letter]));
check(
  String(extraFolds) === String([[0x17f, 's']]),
  `U+017F, which kernel/scan.as.ts knows, is not all: ${String(extraFolds)}`,
);
const oneAfter = ["'", ''].flatMap((before) =>
  ['', 'l', 'e', 's', 't'].flatMap((after) =>
    textsMatching(
      CONTRACTIONS,
      TEXTS.map((t) => before + t + after),
    ),
  ),
);
const isContraction = /'(?:[sſtmd]|re|ve|ll)/iu;
check(
  oneAfter.every((text) => isContraction.test(text)),
  'a folding of several characters makes a contraction',
);

// Classes.
const category = Object.fromEntries(
  ['L', 'Lu', 'Ll', 'Lt', 'Lm', 'Lo', 'M', 'N'].map((name) => [name, matching(`\\p{${name}}`)]),
);
const space = matching('\\s');
const parts = ['Lu', 'Ll', 'Lt', 'Lm', 'Lo'];
check(
  parts.reduce((sum, name) => sum + category[name].size, 0) === category.L.size &&
    parts.every((name) => [...category[name]].every((codePoint) => category.L.has(codePoint))),
  '\\p{L} is not the sum of its parts',
);

// Normalization.
const nfdSingles = nfdOf(TEXTS);
const nfcSingles = nfcOf(TEXTS);
const combiningClass = readCombiningClasses(nfdSingles);
const { pairs, lost } = readDecompositions(nfdSingles, nfcSingles);
checkHangul();
const seconds = new Set([...pairs.values()].map(([, second]) => second));
const firsts = [...new Set([...pairs].flatMap(([composite, [first]]) => [composite, first]))];
checkPairs(firsts, new Set([...combiningClass.keys(), ...seconds]));
if (process.argv.includes('--exhaustive'))
  checkPairs(
    CODE_POINTS.filter((codePoint) => codePoint !== LINE_FEED),
    seconds,
  );

const unsettled = new Set([...combiningClass.keys(), ...seconds, ...lost.keys()]);
for (let vowel = 0x1161; vowel <= 0x1175; vowel += 1) unsettled.add(vowel);
for (let tail = 0x11a8; tail <= 0x11c2; tail += 1) unsettled.add(tail);
TEXTS.forEach((text, i) => {
  const codePoint = text.codePointAt(0);
  check(nfcSingles[i] === text || unsettled.has(codePoint), `${hex(text)} changes alone and is not in the data`);
  // What makes it safe to cut before a settled code point: nothing it decomposes to reaches back. (Unicode 16 broke it.)
  check(
    unsettled.has(codePoint) || !unsettled.has(nfdSingles[i].codePointAt(0)),
    `${hex(text)} is no safe place to cut`,
  );
});

const classes = encodeClasses(
  (c) =>
    (category.L.has(c) ? 1 : 0) |
    (category.N.has(c) ? 2 : 0) |
    (space.has(c) ? 4 : 0) |
    (category.M.has(c) ? 8 : 0) |
    (category.Lu.has(c) || category.Lt.has(c) ? 16 : 0) |
    (category.Ll.has(c) ? 32 : 0) |
    (unsettled.has(c) ? 64 : 0),
);
write(
  'classes.data.ts',
  `/** What the capitals in [RUNS] stand for: the bits of classes.ts. */
export const VALUES = [${classes.values.join(', ')}] as const;

/** Runs of equal classes from U+0000 on: a capital for the value, then the length in base 36. */
export const RUNS = ${literal(classes.runs, /[A-Z][0-9a-z]+/g)};
`,
);
write(
  'nfc.data.ts',
  `/** Runs of a combining class other than 0: code points skipped, length, class. Numbers here are in base 36. */
export const COMBINING_CLASSES = ${literal(base36(encodeCombiningClasses(combiningClass)), /\S+ ?/g)};

/** Code points that NFC composes (Hangul aside): distance from the one before, first, second. */
export const COMPOSITES = ${literal(base36(encodeDecompositions(pairs, false)), /\S+ ?/g)};

/** Code points that NFC replaces: distance from the one before, count, the code points of the full decomposition. */
export const REPLACED = ${literal(base36(encodeDecompositions(lost, true)), /\S+ ?/g)};
`,
);
console.log(
  `letters ${category.L.size}, marks ${category.M.size}, numbers ${category.N.size}, spaces ${space.size}, ` +
    `classes ${combiningClass.size}, composites ${pairs.size} with ${seconds.size} second characters, ` +
    `replaced ${lost.size}, unsettled ${unsettled.size}, values ${classes.values.join(' ')}`,
);
