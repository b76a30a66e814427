"""The command that repeats a training by hand."""

from reproduction.published.readings import DEFECTS
from twingrad.recipe import Recipe


def command_of(recipe: Recipe, backend: str) -> str:
    """`twingrad train` with every option in which the recipe is not the plain one."""
    plain, words = Recipe(), ["twingrad train"]
    for name, value in recipe.as_json().items():
        option = name.replace("_", "-")
        if value == getattr(plain, name) and name != "seed":
            continue
        if name == "batch_norm":
            words.append("--no-batch-norm")
        elif name in DEFECTS:
            words.append(f"--{option}")
        elif name == "hidden":
            words.append(f"--hidden {','.join(map(str, value))}")
        else:
            words.append(f"--{option} {value}")
    if backend != "manual":
        words.append(f"--backend {backend}")
    return " ".join(words)
