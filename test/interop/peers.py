"""The peers' own readers of the MDS and Megatron forms, where what they ask for is not all installed.

torch on PyPI brings 2 GB of CUDA libraries, and neither reader computes with it: they derive from
`torch.utils.data.Dataset`, an empty class, and name its types in annotations. Where torchvision is missing, which stands for all that comes with them, a stand-in with
those names alone takes its place, and the packages' `__init__` files, which import all of vision, transformers and CUDA
code, are passed over: the modules that read the bytes are the peers' own, unchanged. What the stand-in lacks is an
AttributeError. With torch and torchvision installed nothing of this happens.
"""

import importlib.machinery
import importlib.util
import sys
import types
from pathlib import Path

STAND_IN = importlib.util.find_spec("torchvision") is None


def module(name: str, **names) -> types.ModuleType:
    made = types.ModuleType(name)
    made.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
    made.__dict__.update(names)
    sys.modules[name] = made
    parent, _, last = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], last, made)
    return made


def without_init(name: str, folder: Path, **names) -> None:
    """A package whose modules can be imported without running its `__init__`."""
    module(name, __path__=[str(folder)], **names)


def package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.submodule_search_locations, name
    return Path(list(spec.submodule_search_locations)[0])


def torch_stand_in() -> None:
    module("torch", Tensor=type("Tensor", (), {}))
    module("torch.distributed", is_available=lambda: False, is_initialized=lambda: False)
    module("torch.utils")
    module("torch.utils.data", Dataset=type("Dataset", (), {}), get_worker_info=lambda: None)


def mosaic():
    """`streaming`'s LocalDataset (random access to an MDS folder) and MDSWriter."""
    if STAND_IN:
        torch_stand_in()
        folder = package_folder("streaming")
        without_init("streaming", folder)
        without_init("streaming.base", folder / "base")
    from streaming.base.format.mds import MDSWriter
    from streaming.base.local import LocalDataset

    return LocalDataset, MDSWriter


def megatron():
    """Megatron-LM's IndexedDataset."""
    if STAND_IN:
        torch_stand_in()
        folder = package_folder("megatron") / "core"
        without_init("megatron.core", folder)
        without_init("megatron.core.datasets", folder / "datasets")
        from megatron.core._rank_utils import log_single_rank

        module("megatron.core.utils", log_single_rank=log_single_rank)
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    return IndexedDataset
