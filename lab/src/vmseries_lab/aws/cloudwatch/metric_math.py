"""CloudWatch metric math as scaling policies use it: arithmetic, comparisons and a few functions.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence

Series = dict[int, float]
"""Values by the start of their period, seconds since the epoch."""

Value = Series | float
"""Of an expression: a time series, or a scalar."""

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}

_COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], float]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.LtE: operator.le,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.Gt: operator.gt,
}

_OVER_LINES: dict[str, Callable[[Sequence[float]], float]] = {
    "SUM": sum,
    "MIN": min,
    "MAX": max,
    "AVG": lambda values: sum(values) / len(values),
}


class UnsupportedExpressionError(ValueError):
    """The lab does not support this expression."""


def names(expression: str) -> set[str]:
    """Return the names of the lines that an expression uses.

    Raises:
        UnsupportedExpressionError: if it is not an expression.
    """
    nodes = ast.walk(_parse(expression))
    return {node.id for node in nodes if isinstance(node, ast.Name) and node.id[:1].islower()}


def evaluate(expression: str, lines: Mapping[str, Series], periods: Sequence[int]) -> Series:
    """Evaluate an expression over named lines.

    The documentation has these rules for periods in which a line has no value:

    - An operator takes it as 0, if its other line has a value. ``AVG`` of several lines does so,
      too. ``SUM``, ``MIN`` and ``MAX`` ignore it.
    - A result that would be divided by zero is dropped.
    - ``IF`` drops the result where the condition has no value, and where it is false and the third
      argument has none. Where it is true and the second argument has none, the result is 0.

    Args:
        expression: e.g. ``m1 / FILL(m2, REPEAT)`` or ``IF(m1 > m2, m1, m2)``.
        lines: lines that the expression can use, by name.
        periods: starts of the periods that ``FILL`` fills, in order.

    Returns:
        Values of the periods that have one.

    Raises:
        UnsupportedExpressionError: for anything but arithmetic, comparisons, FILL without LINEAR,
            IF, SUM, AVG, MIN and MAX, and for a scalar as the result.
    """
    value = _value(_parse(expression), lines, periods)
    if isinstance(value, float):
        raise UnsupportedExpressionError(f"not a time series: {expression!r}")
    return value


def _parse(expression: str) -> ast.expr:
    try:
        return ast.parse(expression.strip().replace("^", "**"), mode="eval").body
    except SyntaxError as error:
        raise UnsupportedExpressionError(f"not an expression: {expression!r}") from error


def _value(node: ast.expr, lines: Mapping[str, Series], periods: Sequence[int]) -> Value:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.Name) and node.id in lines:
        return lines[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _combine(operator.sub, 0.0, _value(node.operand, lines, periods))
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left = _value(node.left, lines, periods)
        right = _value(node.right, lines, periods)
        return _combine(_OPERATORS[type(node.op)], left, right)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
        left = _value(node.left, lines, periods)
        right = _value(node.comparators[0], lines, periods)
        return _combine(_COMPARISONS[type(node.ops[0])], left, right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node.func.id, node.args, lines, periods)
    raise UnsupportedExpressionError(f"the lab cannot evaluate {ast.unparse(node)!r}")


def _combine(operation: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if isinstance(left, float) and isinstance(right, float):
        return float(operation(left, right))
    result: Series = {}
    for at in _starts(left, right):
        try:
            result[at] = float(operation(_at(left, at, 0.0), _at(right, at, 0.0)))
        except ZeroDivisionError:
            continue
    return result


def _starts(*values: Value) -> list[int]:
    """Return the periods in which at least one of the time series has a value."""
    return sorted({at for value in values if isinstance(value, dict) for at in value})


def _at(value: Value, at: int, missing: float) -> float:
    return value if isinstance(value, float) else value.get(at, missing)


def _call(
    name: str, arguments: Sequence[ast.expr], lines: Mapping[str, Series], periods: Sequence[int]
) -> Value:
    if name == "FILL" and len(arguments) == 2:
        line = _value(arguments[0], lines, periods)
        if isinstance(line, dict):
            return _fill(line, arguments[1], lines, periods)
    if name == "IF" and len(arguments) in (2, 3):
        condition, chosen, *other = [_value(one, lines, periods) for one in arguments]
        if isinstance(condition, dict):
            return _if(condition, chosen, other[0] if other else {})
    if name in _OVER_LINES and len(arguments) == 1:
        return _over(name, arguments[0], lines, periods)
    raise UnsupportedExpressionError(f"the lab cannot evaluate {name} with these arguments")


def _fill(
    line: Series, filler: ast.expr, lines: Mapping[str, Series], periods: Sequence[int]
) -> Series:
    """Fill a line: with a scalar, another line, or its own most recent value (``REPEAT``)."""
    if isinstance(filler, ast.Name) and filler.id == "REPEAT":
        filled: Series = {}
        for before, at in zip((None, *periods), periods, strict=False):
            if at in line:
                filled[at] = line[at]
            elif before in filled:
                filled[at] = filled[before]
        return filled
    value = _value(filler, lines, periods)
    return {**(dict.fromkeys(periods, value) if isinstance(value, float) else value), **line}


def _if(condition: Series, chosen: Value, other: Value) -> Series:
    result: Series = {}
    for at, true in condition.items():
        if true:
            result[at] = _at(chosen, at, 0.0)
        elif isinstance(other, float) or at in other:
            result[at] = _at(other, at, 0.0)
    return result


def _over(
    name: str, argument: ast.expr, lines: Mapping[str, Series], periods: Sequence[int]
) -> Value:
    """Return a statistic of several lines for each period, or of one line as a scalar."""
    over = _OVER_LINES[name]
    if not isinstance(argument, ast.List):
        line = _value(argument, lines, periods)
        if isinstance(line, dict) and line:
            return float(over(list(line.values())))
        return line
    many = [_value(element, lines, periods) for element in argument.elts]
    result: Series = {}
    for at in _starts(*many):
        known = [value for value in many if isinstance(value, float) or at in value]
        result[at] = float(over([_at(v, at, 0.0) for v in (many if name == "AVG" else known)]))
    return result
