"""CloudWatch metric math as scaling policies use it: arithmetic and a few functions.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence

Series = dict[int, float]
"""Values by the start of their period, seconds since the epoch."""

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.BitXor: operator.pow,
}

_OVER_LINES: dict[str, Callable[[Sequence[float]], float]] = {
    "SUM": sum,
    "MIN": min,
    "MAX": max,
    "AVG": lambda values: sum(values) / len(values),
}


class UnsupportedExpressionError(ValueError):
    """The lab does not support this expression."""


def evaluate(expression: str, lines: Mapping[str, Series], periods: Sequence[int]) -> Series:
    """Evaluate an expression over named lines.

    Args:
        expression: e.g. ``m1 / FILL(m2, 1)`` or ``MAX([m1, m2])``.
        lines: lines that the expression can use, by name.
        periods: starts of the periods for which constants and ``FILL`` have values.

    Returns:
        Values of the periods for which all lines have values; a division by zero has none.

    Raises:
        UnsupportedExpressionError: for anything but arithmetic, FILL, SUM, AVG, MIN and MAX.
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError as error:
        raise UnsupportedExpressionError(f"not an expression: {expression!r}") from error
    return _value(tree, lines, periods)


def _value(node: ast.expr, lines: Mapping[str, Series], periods: Sequence[int]) -> Series:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return dict.fromkeys(periods, float(node.value))
    if isinstance(node, ast.Name) and node.id in lines:
        return lines[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return {at: -value for at, value in _value(node.operand, lines, periods).items()}
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left = _value(node.left, lines, periods)
        right = _value(node.right, lines, periods)
        return _combine(_OPERATORS[type(node.op)], left, right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node.func.id, node.args, lines, periods)
    raise UnsupportedExpressionError(f"the lab cannot evaluate {ast.unparse(node)!r}")


def _combine(operation: Callable[[float, float], float], left: Series, right: Series) -> Series:
    result: Series = {}
    for at in sorted(left.keys() & right.keys()):
        try:
            result[at] = operation(left[at], right[at])
        except ZeroDivisionError:
            continue
    return result


def _call(
    name: str, arguments: Sequence[ast.expr], lines: Mapping[str, Series], periods: Sequence[int]
) -> Series:
    if name == "FILL" and len(arguments) == 2:
        line = _value(arguments[0], lines, periods)
        return {**_value(arguments[1], lines, periods), **line}
    if name in _OVER_LINES and len(arguments) == 1:
        over = _OVER_LINES[name]
        only = arguments[0]
        if isinstance(only, ast.List):
            many = [_value(element, lines, periods) for element in only.elts]
            every = sorted({at for line in many for at in line})
            return {at: over([line[at] for line in many if at in line]) for at in every}
        line = _value(only, lines, periods)
        return dict.fromkeys(periods, over(list(line.values()))) if line else {}
    raise UnsupportedExpressionError(f"the lab cannot evaluate {name}")
