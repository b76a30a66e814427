import subprocess
import sys


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )


def test_torchvision_s_data_sets_are_at_hand_whatever_torch_it_lies_beside():
    result = run(
        "from twingrad.vision import datasets, transforms;"
        "print(datasets.CIFAR10.__name__, transforms.Compose.__name__)"
    )
    assert (result.stdout, result.stderr) == ("CIFAR10 Compose\n", "")


def test_loading_cifar_imports_neither_torch_nor_torchvision():
    result = run(
        "import twingrad.cifar.loading, twingrad.cifar.verify, sys;"
        "print([m for m in ('torch', 'torchvision') if m in sys.modules])"
    )
    assert result.stdout == "[]\n"
