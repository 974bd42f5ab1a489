"""The bundled sonnets are whole: 24 of 14 lines, rhymed, of plain characters."""

import minigrad as mg


def test_sonnets_are_sonnets():
    text = mg.data.load_sonnets()
    assert text.isascii() and text.endswith("night.\n") and not any(line != line.strip() for line in text.splitlines())
    sonnets = text.split("\n\n")
    assert len(sonnets) == 24 and {len(sonnet.splitlines()) for sonnet in sonnets} == {14}
    first = [sonnet.splitlines()[0] for sonnet in sonnets]
    assert first[4] == "Shall I compare thee to a summer's day?" and len(set(first)) == 24
    assert all(20 < len(line) < 60 for sonnet in sonnets for line in sonnet.splitlines())
