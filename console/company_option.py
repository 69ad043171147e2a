"""The option ``--company`` of commands that work within one company."""

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
_chosen: ContextVar[str | None] = ContextVar(_NAME, default=None)


def chosen_company() -> str | None:
    """The company that the command was given, by the option or by METERFARM_COMPANY."""
    return _chosen.get()


def in_company(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command's function with the option ``--company``, which ``chosen_company`` gives within it."""

    @wraps(function)
    def run(*args: Any, company: str | None = None, **options: Any) -> Any:
        token = _chosen.set(company)
        try:
            return function(*args, **options)
        finally:
            _chosen.reset(token)

    signature = inspect.signature(function, eval_str=True)
    option = inspect.Parameter(_NAME, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_Company)
    parameters = [*signature.parameters.values(), option]
    vars(run)["__signature__"] = signature.replace(parameters=parameters)
    run.__annotations__ = {**get_type_hints(function, include_extras=True), _NAME: _Company}
    return run
