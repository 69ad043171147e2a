"""The options ``--company`` and ``--live`` of commands that work within one side of a company."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

_NAME = "company"
_Company = Annotated[
    str | None,
    typer.Option(
        "--company", metavar="NAME", envvar="METERFARM_COMPANY", help="The company, where there are several."
    ),
]
_Live = Annotated[
    bool, typer.Option("--live", envvar="METERFARM_LIVE", help="The company's live side, not its test side.")
]
_chosen: ContextVar[tuple[str | None, bool]] = ContextVar(_NAME, default=(None, False))


def chosen_company() -> tuple[str | None, bool]:
    """The company that the command was given, by the option or METERFARM_COMPANY; whether its live side."""
    return _chosen.get()


def in_company(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command's function with the options, which ``chosen_company`` gives within it."""

    @wraps(function)
    def run(*args: Any, company: str | None = None, live: bool = False, **options: Any) -> Any:
        token = _chosen.set((company, live))
        try:
            return function(*args, **options)
        finally:
            _chosen.reset(token)

    signature = inspect.signature(function, eval_str=True)
    only, added = inspect.Parameter.KEYWORD_ONLY, {_NAME: _Company, "live": _Live}
    parameters = [
        *signature.parameters.values(),
        inspect.Parameter(_NAME, only, default=None, annotation=_Company),
        inspect.Parameter("live", only, default=False, annotation=_Live),
    ]
    vars(run)["__signature__"] = signature.replace(parameters=parameters)
    run.__annotations__ = {**get_type_hints(function, include_extras=True), **added}
    return run
