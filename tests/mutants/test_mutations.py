"""The changes that are made to the source: ``python -m tests.mutants ROOM`` runs the tests against each of them."""

import textwrap

from tests.mutants.mutations import mutants_of

SOURCE = '''
def f(x, n=2, *, flag=True):
    """Say what: 1 < 2."""
    if x < n and not flag:
        raise ValueError(f"{x + 1} is less than {n}")
    for i in range(n):
        x = x + g(i, key=x)
        if i == 5:
            break
    h.size = x
    print(x)
    return -x if x > 0.5 else [y for y in x if y]
'''
CHANGES = {
    "2  ->  3  in x, n=2, *, flag=True",
    "True  ->  False",
    "if x < n and (not flag)  ->  if False",
    "if x < n and (not flag)  ->  if True",
    "x < n and (not flag)  ->  x < n or not flag",
    "x < n  ->  x <= n",
    "x < n  ->  x > n",
    "not flag  ->  flag",
    "without: x = x + g(i, key=x)",
    "x + g(i, key=x)  ->  x - g(i, key=x)",
    "g(i): without key=x",
    "i == 5  ->  i != 5",
    "if i == 5  ->  if False",
    "if i == 5  ->  if True",
    "5  ->  6  in i == 5",
    "break  ->  continue",
    "without: h.size = x",
    "without: print(x)",
    "return -x if x > 0.5 else [y for y in x if y]  ->  return None",
    "-x  ->  x",
    "if x > 0.5  ->  if False",
    "if x > 0.5  ->  if True",
    "x > 0.5  ->  x >= 0.5",
    "x > 0.5  ->  x < 0.5",
    "0.5  ->  1.5  in x > 0.5",
    "for y in x if y: without its condition",
}


def test_each_change_is_made_alone(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(textwrap.dedent(SOURCE))
    made = {mutant.what: mutant for mutant in mutants_of(path)}
    assert {what.strip() for what in made} == CHANGES
    assert not made["2  ->  3  in x, n=2, *, flag=True"].inside and made["without: print(x)"].inside

    def run(what):
        seen = []
        names = {"g": lambda i, key: i, "h": type("H", (), {}), "print": seen.append}
        exec(made[what].code, names)
        return names["f"](4.0), seen

    assert run("without: print(x)") == (-5.0, [])
    assert run("x + g(i, key=x)  ->  x - g(i, key=x)") == (-3.0, [3.0])
