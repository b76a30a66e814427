import os
import subprocess
import sys

from tests.support import ROOT


def run(code, *before):
    paths = os.pathsep.join(map(str, (*before, ROOT)))
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )


def test_torchvision_s_data_sets_are_at_hand_whatever_torch_it_lies_beside():
    result = run(
        "from twingrad.vision import datasets, transforms;"
        "print(datasets.CIFAR10.__name__, transforms.Compose.__name__)"
    )
    assert (result.stdout, result.stderr) == ("CIFAR10 Compose\n", "")


def test_operators_that_load_are_not_declared_again(tmp_path):
    # whatever torchvision calls its library: version 0.29 has another name than 0.28
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision/__init__.py").write_text(
        "import torch\n"
        "library = torch.library.Library('torchvision', 'FRAGMENT')\n"
        "library.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')\n"
        "datasets, transforms = 'data', 'changes'\n"
    )
    result = run("from twingrad.vision import datasets; print(datasets)", tmp_path)
    assert (result.stdout, result.stderr) == ("data\n", "")


def test_loading_cifar_imports_neither_torch_nor_torchvision():
    result = run(
        "import twingrad.cifar.loading, twingrad.cifar.verify, sys;"
        "print([m for m in ('torch', 'torchvision') if m in sys.modules])"
    )
    assert result.stdout == "[]\n"
