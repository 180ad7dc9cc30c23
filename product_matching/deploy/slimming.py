"""A SavedModel's graph without what only a person reads: beside a small model, names weigh more than they should."""

from __future__ import annotations

from pathlib import Path

from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.saved_model import fingerprinting_utils

# Hints that the runtime infers again.
_NODE_HINTS = ("_output_shapes", "_has_manual_control_dependencies")
_ARGUMENT_HINTS = ("_output_shapes", "_user_specified_name")


def slim_graph(folder: Path) -> None:
    """Gives the nodes of a SavedModel's functions short names and drops their shape hints.

    A node's name repeats the path of the layers it came from, in itself and in each node that reads it: half of the
    file. Signatures, variables, the names of their inputs and outputs, and results stay as they are.

    Args:
        folder: Of a SavedModel; its `saved_model.pb` is rewritten, and the fingerprint with it.
    """
    path = folder / "saved_model.pb"
    saved = SavedModel.FromString(path.read_bytes())
    for graph in saved.meta_graphs:
        called_by_name = set(graph.object_graph_def.concrete_functions)
        for function in graph.graph_def.library.function:
            _shorten(function, keep_arguments=function.signature.name in called_by_name)
    path.write_bytes(saved.SerializeToString(deterministic=True))
    (folder / "fingerprint.pb").unlink(missing_ok=True)
    fingerprinting_utils.write_fingerprint(str(folder))


def _shorten(function: FunctionDef, *, keep_arguments: bool) -> None:
    arguments = [argument.name for argument in function.signature.input_arg]
    names = {name: name if keep_arguments else f"a{place}" for place, name in enumerate(arguments)}
    names |= {node.name: _free(f"n{place}", arguments) for place, node in enumerate(function.node_def)}
    for argument in function.signature.input_arg:
        argument.name = names[argument.name]
    if not keep_arguments:
        for attributes in function.arg_attr.values():
            _drop(attributes.attr, _ARGUMENT_HINTS)
    for node in function.node_def:
        node.name = names[node.name]
        node.input[:] = [_renamed(source, names) for source in node.input]
        node.ClearField("experimental_debug_info")
        _drop(node.attr, _NODE_HINTS)
    for name, source in list(function.ret.items()):
        function.ret[name] = _renamed(source, names)
    # A function's effects are named after the nodes that have them.
    effects = [names[function.control_ret[effect]] for effect in function.signature.control_output]
    function.signature.control_output[:] = effects
    function.control_ret.clear()
    function.control_ret.update({effect: effect for effect in effects})


def _drop(attributes: dict, names: tuple[str, ...]) -> None:
    for name in names:
        attributes.pop(name, None)


def _free(name: str, taken: list[str]) -> str:
    return _free(f"{name}_", taken) if name in taken else name


def _renamed(source: str, names: dict[str, str]) -> str:
    """A source is `argument`, `node:output:number` or, where only the order counts, `^node`."""
    mark = "^" if source.startswith("^") else ""
    node, colon, output = source[len(mark) :].partition(":")
    return f"{mark}{names[node]}{colon}{output}"
