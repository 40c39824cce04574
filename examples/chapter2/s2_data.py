"""Chapter 2, data representations: tensors from rank 0 to rank 5."""

# %% [imports]
import numpy as np
from showing import show

import graphc
from graphc import keras

rng = np.random.default_rng(0)

# %% [rank0]
scalar = np.array(12)
print(scalar, scalar.ndim, scalar.shape)

temperature = graphc.input("temperature", ())
print(temperature, "of rank", temperature.ndim)

# %% [rank1]
vector = np.array([12, 3, 6, 14, 7])
print(vector.ndim, vector.shape)

readings = graphc.input("readings", ("N",))
print(readings)

# %% [rank2]
matrix = np.array([[5, 78, 2, 34, 0], [6, 79, 3, 35, 1], [7, 80, 4, 36, 2]])
print(matrix.ndim, matrix.shape)

people = graphc.input("people", ("people", 3))
print(people)

# %% [rank3]
cube = np.stack([matrix, matrix + 1, matrix + 2])
print(cube.ndim, cube.shape)

# %% [attributes]
(train_images, train_labels), (test_images, test_labels) = keras.datasets.mnist.load_data()
print("rank ", train_images.ndim)
print("shape", train_images.shape)
print("dtype", train_images.dtype)

images = graphc.input("images", ("N", 28, 28), graphc.uint8)
print(images.ndim, images.shape, images.dtype, images.size)

# %% [digit]
shades = " .:-=+*#%@"
for row in train_images[7][::2]:
    print("".join(shades[int(pixel) * 9 // 255] for pixel in row))
print("label:", train_labels[7])

# %% [slicing]
print(train_images[10:100].shape)
print(train_images[10:100, :, :].shape)
print(train_images[:, 14:, 14:].shape)
print(train_images[:, 7:-7, 7:-7].shape)

middle = images[:, 7:-7, 7:-7]
middles = graphc.compile(middle)(train_images)
print(middle, "equal to NumPy's:", np.array_equal(middles, train_images[:, 7:-7, 7:-7]))

# %% [batches]
batch = train_images[:128]
second = train_images[128:256]
nth = 3
print(batch.shape, second.shape, train_images[128 * nth : 128 * (nth + 1)].shape)

average = graphc.compile(graphc.mean(images.astype("float32"), axis=(1, 2)))
for samples in (128, 7, 1):
    print(f"{samples} images, the first one's average is {average(train_images[:samples])[0]:.2f}")

# %% [kinds]
kinds = {
    "vectors": graphc.input("vectors", ("samples", "features")),
    "timeseries": graphc.input("timeseries", ("samples", "timesteps", "features")),
    "pictures": graphc.input("pictures", ("samples", 32, 32, 3), graphc.uint8),
    "videos": graphc.input("videos", ("samples", "frames", 16, 16, 3), graphc.uint8),
}
for name, tensor in kinds.items():
    print(f"{name:10} rank {tensor.ndim}  {tensor.shape}")

# %% [video]
videos = kinds["videos"]
brightness = graphc.mean(videos.astype("float32") / 255, axis=(2, 3, 4))
clips = rng.integers(0, 256, (4, 24, 16, 16, 3), np.uint8)
print(brightness)
print(graphc.compile(brightness)(clips).shape, "from", clips.shape)
show(graphc.Graph("brightness", outputs={"brightness": brightness}).svg(), "video")
