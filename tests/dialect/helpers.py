# ruff: noqa
import functools
import typing


def default_for(function):
    try:
        kind = typing.get_type_hints(function).get("return")
    except NameError:  # an annotation names a type that is nowhere defined
        return ()
    origin = typing.get_origin(kind) or kind
    if origin is frozenset:
        return frozenset()
    if origin in (int, bool):
        return origin()
    if kind is typing.Callable:
        return lambda *_: ()
    return ()


def never_raises(function):
    default = default_for(function)

    @functools.wraps(function)
    def safe(*arguments):
        try:
            return function(*arguments)
        except Exception:
            return default

    safe._original_argcount = function.__code__.co_argcount
    return safe
