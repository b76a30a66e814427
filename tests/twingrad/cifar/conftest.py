import io
import pickle
import tarfile

import numpy as np
import pytest
import scipy.io

FOLDERS = {
    "python": "cifar-10-batches-py",
    "binary": "cifar-10-batches-bin",
    "matlab": "cifar-10-batches-mat",
}
NAMES = [f"class {number}" for number in range(10)]


def batch(number):
    """A batch of the right size whose every image is its own."""
    rng = np.random.default_rng(number)
    labels = rng.permutation(np.arange(10_000) % 10)
    images = np.full((10_000, 3072), number, np.uint8)
    images[:, :40] = rng.integers(0, 256, (10_000, 40))
    return images, labels


def python_file(images, labels, protocol=2, text=str):
    def key(name):
        return name if text is str else name.encode()

    content = {
        key("batch_label"): key("a batch"),
        key("labels"): [int(label) for label in labels],
        key("data"): images,
        key("filenames"): [key("image.png")] * len(labels),
    }
    return pickle.dumps(content, protocol)


def binary_file(images, labels):
    return np.hstack([labels[:, None].astype(np.uint8), images]).tobytes()


def matlab_file(images, labels):
    buffer = io.BytesIO()
    scipy.io.savemat(
        buffer, {"data": images, "labels": labels[:, None].astype(np.uint8), "batch_label": "b"}
    )
    return buffer.getvalue()


WRITERS = {"python": python_file, "binary": binary_file, "matlab": matlab_file}
SUFFIXES = {"python": "", "binary": ".bin", "matlab": ".mat"}


def file_names(kind):
    return [f"data_batch_{i}{SUFFIXES[kind]}" for i in range(1, 6)] + [
        f"test_batch{SUFFIXES[kind]}"
    ]


@pytest.fixture(scope="session")
def copies(tmp_path_factory):
    """The same six batches in the three layouts: batches 1, 2 and test as files, all in memory."""
    root = tmp_path_factory.mktemp("cifar")
    batches = [batch(number) for number in (1, 2, 6)]
    for kind, folder in FOLDERS.items():
        (root / folder).mkdir()
        names = file_names(kind)
        for (images, labels), name in zip(batches, [names[0], names[1], names[5]], strict=True):
            (root / folder / name).write_bytes(WRITERS[kind](images, labels))
    return root, batches


def pack(folder, archive):
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(folder, folder.name)
    return archive
