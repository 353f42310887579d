"""Every measure at `/metrics`, from the code that makes it."""

import ast

from generators.source import package_modules
from generators.tables import code, table

_MAKERS = {
    "Counter": "counter",
    "CounterMetricFamily": "counter",
    "Histogram": "histogram",
    "HistogramMetricFamily": "histogram",
    "_gauge": "gauge",
    "_by_state": "gauge",
}


def page() -> str:
    """The table of measures."""
    rows = []
    module = next(module for module in package_modules() if module.name == "vangnet.web.metrics")
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(
                func=ast.Name(id=maker),
                args=[ast.Constant(value=str(name)), ast.Constant(value=str(told)), *rest],
                keywords=named,
            ):
                if maker in _MAKERS:
                    rest += [one.value for one in named if one.arg == "labels"]
                    labels = ["state"] if maker == "_by_state" else _labels(rest)
                    name += "_total" if maker.startswith("Counter") else ""
                    rows.append((code(name), _MAKERS[maker], ", ".join(map(code, labels)), told))
    return table(["measure", "kind", "labels", "what it is"], sorted(rows))


def _labels(rest: list[ast.expr]) -> list[str]:
    match rest:
        case [ast.List(elts=names), *_]:
            return [str(ast.literal_eval(name)) for name in names]
        case _:
            return []
