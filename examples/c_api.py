"""Asks an exported model through TensorFlow's C API: `python examples/c_api.py BUNDLE "red striped mug" [PICTURE]`.

Neither TensorFlow for Python nor Keras nor this package is imported: ctypes calls the shared libraries of the wheels as
a program in C, Go, Rust or Java would. With a picture it says how well the two match, too.
"""

import ctypes
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

FLOAT, STRING, STRING_SIZE = 1, 7, 24  # TF_FLOAT, TF_STRING, sizeof(TF_TString)


class Buffer(ctypes.Structure):
    """TF_Buffer."""

    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("deallocator", ctypes.c_void_p)]


class Output(ctypes.Structure):
    """TF_Output: an operation of the graph and the number of one of its outputs."""

    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


POINTERS = (
    *("TF_NewStatus", "TF_NewGraph", "TF_NewBuffer", "TF_NewSessionOptions", "TF_LoadSessionFromSavedModel"),
    *("TF_AllocateTensor", "TF_TensorData", "TF_GraphOperationByName", "TF_LoadLibrary"),
)
"""Functions that return a pointer, which ctypes would cut to an int."""


def libraries() -> ctypes.CDLL:
    """TensorFlow's C API, with the operations of tensorflow-text's tokenizers, without their Python packages."""
    root, text = (
        Path(importlib.util.find_spec(name).submodule_search_locations[0]) for name in ("tensorflow", "tensorflow_text")
    )
    ctypes.CDLL(str(root / "libtensorflow_framework.so.2"), mode=ctypes.RTLD_GLOBAL)
    api = ctypes.CDLL(str(root / "libtensorflow_cc.so.2"), mode=ctypes.RTLD_GLOBAL)
    for name in POINTERS:
        getattr(api, name).restype = ctypes.c_void_p
    api.TF_Message.restype, api.TF_Dim.restype = ctypes.c_char_p, ctypes.c_int64
    api.TF_AllocateTensor.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    api.TF_StringCopy.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    status = ctypes.c_void_p(api.TF_NewStatus())
    for library in sorted(text.glob("python/ops/*.so")):
        api.TF_LoadLibrary(bytes(library), status)
        check(api, status)
    return api


def check(api: ctypes.CDLL, status: ctypes.c_void_p) -> None:
    """Raises what TensorFlow complains of."""
    if api.TF_GetCode(status):
        raise RuntimeError(api.TF_Message(status).decode())


