"""Options shared by several commands, and options generated from the fields of a recipe."""

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from types import NoneType
from typing import Annotated, Any

import typer

from twingrad.errors import UserError
from twingrad.recipe import PRESETS, Recipe, preset

Data = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        help="CIFAR-10: a folder or archive of any layout, or 'synthetic'. "
        "[$TWINGRAD_DATA, or the user's cache, or the synthetic stand-in]",
    ),
]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder for the results. [a folder in runs/]")
]
Json = Annotated[
    str | None, typer.Option(metavar="FILE", help="Write JSON; '-' for standard output.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
Threads = Annotated[int, typer.Option(help="BLAS threads.")]
Device = Annotated[str, typer.Option(metavar="[cpu|cuda|cuda:N]", help="Device for torch.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in the folder.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the run in the folder.")]
Preset = Annotated[
    str, typer.Option(metavar=f"[{'|'.join(PRESETS)}]", help="The recipe to start from.")
]
Backend = Annotated[
    str | None,
    typer.Option(metavar="[manual|torch]", help="NumPy by hand, or torch's autograd. [manual]"),
]
Processes = Annotated[
    int | None, typer.Option(help="Number of processes. [one per core, or one per GPU]")
]

Fields = dict[str, Any]
"""The fields of a recipe given on the command line, by name."""

ALL = tuple(field.name for field in dataclasses.fields(Recipe) if field.name != "name")
TYPES: dict[str, Any] = typing.get_type_hints(Recipe)

BATCH_NORM = inspect.Parameter(
    "batch_norm",
    inspect.Parameter.KEYWORD_ONLY,
    default=None,
    annotation=Annotated[
        bool | None,
        typer.Option(
            "--batch-norm/--no-batch-norm", help="Short for --normalization batch or none."
        ),
    ],
)


def recipe_options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace a command's keyword-only parameter `fields` by one option per field of `Recipe`.

    Type, help and choices come from the dataclass, so a new field needs no change here. The
    command receives `Fields`: the given values, converted, with --batch-norm as `normalization`.

    Arguments:
        names: fields to offer; default: all except `name`.
    """
    fields = [f for f in dataclasses.fields(Recipe) if f.name in (names or ALL)]
    made = [option_of(field) for field in fields]
    made += [BATCH_NORM] if "normalization" in {field.name for field in fields} else []

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_fields(**arguments: Any) -> Any:
            given = {option.name: arguments.pop(option.name) for option in made}
            return command(fields=collect(given), **arguments)

        signature = inspect.signature(command, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            parameters += made if parameter.name == "fields" else [parameter]
        replaced = signature.replace(
            parameters=[p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
        )
        vars(with_fields)["__signature__"] = replaced
        with_fields.__annotations__ = {p.name: p.annotation for p in parameters}
        return with_fields

    return decorate


def option_of(field: "dataclasses.Field[Any]") -> inspect.Parameter:
    """The option for one field; its value is None if it is not given."""
    kind, flag, default = type_of(field.name), field.name.replace("_", "-"), field.default
    described = field.metadata["help"]
    if default is not None and kind is not bool:
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
        described += f" [{shown}]"
    choices = field.metadata["choices"]
    option = typer.Option(
        f"--{flag}/--no-{flag}" if kind is bool else f"--{flag}",
        help=described,
        metavar=f"[{'|'.join(choices)}]" if choices else None,
    )
    read_as: Any = str if kind is tuple else kind
    annotation: Any = Annotated[read_as | None, option]
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def type_of(name: str) -> Any:
    """The type of a field without None; `tuple` for any kind of tuple."""
    hint = TYPES[name]
    present = [each for each in typing.get_args(hint) or (hint,) if each is not NoneType]
    is_tuple = typing.get_origin(hint) is tuple or typing.get_origin(present[0]) is tuple
    return tuple if is_tuple else present[0]


def collect(given: Mapping[str, Any]) -> Fields:
    """The options that were given, converted to fields.

    Raises:
        UserError: a tuple cannot be parsed, or --batch-norm and --normalization are both given.
    """
    fields = {name: value for name, value in given.items() if value is not None}
    for name, value in fields.items():
        if name != "batch_norm" and type_of(name) is tuple:
            fields[name] = parse_widths(value, "--" + name.replace("_", "-"))
    if (batch_norm := fields.pop("batch_norm", None)) is not None:
        if "normalization" in fields:
            raise UserError(
                "--batch-norm and --no-batch-norm are short for --normalization batch and none; "
                "give one of them"
            )
        fields["normalization"] = "batch" if batch_norm else "none"
    return fields


def parse_widths(text: str | None, option: str = "--hidden") -> tuple[int, ...] | None:
    """Parse widths: (50, 50) from "50,50", and no hidden layer from "".

    Raises:
        UserError: the text is not a list of whole numbers separated by commas.
    """
    if text is None:
        return None
    try:
        return tuple(int(width) for width in text.split(",")) if text.strip() else ()
    except ValueError:
        raise UserError(f"{option} is {text!r}, but expected widths such as 50,50") from None


def build_recipe(name: str, fields: Mapping[str, Any]) -> Recipe:
    """A preset with the given fields; None means not given.

    Raises:
        UserError: the preset is unknown, or a value is out of range.
    """
    given = {key: value for key, value in fields.items() if value is not None}
    return dataclasses.replace(preset(name), **given)


def require_used(recipe: Recipe, fields: Fields) -> None:
    """Raise UserError if a given field has no effect in this recipe, such as beta1 with sgd.

    Arguments:
        recipe: with these fields.
        fields: those given on the command line.
    """
    for field in dataclasses.fields(Recipe):
        if field.name not in fields or field.metadata["only_with"] is None:
            continue
        name, values = field.metadata["only_with"]
        if getattr(recipe, name) not in values:
            raise UserError(
                f"--{field.name.replace('_', '-')} has no effect with --{name} "
                f"{getattr(recipe, name)}, only with {' or '.join(values)}"
            )


def short_name(recipe: Recipe) -> str:
    """Preset and normalisation as the name of a folder, such as "three-layer-no-batch-norm"."""
    suffix = {"batch": "", "none": "-no-batch-norm"}
    return recipe.name + suffix.get(recipe.normalization, f"-{recipe.normalization}")
