"""An agent in HAL's form that needs no model: it reads two numbers in a question and adds them."""

import re


def run(input, **kwargs):
    """Return the sum for the one task that there is."""
    [(task_id, task)] = input.items()
    numbers = [int(number) for number in re.findall(r"[0-9]+", task["prompt"])]
    return {task_id: {"answer": str(sum(numbers)), "metrics": {"step_count": 1, "total_cost": 0.0}}}
