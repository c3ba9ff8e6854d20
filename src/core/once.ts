/** A function of something large that does not change (a plan), computed once for each. */
export function oncePer<Of extends object, Result>(compute: (of: Of) => Result): (of: Of) => Result {
  const known = new WeakMap<Of, Result>();
  return (of) => {
    let result = known.get(of);
    if (result === undefined) known.set(of, (result = compute(of)));
    return result;
  };
}
