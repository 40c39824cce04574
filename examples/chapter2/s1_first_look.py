"""Chapter 2, a first look: handwritten digits with the Keras form of the network."""

# %% [imports]
from showing import quick, show

from graphc import keras
from graphc.keras import layers

# %% [load]
(train_images, train_labels), (test_images, test_labels) = keras.datasets.mnist.load_data()
print(train_images.shape, len(train_labels), train_labels[:10])
print(test_images.shape, len(test_labels), test_labels[:10])

# %% [architecture]
keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        layers.Dense(512, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)

# %% [compile]
model.compile(
    optimizer="rmsprop",
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

# %% [prepare]
train_images = train_images.reshape((-1, 28 * 28)).astype("float32") / 255
test_images = test_images.reshape((-1, 28 * 28)).astype("float32") / 255

# %% [fit]
history = model.fit(train_images, train_labels, epochs=1 if quick() else 5, batch_size=128)

# %% [predict]
test_digits = test_images[0:10]
predictions = model.predict(test_digits, verbose=0)
print(predictions[0].round(3))
print("digit", predictions[0].argmax(), "with", predictions[0].max(), "label", test_labels[0])

# %% [evaluate]
test_loss, test_acc = model.evaluate(test_images, test_labels, verbose=0)
print(f"test accuracy: {test_acc:.3f}")

# %% [inside]
model.summary()
show(model.graph("train").svg(), "first_network")
