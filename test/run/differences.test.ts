import { describe, expect, test } from 'vitest';
import { differences } from '../../src/run/differences.ts';

const of = (found: unknown, expected: unknown) =>
  [...differences(found, expected)].map(({ path, found: a, expected: b }) => `${path}: ${a} / ${b}`);

describe('the innermost members that differ', () => {
  test.each<[unknown, unknown, string[]]>([
    [{ a: 1 }, { a: 1 }, []],
    [{ a: 1, b: null }, { a: 1 }, []],
    [{ a: { b: { c: [1, { d: 2 }] } } }, { a: { b: { c: [1, { d: 3 }] } } }, ['a.b.c[1].d: 2 / 3']],
    [{ b: 1, a: 2 }, { a: 3, b: 4 }, ['a: 2 / 3', 'b: 1 / 4']],
    [{ a: [1] }, { a: [1, 2] }, ['a[1]: nothing / 2']],
    [{ a: [] }, { a: {} }, ['a: [] / {}']],
    [{ a: { b: 1 } }, { a: null }, ['a: {"b":1} / null']],
    [{ 'a b': { c: 1 } }, { 'a b': { c: 2 } }, ['["a b"].c: 1 / 2']],
    [JSON.parse('{"__proto__":1}'), {}, ['__proto__: 1 / nothing']],
    [{}, { constructor: 'x' }, ['constructor: nothing / "x"']],
  ])('%j and %j', (a, b, expected) => {
    expect(of(a, b)).toEqual(expected);
  });

  test('a long text is shown where it differs', () => {
    const [a, b] = [`${'x'.repeat(500)}A${'y'.repeat(500)}`, `${'x'.repeat(500)}B${'y'.repeat(500)}`];
    const [first] = differences({ template: a }, { template: b });
    expect(first!.found).toBe(`…${'x'.repeat(20)}A${'y'.repeat(59)}…`);
    expect(first!.expected).toBe(`…${'x'.repeat(20)}B${'y'.repeat(59)}…`);
  });
});