class SavedModel:
    """A SavedModel in a session of the C API.

    Args:
        folder: Of the bundle.

    Attributes:
        signatures: By name, the inputs and the outputs: their tensors in the graph, such as `"embed_text_text:0"`.
    """

    def __init__(self, folder: str) -> None:
        self.api, self.status = libraries(), ctypes.c_void_p()
        self.status.value, self.graph = self.api.TF_NewStatus(), ctypes.c_void_p(self.api.TF_NewGraph())
        meta = ctypes.cast(self.api.TF_NewBuffer(), ctypes.POINTER(Buffer))
        options, tags = ctypes.c_void_p(self.api.TF_NewSessionOptions()), (ctypes.c_char_p * 1)(b"serve")
        session = self.api.TF_LoadSessionFromSavedModel(
            options, None, folder.encode(), tags, 1, self.graph, meta, self.status
        )
        check(self.api, self.status)
        self.session = ctypes.c_void_p(session)
        self.signatures = read_signatures(ctypes.string_at(meta.contents.data, meta.contents.length))

    def __call__(self, signature: str, **inputs: Sequence[bytes] | np.ndarray) -> dict[str, np.ndarray]:
        """Runs a signature.

        Args:
            signature: Its name.
            inputs: By name, bytes [B] or float32 [B, D].

        Returns:
            By name, float32 [B, …].
        """
        api, (taken, given) = self.api, self.signatures[signature]
        fed = [self.tensor(inputs[name]) for name in taken]
        answers = (ctypes.c_void_p * len(given))()
        api.TF_SessionRun(
            self.session, None,
            self.places(taken.values()), (ctypes.c_void_p * len(fed))(*fed), len(fed),
            self.places(given.values()), answers, len(given),
            None, 0, None, self.status,
        )  # fmt: skip
        for tensor, name in zip(fed, taken, strict=True):
            self.free(tensor, strings=0 if isinstance(inputs[name], np.ndarray) else len(inputs[name]))
        check(api, self.status)
        found = {name: self.array(ctypes.c_void_p(answer)) for name, answer in zip(given, answers, strict=True)}
        for answer in answers:
            self.free(answer)
        return found

    def places(self, tensors: Sequence[str]) -> ctypes.Array:
        """Where tensors of such names are in the graph."""
        found = []
        for tensor in tensors:
            operation, _, index = tensor.partition(":")
            found.append(Output(self.api.TF_GraphOperationByName(self.graph, operation.encode()), int(index)))
        return (Output * len(found))(*found)

    def tensor(self, values: Sequence[bytes] | np.ndarray) -> int:
        """A tensor of the C API that holds a copy of strings [B] or of a float32 array."""
        if isinstance(values, np.ndarray):
            values = np.ascontiguousarray(values, np.float32)
            tensor = self.api.TF_AllocateTensor(FLOAT, values.ctypes.shape, values.ndim, values.nbytes)
            ctypes.memmove(self.api.TF_TensorData(ctypes.c_void_p(tensor)), values.ctypes.data, values.nbytes)
            return tensor
        shape = (ctypes.c_int64 * 1)(len(values))
        tensor = self.api.TF_AllocateTensor(STRING, shape, 1, STRING_SIZE * len(values))
        for place, value in zip(self.strings(tensor, len(values)), values, strict=True):
            self.api.TF_StringInit(place)
            self.api.TF_StringCopy(place, value, len(value))
        return tensor

    def strings(self, tensor: int, count: int) -> list[ctypes.c_void_p]:
        """Where the strings of a tensor lie."""
        start = self.api.TF_TensorData(ctypes.c_void_p(tensor))
        return [ctypes.c_void_p(start + STRING_SIZE * number) for number in range(count)]

    def array(self, tensor: ctypes.c_void_p) -> np.ndarray:
        """A copy of a float32 tensor."""
        shape = [self.api.TF_Dim(tensor, axis) for axis in range(self.api.TF_NumDims(tensor))]
        data = ctypes.string_at(self.api.TF_TensorData(tensor), 4 * int(np.prod(shape)))
        return np.frombuffer(data, np.float32).reshape(shape)

    def free(self, tensor: int, *, strings: int = 0) -> None:
        """Gives a tensor's memory back, that of its strings first."""
        for place in self.strings(tensor, strings):
            self.api.TF_StringDealloc(place)
        self.api.TF_DeleteTensor(ctypes.c_void_p(tensor))


def read_signatures(meta_graph: bytes) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Names of inputs and outputs out of a MetaGraphDef: signature_def is its field 5, a map to SignatureDef."""
    found = {}
    for entry in (value for number, value in fields(meta_graph) if number == 5):
        name, signature = (value for _, value in fields(entry))
        sides: tuple[dict[str, str], dict[str, str]] = ({}, {})
        for number, argument in fields(signature):
            if number in (1, 2):  # inputs, outputs: maps to TensorInfo, whose field 1 is the tensor's name
                key, information = (value for _, value in fields(argument))
                sides[number - 1][key.decode()] = dict(fields(information))[1].decode()
        found[name.decode()] = sides
    return found


def fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Number and value of each field of an encoded protocol buffer."""
    at = 0
    while at < len(message):
        key, at = varint(message, at)
        if key & 7 == 0:
            value, at = varint(message, at)
            yield key >> 3, value
            continue
        size, at = varint(message, at) if key & 7 == 2 else ({1: 8, 5: 4}[key & 7], at)
        yield key >> 3, message[at : at + size]
        at += size


def varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value, shift = 0, 0
    while True:
        value |= (message[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if message[at - 1] < 128:
            return value, at


def main(folder: str, text: str, picture: str = "") -> None:
    """Prints the start of the text's vector and, with a picture, how well the two match."""
    model = SavedModel(folder)
    words = model("embed_text", text=[text.encode()])["embedding"]
    print(f"{text}: {words.shape[1]} numbers, {np.array2string(words[0, :4], precision=3)} …")
    if picture:
        pixels = model("embed_image", image=[Path(picture).read_bytes()])["embedding"]
        print(f"{picture}: matches with probability {model('match', left=pixels, right=words)['probability'][0]:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
