"""CIFAR-10, read in any layout, checked, split and standardised, or a synthetic stand-in."""

from twingrad.cifar.images import Cifar, Images
from twingrad.cifar.loading import load_cifar, load_dataset, locate_data
from twingrad.cifar.source import Source

__all__ = ["Cifar", "Images", "Source", "load_cifar", "load_dataset", "locate_data"]
