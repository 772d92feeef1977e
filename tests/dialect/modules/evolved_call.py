# ruff: noqa
from collections import namedtuple

HintValue = namedtuple("HintValue", ["hint", "value"])

t_call = {
    1: 'apply(first, S)',
    2: 'apply(second, S)',
    3: 'mapply, p_g, t1',
    4: HintValue(hint=("Tuple",), value=("mapply", "p_g", "t2")),
    5: HintValue(hint=("Tuple", "Grid"), value=("p_g", "I")),
    6: HintValue(hint=("Tuple", "Grid"), value=("p_g", "C")),
    7: 'difference, t5, t6',
    8: 'astuple, size(t7), t7',
    9: 'difference, t3, t6',
    10: 'astuple(size(t9), t9)',
    11: 'mir_rot_t, I, R0',
    12: 'rbind, mir_rot_t, R2',
    13: 't12, t11',
    14: 't12, t12',
    15: 'difference, p_g(t13), p_g(C)',
    16: 'astuple, size(t15), t15',
    17: 't14, t11',
}
