"""Recording on and off: by a call, a block, and around the body of every kind of function."""

import asyncio
import inspect

import pytest

import minigrad as mg

on = mg.is_grad_enabled


def test_the_call_itself_switches():
    try:
        mg.set_grad_enabled(False)
        assert not on() and not (mg.tensor(1.0, requires_grad=True) * 2).requires_grad
        mg.set_grad_enabled(True)
        assert on()
        with mg.set_grad_enabled(False):
            assert not on()
        assert on()
        later = mg.set_grad_enabled(False)
        assert not on()
        with later:
            assert not on()
        assert on()  # what was before the call
        with mg.no_grad():
            mg.set_grad_enabled(True)
            assert on()
        assert on()
    finally:
        mg.set_grad_enabled(True)
    for bad in (1, None, "x", lambda: 1):
        with pytest.raises(TypeError, match="enabled must be a bool"):
            mg.set_grad_enabled(bad)
        assert on()


def test_decorating_with_a_switch_leaves_the_mode():
    @mg.set_grad_enabled(False)
    def f():
        return on()

    assert on() and f() is False and on()


@pytest.mark.parametrize("decorate", [mg.no_grad, mg.no_grad(), mg.inference_mode, mg.inference_mode()])
def test_functions_with_and_without_parentheses(decorate):
    @decorate
    def f(a, b=2):
        """Documented."""
        return on(), a, b

    assert f(1, b=3) == (False, 1, 3) and on() and (f.__name__, f.__doc__) == ("f", "Documented.")

    @decorate
    def fails():
        raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert on()


def test_enable_grad_without_parentheses():
    @mg.enable_grad
    def f():
        return on()

    with mg.no_grad():
        assert f() and not on()


def test_what_is_no_function_is_refused():
    for switch in (mg.no_grad, mg.enable_grad, mg.inference_mode):
        with pytest.raises(TypeError, match=f"{switch.__name__}: decorates a function, got int"):
            switch(5)


def test_the_body_of_a_generator_and_nothing_between():
    @mg.no_grad()
    def f():
        yield on()
        given = yield on()
        with mg.enable_grad():
            yield on()
            yield on()  # a mode of the body's own comes back with it
        yield given, on()
        return "end"

    assert inspect.isgeneratorfunction(f)
    steps = f()
    assert [next(steps), on(), next(steps), on(), steps.send(5), on(), next(steps), on(), next(steps), on()] == [
        False, True, False, True, True, True, True, True, (5, False), True,
    ]  # fmt: skip
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value == "end"


def test_a_generator_is_thrown_into_and_closed_in_its_mode():
    seen = []

    @mg.no_grad
    def f():
        try:
            yield 1
        except KeyError:
            yield on()
        finally:
            seen.append(on())

    steps = f()
    next(steps)
    assert steps.throw(KeyError()) is False and on()
    steps.close()
    assert seen == [False] and on()
    steps = f()
    next(steps)
    with pytest.raises(ValueError, match="x"):
        steps.throw(ValueError("x"))
    assert seen == [False, False] and on()


def test_asynchronous_functions_keep_their_modes_apart():
    @mg.no_grad
    async def f():
        seen = [on()]
        await asyncio.sleep(0)
        seen.append(on())
        with mg.enable_grad():
            await asyncio.sleep(0)
            seen.append(on())
        return [*seen, on()]

    async def other():
        seen = []
        for _ in range(4):
            seen.append(on())
            await asyncio.sleep(0)
        return seen

    async def together():
        return await asyncio.gather(f(), other(), f())

    assert inspect.iscoroutinefunction(f)
    assert asyncio.run(together()) == [[False, False, True, False], [True] * 4, [False, False, True, False]] and on()


def test_asynchronous_generators():
    closed = []

    @mg.no_grad()
    async def f():
        try:
            given = yield on()
            await asyncio.sleep(0)
            yield given, on()
        finally:
            closed.append(on())

    async def use():
        found = [(value, on()) async for value in f()]
        steps = f()
        found += [await steps.asend(None), await steps.asend(4)]
        await steps.aclose()
        steps = f()
        await steps.asend(None)
        with pytest.raises(KeyError):
            await steps.athrow(KeyError())
        return found

    assert inspect.isasyncgenfunction(f)
    assert asyncio.run(use()) == [(False, True), ((None, False), True), False, (4, False)]
    assert closed == [False] * 3 and on()


def test_a_class_is_made_in_the_mode_and_warns():
    with pytest.warns(FutureWarning, match="no_grad: on a class it applies to the creation of instances only") as caught:

        @mg.no_grad()
        class C:
            def __init__(self):
                self.made = on()

            def method(self):
                return on()

    assert caught[0].filename == __file__ and not C().made and C().method()
